"""What people write by mistake, and what to say about it: a table of malformed examples.

Each example is run through the parser; where it stops tells the state of the automaton and the kind of the token that did not fit.
The same stop in a user's program gets the same words (Lark's ``match_examples``, kept as one lookup table). In a message ``{found}`` is the
token that did not fit. Examples of one entry are statements of a flow unless they begin with a declaration.
"""
# ruff: noqa: E501 - a table

from __future__ import annotations

from attrs import frozen

from ..spelling import FORMS


@frozen
class Mistake:
    """``state_only``: the entry also serves for other tokens that do not fit at the same place."""

    id: str
    message: str
    help: str
    examples: tuple[str, ...]
    expected: str = ""
    state_only: bool = True


def _m(id: str, message: str, help: str, *examples: str, expected: str = "", state_only: bool = True) -> Mistake:
    return Mistake(id, message, help, examples, expected, state_only)


WORDS: dict[str, tuple[str, str, str]] = {
    "LAMBDA": ("syntax-lambda", "a flow has no `lambda`", "write a comprehension, name a built-in function (`key=len`), or make it a node"),
    "WALRUS": ("syntax-walrus", "there is no `:=`: each step stands on a line of its own", "assign on the line before"),
    "DEF": ("syntax-def", "there is no `def`", "write a flow or, in a .py file, a node at the top level, and call it"),
    "CLASS": ("syntax-class", "there is no `class`", "write `type Name:` with fields under it, or import a class from a .py file"),
    "DEL": ("syntax-python", "a flow has no `del`", "names end with the flow; build a new value without the item"),
    "GLOBAL": ("syntax-python", "a flow has no `global`", "give values to flows as parameters and take them back as results"),
    "NONLOCAL": ("syntax-python", "a flow has no `nonlocal`", "give values to flows as parameters and take them back as results"),
    "ASYNC": ("syntax-await", "a flow is neither sync nor async: there is no `async`", "leave `async` out"),
    "AWAIT": ("syntax-await", "a flow waits by itself: there is no `await`", "leave `await` out"),
}  # fmt: skip
"""Words that never fit, wherever they stand: id, message, help."""

SCOPES: dict[str, str] = {
    **{name: FORMS[name] for name in ("transaction", "timeout", "lock")},
    "parallel": "write `parallel:`; for a limit `for x in xs with parallel=8:`",
}
"""The blocks that Python writes as a call behind `with`: what to write here."""

