"""Values to JSON text and back; shared by the packs that speak JSON. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from ._fields import fields_of


def dump(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """The JSON text of a value. Raises TypeError for what JSON cannot say, ValueError for NaN and infinity."""
    return json.dumps(value, indent=indent, sort_keys=sort_keys, default=_plain, ensure_ascii=False, allow_nan=False)


def parse(text: str | bytes, origin: str) -> Any:
    """The value a JSON text stands for. Raises ValueError that names ``origin``, line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        msg = f"{origin} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{origin} is not JSON: byte {error.start} is not {error.encoding} text"
        raise ValueError(msg) from error
    except RecursionError as error:
        msg = f"{origin} is nested too deeply"
        raise ValueError(msg) from error


def _plain(value: Any) -> Any:
    """What JSON says instead of a value that it has no form for."""
    fields = fields_of(value)
    if fields is not None:
        return fields
    match value:
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case set() | frozenset():
            return sorted(value, key=repr)
        case PurePath() | Decimal():
            return str(value)
    msg = f"JSON has no form for {type(value).__name__}: turn it into text, numbers, lists or dicts first"
    raise TypeError(msg)
