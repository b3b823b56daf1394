"""What each construct is read into: ``trees.md``; where the nodes stand; what is usable as a name."""

from __future__ import annotations

import attrs
import pytest
from text_support import FOLDER, expression, flow, read, sections, show

from cflow.dsl import syntax
from cflow.dsl.text.tokens import SOFT


@sections("trees.md")
def test_trees(blocks: dict[str, str]) -> None:
    declarations = read(blocks["cflow"]).declarations
    if len(declarations) == 1 and isinstance(declarations[0], syntax.Flow) and declarations[0].name == "main":
        flow = declarations[0]
        head = show(attrs.evolve(flow, body=())) if flow.params or flow.returns or flow.options else ""
        shown = [head, *map(show, flow.body)] if head else list(map(show, flow.body))
    else:
        shown = list(map(show, declarations))
    assert "\n".join(shown) + "\n" == blocks["tree"]


SOFT_WORDS = sorted(
    SOFT - {"match", "case"} | {"race", "stream", "import_", "options", "collect", "sleep", "calls", "attempt"}
)


@pytest.mark.parametrize("word", SOFT_WORDS)
def test_soft_words_are_names(word: str) -> None:
    body = f"""
{word} = 1
{word}.a = {word}
{word} += 1
{word}[0] = {word}[1:{word}]
x = {word} + -{word}
x = ({word} if {word} else {word}, *{word})
x = [{word} for {word} in {word} if {word}]
x = g({word}, {word}={word}, *{word}, **{word}).{word}({word}) with {word}={word}
x = f"{{{word}}} {{{word}!r}} {{{word}:{{{word}}}}} {{{word}=}}"
x = {{{word}: {word}, **{word}}}
x: {word} = {word}
{word}: int = 2
for {word} in {word}:
    pass
while {word}:
    break
if {word}:
    pass
elif {word}:
    return {word}
try:
    raise {word}
except {word} as {word}:
    assert {word}, {word}
match {word}:
    case {word}.a | {word}({word}={word}) if {word}:
        pass
    case {{"a": {word}, **rest}}:
        pass
""".replace(f"{word}.a = {word}\n", "")
    assert len(flow(body).body) == 16
    header = f"flow {word}({word}, a: {word} = {word}, *, b={word}) -> {word} with {word}={word}:\n    pass\n"
    read(f'import {word}, a as {word}\nfrom {word} import {word} as {word}\nfrom "x" import {word}\n{header}')
    read(f"secret {word}\nenv {word}: {word} = {word}\nconst {word} = {word}\ntype {word} = {word}\n")
    read(f"type {word}:\n    {word}: {word} = {word}\n    other: int\n")


@pytest.mark.parametrize("word", ["match", "case"])
def test_match_and_case_are_names_within_a_line(word: str) -> None:
    assert show(expression(f"{word}(1) + {word}.a")) == show(expression("zz(1) + zz.a")).replace("zz", word)


def test_every_node_has_its_place() -> None:
    text = (
        'flow f(a: int) -> str:\n    if a > 1:\n        x = [g(a, k="v") with retry=3][0]\n    return f"{x}"\n'.replace(
            "[g(a", "[(g(a"
        ).replace("retry=3]", "retry=3)]")
    )
    module = read(text)
    seen = 0
    pending: list[object] = [*module.declarations]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
        elif attrs.has(type(node)) and hasattr(node, "span"):
            seen += 1
            span = node.span
            assert span.file == "x.cflow"
            assert (1, 1) <= (span.line, span.column) < (span.end_line, span.end_column) <= (5, 1)
            pending.extend(getattr(node, f.name) for f in attrs.fields(type(node)) if f.name != "span")
    assert seen > 15


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a + b * c", "9-18"),
        ("f(a)(b)[c].d", "9-21"),
        ("(a, b)", "9-15"),
        ("a if b else c", "9-22"),
        ("not a in b", "9-19"),
        ("a < b < c", "9-18"),
        ('"a" "b"', "9-16"),
        ("a |> f |> g(b)", "9-23"),
        ("{1: 2}", "9-15"),
        ("[x for x in y]", "9-23"),
        ("-a ** 2", "9-16"),
    ],
)
def test_spans_of_expressions(text: str, where: str) -> None:
    span = expression(text).span
    assert f"{span.column}-{span.end_column}" == where


def test_lines_of_a_string_of_several_lines() -> None:
    first, second = flow('x = """a\nb"""\ny = 1'.replace("\nb", "\n    b")).body
    assert (first.span.line, first.span.end_line, second.span.line) == (2, 3, 4)


def test_documentation() -> None:
    text = '''"""The file.

    More.
    """
type T:
    """The type."""
    x: int

flow f():
    """The flow,
       in two lines."""
    pass
'''
    module = read(text)
    record, flow = module.declarations
    assert isinstance(record, syntax.TypeDecl)
    assert isinstance(flow, syntax.Flow)
    assert (module.doc, record.doc, flow.doc) == ("The file.\n\nMore.", "The type.", "The flow,\nin two lines.")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "\ufeff", '"""doc"""\n', "\n\n   \n\t\n"])
def test_empty_files(text: str) -> None:
    assert read(text).declarations == ()


def test_line_ends_and_a_byte_order_mark_do_not_count() -> None:
    text = 'flow f():\n    x = """a\nb"""\n    return x\n'
    assert read(text) == read("\ufeff" + text.replace("\n", "\r\n")) == read(text.replace("\n", "\r"))


def test_forms_are_calls_where_the_name_is_bound() -> None:
    form = "Form('sleep', args=(1))"
    call = "Call(sleep, args=(1))"
    assert form in show(flow("sleep(1)"))
    assert form in show(flow("a.sleep(2)\nsleep(1)"))
    for binding in ("sleep = 3", "for sleep in x:\n    pass", "a, (sleep, *b) = x", "y = [1 for sleep in z]",
                    "match x:\n    case {'a': sleep}:\n        pass", "match x:\n    case {**sleep}:\n        pass",
                    "match x:\n    case [*sleep]:\n        pass", "match x:\n    case C() as sleep:\n        pass",
                    "sleep = for a in b:\n    yield a", "try:\n    pass\nexcept E as sleep:\n    pass"):  # fmt: skip
        assert call in show(flow(f"{binding}\nsleep(1)")), binding
    assert call in show(read("import sleep\nflow f():\n    sleep(1)\n"))
    assert call in show(read("flow f():\n    sleep(1)\n\nflow sleep(x: int):\n    pass\n"))
    assert call in show(read("flow f(sleep: int):\n    sleep(1)\n"))
    both = show(read("flow f():\n    sleep(1)\n\nflow g(sleep: int):\n    sleep(1)\n\nflow h():\n    race(1)\n"))
    assert form in both
    assert call in both
    assert "Form('race'" in both


def test_an_option_at_a_form_is_a_keyword_of_it() -> None:
    assert show(flow("x = race(a(), b(), k=1) with timeout=3s").body[0]) == show(
        flow("x = race(a(), b(), k=1, timeout=3s)").body[0]
    )


def test_the_example_of_the_language_page() -> None:
    names = [
        getattr(d, "name", type(d).__name__) for d in read((FOLDER / "orders.cflow").read_text("utf-8")).declarations
    ]
    assert names[-6:] == ["CAP", "Mode", "Order", "settle", "nightly", "Test"]
