"""The command line as data: verbs, options, help texts, shell completion.

Owns the words only; what a verb does is in the module that its parser names. Must stay importable in a few
milliseconds: argparse alone, and :mod:`shtab` only when a completion script is asked for.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from .._version import __version__

SHELLS = ("bash", "zsh", "fish", "tcsh")


class Usage(Exception):
    """The command line itself is wrong; the text is what standard error gets."""


class Unwritable(Exception):
    """Standard output takes nothing: a full disk, or it is closed. The text is what standard error gets."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"error[output]: the result cannot be written to standard output: {error.strerror or error}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Parsing intermixed, argparse calls the inputs required, which they are not.
        message = message.replace(", name=value", "")
        raise Usage(f"{self.format_usage().rstrip()}\n{self.prog}: {message}")


class _Completion(argparse.Action):
    """``--completion SHELL``: prints the script that teaches a shell these words."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: Any) -> NoReturn:
        import shtab

        print(shtab.complete(parser, shell=rest[1]))
        parser.exit()


def parse(argv: list[str]) -> argparse.Namespace | None:
    """The arguments of one command line, with ``module`` set to the one that does it; None: all is said.

    Raises
    ------
    Usage: the line is wrong.
    """
    parser, verbs = build()
    try:
        if argv and argv[0] in verbs:
            # Not through the subparsers' own parsing: only this one takes `run FILE --json name=value`.
            return verbs[argv[0]].parse_intermixed_args(argv[1:])
        parser.parse_args(argv)
    except SystemExit as done:
        if done.code:
            raise
        return None
    parser.print_help(sys.stderr)
    raise Usage("\ncflow: which command?")


def build() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the whole command and the parser of each verb."""
    parser = _Parser(prog="cflow", description="Workflows as Python functions or .cflow text.")
    parser.add_argument("--version", action="version", version=f"cflow {__version__}")
    parser.add_argument(
        "--completion",
        action=_Completion,
        choices=SHELLS,
        metavar="SHELL",
        help="print a completion script: bash, zsh, fish, tcsh",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    run = _verb(verbs, "run", "run a flow of a .cflow or .py file")
    _target(run)
    run.add_argument("inputs", nargs="*", metavar="name=value", help="inputs, converted to the parameter's type")
    _file(run.add_argument("--input", metavar="FILE.json", help="inputs from a JSON object; - for standard input"))
    _json(run, "the result as JSON, a failure as JSON on standard error")
    run.add_argument("--events", action="store_true", help="every event as a JSON line on standard error")
    run.add_argument("--limit", type=_positive, metavar="N", help="node calls in flight at most (1000)")

    check = _verb(verbs, "check", "check files without running or importing anything")
    _files(check)
    check.add_argument(
        "--format", choices=("people", "line", "json"), default="people", help="how findings are printed"
    )
    check.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")

    check.add_argument("--advice", action="store_true", help="say also what a declaration of effects would let overlap")

    fmt = _verb(verbs, "fmt", "format .cflow files in place; - formats standard input")
    _files(fmt)
    fmt.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file would change")

    test = _verb(verbs, "test", "run the test blocks of .cflow files")
    _files(test)
    _json(test, "the outcome of each test as JSON")

    explain = _verb(verbs, "explain", "show the plan: steps, what each waits for and why, where it runs")
    _target(explain)
    _json(explain, "the plan as JSON")

    graph = _verb(verbs, "graph", "draw a flow; Mermaid text without -o", module="graph.command")
    _target(graph)
    _file(graph.add_argument("-o", "--output", metavar="FILE", help="x.svg, x.png, x.mmd or x.json"))

    bench = _verb(verbs, "bench", "measure a flow: time, where it goes, memory; compare with an earlier measurement")
    _target(bench)
    bench.add_argument("inputs", nargs="*", metavar="name=value", help="inputs, converted to the parameter's type")
    _file(bench.add_argument("--input", metavar="FILE.json", help="inputs from a JSON object; - for standard input"))
    bench.add_argument("--rounds", type=_positive, default=20, metavar="N", help="rounds to measure (20)")
    bench.add_argument(
        "--warm-up", type=_count, metavar="N", help="runs before them; left out: until it is known where nodes run"
    )
    bench.add_argument("--seconds", type=_length, default=20.0, metavar="S", help="seconds of rounds at most (20)")
    _file(bench.add_argument("--save", metavar="FILE.json", help="keep the figures and the times of the nodes"))
    _file(bench.add_argument("--baseline", metavar="FILE.json", help="compare with figures that were saved"))
    bench.add_argument(
        "--fail-above", type=_share, metavar="SHARE", help="exit 1 where a loss of more is clear; 10%% or 0.1"
    )
    _file(
        bench.add_argument(
            "--profile", metavar="FILE.json", help="stand-ins for the nodes, which take the times kept there"
        )
    )
    bench.add_argument("--repeat-writes", action="store_true", help="run a flow that writes for real each time")
    _json(bench, "the figures as JSON")

    nodes = _verb(verbs, "nodes", "list installed node packs, with signatures and effects")
    nodes.add_argument("pack", nargs="?", metavar="PACK", help="one pack only")
    _json(nodes, "the list as JSON")
    return parser, dict(verbs.choices)


def _verb(verbs: Any, name: str, text: str, module: str = "") -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(module=module or name)
    return parser


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


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number is wanted, not {text!r}")
    return int(text)


def _length(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds is wanted, not {text!r}")
    return value


def _share(text: str) -> float:
    """``10%`` or ``0.1``."""
    number, percent, rest = text.partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest or not 0.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"a share is wanted, as 10% or 0.1, not {text!r}")
    return value
