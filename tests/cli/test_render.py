"""The printed forms of a diagnostic."""

from __future__ import annotations

import json

from cflow.compiler.diagnostics import Diagnostic, Label, Span
from cflow.compiler.render import as_json, render, render_all, render_line

SOURCE = """from "./shop.py" import fetch_orders

flow f(day: date):
\traw = fetch_order(day)  # 漢字
    y = "漢字" + g(
        3)
""".splitlines()

FULL = Diagnostic(
    "unknown-name",
    "error",
    "there is no name `fetch_order` here",
    Span("orders.cflow", 4, 8, 4, 19),
    (
        Label(Span("orders.cflow", 1, 25, 1, 37), "this one is imported"),
        Label(Span("orders.cflow", 5, 16, 6, 11), "and here"),
    ),
    expected="a name",
    found="fetch_order",
    help="write `fetch_orders`",
)


def sources(file: str) -> list[str] | None:
    return SOURCE if file == "orders.cflow" else None


def test_the_form_for_people() -> None:
    """Carets stand under what is meant, whatever tabs and wide characters are before it."""
    assert render(FULL, sources).splitlines() == [
        "error[unknown-name]: there is no name `fetch_order` here",
        " --> orders.cflow:4:8",
        "  |",
        '1 | from "./shop.py" import fetch_orders',
        "  |                         ------------ this one is imported",
        " ...",
        "4 |     raw = fetch_order(day)  # 漢字",
        "  |           ^^^^^^^^^^^",
        '5 |     y = "漢字" + g(',
        "  |                  -- and here (to line 6)",
        "  |",
        "  = expected: a name",
        "  = found: fetch_order",
        "  = help: write `fetch_orders`",
    ]


def test_colours_change_no_letter() -> None:
    import re

    coloured = render(FULL, sources, color=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(FULL, sources)


def test_a_label_in_another_file_whose_text_cannot_be_had() -> None:
    other = Diagnostic(
        "x", "warning", "two of them", Span("orders.cflow", 1, 1, 1, 5), (Label(Span("b.cflow", 7, 2), "here"),)
    )
    assert render(other, sources).splitlines()[-2:] == [" ::: b.cflow:7:2", "  | line 7: here"]


def test_without_a_place_only_words_are_printed() -> None:
    assert render(Diagnostic("x", "info", "nothing to see", help="go on\nand on")) == (
        "info[x]: nothing to see\n  = help: go on\n          and on"
    )


def test_a_span_beyond_the_file_is_no_error() -> None:
    """The file may have changed since."""
    assert "orders.cflow:99:3" in render(Diagnostic("x", "error", "gone", Span("orders.cflow", 99, 3)), sources)
    assert "^" in render(Diagnostic("x", "error", "past the end", Span("orders.cflow", 2, 30, 2, 40)), sources)


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = "a = " + "x" * 5000 + " + oops + " + "y" * 5000
    at = line.index("oops") + 1
    text = render(Diagnostic("x", "error", "m", Span("f", 1, at, 1, at + 4)), lambda _: [line]).splitlines()
    assert max(map(len, text)) < 200
    assert text[3][text[4].index("^") :].startswith("oops")


def test_a_strangers_file_cannot_drive_the_terminal() -> None:
    text = render(Diagnostic("x", "error", "bad \x1b[2J", Span("f", 1, 1)), lambda _: ["\x1b]0;title\x07 x"])
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_one_line_form() -> None:
    assert render_line(FULL) == (
        "orders.cflow:4:8: error[unknown-name]: there is no name `fetch_order` here (write `fetch_orders`)"
    )


def test_the_json_form_says_everything() -> None:
    said = json.loads(json.dumps(as_json(FULL)))
    assert said["span"] == {"file": "orders.cflow", "line": 4, "column": 8, "end_line": 4, "end_column": 19}
    assert [label["text"] for label in said["labels"]] == ["this one is imported", "and here"]
    assert (said["id"], said["severity"], said["help"]) == ("unknown-name", "error", "write `fetch_orders`")
    assert as_json(Diagnostic("x", "error", "m", Span("f", 3, 4)))["span"]["end_column"] == 4


def test_several_are_kept_apart() -> None:
    assert render_all([FULL, FULL]).count("\n\n") == 1
