"""What a queue does, by its definition: a list that is looked through from end to end."""

from __future__ import annotations

import math

from attrs import define, field

from cflow.store.admission import Head, next_of, round_of


@define
class Turn:
    run: str
    priority: int
    key: str
    since: float
    round: int
    number: int


@define
class Line:
    """Who waits to begin, and who begins next."""

    turns: list[Turn] = field(factory=list)
    count: int = 0

    def join(self, run: str, priority: int = 0, key: str = "", since: float = 0.0, number: int | None = None) -> None:
        level = [turn.round for turn in self.turns if turn.priority == priority]
        own = [turn.round for turn in self.turns if (turn.priority, turn.key) == (priority, key)]
        self.count += 1
        number = self.count if number is None else number
        round = round_of(min(level, default=None), max(own, default=None))
        self.turns.append(Turn(run, priority, key, since, round, number))

    def leave(self, run: str) -> Turn:
        (turn,) = [turn for turn in self.turns if turn.run == run]
        self.turns.remove(turn)
        return turn

    def next(self) -> str:
        heads: dict[int, Turn] = {}
        for turn in self.turns:
            head = heads.get(turn.priority)
            if head is None or (turn.round, turn.number) < (head.round, head.number):
                heads[turn.priority] = turn
        first = next_of(Head(turn.priority, turn.since, turn.number) for turn in heads.values())
        (found,) = [turn.run for turn in heads.values() if turn.number == first.run]
        self.leave(found)
        return found


def window(starts: list[float], now: float, period: float) -> int:
    """How many began in the period up to now."""
    return sum(now - period < start <= now for start in starts)


def free(concurrency: int | None, taken: int) -> float:
    return math.inf if concurrency is None else max(0, concurrency - taken)
