"""The drawing as Mermaid text, which code forges and documentation tools draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from . import style
from .model import Drawing, Node, Part

_SHAPES = {
    "call": ('["', '"]'),
    "flow": ('[["', '"]]'),
    "block": ('["', '"]'),
    "input": ('(["', '"])'),
    "end": ('(["', '"])'),
    "value": ('>"', '"]'),
}


def to_mermaid(drawing: Drawing) -> str:
    """The text of a ``flowchart``."""
    return "\n".join(_Writer().lines(drawing)) + "\n"


class _Writer:
    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def lines(self, drawing: Drawing) -> Iterator[str]:
        # A front matter title survives where `%%` comments are cut.
        yield from ("---", f"title: {_quoted(drawing.title)}", "---", "flowchart TD")
        yield from self.part(drawing.body, "  ")
        effects, _ = style.legend(drawing)
        for effect in effects:
            ink = style.CALLS[effect]
            yield f"  classDef {effect} fill:{ink.fill},stroke:{ink.frame},color:{ink.text}"
        yield f"  classDef ending fill:{style.END.fill},stroke:{style.END.frame},color:{style.END.text}"

    def part(self, part: Part, indent: str) -> Iterator[str]:
        for node in part.nodes:
            yield from self.node(node, indent)
        for edge in part.edges:
            source, target = self.name(edge.source), self.name(edge.target)
            if edge.kind == "data":
                yield f"{indent}{source} --> {target}"
            else:
                yield f"{indent}{source} -. {_quoted(style.STROKES[edge.kind].words)} .-> {target}"

    def node(self, node: Node, indent: str) -> Iterator[str]:
        name = self.name(node.id)
        if not node.parts:
            opening, closing = _SHAPES[node.shape]
            text = _label(node.title) + (f"<br/><small>{_label(node.detail)}</small>" if node.detail else "")
            kind = f":::{node.effect}" if node.shape == "call" else ":::ending" if node.shape == "end" else ""
            yield f"{indent}{name}{opening}{text}{closing}{kind}"
            return
        title = f"{node.title} · {node.detail}" if node.detail else node.title
        yield f'{indent}subgraph {name}["{_label(title)}"]'
        for i, part in enumerate(node.parts):
            if len(node.parts) == 1 and not part.title:
                yield from self.part(part, indent + "  ")
                continue
            yield f'{indent}  subgraph {name}_{i + 1}["{_label(part.title or " ")}"]'
            yield from self.part(part, indent + "    ")
            yield f"{indent}  end"
        yield f"{indent}end"

    def name(self, ident: str) -> str:
        """A short name: ids of operations hold characters that Mermaid reads as syntax."""
        return self.names.setdefault(ident, f"n{len(self.names) + 1}")


def _label(text: str) -> str:
    """Text between quotes; what Mermaid would read is written as character codes."""
    return "".join(f"#{ord(c)};" if c in '"#<>&`' or not c.isprintable() else c for c in text)


def _quoted(text: str) -> str:
    return f'"{_label(text)}"'
