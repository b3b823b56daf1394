"""Finding the source of a function or class, and its digest.

A file is parsed once and its definitions are found by name and first line, so that positions are those of the author's
file without any shifting. Where a file cannot be parsed whole (a notebook cell with magics), the lines of the one
definition are. Nothing here knows what a flow or a node is.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import linecache
import sys
import textwrap
import tokenize
import types
from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from ..compiler.hashing import sha256

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class NoSource(Exception):
    """The source of an object cannot be had; the text says why and what to do."""


@frozen
class Found:
    """A definition in its file. ``lines``: those of the file, for columns in characters."""

    node: Definition
    file: str
    lines: tuple[str, ...]


@frozen
class _File:
    lines: tuple[str, ...]
    tree: ast.Module
    definitions: dict[str, tuple[Definition, ...]]
    _codes: dict[int, dict[tuple[str, int], types.CodeType]] = field(factory=dict, init=False)

    def code(self, like: types.CodeType) -> types.CodeType | None:
        """What the text compiles to where ``like`` stood; None where it does not compile."""
        flags = like.co_flags & _FUTURES
        if flags not in self._codes:
            self._codes[flags] = {}
            try:
                whole = compile(self.tree, like.co_filename, "exec", flags=flags, dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError):  # a cell with `await` at its top
                pass
            else:
                self._codes[flags] = {(c.co_name, c.co_firstlineno): c for c in _codes(whole)}
        return self._codes[flags].get((like.co_name, like.co_firstlineno))


_FUTURES = functools.reduce(int.__or__, [getattr(__future__, n).compiler_flag for n in __future__.all_feature_names])


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and all in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


_FILES: dict[str, tuple[list[str], _File | None]] = {}
_KEPT = 16
"""Parsed files that are kept: their trees are large."""


def first_line(node: Definition) -> int:
    """The line that a code object calls its first: that of the first decorator."""
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _definitions(tree: ast.Module) -> Iterator[Definition]:
    for node in statements(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node


def statements(body: list[ast.stmt], *, nested: bool = True) -> Iterator[ast.stmt]:
    """Every statement of a body and of the suites in it; expressions are not gone into, which makes it cheap.

    Parameters
    ----------
    body: the statements to begin with.
    nested: also those of functions and classes inside.
    """
    todo: list[ast.AST] = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
            if not nested and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
        for suite in ("finalbody", "orelse", "cases", "handlers", "body"):
            todo += reversed(getattr(node, suite, ()))


def _parsed(name: str, lines: list[str]) -> _File | None:
    cached = _FILES.get(name)
    if cached is not None and cached[0] is lines:
        return cached[1]
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        parsed = None
    else:
        by_name: dict[str, list[Definition]] = {}
        for node in _definitions(tree):
            by_name.setdefault(node.name, []).append(node)
        parsed = _File(tuple(lines), tree, {name: tuple(nodes) for name, nodes in by_name.items()})
    while len(_FILES) >= _KEPT:
        del _FILES[next(iter(_FILES))]
    _FILES[name] = (lines, parsed)
    return parsed


def _lines(file: str, namespace: dict[str, Any]) -> list[str]:
    linecache.checkcache(file)
    return linecache.getlines(file, namespace)


def find_function(function: types.FunctionType, *, whole: bool = False) -> Found:
    """The definition of a function.

    Parameters
    ----------
    function: a function that was defined by a ``def``.
    whole: the body, too, must be that of the function, so that nothing but what was imported can be read.

    Raises
    ------
    NoSource: the text is not to be had, or is no longer that of the function.
    """
    code = function.__code__
    file, line, name = code.co_filename, code.co_firstlineno, code.co_name
    lines = _lines(file, function.__globals__)
    if not lines:
        msg = (
            f"the source of {function.__qualname__!r} cannot be had: it was defined in {file!r}, which is no file and "
            "not in linecache (exec, or the plain prompt before Python 3.13); put it in a file or a notebook cell"
        )
        raise NoSource(msg)
    parsed = _parsed(file, lines)
    if parsed is None:
        return _fragment(function, lines)
    for node in parsed.definitions.get(name, ()):
        if isinstance(node, ast.ClassDef) or first_line(node) != line or not _agree(node, code):
            continue
        if not whole or _same_body(parsed, node, function):
            return Found(node, file, parsed.lines)
    msg = (
        f"the source of {function.__qualname__!r} is not at {file}:{line} any more: the file has changed since it was "
        "imported; import it again (in a notebook, run the cell again)"
    )
    raise NoSource(msg)


def _same_body(parsed: _File, node: ast.FunctionDef | ast.AsyncFunctionDef, function: types.FunctionType) -> bool:
    """Does the text compile to this function? What rewrites functions while they are imported (pytest its asserts) adds
    names and constants to theirs, and takes none away."""
    code = function.__code__
    fresh = parsed.code(code)
    doc = ast.get_docstring(node, clean=False)
    return (
        fresh is None
        or _same_code(fresh, code, doc, function.__doc__)
        or _parts(fresh, doc) < _parts(code, function.__doc__)
    )


def _same_code(a: types.CodeType, b: types.CodeType, doc_a: str | None = None, doc_b: str | None = None) -> bool:
    """Do two functions do the same, wherever they stand and whatever their docstrings say?"""
    if (a.co_code, a.co_names, a.co_varnames) != (b.co_code, b.co_names, b.co_varnames):
        return False
    ours, theirs = ([None if c == doc else c for c in k.co_consts] for k, doc in ((a, doc_a), (b, doc_b)))
    return len(ours) == len(theirs) and all(
        _same_code(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType) else _plain(x) == _plain(y)
        for x, y in zip(ours, theirs, strict=True)
    )


def _names(code: types.CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars)


def _parts(code: types.CodeType, doc: str | None = None) -> set[str]:
    """The names and constants of a function, and of those in it."""
    found = {f"name {name}" for name in _names(code)}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _parts(constant)
        elif constant != doc or constant is None:
            found.add(_plain(constant))
    return found


def _agree(node: ast.FunctionDef | ast.AsyncFunctionDef, code: types.CodeType) -> bool:
    """Is this the text of that code? By parameters and names, not by instructions: pytest, say, rewrites those."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    if list(code.co_varnames[: len(names)]) != names:
        return False
    known = {*code.co_varnames, *code.co_cellvars, *code.co_freevars, *code.co_names}
    return all(name in known for name in _assigned(node))


