"""The inputs of a run as they stand on the command line: ``name=value`` pairs, and a JSON object from a file.

Only reads them; what they mean for a flow's parameters is :mod:`cflow.compiler.inputs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..compiler.convert import ConversionError
from ..compiler.diagnostics import Diagnostic, InputError, ProgramError, Span
from ..compiler.textvalues import json_object
from .target import read_stdin, read_text


def read_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """``name=value`` pairs as a mapping; values are still text.

    Raises
    ------
    InputError: one has no ``=``, or a name is given twice.
    """
    texts: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"{pair!r} is no input: write name=value")
        if name in texts:
            raise InputError(f"the input {name!r} is given twice")
        texts[name] = value
    return texts


def read_json(source: str | None) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for ``-``; nothing where there is no source.

    Raises
    ------
    ProgramError: it cannot be read, or is no JSON. InputError: it is no object, or one in it has a name twice.
    """
    if source is None:
        return {}
    shown = "<stdin>" if source == "-" else source
    text = read_stdin(shown) if source == "-" else read_text(Path(source), ".json")
    try:
        value = json.loads(text, parse_constant=refuse, object_pairs_hook=json_object)
    except json.JSONDecodeError as error:
        raise _bad_json(error.msg, Span(shown, error.lineno, error.colno)) from None
    except RecursionError:
        raise _bad_json("it is nested too deeply", Span(shown, 1)) from None
    except ConversionError as error:
        raise InputError(f"{shown}: {error}") from None
    except ValueError as error:
        raise _bad_json(str(error), Span(shown, 1)) from None
    if not isinstance(value, dict):
        raise InputError(f"{shown} holds a JSON {_kind(value)}: inputs are an object, one field each")
    return value


def _bad_json(message: str, span: Span) -> ProgramError:
    said = message if message[1:2].isupper() else message[:1].lower() + message[1:]
    help = 'write an object, one field each: {"name": "value"}'
    return ProgramError([Diagnostic("bad-json", "error", f"the input is no JSON: {said}", span, help=help)])


def refuse(word: str) -> Any:
    """For ``parse_constant`` of :mod:`json`: NaN and the infinities are no JSON."""
    raise ValueError(f"JSON has no {word}")


def _kind(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
