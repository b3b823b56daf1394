"""Where things stand: a layered drawing of each region, boxes within boxes.

The classic four steps of Sugiyama's method, in a small form: layers by longest path, stand-ins for lines that cross
layers, fewer crossings by medians, and positions as straight as the order in a layer allows (least squares, solved
exactly by pooling neighbours). A box is laid out inside first; for the region around it, it is one big node. So every
line stays within one region, and the time is near linear in what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import define, field, frozen

from .model import Drawing, Edge, Node, Part

# All lengths are in pixels of the drawing.
PAD = 14
GAP_X = 26
GAP_Y = 34
ARM_GAP = 16
LINE_GAP = 12
TITLE = 13.0
DETAIL = 11.0
ROUNDS = 8
MOST_PASSING = 20_000
"""Stand-ins in one region; lines beyond that run straight, across whatever is in their way."""


@frozen
class Placed:
    """A node with its corner, relative to nothing: absolute in the drawing. ``head``: the height of its own text."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    head: float


@frozen
class Arm:
    """The frame of a part within its box."""

    title: str
    x: float
    y: float
    width: float
    height: float


@frozen
class Line:
    """An edge with the points it goes through, top to bottom."""

    edge: Edge
    points: tuple[tuple[float, float], ...]


@define
class Picture:
    """All that is drawn, outer things first."""

    title: str
    width: float = 0.0
    height: float = 0.0
    boxes: list[Placed | Arm] = field(factory=list)
    lines: list[Line] = field(factory=list)


def arrange(drawing: Drawing) -> Picture:
    """Places everything; the corner of the body is at ``(PAD, PAD)``."""
    body = _Region(drawing.body)
    picture = Picture(drawing.title, body.width + 2 * PAD, body.height + 2 * PAD)
    body.place(PAD, PAD, picture)
    return picture


def text_width(text: str, size: float) -> float:
    """The width of a text in a sans-serif font, near enough to give it room."""
    return size * sum(
        1.0
        if ord(c) > 0x2E80
        else 0.34
        if c in "iljtf.,:;|!'()[]{} I"
        else 0.92
        if c in "mwMW@"
        else 0.70
        if c.isupper()
        else 0.58
        for c in text
    )


