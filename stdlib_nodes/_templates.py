"""Jinja templates that reach values and nothing else, in bounded time and memory. Knows nothing of nodes.

Jinja's own sandbox keeps a template from Python's objects; it does not keep it from running for ever or filling the
memory, so passes and calls are counted, what multiplies text is bounded, and what cannot be is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from ._fields import fields_of
from ._libraries import library

MAX_STEPS = 200_000
"""Passes of loops, calls and operations, together, of one rendering; in a long template each counts for more."""

MAX_TEXT = 10_000_000
"""Characters of the result, and of any text that is made on the way."""

_METHODS = frozenset(
    "capitalize casefold count endswith find get index isalnum isalpha isascii isdecimal isdigit islower "
    "isnumeric isspace istitle isupper items keys lower lstrip partition removeprefix removesuffix rfind rindex "
    "rpartition rsplit rstrip split splitlines startswith strip swapcase title upper values isoformat strftime "
    "date time weekday isoweekday total_seconds as_integer_ratio is_integer".split()
)
"""Methods that make no more than they are given."""

_WITHOUT = ("format", "center", "indent", "wordwrap", "batch", "slice", "random", "xmlattr", "pprint", "urlize")
"""Filters that are told how much to make, or look into objects."""

_MAX_BITS = 10_000  # of a number


class Exceeded(ValueError):
    """A template that does not come to an end."""


def render(template: str, values: Mapping[str, Any], escape: bool) -> str:
    """The text of a template. Raises ValueError that names the line."""
    jinja2 = library("text", "jinja2")
    environment = _environment(escape)
    budget = _Budget(1 + len(template) // 1000)
    before = _budget.set(budget)
    out: list[str] = []
    try:
        made = environment.from_string(template)
        for piece in made.generate({name: _plain(value) for name, value in values.items()}):
            out.append(piece)
            budget.write(len(piece))
    except Exceeded:
        raise
    except jinja2.TemplateSyntaxError as error:
        msg = f"the template, line {error.lineno}: {error.message}"
        raise ValueError(msg) from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        msg = f"the template{_line(error)}: {error}"
        raise ValueError(msg) from error
    except RecursionError as error:
        msg = "the template is nested too deeply, or calls itself without end"
        raise ValueError(msg) from error
    finally:
        _budget.reset(before)
    return "".join(out)


def _line(error: BaseException) -> str:
    """Jinja maps the lines of what it compiles back to the template's."""
    at, found = error.__traceback__, ""
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<template>":
            found = f", line {at.tb_lineno}"
        at = at.tb_next
    return found


def _plain(value: Any) -> Any:
    """Records as dicts: a template reads fields, never Python's attributes."""
    fields = fields_of(value)
    if fields is not None:
        return {name: _plain(item) for name, item in fields.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _check_size(size: int) -> None:
    if size > MAX_TEXT:
        msg = f"the template makes more than {MAX_TEXT:,} characters"
        raise Exceeded(msg)


class _Budget:
    """What a rendering may still do. ``cost``: of a pass or call, which may write as much as the template holds."""

    def __init__(self, cost: int) -> None:
        self._cost, self._steps, self._text = cost, 0, 0

    def spend(self, times: int = 1) -> None:
        self._steps += times * self._cost
        if self._steps > MAX_STEPS:
            msg = f"the template takes more than {MAX_STEPS:,} steps"
            raise Exceeded(msg)

    def write(self, size: int) -> None:
        self._text += size
        _check_size(self._text)


_budget: ContextVar[_Budget] = ContextVar("budget")
"""Of the rendering that is under way: not among its variables, which a template may set."""


@lru_cache(2)
def _environment(escape: bool) -> Any:
    jinja2 = library("text", "jinja2")
    sandbox: Any = library("text", "jinja2.sandbox").ImmutableSandboxedEnvironment
    transformer: Any = library("text", "jinja2.visitor").NodeTransformer
    nodes = library("text", "jinja2.nodes")

    class Bounded(transformer):  # type: ignore[misc]
        def visit_For(self, node: Any) -> Any:  # noqa: N802
            node.iter = nodes.Filter(node.iter, "counted", [], [], None, None, lineno=node.lineno)
            return self.generic_visit(node)

        def visit_Concat(self, node: Any) -> Any:  # noqa: N802
            self.generic_visit(node)
            parts = nodes.List(node.nodes, lineno=node.lineno)
            return nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)

    class Environment(sandbox):  # type: ignore[misc]
        intercepted_binops = frozenset({"*", "**", "%", "+"})

        def _parse(self, source: str, name: Any, filename: Any) -> Any:
            return Bounded().visit(super()._parse(source, name, filename))

        def wrap_str_format(self, value: Any) -> None:
            """Jinja's own stand-in for ``format`` is safe, but makes text as wide as it is told."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return super().is_safe_attribute(obj, attr, value) and (not callable(value) or attr in _METHODS)

        def call(self, context: Any, obj: Any, *arguments: Any, **named: Any) -> Any:
            made = super().call(context, obj, *arguments, **named)
            _budget.get().spend(len(made) if isinstance(made, range) else 1)
            return made

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            _budget.get().spend()
            _check_operation(operator, left, right)
            return super().call_binop(context, operator, left, right)

    made = Environment(
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        finalize=_written,
    )
    made.globals = {name: made.globals[name] for name in ("range", "dict", "namespace")}
    for name in _WITHOUT:
        del made.filters[name]
    made.filters |= {"counted": _counted, "replace": _replace, "join": _join}
    return made


def _check_operation(operator: str, left: Any, right: Any) -> None:
    texts = isinstance(left, _LONG), isinstance(right, _LONG)
    if operator == "+" and all(texts):
        _check_size(len(left) + len(right))
    elif operator == "*" and any(texts):
        held, times = (left, right) if texts[0] else (right, left)
        _check_size(len(held) * times if isinstance(times, int) else 0)
    elif operator == "%" and any(texts):
        msg = "text has no '%' here: put values together by '~'"
        raise TypeError(msg)
    elif operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
        if bits > _MAX_BITS:
            msg = f"the template makes a number of more than {_MAX_BITS:,} bits"
            raise Exceeded(msg)


_LONG = (str, bytes, list, tuple)


def _written(value: Any) -> Any:
    """Also what is written into a variable or by a macro, which may double what it holds line by line."""
    _budget.get().write(len(value) if isinstance(value, str) else 16)
    return value


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for item in items:
        budget.spend()
        yield item


def _replace(text: Any, old: Any, new: Any) -> Any:
    found = str(text)
    _check_size(len(found) + (found.count(str(old)) if old else len(found) + 1) * len(str(new)))
    return text.replace(old, new) if isinstance(text, str) else found.replace(str(old), str(new))


def _join(items: Iterable[Any], separator: str = "", attribute: str | None = None) -> Any:
    parts = [item if attribute is None else item[attribute] for item in items]
    parts = [part if isinstance(part, str) else str(part) for part in parts]
    _check_size(sum(map(len, parts)) + len(separator) * len(parts))
    if any(hasattr(part, "__html__") for part in (*parts, separator)):
        return library("text", "markupsafe").escape(separator).join(parts)
    return separator.join(parts)
