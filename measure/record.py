"""Recording a run: every node call with its operation, its result, its time, and how much of that it computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from ..compiler.spec import NodeSpec
from ..executor.groups import is_cancellation
from .clocks import Clocks, where
from .tape import Item, Piece, Recorded, Tape, giver, key_of, raiser


class Recorder:
    """Records what passes while ``substitute`` is the substitute of an engine, and this its ``tally``.

    ``tape``: the calls so far, in the order in which they ended; :meth:`take` starts another.
    """

    def __init__(self) -> None:
        self.tape = Tape()
        self.substitute = Clocks(self._begins).substitute

    def take(self) -> Tape:
        """The calls so far, in the order in which they began; those to come are another tape's."""
        tape, self.tape = self.tape, Tape()
        tape.calls.sort(key=lambda call: call.began)
        return tape

    def enter(self, block: str) -> None:
        """A run enters a block; from any thread."""
        self.tape.blocks.enter(block)

    def limit(self, block: str, passes: int | None) -> None:
        """So many passes of a loop may overlap."""
        self.tape.blocks.limit(block, passes)

    def _begins(self, spec: NodeSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Recording:
        return _Recording(self, spec, where(spec), key_of(args, kwargs))


@define(eq=False)
class _Recording:
    """One call under way."""

    recorder: Recorder
    spec: NodeSpec
    op: str
    key: Any
    items: list[Item] = field(factory=list, init=False)

    def item(self, piece: Piece, value: Any, error: BaseException | None) -> None:
        if error is None or not is_cancellation(error):
            self.items.append(Item(piece, giver(value) if error is None else raiser(error)))

    def ended(self, began: float, piece: Piece, value: Any, error: BaseException | None) -> None:
        spec = self.spec
        give: Callable[[], Any] | None = None
        if error is None:
            give = giver(value)
        elif not is_cancellation(error):
            give = raiser(error)
        items = None
        if spec.is_stream:
            give, items = None, tuple(self.items)
        self.recorder.tape.add(Recorded(self.op, spec.key, spec.name, self.key, began, piece, give, items))
