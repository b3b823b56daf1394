"""Drawing a flow: what is drawn, where it stands, and the four forms."""

from __future__ import annotations

import importlib.util
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import attrs
import pytest

import cflow
from cflow.cli.graph.layout import Arm, Placed, arrange
from cflow.cli.graph.mermaid import to_mermaid
from cflow.cli.graph.model import Node, draw
from cflow.cli.graph.style import STROKES
from cflow.cli.graph.svg import to_svg
from cflow.cli.graph.words import duration, expression, short
from cflow.compiler import ir
from cflow.engine import default_engine

_spec = importlib.util.spec_from_file_location("drawn_flows", Path(__file__).with_name("flows.py"))
assert _spec is not None
assert _spec.loader is not None
flows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(flows)


def every(nodes: tuple[Node, ...]) -> list[Node]:
    return [inner for node in nodes for inner in (node, *(n for part in node.parts for n in every(part.nodes)))]


def test_every_form_of_the_graph_has_its_words() -> None:
    drawing = draw(flows.everything())
    said = {(node.title, node.detail) for node in every(drawing.body.nodes)}
    assert drawing.title == "main(day)"
    assert {
        ("raw = fetch", ""), ("ranked = score", ""), ("if", ""), ("for each o in top", "8 at once, take 2, collect"),
        ("got = settle", ""), ("transaction", "2m"), ("hold = reserve", "undo ship"),
        ("sent = ship", "retry 3, timeout 500ms"),
        ("return", "sent"), ("for x in done", "batch 10"), ("while", "max 5"), ("race", "timeout 3s"), ("parallel", ""),
        ("try", ""), ("raise", ""), ("id = settle", "detached"), ("yield", "won"), ("return", "{'done': final}"),
        ("r2 = ranked + 1", ""), ("day", ""),
    } - said == set()  # fmt: skip
    titles = [part.title for node in every(drawing.body.nodes) for part in node.parts]
    assert {"if not top", "elif ranked < 3", "while", "body", "", "arm 1", "arm 2", "except OSError", "finally"} <= set(
        titles
    )


def test_lines_pass_through_what_is_not_drawn_and_say_why() -> None:
    edges = {(e.source, e.target): e.kind for e in draw(flows.everything()).body.edges}
    assert edges["main/raw", "main/ranked"] == "data"
    assert edges["in/day", "main/raw"] == "data"
    assert edges["main/par", "main/try"] == "write"
    assert ("main/raw", "main/try") not in edges, "other lines already imply it"


def test_a_flow_is_opened_once() -> None:
    settles = [n for n in every(draw(flows.everything()).body.nodes) if "settle" in n.title]
    assert [bool(n.parts) for n in settles] == [True, False]


def test_a_recursive_flow_is_drawn() -> None:
    again = flows.graph([ir.Subflow("again", "main", (), (), "x")])
    (node,) = draw(again).body.nodes
    assert (node.title, node.parts) == ("x = main", ())


def test_boxes_of_one_region_never_overlap() -> None:
    picture = arrange(draw(flows.everything()))
    boxes = [b for b in picture.boxes if isinstance(b, Placed)]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            inside = a.x <= b.x and b.x + b.width <= a.x + a.width and a.y <= b.y and b.y + b.height <= a.y + a.height
            assert apart or (inside and a.node.parts), (a.node.id, b.node.id)


def test_everything_is_on_the_sheet_and_lines_go_down() -> None:
    picture = arrange(draw(flows.everything()))
    for box in picture.boxes:
        assert isinstance(box, (Placed, Arm))
        assert 0 <= box.x
        assert box.x + box.width <= picture.width
        assert box.y + box.height <= picture.height
    for line in picture.lines:
        heights = [y for _, y in line.points]
        assert heights == sorted(heights)


def test_svg_is_good_xml_with_hostile_text() -> None:
    root = ET.fromstring(to_svg(draw(flows.everything())))
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "raw = fetch" in texts
    evil = flows.graph([ir.Exit("x", "return", (ir.Const("<&\x00\"]'>"),))])
    ET.fromstring(to_svg(draw(evil)))