class _Box:
    """One node, sized: its own text, and under it its arms side by side."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.arms = [_Region(part) for part in node.parts]
        own = max(text_width(node.title, TITLE), text_width(node.detail, DETAIL)) + 2 * PAD
        self.head = (TITLE + 7) + (DETAIL + 5 if node.detail else 0) + 8
        inner = sum(arm.framed for arm in self.arms) + ARM_GAP * (len(self.arms) - 1) + 2 * PAD if self.arms else 0.0
        self.width = max(own, inner, 56.0)
        self.height = self.head + (max(arm.tall for arm in self.arms) + PAD if self.arms else 0.0)

    def place(self, x: float, y: float, picture: Picture) -> None:
        picture.boxes.append(Placed(self.node, x, y, self.width, self.height, self.head))
        tall = max((arm.tall for arm in self.arms), default=0.0)
        spare = self.width - 2 * PAD - sum(arm.framed for arm in self.arms) - ARM_GAP * (len(self.arms) - 1)
        left = x + PAD + max(spare, 0) / 2
        for arm in self.arms:
            if len(self.arms) > 1 or arm.part.title:
                picture.boxes.append(Arm(arm.part.title, left, y + self.head, arm.framed, tall))
            arm.place(left + (arm.framed - arm.width) / 2, y + self.head + arm.above, picture)
            left += arm.framed + ARM_GAP


@define(eq=False)
class _Slot:
    """What stands in a layer: a box, or the place where a line passes through."""

    box: _Box | None
    width: float
    layer: int
    x: float = 0.0  # of its middle
    up: list[_Slot] = field(factory=list)
    down: list[_Slot] = field(factory=list)


class _Region:
    """One part, laid out in its own coordinates."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.boxes = {node.id: _Box(node) for node in part.nodes}
        self.slots: dict[str, _Slot] = {}
        self.routes: list[tuple[Edge, list[_Slot]]] = []
        self.layers: list[list[_Slot]] = []
        self._layer()
        for _ in range(2):
            self._uncross()
        self._align()
        self._measure()

    @property
    def framed(self) -> float:
        """The width with its frame and its title."""
        return max(self.width, text_width(self.part.title, DETAIL)) + (PAD if self.part.title else 0)

    @property
    def above(self) -> float:
        return DETAIL + 14 if self.part.title else 0.0

    @property
    def tall(self) -> float:
        return self.height + self.above + (PAD / 2 if self.part.title else 0)

    def _layer(self) -> None:
        """Longest path from the top; inputs sink to just above their first use. Nodes come in program order."""
        depth: dict[str, int] = {}
        into: dict[str, list[Edge]] = {}
        out: dict[str, list[str]] = {}
        for edge in self.part.edges:
            into.setdefault(edge.target, []).append(edge)
            out.setdefault(edge.source, []).append(edge.target)
        for node in self.part.nodes:
            depth[node.id] = max((depth[edge.source] + 1 for edge in into.get(node.id, ())), default=0)
        for node in self.part.nodes:
            if node.shape == "input" and node.id in out:
                depth[node.id] = min(depth[target] for target in out[node.id]) - 1
        last = self.part.nodes[-1] if self.part.nodes else None
        if last is not None and last.shape == "end" and len(depth) > 1:
            # The end of a region waits for all of it: it stands below, and needs no lines to say so.
            depth[last.id] = max(deep for name, deep in depth.items() if name != last.id) + 1
        self.layers = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        for node in self.part.nodes:
            slot = _Slot(self.boxes[node.id], self.boxes[node.id].width, depth[node.id])
            self.slots[node.id] = slot
            self.layers[slot.layer].append(slot)
        spare = MOST_PASSING
        for edge in sorted(self.part.edges, key=lambda edge: depth[edge.target] - depth[edge.source]):
            source, target = self.slots[edge.source], self.slots[edge.target]
            spare -= target.layer - source.layer - 1
            self.routes.append((edge, self._route(source, target) if spare >= 0 else [source, target]))

    def _route(self, source: _Slot, target: _Slot) -> list[_Slot]:
        route = [source]
        for layer in range(source.layer + 1, target.layer):
            passing = _Slot(None, LINE_GAP, layer)
            self.layers[layer].append(passing)
            route.append(passing)
        route.append(target)
        for upper, lower in pairwise(route):
            upper.down.append(lower)
            lower.up.append(upper)
        return route

    def _uncross(self) -> None:
        """Orders each layer by the middle of its neighbours, down and then up."""
        for layers, neighbours in ((self.layers, "up"), (self.layers[::-1], "down")):
            for before, layer in pairwise(layers):
                rank = {id(slot): i for i, slot in enumerate(before)}
                keys: dict[int, float] = {}
                for i, slot in enumerate(layer):
                    near = sorted(rank[id(n)] for n in getattr(slot, neighbours) if id(n) in rank)
                    keys[id(slot)] = _median(near) if near else float(i)
                layer.sort(key=lambda slot: keys[id(slot)])

    def _align(self) -> None:
        """Moves every slot towards its neighbours, in rounds, without changing the order in a layer."""
        for layer in self.layers:
            x = 0.0
            for slot in layer:
                slot.x = x + slot.width / 2
                x += slot.width + GAP_X
        for turn in range(ROUNDS):
            down = turn % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                wishes = []
                for slot in layer:
                    near = (slot.up or slot.down) if down else (slot.down or slot.up)
                    if not near and len(layer) == 1 and slot.layer:
                        near = self.layers[slot.layer - 1]  # the end of a region: under what is above it
                    # A line that only passes pulls hard, so that it becomes straight.
                    weight = 4.0 if slot.box is None else 1.0 + len(near)
                    wishes.append((sum(n.x for n in near) / len(near) if near else slot.x, weight if near else 0.1))
                for slot, x in zip(layer, _spread(wishes, _distances(layer)), strict=True):
                    slot.x = x

    def _measure(self) -> None:
        every = [slot for layer in self.layers for slot in layer]
        left = min((slot.x - slot.width / 2 for slot in every), default=0.0)
        for slot in every:
            slot.x -= left
        self.width = max((slot.x + slot.width / 2 for slot in every), default=0.0)
        self.tops: list[float] = []
        self.heights = [max((s.box.height for s in layer if s.box), default=0.0) for layer in self.layers]
        y = 0.0
        for i, height in enumerate(self.heights):
            self.tops.append(y)
            y += height + (self._gap(i) if i + 1 < len(self.heights) else 0.0)
        self.height = y

    def _gap(self, layer: int) -> float:
        """Room under a layer: more where many lines bend far."""
        reach = max((abs(slot.x - lower.x) for slot in self.layers[layer] for lower in slot.down), default=0.0)
        return GAP_Y + min(reach / 14, 46.0)

    def place(self, x: float, y: float, picture: Picture) -> None:
        for slot in self.slots.values():
            assert slot.box is not None
            top = y + self.tops[slot.layer] + (self.heights[slot.layer] - slot.box.height) / 2
            slot.box.place(x + slot.x - slot.width / 2, top, picture)
        ports = self._ports()
        for edge, route in self.routes:
            points: list[tuple[float, float]] = []
            for i, slot in enumerate(route):
                top, tall = y + self.tops[slot.layer], self.heights[slot.layer]
                if slot.box is None:
                    points += [(x + slot.x, top), (x + slot.x, top + tall)]
                    continue
                middle = top + tall / 2
                edge_y = middle + slot.box.height / 2 if i == 0 else middle - slot.box.height / 2
                points.append((x + slot.x + ports[id(route), i == 0], edge_y))
            picture.lines.append(Line(edge, tuple(points)))

    def _ports(self) -> dict[tuple[int, bool], float]:
        """Where on its side a line touches a box, as an offset from the middle: in the order they come from."""
        offsets: dict[tuple[int, bool], float] = {}
        for down in (True, False):
            sides: dict[int, list[list[_Slot]]] = {}
            for _, route in self.routes:
                sides.setdefault(id(route[0] if down else route[-1]), []).append(route)
            for routes in sides.values():
                near = [route[1] if down else route[-2] for route in routes]
                own = routes[0][0] if down else routes[0][-1]
                order = sorted(range(len(routes)), key=lambda i, near=near: near[i].x)  # type: ignore[misc]
                step = min(16.0, (own.width - 24) / max(len(routes), 1))
                for place, i in enumerate(order):
                    offsets[id(routes[i]), down] = (place - (len(routes) - 1) / 2) * step
        return offsets


def _median(values: Sequence[int]) -> float:
    middle = len(values) // 2
    return float(values[middle]) if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _distances(layer: Sequence[_Slot]) -> list[float]:
    """The least distance between the middles of neighbours."""
    gaps = []
    for left, right in pairwise(layer):
        gap = LINE_GAP if left.box is None or right.box is None else GAP_X
        gaps.append((left.width + right.width) / 2 + gap)
    return gaps


def _spread(wishes: Iterable[tuple[float, float]], distances: Sequence[float]) -> list[float]:
    """The positions nearest to what is wished (weighted squares) that keep the distances: pool adjacent violators."""
    offset = 0.0
    offsets: list[float] = []
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for i, (wish, weight) in enumerate(wishes):
        offset += distances[i - 1] if i else 0.0
        offsets.append(offset)
        mean, total, count = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total += other_weight
            count += other_count
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