def _assigned(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The names that assignments and loops of a function bind; not those in branches that Python leaves out."""
    skipped: set[ast.stmt] = set()
    for statement in statements(node.body, nested=False):
        if isinstance(statement, (ast.If, ast.While)) and _decided(statement.test):
            skipped.update(statements([statement]))
        if statement in skipped:
            continue
        match statement:
            case ast.Assign(targets=targets):
                found: list[ast.expr] = targets
            case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
                found = [target]
            case ast.AnnAssign(target=target, value=ast.expr()):
                found = [target]
            case _:
                continue
        for part in found:
            yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _decided(test: ast.expr) -> bool:
    """Is a test one that Python decides while it compiles?"""
    return all(n.id == "__debug__" for n in ast.walk(test) if isinstance(n, ast.Name))


def _fragment(function: types.FunctionType, lines: list[str]) -> Found:
    """The definition alone, where the file around it is not Python (magics of a notebook)."""
    code = function.__code__
    start = code.co_firstlineno - 1
    try:
        block = inspect.getblock(lines[start:])
        text = textwrap.dedent("".join(block))
        tree = ast.parse(text)
    except (SyntaxError, ValueError, IndexError, tokenize.TokenError) as error:
        msg = f"the source of {function.__qualname__!r} in {code.co_filename!r} cannot be read: {error}"
        raise NoSource(msg) from None
    node = tree.body[0]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name != code.co_name:
        msg = f"the source of {function.__qualname__!r} is not at {code.co_filename}:{code.co_firstlineno}"
        raise NoSource(msg)
    indent = len(block[0]) - len(block[0].lstrip())
    for child in ast.walk(node):
        if isinstance(child, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.pattern, ast.excepthandler)):
            child.lineno += start
            child.col_offset += indent
            if child.end_lineno is not None and child.end_col_offset is not None:
                child.end_lineno += start
                child.end_col_offset += indent
    return Found(node, code.co_filename, tuple(lines))


# ---- digests -------------------------------------------------------------------------------------


def digest_of_ast(node: ast.AST) -> str:
    """A digest of code, blind to layout, comments, docstrings and decorators, and alike in every version of Python."""
    return sha256("".join(_tokens(node)).encode("utf-8", "surrogatepass")).hexdigest()


def _tokens(root: ast.AST) -> Iterator[str]:
    """What of a tree enters its digest; without recursion, since a long sum nests deeply."""
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, _Token):
            yield node
        elif isinstance(node, ast.AST):
            parts: list[Any] = [_Token(type(node).__name__ + "(")]
            for name in node._fields:
                value = getattr(node, name, None)
                # Left out where empty: newer versions of Python add fields that older ones lack.
                if (value is None and not isinstance(node, ast.Constant)) or value == [] or name in _IGNORED:
                    continue
                if name == "body" and isinstance(node, _WITH_DOC) and _is_text(node.body[0]):
                    value = node.body[1:]
                parts += [_Token(name + "="), value]
            todo += [_Token(")"), *reversed(parts)]
        elif isinstance(node, list):
            todo += [_Token("]"), *reversed(node), _Token("[")]
        else:
            yield f"{type(node).__name__}:{node!r};"


class _Token(str):
    __slots__ = ()


_IGNORED = frozenset({"kind", "type_comment", "ctx", "decorator_list"})
_WITH_DOC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def source_digest(function: Any) -> str:
    """The digest of a node's code.

    Its definition (annotations and default expressions included), then what it closes over: plain values by value,
    functions by their own digest, anything else by its type. Where no source can be had: the byte code; for callables
    that have neither (written in C), the qualified name alone, so that ``version=`` must tell changes apart.
    """
    return _digest(function, frozenset())


def _digest(function: Any, seen: frozenset[int]) -> str:
    if isinstance(function, functools.partial):
        parts = (_digest(function.func, seen), *map(_plain, function.args), *map(_plain, function.keywords.items()))
        return _join("partial", *parts)
    if isinstance(function, types.MethodType):
        return _join("method", _digest(function.__func__, seen), _plain(function.__self__))
    inner = inspect.unwrap(function) if callable(function) else function
    if isinstance(inner, types.FunctionType):
        around = (_digest_layer(function, inner, seen),) if inner is not function else ()
        return _join(_function(inner, seen), *around)
    if isinstance(inner, type):
        return _join("class", _class(inner))
    if inspect.isroutine(inner):
        return _join("routine", str(getattr(inner, "__module__", "")), str(getattr(inner, "__qualname__", repr(inner))))
    call = type(inner).__call__ if callable(inner) else None
    body = _digest(call, seen) if isinstance(call, types.FunctionType) else ""
    return _join("object", f"{type(inner).__module__}.{type(inner).__qualname__}", body)


def _digest_layer(function: Any, inner: Any, seen: frozenset[int]) -> str:
    """The digests of the wrappers that other decorators put around a function."""
    parts = []
    seen |= {id(inner)}
    while function is not inner:
        seen |= {id(function)}
        next_layer = function.__wrapped__
        if isinstance(function, types.FunctionType):
            parts.append(_function(function, seen))
        function = next_layer
    return _join("wrapped", *parts)


def _function(function: types.FunctionType, seen: frozenset[int]) -> str:
    try:
        text = digest_of_ast(find_function(function).node)
    except NoSource:
        text = _code(function.__code__, function.__doc__)
    seen |= {id(function)}
    held = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if isinstance(value, types.FunctionType):
            held.append(f"{name}={_digest(value, seen) if id(value) not in seen else 'itself'}")
        else:
            held.append(f"{name}={_plain(value)}")
    return _join(text, *held) if held else text


def _class(cls: type) -> str:
    try:
        return digest_of_ast(find_class(cls).node)
    except NoSource:
        return f"{cls.__module__}.{cls.__qualname__}"


def find_class(cls: type) -> Found:
    """The definition of a class; the last one of its name where there are several. Raises :class:`NoSource`."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if module is not None and file is not None:
        parsed = _parsed(file, _lines(file, vars(module)))
        nodes = parsed.definitions.get(cls.__name__, ()) if parsed is not None else ()
        if parsed is not None and nodes and isinstance(nodes[-1], ast.ClassDef):
            return Found(nodes[-1], file, parsed.lines)
    msg = f"the source of the class {cls.__qualname__!r} cannot be had"
    raise NoSource(msg)


def _code(code: types.CodeType, doc: str | None = None) -> str:
    constants = [
        _code(c) if isinstance(c, types.CodeType) else _plain(c) for i, c in enumerate(code.co_consts) if i or c != doc
    ]
    version = ".".join(map(str, sys.version_info[:2]))
    return _join("code", version, code.co_code.hex(), *constants, *code.co_names, *code.co_varnames)


def _plain(value: Any) -> str:
    """A value by its repr where that is exact; else by its type: no address, no order of a set gets into a digest."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(_plain, value))})"
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}({', '.join(sorted(map(_plain, value)))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{_plain(k)}: {_plain(v)}' for k, v in value.items())})"
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def _join(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode()).hexdigest()
