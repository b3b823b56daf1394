"""Writing generated code: lines with their operation, names, and the objects the code refers to.

One :class:`Module` holds all the code of one linked graph. It is compiled in large pieces and put in ``linecache``,
so that tracebacks and debuggers show it; :data:`LINES` leads from a generated line back to the operation it runs.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import linecache
import weakref
from collections.abc import Callable
from typing import Any

from attrs import define, field

from .lines import LINES as LINES, NAMES as NAMES

PREFIX = "<cflow "
"""How the names of generated files begin."""

_SERIAL = itertools.count(1)


@define
class Writer:
    """The text of one function under way."""

    lines: list[str] = field(factory=list)
    ops: list[Any] = field(factory=list)
    indent: int = 0
    op: Any = None
    """The operation that lines written now belong to."""

    def __call__(self, text: str) -> None:
        self.lines.append(" " * self.indent + text)
        self.ops.append(self.op)

    def block(self, header: str) -> _Indent:
        self(header)
        return _Indent(self)


class _Indent:
    """``with writer.block("if x:"):``; an empty block gets a ``pass``."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def __enter__(self) -> None:
        self.writer.indent += 1
        self.length = len(self.writer.lines)

    def __exit__(self, *exc: object) -> None:
        if len(self.writer.lines) == self.length:
            self.writer("pass")
        self.writer.indent -= 1


class Module:
    """The generated code of one linked graph."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.names: dict[str, Any] = {"__name__": "cflow.generated", "__builtins__": builtins}
        self._functions: list[Writer] = []
        self._constants: dict[int, str] = {}
        self._kept: list[Any] = []
        self._numbers = itertools.count(1)
        self._pythonic: dict[str, str] = {}
        self._taken: set[str] = set()
        self.files: list[str] = []

    def number(self) -> int:
        return next(self._numbers)

    def function(self) -> Writer:
        """A new top-level function."""
        writer = Writer()
        self._functions.append(writer)
        return writer

    def bind(self, name: str, value: Any) -> str:
        """Make ``value`` known to the code under ``name``."""
        self.names[name] = value
        return name

    def constant(self, value: Any, stem: str = "_k") -> str:
        """A name for an object; the same object keeps its name."""
        name = self._constants.get(id(value))
        if name is None:
            name = f"{stem}{len(self._constants)}"
            self._constants[id(value)] = name
            self._kept.append(value)
            self.names[name] = value
        return name

    def local(self, id: str) -> str:
        """The Python name of a value: its id where that can be a name, never one that the glue uses."""
        name = self._pythonic.get(id)
        if name is None:
            name = "".join(c if c.isalnum() or c == "_" else "_" for c in id)
            if name[:1] in ("_", "") or name[0].isdigit() or keyword.iskeyword(name) or hasattr(builtins, name):
                name = f"v{name}"
            while name in self._taken or not name.isidentifier():
                name += "_" if name.isidentifier() else str(len(self._taken))
                name = name if name.isidentifier() else f"v{len(self._taken)}"
            self._taken.add(name)
            self._pythonic[id] = name
        return name

    def compile(self) -> None:
        """Compile what was written since the last time into ``names``, in one go, and make its source known to
        tracebacks."""
        filename = f"{PREFIX}{self.title} {next(_SERIAL)}>"
        lines = [line for w in self._functions for line in w.lines]
        text = "\n".join(lines) + "\n"
        code = compile(text, filename, "exec", dont_inherit=True)
        exec(code, self.names)
        linecache.cache[filename] = (len(text), None, [line + "\n" for line in lines], filename)
        LINES[filename] = [None, *(op for w in self._functions for op in w.ops)]
        NAMES[filename] = self._pythonic
        self.files.append(filename)
        weakref.finalize(self, _forget, filename)
        self._functions = []

    @property
    def text(self) -> str:
        """What is written and not compiled yet."""
        return "\n".join(line for w in self._functions for line in w.lines)


def _forget(filename: str) -> None:
    linecache.cache.pop(filename, None)
    LINES.pop(filename, None)
    NAMES.pop(filename, None)


Ref = Callable[[str], str]
