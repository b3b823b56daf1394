"""``FILE[:FLOW]``: from the words on the command line to a flow, and what is said when there is none."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..compiler.diagnostics import NOWHERE, Collector, Diagnostic, InputError, ProgramError, Span
from ..dsl.loader import witness
from .failures import print_wrong

_NAMED = re.compile(r"^(.+):([^\W\d]\w*(?:\.[^\W\d]\w*)*)$", re.DOTALL)


def split(target: str) -> tuple[Path, str]:
    """The file and the flow's name, "" where it was left out. A file that is called like the whole wins."""
    named = _NAMED.match(target)
    if named is not None:
        witness.looked(Path(target))
    if named is None or Path(target).is_file():
        return Path(target), ""
    return Path(named[1]), named[2]


def open_flow(target: str, allow: list[str] | None = None) -> Any:
    """The flow that a command line names.

    Parameters
    ----------
    allow: what is granted to a program that is not trusted; None: it is.

    Raises
    ------
    ProgramError: there is no such file or flow, or the file is wrong.
    """
    path, name = split(target)
    return choose(path, name, flows_of(path, allow))


def flows_of(path: Path, allow: list[str] | None = None) -> dict[str, Any]:
    """The flows that a file declares, by name. A ``.py`` file is run, its folder importable.

    Raises
    ------
    ProgramError: the file cannot be read or loaded.
    """
    if path.suffix != ".py":
        from ..modules import load

        loaded = load(path, allow=allow)  # checks the whole file: its other flows and its tests too
        return {name: getattr(loaded, name) for name in loaded.__all__}
    from ..dsl.loader import load_module

    module = load_module(path, allow=allow)
    return {} if module is None else {name: module.names[name] for name in module.flows}


def choose(path: Path, name: str, flows: dict[str, Any]) -> Any:
    """The flow called ``name``; where that is left out, the only one, or the one called ``main`` or like the file.

    Raises
    ------
    ProgramError: there is no such flow, or which one is open.
    """
    names = ", ".join(flows)
    if name in flows:
        return flows[name]
    if name:
        near = difflib.get_close_matches(name, flows, 1)
        help = f"did you mean {near[0]}?" if near else f"it has {names}" if flows else ""
        raise _no_flow(path, f"the file has no flow {name!r}", help)
    if not flows:
        raise _no_flow(path, "the file has no flow", "declare one: flow main(): ..." if path.suffix != ".py" else "")
    if len(flows) == 1:
        return next(iter(flows.values()))
    for usual in ("main", path.stem, path.stem.replace("-", "_")):
        if usual in flows:
            return flows[usual]
    raise _no_flow(path, f"the file has {len(flows)} flows", f"say which: {path}:{next(iter(flows))} (it has {names})")


def _no_flow(path: Path, message: str, help: str) -> ProgramError:
    return ProgramError([Diagnostic("no-such-flow", "error", message, Span(str(path), 1), help=help)])


def read_text(path: Path, *suffixes: str) -> str:
    """The text of a source file, or of another one with these suffixes.

    Raises
    ------
    ProgramError: it cannot be read, or is not UTF-8.
    """
    from ..dsl.loader.files import read_source
    from ..dsl.loader.report import Reporter

    collector = Collector()
    report = Reporter(collector)
    text = read_source(path, report, suffixes=suffixes) if suffixes else read_source(path, report)
    if text is None:
        raise ProgramError(collector.items)
    return text


def refuse_unwritable(path: str) -> None:
    """Before work whose result goes into a file: can that be?

    Raises
    ------
    InputError: nothing can be written there.
    """
    from ..whole import check_writable

    try:
        check_writable(Path(path))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def read_stdin(name: str) -> str:
    """The text of standard input, read as a file is: UTF-8 whatever the locale says.

    Raises
    ------
    ProgramError: it is closed, or not UTF-8.
    """
    from ..dsl.loader.files import decode
    from ..dsl.loader.report import Reporter

    if sys.stdin is None:  # closed by the shell: `<&-`
        raise ProgramError(
            [Diagnostic("file-not-readable", "error", "standard input is closed", help="give the input in a file")]
        )
    collector = Collector()
    text = decode(sys.stdin.buffer.read(), name, Reporter(collector))
    if text is None:
        raise ProgramError(collector.items)
    return text


class Wrong:
    """What was wrong in a command that goes over several files: ``code`` is its exit code."""

    def __init__(self) -> None:
        self.code = 0

    @contextmanager
    def each(self) -> Iterator[None]:
        """One file: its errors are printed, and the others still have their turn."""
        try:
            yield
        except (ProgramError, InputError) as error:
            print_wrong(error)
            self.code = 2
        except BrokenPipeError:
            raise
        except OSError as error:
            where = Span(str(error.filename), 1) if error.filename else NOWHERE
            message = f"cannot read or write: {error.strerror or error}"
            print_wrong(ProgramError([Diagnostic("file-not-readable", "error", message, where)]))
            self.code = 2


@contextmanager
def report_wrong() -> Iterator[Wrong]:
    """Prints what is wrong with the program, for people, and keeps the exit code."""
    wrong = Wrong()
    with wrong.each():
        yield wrong
