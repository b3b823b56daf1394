"""Python's own words for types as a ``.cflow`` file writes them: ``Optional[int]`` is ``int | None``."""

from __future__ import annotations

from .. import syntax

_SAME = {"List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple"}
_ONE = {
    **dict.fromkeys(("Sequence", "MutableSequence", "Collection", "Iterable"), "list"),
    **dict.fromkeys(("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "AsyncIterable"), "stream"),
}
_CONTAINERS = {**_SAME, **_ONE, "AbstractSet": "frozenset", "Mapping": "dict", "MutableMapping": "dict"}
_EXAMPLES = {"Optional": "int | None", "Union": "int | str", "Literal": '"fast" | "safe"'}


def in_text(word: str, whole: syntax.Expr) -> str:
    """What a ``.cflow`` file writes for a type of Python's; empty where ``word`` is none of its.

    Parameters
    ----------
    word: the name, such as ``Optional``.
    whole: the annotation it stands in: the name, or the name with arguments.
    """
    if word not in _EXAMPLES and word not in _CONTAINERS:
        return ""
    written = _written(whole)
    return f"write {written}" if written else f"write it like {_EXAMPLES[word]}"


def _written(expr: syntax.Expr) -> str:
    """An annotation in the words of a ``.cflow`` file; empty where it has parts that are no types."""
    match expr:
        case syntax.Name(id=name):
            return "" if name in _EXAMPLES else _CONTAINERS.get(name, name)
        case syntax.Constant(value=None):
            return "None"
        case syntax.Constant(value=str(text)):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case syntax.Constant(value=value):
            return "..." if value is Ellipsis else repr(value)
        case syntax.Attribute(value=value, name=name):
            head = _written(value)
            return f"{head}.{name}" if head else ""
        case syntax.Binary(op="|", left=left, right=right):
            return _joined(" | ", (left, right))
        case syntax.Subscript(value=syntax.Name(id=word), index=index):
            return _generic(word, arguments(index))
    return ""


def _generic(word: str, args: tuple[syntax.Expr, ...]) -> str:
    match word:
        case "Optional":
            inner = _joined(" | ", args)
            return f"{inner} | None" if inner else ""
        case "Union" | "Literal":
            return _joined(" | ", args)
    inner = _joined(", ", args[:1] if word in _ONE else args)  # what a generator is sent and returns has no word
    return f"{_CONTAINERS.get(word, word)}[{inner}]" if inner else ""


def _joined(between: str, parts: tuple[syntax.Expr, ...]) -> str:
    written = [_written(part) for part in parts]
    return between.join(written) if all(written) else ""


def arguments(index: syntax.Expr) -> tuple[syntax.Expr, ...]:
    """What stands in the brackets of a generic type, one by one."""
    return index.items if isinstance(index, syntax.Display) and index.kind == "tuple" and index.items else (index,)
