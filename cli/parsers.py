"""The parsers of the command line: verbs, options, help texts, shell completion.

Owns the words only; what a verb does is in the module that its parser names. One verb's parser is filled where one is
asked for: making an option costs more than most of what a short command does. :mod:`shtab` is imported only when a
completion script is asked for.
"""

from __future__ import annotations

import argparse
import os
import sys

from .._version import __version__
from .arguments import Usage

TYPE_CHECKING = False  # as typing's own, which takes longer to import than argparse
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

STATES = ("queued", "running", "waiting", "parked", "done", "failed", "cancelled")
SHELLS = ("bash", "zsh", "fish", "tcsh")


class _Parser(argparse.ArgumentParser):
    def _get_formatter(self) -> argparse.HelpFormatter:
        # Left to itself, argparse imports shutil, and with it three libraries of compression, to know this width.
        return argparse.HelpFormatter(self.prog, width=_columns() - 2)

    def error(self, message: str) -> NoReturn:
        # Parsing intermixed, argparse calls the inputs required, which they are not.
        message = message.replace(", name=value", "")
        raise Usage(f"{self.format_usage().rstrip()}\n{self.prog}: {message}")


def _columns() -> int:
    """The width of the terminal, as ``shutil.get_terminal_size`` tells it."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ is not None else 0
        except (OSError, ValueError):
            columns = 0
    return columns if columns > 0 else 80


class _Completion(argparse.Action):
    """``--completion SHELL``: prints the script that teaches a shell these words."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: Any) -> NoReturn:
        import shtab

        print(shtab.complete(build(), shell=rest[1]))
        parser.exit()


class _Untrusted(argparse.Action):
    """``--untrusted``: nothing is granted but by ``--allow``."""

    def __call__(self, parser: argparse.ArgumentParser, into: argparse.Namespace, *_: Any) -> None:
        into.allow = into.allow or []