def test_png_is_a_picture() -> None:
    image = pytest.importorskip("PIL.Image")
    from cflow.cli.graph.png import to_png

    opened = image.open(io.BytesIO(to_png(draw(flows.everything()))))
    assert opened.format == "PNG"
    assert len(opened.getcolors(1 << 20)) > 10


def test_mermaid_has_every_box_and_closes_what_it_opens() -> None:
    text = to_mermaid(draw(flows.everything()))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[3] == "flowchart TD"
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")
    assert any('"raw = fetch"' in line for line in lines)
    assert any("-. " in line and "writes in order" in line for line in lines)


def test_the_json_form_is_plain() -> None:
    said = json.loads(json.dumps(attrs.asdict(draw(flows.everything()))))
    assert said["body"]["nodes"][1]["title"] == "raw = fetch"


def test_an_empty_flow_is_drawn() -> None:
    empty = draw(flows.graph([]))
    ET.fromstring(to_svg(empty))
    assert "flowchart" in to_mermaid(empty)


def test_a_long_chain_and_a_wide_fan_are_drawn() -> None:
    chain = [flows.call("score", f"s{i}", f"s{i - 1}" if i else "day") for i in range(3000)]
    fan = [flows.call("score", f"f{i}", "day") for i in range(500)]
    text = to_svg(draw(flows.graph([*chain, *fan], ["day"])))
    assert text.count("<rect") >= 3500


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s"), (0.25, "250ms"), (90, "1m30s"), (3600, "1h"), (2 * 86400 + 1.5, "2d1.5s")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_expressions_read_like_their_source() -> None:
    x, one = ir.Ref("x"), ir.Const(1)
    cases = {
        "x + 1": ir.Apply("+", (x, one)),
        "not x": ir.Apply("not", (x,)),
        "x and 1": ir.Apply("and", (x, one)),
        "1 if x else x": ir.Apply("if", (x, one, x)),
        "1 < x < 1": ir.Apply("compare", (ir.Const(("<", "<")), one, x, one)),
        "x.name": ir.Apply("attr", (x, ir.Const("name"))),
        "x.strip(1)": ir.Apply("method", (x, ir.Const("strip"), one)),
        "[x, *x]": ir.Apply("list", (x, ir.Star(x))),
        "{'a': x}": ir.Apply("dict", (ir.Const("a"), x)),
        'f"n {x}"': ir.Apply("fstring", (ir.Const("n "), ir.Apply("format", (x, ir.Const(""), ir.Const(""))))),
        "Order(1, sku=x)": ir.Apply("new", (ir.Global("class", "shop.Order"), one), (("sku", x),)),
        "len(x, **x)": ir.Apply("len", (x,), (("**", x),)),
        "[i for i in x]": ir.Comprehension("list", ir.Ref("i"), (ir.Clause("i", x),)),
    }
    assert {expression(expr): expr for expr in cases.values()} == cases
    assert short("a  b\nc", 4) == "a b…"


MATCHED = """
flow main(x: int) -> int:
    match x:
        case 1:
            n = 5
        case _:
            n = look(x)
    return n

flow changed(n: int) -> int:
    xs = [n]
    a = look(len(xs))
    for i in [1, 2]:
        xs.append(i)
    return a + look(len(xs))
"""
LOOK = "from cflow import node\n\n@node(reads='r')\nasync def look(x: int) -> int:\n    return x\n"


def test_an_arm_that_does_nothing_is_drawn_for_its_test(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    module = cflow.loads('from "./look.py" import look\n' + MATCHED, base=tmp_path)
    (match,) = [n for n in draw(default_engine().compiled(module.main).graph).body.nodes if n.shape == "block"]
    assert match.title == "match"
    assert [(part.title, [n.title for n in part.nodes]) for part in match.parts] == [
        ("if x == 1", ["pass"]),
        ("else", ["n = look"]),
    ]


def test_what_waits_for_readers_of_what_it_changes_says_so(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    module = cflow.loads('from "./look.py" import look\n' + MATCHED, base=tmp_path)
    (edge,) = [e for e in draw(default_engine().compiled(module.changed).graph).body.edges if e.kind == "change"]
    assert edge.why == "reads xs before it changes"
    assert STROKES[edge.kind].words == "reads before it changes"
