"""The entry of the ``cflow`` command: finds the verb, runs it, turns what happened into an exit code.

Owns the codes (0 success, 1 the flow failed, 2 the program or its inputs are wrong, 130 interrupted) and the two
streams' roles. It imports no library: ``cflow --help`` is ready before trio, lark or rich would be loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .arguments import Unwritable, Usage, parse
from .streams import nodes_print_to_standard_error

OK = 0
FAILED = 1
WRONG = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code.

    Parameters
    ----------
    argv: the arguments after the command's name; those of the process where left out.
    """
    if sys.stderr is None:  # closed by the shell: `2>&-`; Python would print on standard output instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        arguments = parse(list(sys.argv[1:] if argv is None else argv))
        if arguments is None:
            return OK
        if argv is None and arguments.module in ("run", "check"):
            from ..plancache import place

            place.command = True
        verb = import_module(f".{arguments.module}", __package__)
        with nodes_print_to_standard_error():
            code = verb.execute(arguments)
        _flush()
        return int(code)
    except Usage as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `cflow ... | head`: whoever read has seen enough
        _drop_output()
        return FAILED
    except Unwritable as error:
        _drop_output()
        print(error, file=sys.stderr)
        return FAILED
    except Exception:
        # Wrong programs and failing flows were told by their verb: what comes this far is nobody's input.
        import traceback

        print(
            f"{traceback.format_exc()}\nerror[engine-bug]: this is a bug of Conductor, please report it",
            file=sys.stderr,
        )
        return FAILED


def _flush() -> None:
    """What is still in the buffer goes out now, while a full disk can still be told."""
    try:
        if sys.stdout is not None:  # closed by the shell: `>&-`
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error) from None


def _drop_output() -> None:
    """Python would complain again while it closes the stream."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
