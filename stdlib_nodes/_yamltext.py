"""YAML text to plain values and back; shared by the packs that speak YAML. Knows nothing of nodes.

PyYAML's parser (libyaml) tells what stands there; what it means is decided here, by the core schema of YAML 1.2.2,
section 10.3: ``no`` and ``on`` are text, ``012`` is 12, a date is text. No tag makes an object, nothing recurses, and
aliases that multiply are counted before they are followed.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from attrs import define, field

from ._jsontext import simple
from ._libraries import library

MAX_DEPTH = 200
"""Lists and mappings within each other: deeper ones break most programs that go over them."""

MAX_REPEATED = 1_000_000
"""Values that aliases stand for, over and over: the text stays small while they multiply."""

_TAG = "tag:yaml.org,2002:"
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_SPELLED = re.compile(r"true|True|TRUE|false|False|FALSE|null|Null|NULL|~|")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def load(text: str | bytes, origin: str) -> Iterator[Any]:
    """The documents of a text. Raises ValueError that names ``origin``, line and column."""
    yaml = library("yaml", "yaml")
    builder = _Builder(origin)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if builder.take(type(event).__name__, event):
                yield builder.document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        msg = f"{origin} is not YAML: {error.problem or error.context}{place}"
        raise ValueError(msg) from error
    except (yaml.YAMLError, UnicodeError) as error:
        msg = f"{origin} is not YAML: {' '.join(str(error).split())}"
        raise ValueError(msg) from error


def load_one(text: str | bytes, origin: str) -> Any:
    """The one document of a text; None where there is none. Raises ValueError as :func:`load`, and for several."""
    found = load(text, origin)
    first = next(found, None)
    for _ in found:
        msg = f"{origin} holds several documents: yaml.documents gives them all"
        raise ValueError(msg)
    return first


def dump(value: Any, sort_keys: bool = False) -> str:
    """The YAML text of a value, in block style. Raises TypeError and ValueError as :func:`simple`."""
    plain = simple(value, (bytes, dt.date))
    text = library("yaml", "yaml").dump(
        plain, Dumper=_dumper(), sort_keys=sort_keys, allow_unicode=True, default_flow_style=False, width=120
    )
    return str(text).removesuffix("...\n")  # the end of a document that is one bare word


@define
class _Open:
    """A list or mapping that is being read. ``size``: the values in it, those behind aliases counted each time."""

    value: Any
    anchor: str | None
    size: int = 1
    key: Any = None
    waits: bool = False
    merged: list[dict[Any, Any]] = field(factory=list)


_MERGE = object()


class _Builder:
    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.document: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._repeated = 0

    def take(self, kind: str, event: Any) -> bool:
        """Take an event in. True: ``document`` is whole."""
        match kind:
            case "DocumentStartEvent":
                self.document, self._repeated = None, 0
                self._anchors.clear()
            case "DocumentEndEvent":
                return True
            case "ScalarEvent":
                self._add(self._scalar(event), 1, event)
            case "AliasEvent":
                self._add(*self._alias(event), event)
            case "SequenceStartEvent" | "MappingStartEvent":
                self._begin(event, [] if kind == "SequenceStartEvent" else {})
            case "SequenceEndEvent" | "MappingEndEvent":
                done = self._open.pop()
                if done.merged:
                    # What stands in the mapping wins, then the first merged: so they are laid from the last.
                    under = {key: item for part in reversed(done.merged) for key, item in part.items()}
                    own = dict(done.value)
                    done.value.clear()
                    done.value.update(under | own)
                self._add(done.value, done.size, event, done.anchor)
        return False

    def _begin(self, event: Any, value: Any) -> None:
        plain = f"{_TAG}{'seq' if isinstance(value, list) else 'map'}"
        if event.tag not in (None, "!", plain):
            raise self._wrong(event, f"the tag {event.tag!r} is no plain data")
        if len(self._open) >= MAX_DEPTH:
            raise self._wrong(event, f"nested more than {MAX_DEPTH} deep")
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._open.append(_Open(value, event.anchor))

    def _add(self, value: Any, size: int, event: Any, anchor: str | None = None) -> None:
        anchor = anchor or (event.anchor if type(event).__name__ == "ScalarEvent" else None)
        if anchor:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self.document = value
            return
        into = self._open[-1]
        into.size += size
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.waits:
            into.waits = False
            if into.key is _MERGE:
                into.merged += self._merged(value, event)
            else:
                into.value[into.key] = value
        else:
            merge = value == "<<" and event.implicit[0]
            into.key, into.waits = _MERGE if merge else self._key(value, into.value, event), True

    def _key(self, key: Any, mapping: dict[Any, Any], event: Any) -> Any:
        if isinstance(key, (list, dict)):
            raise self._wrong(event, "a key is text, a number or a truth value, no list and no mapping")
        if key in mapping:
            raise self._wrong(event, f"the key {key!r} stands there twice")
        return key

    def _merged(self, value: Any, event: Any) -> list[dict[Any, Any]]:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._wrong(event, "'<<' takes a mapping or a list of mappings")
        return parts

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self._anchors:
            raise self._wrong(event, f"nothing before it is called &{event.anchor}")
        value, size = self._anchors[event.anchor]
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            raise self._wrong(event, f"aliases stand for more than {MAX_REPEATED:,} values")
        return value, size

    def _scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        if tag == "!" or (tag is None and not event.implicit[0]):
            return text
        if tag is None:
            return self._plain(text, event)
        try:
            match tag.removeprefix(_TAG):
                case "str":
                    return text
                case "int":
                    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
                case "float":
                    return _float(text)
                case "bool" | "null" if _SPELLED.fullmatch(text):
                    return _CONSTANTS[text.lower()]
                case "binary":
                    return base64.b64decode("".join(text.split()), validate=True)
                case "timestamp":
                    moment = dt.datetime.fromisoformat(text)
                    return moment if len(text) > 10 else moment.date()
        except ValueError as error:
            raise self._wrong(event, f"{text[:60]!r} does not fit its tag: {error}") from error
        raise self._wrong(event, f"the tag {tag!r} is no plain data, or {text[:60]!r} does not fit it")

    def _plain(self, text: str, event: Any) -> Any:
        if _SPELLED.fullmatch(text):
            return _CONSTANTS[text.lower()]
        try:
            if _INT.fullmatch(text):
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            return _float(text) if _FLOAT.fullmatch(text) else text
        except ValueError as error:
            raise self._wrong(event, str(error)) from error  # more digits than Python reads

    def _wrong(self, event: Any, why: str) -> ValueError:
        mark = event.start_mark
        return ValueError(f"{self._origin}, line {mark.line + 1}, column {mark.column + 1}: {why}")


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


@lru_cache(1)
def _dumper() -> Any:
    """PyYAML writes for readers of YAML 1.1; what only 1.2 takes for a number is quoted too, so both read text."""
    yaml = library("yaml", "yaml")
    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar(f"{_TAG}str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    Dumper.add_implicit_resolver(f"{_TAG}int", re.compile(rf"(?:{_INT.pattern})\Z"), list("-+0123456789"))
    Dumper.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_FLOAT.pattern})\Z"), list("-+.0123456789"))
    return Dumper
