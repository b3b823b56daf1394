"""Colours and line styles, one table for every form that has them."""

from __future__ import annotations

from attrs import frozen

from .model import Drawing, EffectKind, Node, Part, WaitKind


@frozen
class Ink:
    """How a box is filled, framed and written."""

    fill: str
    frame: str
    text: str


@frozen
class Stroke:
    """How a line is drawn; ``dashes`` are lengths of ink and gap. ``words``: what it means, for the legend."""

    colour: str
    width: float
    dashes: tuple[float, ...]
    words: str


PAPER = "#ffffff"
TEXT = "#1f2933"
FAINT = "#6b7785"
BLOCK = Ink("#f6f8fa", "#b6c2cf", "#3b4754")
FLOW = Ink("#eef4ff", "#7d9fd6", "#22406e")
ARM = Ink("#ffffff", "#d5dde5", "#6b7785")
INPUT = Ink("#ffffff", "#8a97a5", "#3b4754")
END = Ink("#3b4754", "#3b4754", "#ffffff")
VALUE = Ink("#ffffff", "#d5dde5", "#6b7785")

CALLS: dict[EffectKind, Ink] = {
    "pure": Ink("#ffffff", "#7b8794", TEXT),
    "reads": Ink("#e3f4ee", "#3f9c7d", "#14503d"),
    "writes": Ink("#fdeedd", "#d98632", "#6e3c0b"),
    "undeclared": Ink("#fdf6d8", "#c2a83a", "#5c4d0a"),
    "barrier": Ink("#f1e8fb", "#8f66c2", "#47256f"),
}
EFFECT_WORDS: dict[EffectKind, str] = {
    "pure": "pure",
    "reads": "reads",
    "writes": "writes",
    "undeclared": "declares nothing",
    "barrier": "barrier",
}
STROKES: dict[WaitKind, Stroke] = {
    "data": Stroke("#52606d", 1.5, (), "needs its value"),
    "read": Stroke("#3f9c7d", 1.3, (6, 4), "reads after a write"),
    "change": Stroke("#3f9c7d", 1.3, (2, 3), "reads before it changes"),
    "write": Stroke("#d98632", 1.3, (6, 4), "writes in order"),
    "guard": Stroke("#8f66c2", 1.3, (2, 3), "only if a guard lets pass"),
    "log": Stroke("#a0abb8", 1.2, (2, 3), "log lines in order"),
}


def ink(node: Node) -> Ink:
    match node.shape:
        case "call":
            return CALLS[node.effect]
        case "flow":
            return FLOW
        case "block":
            return BLOCK
        case "input":
            return INPUT
        case "value":
            return VALUE
        case "end":
            return END


def legend(drawing: Drawing) -> tuple[list[EffectKind], list[WaitKind]]:
    """The effects and the kinds of lines that occur, in the order of the tables."""
    effects: set[EffectKind] = set()
    kinds: set[WaitKind] = set()

    def visit(part: Part) -> None:
        kinds.update(edge.kind for edge in part.edges)
        for node in part.nodes:
            if node.shape == "call":
                effects.add(node.effect)
            for inner in node.parts:
                visit(inner)

    visit(drawing.body)
    return [e for e in CALLS if e in effects], [k for k in STROKES if k in kinds]