class _Unfilled:
    """Stands for a verb's parser in the list of them all, until it is asked for anything."""

    def __init__(self, **given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        return getattr(_verb(self._given["prog"].rpartition(" ")[2]), name)


def parse(argv: list[str]) -> argparse.Namespace | None:
    """The arguments of one command line; None: all is said.

    Raises
    ------
    Usage: the line is wrong.
    """
    try:
        if argv and argv[0] in VERBS:
            # Not through the subparsers' own parsing: only this one takes `run FILE --json name=value`.
            return _verb(argv[0]).parse_intermixed_args(argv[1:])
        parser = build(_Unfilled)
        parser.parse_args(argv)
    except SystemExit as done:
        if done.code:
            raise
        return None
    parser.print_help(sys.stderr)
    raise Usage("\ncflow: which command?")


def build(verb_class: Any = _Parser) -> argparse.ArgumentParser:
    """The parser of the whole command.

    Parameters
    ----------
    verb_class: what stands for a verb in it.
    """
    parser = _Parser(prog="cflow", description="Workflows as Python functions or .cflow text.")
    parser.add_argument("--version", action="version", version=f"cflow {__version__}")
    parser.add_argument(
        "--completion",
        action=_Completion,
        choices=SHELLS,
        metavar="SHELL",
        help="print a completion script: bash, zsh, fish, tcsh",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=verb_class)
    for name, (text, _, _) in VERBS.items():
        verb: Any = verbs.add_parser(name, help=text, description=_sentence(text))
        if verb_class is _Parser:
            _fill(verb, name)
    return parser


def _verb(name: str) -> argparse.ArgumentParser:
    """The parser of one verb."""
    parser = _Parser(prog=f"cflow {name}", description=_sentence(VERBS[name][0]))
    _fill(parser, name)
    return parser


def _fill(parser: argparse.ArgumentParser, name: str) -> None:
    _, fill, module = VERBS[name]
    fill(parser)
    parser.set_defaults(module=module)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _run(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    parser.add_argument("inputs", nargs="*", metavar="name=value", help="inputs, converted to the parameter's type")
    _file(parser.add_argument("--input", metavar="FILE.json", help="inputs from a JSON object; - for standard input"))
    _json(parser, "the result as JSON (inf and nan as null), a failure as JSON on standard error")
    parser.add_argument("--events", action="store_true", help="every event as a JSON line on standard error")
    parser.add_argument("--limit", type=_positive, metavar="N", help="node calls in flight at most (1000)")
    text = "record the run there, so that it can be gone on with"
    _file(parser.add_argument("--store", type=_place, metavar="PATH", help=text))
    parser.add_argument("--queue", type=_name, metavar="NAME", help="only put it into this queue; prints its id")
    parser.add_argument("--priority", type=_whole, metavar="N", help="in the queue: higher is sooner (0)")
    parser.add_argument("--key", metavar="K", help="in the queue: whose share it takes (the flow's)")
    _file(
        parser.add_argument(
            "--profile",
            metavar="FILE.json",
            help="what nodes took in earlier runs: it decides which ready call goes first, and is brought up to date",
        )
    )
    _allow(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    _files(parser)
    _allow(parser)
    parser.add_argument(
        "--format", choices=("people", "line", "json"), default="people", help="how findings are printed"
    )
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument(
        "--advice", action="store_true", help="say also what a declaration of effects would let overlap"
    )


def _fmt(parser: argparse.ArgumentParser) -> None:
    _files(parser)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file would change")


def _test(parser: argparse.ArgumentParser) -> None:
    _files(parser)
    _allow(parser)
    _json(parser, "the outcome of each test as JSON")


def _explain(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    parser.add_argument("inputs", nargs="*", metavar="name=value", help="inputs, to tell with --store what is kept")
    told = "tell of each cached call whether its value is there"
    _file(parser.add_argument("--store", type=_place, metavar="PATH", help=told))
    _json(parser, "the plan as JSON")
    _file(
        parser.add_argument(
            "--profile", metavar="FILE.json", help="expect what nodes took in earlier runs, as run --profile keeps it"
        )
    )
    _allow(parser)


def _graph(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    _file(parser.add_argument("-o", "--output", metavar="FILE", help="x.svg, x.png, x.mmd or x.json"))
    _allow(parser)


def _bench(parser: argparse.ArgumentParser) -> None:
    _target(parser)
    parser.add_argument("inputs", nargs="*", metavar="name=value", help="inputs, converted to the parameter's type")
    _file(parser.add_argument("--input", metavar="FILE.json", help="inputs from a JSON object; - for standard input"))
    parser.add_argument("--rounds", type=_positive, default=20, metavar="N", help="rounds to measure (20)")
    parser.add_argument(
        "--warm-up", type=_count, metavar="N", help="runs before them; left out: until it is known where nodes run"
    )
    parser.add_argument("--seconds", type=_length, default=20.0, metavar="S", help="seconds of rounds at most (20)")
    _file(parser.add_argument("--save", metavar="FILE.json", help="keep the figures and the times of the nodes"))
    _file(parser.add_argument("--baseline", metavar="FILE.json", help="compare with figures that were saved"))
    parser.add_argument(
        "--fail-above", type=_share, metavar="SHARE", help="exit 1 where a loss of more is clear; 10%% or 0.1"
    )
    _file(
        parser.add_argument(
            "--profile", metavar="FILE.json", help="stand-ins for the nodes, which take the times kept there"
        )
    )
    parser.add_argument("--repeat-writes", action="store_true", help="run a flow that writes for real each time")
    _json(parser, "the figures as JSON")
    _allow(parser)


def _allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        type=_granted,
        action="append",
        metavar="WHAT",
        help="do not trust the program and grant it this, once or more: net:HOST, files:FOLDER, process:PROGRAM, "
        "env:NAME, or a pack or path that it may import",
    )
    parser.add_argument("--untrusted", dest="allow", action=_Untrusted, nargs=0, help="grant only what --allow says")


def _nodes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PACK",
        help="one pack, or one node (PACK.NODE), in full; new NAME: begin a pack",
    )
    parser.add_argument("--search", metavar="WORDS", help="only nodes that have these words in name, types or docs")
    _json(parser, "the list as JSON")


def _target(parser: argparse.ArgumentParser) -> None:
    _file(
        parser.add_argument(
            "target",
            metavar="FILE[:FLOW]",
            help="a .cflow or .py file; the flow may be left out if it is alone, or named main or like the file",
        )
    )


def _files(parser: argparse.ArgumentParser) -> None:
    _file(parser.add_argument("files", nargs="+", metavar="FILE"))


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=STATES, metavar="STATE", help=f"only these: {', '.join(STATES)}")
    parser.add_argument("--flow", metavar="NAME", default="", help="only runs of this flow")
    parser.add_argument("--queue", metavar="NAME", help="only runs of this queue")
    parser.add_argument("--limit", type=_positive, metavar="N", default=1000, help="the youngest N (1000)")
    _store(parser)
    _json(parser, "one JSON object a run")


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    _store(parser)
    _json(parser, "the run and its steps as one JSON value")


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    parser.add_argument("node", metavar="NODE", nargs="?", default="", help="one call, by its key or its node's name")
    parser.add_argument("--pdb", action="store_true", help="stop at the first line of the node in the debugger")
    parser.add_argument("--yes", action="store_true", help="call a node that writes, too: it does so again")
    _store(parser)


def _rerun(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    _from(parser, "the step from which on everything is done again, by its key or its name; left out: all of it")
    _store(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="RUN1", help="its id")
    parser.add_argument("second", metavar="RUN2", help="its id")
    _store(parser)
    _json(parser, "the differences as one JSON value")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    _store(parser)


def _cancel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    parser.add_argument("--no-undo", action="store_true", help="run none of the undos that it owes, only mark it")
    parser.add_argument("--accept", action="store_true", help="with the program as it is now, whatever has changed")
    _store(parser)


def _prune(parser: argparse.ArgumentParser) -> None:
    text = "drop what ended so long ago: 30d, 12h, 0s"
    parser.add_argument("--older-than", type=_age, metavar="TIME", required=True, help=text)
    parser.add_argument("--keep", type=_count, default=0, metavar="N", help="but not the youngest N of each flow (0)")
    _store(parser)


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="", help="its id; left out: every run whose process is gone")
    parser.add_argument("--accept", action="store_true", help="with the program as it is now, whatever has changed")
    parser.add_argument(
        "--skip-undo", action="store_true", help="leave out the undo that has failed and parked the run"
    )
    parser.add_argument(
        "--watch", action="store_true", help="stay, and go on with runs when their process, time or signal tells to"
    )
    _from(parser, "of one run: make everything from this step on again, with the program as it is now")
    _store(parser)


def _signal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id; - for whichever run waits first")
    parser.add_argument("name", metavar="NAME", help="as in wait_signal(NAME)")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="JSON, else text; left out: null")
    parser.add_argument("--key", metavar="K", help="as in wait_signal(NAME, K)")
    parser.add_argument("--unique", metavar="ID", help="the same signal with the same ID counts once")
    _store(parser)


def _cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("list", "clear"), help="show what is cached, or drop it")
    parser.add_argument("node", nargs="?", default="", metavar="NODE", help="of one node or flow only")
    _store(parser)
    _json(parser, "one JSON object a value")