MISTAKES: tuple[Mistake, ...] = (
    # ---- comparing and assigning
    _m("syntax-equals", "`=` assigns, here a comparison is meant", "write `==`",
       "if x = 3:\n    pass", "while x = 3:\n    pass", "assert x = 3", "if a:\n    pass\nelif x = 3:\n    pass",
       "y = x if x = 3 else 4", "y = [x for x in xs if x = 3]", "y = [x = 3]", "y = (x = 3)",
       "match x:\n    case 1 if x = 1:\n        pass", "return x = 3", state_only=False),
    # ---- colons
    _m("syntax-colon", "the colon at the end is missing", "add `:` at the end of the line",
       "if x\ny = 1", "else_ = 1\nif x:\n    pass\nelse\ny = 1", "while x\ny = 1", "for x in xs\ny = 1", "try\ny = 1", "try:\n    pass\nfinally\ny = 1",
       "with timeout=5s\ny = 1", "match x\ny = 1", "try:\n    pass\nexcept E\ny = 1", "try:\n    pass\nexcept E as e\ny = 1", "try:\n    pass\nexcept\ny = 1",
       "if x:\n    pass\nelif y\ny = 1", "match x:\n    case 1\n    y = 1", "parallel\n    y = 1", "transaction\n    y = 1",
       "for x in xs with parallel=3\ny = 1", "while x with max=3\ny = 1", "transaction with timeout=3s\ny = 1",
       "flow g()\n", "flow g() -> int\n", "flow g() -> int with timeout=3s\n", 'test "x"\n', "type T\n", expected="`:`", state_only=False),
    _m("syntax-suite", "a suite stands on lines of its own", "break the line after the colon and indent what follows by four spaces",
       "if x: y = 1", "if x: return", "if x: pass", "if x:\n    pass\nelse: y = 1", "else_ = 1\nif x:\n    pass\nelif y: y = 1", "for x in xs: y = 1", "while x: y = 1",
       "try: y = 1", "try:\n    pass\nexcept E: y = 1", "try:\n    pass\nfinally: y = 1", "with timeout=5s: y = 1",
       "try:\n    pass\nexcept E as e: y = 1", "try:\n    pass\nexcept: y = 1", "match x: y = 1", "match x:\n    case 1: y = 1",
       "for x in xs with parallel=3: y = 1", "while x with max=2: y = 1",
       "flow g(): y = 1\n", 'test "x": y = 1\n', "type T: y = 1\n", expected="the end of the line"),
    # ---- places
    _m("syntax-python", "a flow has no decorators", "options stand in the header: `flow f() -> int with timeout=5m:`",
       "@@node\n", state_only=False),
    # ---- incomplete things
    _m("syntax-try", "a `try` needs an `except` or a `finally`", "add `except SomeError:` under it",
       "try:\n    pass\ny = 1", "try:\n    pass", "try:\n    pass\nelse:\n    pass", expected="except or finally"),
    _m("syntax-clause", "`{found}` belongs to no statement above it", "align it with the `if`, `for`, `while` or `try` that it belongs to",
       "else:\n    pass", "elif x:\n    pass", "y = 1\nelse:\n    pass", "y = 1\nelif x:\n    pass", "if x:\n    pass\nelse:\n    pass\nelse:\n    pass",
       "if x:\n    pass\nelse:\n    pass\nelif x:\n    pass", "for x in y:\n    pass\nelif x:\n    pass", state_only=False),
    _m("syntax-clause", "`{found}` belongs to no `try` above it", "align it with its `try`",
       "except E:\n    pass", "finally:\n    pass", "y = 1\nexcept E:\n    pass", "y = 1\nfinally:\n    pass", "if x:\n    pass\nexcept E:\n    pass",
       "if x:\n    pass\nfinally:\n    pass", state_only=False),
    _m("syntax-match", "`case` stands in a `match`", "write `match value:` above it, and indent the cases",
       "case 1:\n    pass", "y = 1\ncase 1:\n    pass", state_only=False),
    _m("syntax-match", "a `match` holds cases only", "begin the line with `case`", "match x:\n    y = 1", "match x:\n    case 1:\n        pass\n    y = 1",
       expected="case"),
    _m("syntax-match", "`{found}` cannot stand here: where a statement begins, `match` and `case` are hard words", "rename it: `matched`, `case_`",
       "match = 3", "case = 3", "match.x", "y = 1\nmatch\n", state_only=False),
    _m("syntax-pattern", "this is not a pattern", "a pattern is a literal, a name, `Class(field=pattern)`, `[a, b]`, `{\"key\": a}` or `a | b`; tests belong after `if`",
       "match x:\n    case > 3:\n        pass", "match x:\n    case x + 1:\n        pass", "match x:\n    case f(1) + 1:\n        pass", "match x:\n    case:\n        pass",
       "match x:\n    case x[1]:\n        pass", "match x:\n    case x and y:\n        pass", "match x:\n    case not x:\n        pass", "match x:\n    case 1 - 2:\n        pass",
       "match x:\n    case \"a\" + \"b\":\n        pass", "match x:\n    case (1 + 2):\n        pass", "match x:\n    case [1 + 2]:\n        pass",
       "match x:\n    case x == 1:\n        pass", "match x:\n    case 1 or 2:\n        pass"),
    _m("syntax-yield", "`yield` is a statement and gives one value", "write `yield x` on a line of its own", "x = yield y", "f(yield y)", "return yield y",
       "x = (yield y)", "x = [yield y]", state_only=False),
    _m("syntax-yield", "a flow has no `yield from`", "write `for x in xs:` and under it `yield x`", "yield from xs", state_only=False),
    # ---- imports
    _m("syntax-import", "a file is imported by name", "write `from \"./x.py\" import f`", "@import \"./x.py\"\n", "@import \"./x.py\" as x\n", state_only=False),
    _m("syntax-import", "an import names what it wants", "list the names: `from \"./shop.py\" import reserve, release`", "@from x import *\n", "@from \"./x.py\" import *\n", state_only=False),
    _m("syntax-import", "an import from a file next to this one gives its path", "write `from \"./x.py\" import f`", "@from . import x\n", "@from .x import y\n", "@from ..x import y\n", "@from ... import y\n",
       state_only=False),
    _m("syntax-import", "this import is not complete", "write `import http`, `import http as web` or `from \"./shop.py\" import reserve`",
       "@import\n", "@from x\n", "@from x import\n", "@import x as\n", "@import x,\n", "@from x import y,\n", "@from x import y as\n", "@from x import y z\n", "@import x y\n",
       "@from \"./x.py\"\n", "@from import y\n"),
    # ---- declarations
    _m("syntax-declaration", "a secret has a name and nothing else", "write `secret STRIPE_KEY`: its value comes from the environment",
       "@secret K: str\n", '@secret K = "x"\n'),
    _m("syntax-declaration", "a constant has a value", "write `const CAP: int = 10_000`", "@const C\n", "@const C: int\n", "@const C =\n"),
    _m("syntax-declaration", "this environment variable is not complete", "write `env REGION: str = \"eu-west-1\"`", "@env R:\n", "@env R =\n", "@env R x\n"),
    _m("syntax-declaration", "a type is an alias or a record", "write `type Mode = \"fast\" | \"safe\"`, or `type Order:` with fields under it",
       "@type T(Base):\n    x: int\n", "@type T =\n", "@type T[X] = int\n"),
    _m("syntax-field", "a record holds fields only", "a field is `name: type` or `name: type = default`",
       "@type T:\n    x = 3\n", "@type T:\n    x\n", "@type T:\n    x: int\n    y\n", "@type T:\n    return 3\n", "@type T:\n    x: int\n    flow f():\n        pass\n",
       "@type T:\n    x:\n", "@type T:\n    x: int =\n", "@type T:\n    x: int\n    def f(self):\n        pass\n"),
    _m("syntax-flow", "the header of a flow is `flow name(parameter: type = default) -> type:`", "write the parameters in brackets after the name",
       "@flow f:\n    pass\n", "@flow f\n", "@flow f -> int:\n    pass\n", "@flow f() int:\n    pass\n", "@flow f.g():\n    pass\n", "@flow f[T]():\n    pass\n", "@flow f() = 3\n"),
    _m("syntax-parameter", "this is not a parameter", "write `name`, `name: type` or `name: type = default`",
       "@flow f(3):\n    pass\n", "@flow f(a, 3):\n    pass\n", "@flow f(a b):\n    pass\n", "@flow f(int a):\n    pass\n", "@flow f((a, b)):\n    pass\n",
       "@flow f(a: int b: int):\n    pass\n", "@flow f(a=1 b=2):\n    pass\n", "@flow f(a: int = 1 b: int):\n    pass\n", "@flow f(,):\n    pass\n", "@flow f(a,,b):\n    pass\n",
       "@flow f(a.b):\n    pass\n", "@flow f(\"a\"):\n    pass\n"),
    _m("syntax-test", "a test has a title", "write `test \"a declined card gives back the stock\":`", '@test "x" y:\n    pass\n', '@test "x"():\n    pass\n'),
    _m("syntax-mock", "a mock gives a value or raises an error", "write `mock reserve = \"hold-1\"` or `mock charge raises CardDeclined(\"no\")`",
       "mock f", "mock f(1) 3", "mock f: 3", "mock f =", "mock f raises"),
    # ---- options
    _m("syntax-options", "an option is `name=value`", "write `with retry=3, timeout=10s`",
       "x = f(a) with", "x = f(a) with retry", "x = f(a) with 3", "x = f(a) with retry=3, 4", "x = f(a) with retry(3)", "x = f(a) with retry: 3", "x = f(a) with (retry)",
       "x = f(a) with ()", "x = (f(a) with retry)", "f(a) with timeout", "x = f(a) with retry=3,", "x = f(a) with retry=3 timeout=3",
       "for x in xs with parallel:\n    pass", "while x with max:\n    pass", "x = f(a) with retry=", "x = f(a) with retry == 3",
       expected="name=value"),
    _m("syntax-options", "within an expression, options are bracketed", "write `g((f(a) with retry=3))`",
       "x = g(f(a) with retry=3)", "x = [f(a) with retry=3]", "x = {f(a) with retry=3}", "x = {1: f(a) with retry=3}", "x = g(y, f(a) with retry=3)", "x = g(y=f(a) with retry=3)",
       "if f(a) with retry=3:\n    pass", "raise f(a) with retry=3", "assert f(a) with retry=3", "x = y[f(a) with retry=3]", state_only=False),
    _m("syntax-options", "nothing follows the options of a statement", "bracket the call that they belong to: `(f(a) with retry=3) + 1`",
       "x = f(a) with retry=3 |> g |> h = 3", "x = f(a) undo g(b) + 1", state_only=False),
    _m("syntax-with", "the scopes are `with timeout=5s:` and `with lock=\"name\":`", "write one of the two; files and connections are opened inside a node",
       "with open(f) as g:\n    pass", "with x:\n    pass", "with x as y:\n    pass", "with f.g():\n    pass", "with 5s:\n    pass",
       "with timeout=5s as t:\n    pass", "with:\n    pass"),
    _m("syntax-block", "a `parallel:` block has no options", "for a limit use `for x in xs with parallel=8:`", "parallel with limit=3:\n    pass", state_only=False),
    _m("syntax-undo", "`undo` is followed by a call", "write `undo release(hold)`", "x = f(a) undo", "x = f(a) undo:"),
    # ---- loops
    _m("syntax-for", "a loop is `for name in values:`", "write `for order in orders:`",
       "for x of xs:\n    pass", "for x = xs:\n    pass", "for x:\n    pass", "for x, y:\n    pass", "for in xs:\n    pass", "for x in:\n    pass",
       "for x + 1 in xs:\n    pass", "for 3\n", "y = for x = xs:\n    yield x", "for:\n    pass"),
    _m("syntax-except", "an `except` names one error, or several in brackets", "write `except (HttpError, TimeoutError) as e:`",
       "try:\n    pass\nexcept A, B:\n    pass", "try:\n    pass\nexcept *A:\n    pass", "try:\n    pass\nexcept A as (e):\n    pass", "try:\n    pass\nexcept A e:\n    pass", "try:\n    pass\nexcept A as 3:\n    pass"),
    _m("syntax-raise", "this raise is not complete", "write `raise Error(\"why\")`, or `raise` alone to pass the error on", "raise A, B", "raise A from", "raise A B"),
    # ---- expressions
    _m("syntax-fstring", "an f-string's braces hold an expression", "write `{name}`; for a brace in the text write `{{` or `}}`", 'x = f"{}"', 'x = f"{!r}"', 'x = f"{:3}"', 'x = f"{a b}"', 'x = f"{a!r b}"'),
    _m("syntax-conditional", "this conditional has no `else`", "write `a if test else b`", "y = x if z", "f(x if z)", "y = [x if z]", "y = (x if z)", "return x if z", state_only=False),
    _m("syntax-increment", "`++` and `--` are no operators", "write `x += 1`", "x++", "x--", state_only=False),
    _m("syntax-comprehension", "a comprehension is `[f(x) for x in xs if test]`", "put the `for` after the value", "y = [for x in xs]", "y = [x for x]", "y = [x for x in]", "y = [for x in xs: x]", "y = (for x in xs)", "y = [x for x in xs if]",
       "y = [x for in xs]"),
    _m("syntax-argument", "a generator stands alone among the arguments, or in brackets of its own", "write `f((x for x in xs), y)`", "f(x for x in xs, y)", "f(y, x for x in xs)", state_only=False),
    _m("syntax-argument", "an argument's name is a plain name", "write `f(name=value)`", "f(a.b=3)", "f(a[1]=3)", "f(3=3)", "f(\"a\"=3)", "f(a+b=3)", state_only=False),
    _m("syntax-dict", "an entry of a dict is `key: value`", "write `{\"key\": value}`", "y = {a: 1, b}", "y = {a: 1, b = 2}", "y = {a: }", "y = {a: 1 b: 2}", "y = {a: 1, 3}", "y = {x = 3}", 'y = {"a": 1 "b": 2}', 'y = {"a" = 1}', state_only=False),
    _m("syntax-expression", "a value is missing", "write an expression here",
       "x =", "x = 1 +", "x = f(,)", "x = [,]", "x = f(a,,b)", "x = not", "x = a and", "x = a if b else", "x = -", "x = a |>", "x: int =", "x:", "x +=", "return 1 +", "if:\n    pass", "while:\n    pass",
       "elif_ = 1\nif x:\n    pass\nelif:\n    pass", "assert", "assert x,", "x = a in", "x = a not in", "x = a is", "x = a.", "x = f(a=)", "x = f(*)", "x = f(**)", "x = a == ", "x = {**}", "x = [*]", "x = *", "match:\n    pass",
       "flow f() ->:\n    pass\n", "flow f(a: ):\n    pass\n", "flow f(a=):\n    pass\n", "return a |>", "x = a[]", "x = ==", "x = a ** ", "x = a | ", "x = a * ", "x = a / "),
    _m("syntax-arrow", "`->` stands before the result type of a flow", "write `flow f(a: int) -> str:`", "x = a -> b", "f(x) -> 3", state_only=False),
)  # fmt: skip