def _from(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--from", dest="start", metavar="NODE", default="", help=text)


def _queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("list", "set", "pause", "resume", "priority"),
        help="show all queues; set limits; begin none of its runs, or again; give a run that waits another priority",
    )
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="of the queue; for priority the run's id")
    parser.add_argument("priority", nargs="?", type=_whole, metavar="N", help="the new priority: higher is sooner")
    parser.add_argument("--concurrency", type=_limit, metavar="N", help="runs under way at once; none: no limit")
    parser.add_argument("--rate", type=_rate, metavar="RATE", help="runs that begin in a time, as 10/s; none: no limit")
    _store(parser)
    _json(parser, "one JSON object a queue")


def _store(parser: argparse.ArgumentParser) -> None:
    text = "the folder of the store (.cflow)"
    _file(parser.add_argument("--store", type=_place, metavar="PATH", default=".cflow", help=text))


def _json(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--json", action="store_true", help=text)


def _file(action: argparse.Action) -> None:
    """Shells complete this argument with file names."""
    action.complete = _FILES  # type: ignore[attr-defined]


# What shtab calls its FILE; written out so that nobody who runs a flow has to import it.
_FILES = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
    "tcsh": "f",
}


def _granted(text: str) -> str:
    from ..dsl.loader.allow import Allow

    try:
        Allow.of([text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number is wanted, not {text!r}")
    return int(text)


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a name is wanted")
    return text


def _place(text: str) -> str:
    if not text:  # a variable of the shell that is not set: without a store nothing would be on record
        raise argparse.ArgumentTypeError("a folder is wanted")
    return text


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a whole number is wanted, not {text!r}") from None


def _limit(text: str) -> int:
    """0: none."""
    return 0 if text == "none" else _positive(text)


def _rate(text: str) -> str:
    return "" if text == "none" else text


def _length(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds is wanted, not {text!r}")
    return value


def _age(text: str) -> float:
    from ..compiler.durations import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _share(text: str) -> float:
    """``10%`` or ``0.1``. A loss of more than all of it is asked for with ``%``: ``10`` is more often a slip."""
    number, percent, rest = text.partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest or not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"a share is wanted, as 10% or 0.1, not {text!r}")
    if not percent and value > 1.0:
        whole = f"{value * 100:g}"
        raise argparse.ArgumentTypeError(
            f"{text} alone would be {whole} %: write {text}%, or {whole}% if that is meant"
        )
    return value


VERBS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], str]] = {
    "run": ("run a flow of a .cflow or .py file", _run, "run"),
    "check": ("check files without running or importing anything", _check, "check"),
    "fmt": ("format .cflow files in place; - formats standard input", _fmt, "fmt"),
    "test": ("run the test blocks of .cflow files", _test, "test"),
    "explain": ("show the plan: steps, what each waits for and why, where it runs", _explain, "explain"),
    "graph": ("draw a flow; Mermaid text without -o", _graph, "graph.command"),
    "bench": ("measure a flow: time, where it goes, memory; compare with an earlier measurement", _bench, "bench"),
    "runs": ("list the runs on record", _runs, "runs"),
    "show": ("show what a run did: steps, values, attempts, errors, times", _show, "show"),
    "resume": ("go on with runs whose process is gone", _resume, "resume"),
    "queue": ("list the queues of a store, set their limits, pause them", _queue, "queue"),
    "cache": ("list or drop the cached values of a store", _cache, "cache"),
    "replay": ("repeat a run from its record, or call one of its nodes again", _replay, "replay"),
    "rerun": ("run a flow once more on the inputs of a run, from a step on", _rerun, "rerun"),
    "diff": ("compare two runs: plans, inputs, steps, ends", _diff, "diff"),
    "export": ("write a run with its journal as JSON", _export, "export"),
    "cancel": ("cancel a run; the undos that it owes are run", _cancel, "cancel"),
    "prune": ("drop old runs that are over, and what only they needed", _prune, "prune"),
    "signal": ("send a signal to a run that waits for it, or will", _signal, "signal"),
    "nodes": ("list, search and begin node packs, with signatures and effects", _nodes, "nodes"),
}
"""Each verb: what it does, what fills its parser, and the module that does it."""
