"""Rules on order and effects: arms, races, undos, retries, streams, locks: the catalogue's data (:mod:`.rules`)."""
# ruff: noqa: E501 - a table

from __future__ import annotations

from .rules import Rule, rule

RULES: tuple[Rule, ...] = (
    rule(
        "parallel-exit",
        "error",
        "Independent work is left early",
        "`return` or `break` would leave a `parallel:` block, or a loop whose passes are independent.",
        "What the other arms or passes had done by then would be a matter of chance.",
        """
         from "./shop.py" import fetch

         flow main(ids: list[int]) -> float:
             for id in ids with parallel=8:
                 return fetch(id)
             return 0.0
         """,
        """
         from "./shop.py" import fetch

         flow main(ids: list[int]) -> float:
             found = for id in ids with parallel=8, take=1:
                 yield fetch(id)
             return found[0] if found else 0.0
         """,
    ),
    rule(
        "parallel-name",
        "error",
        "A name crosses independent work",
        "Two arms assign one name, one assigns what another uses, or a pass assigns what later lines or other passes use.",
        "Which value it has would be a matter of chance.",
        """
         from "./shop.py" import fetch

         flow main(ids: list[int]) -> float:
             total = 0.0
             for id in ids with parallel=8:
                 total += fetch(id)
             return total
         """,
        """
         from "./shop.py" import fetch

         flow main(ids: list[int]) -> float:
             totals = for id in ids with parallel=8:
                 yield fetch(id)
             return sum(totals)
         """,
    ),
    rule(
        "parallel-conflict",
        "warning",
        "Two arms touch one resource",
        "Two arms of a `parallel:` block write, or write and read, one declared resource without a common lock.",
        "Which comes first is a matter of chance.",
        """
         from "./shop.py" import reserve, release

         flow main(id: int):
             parallel:
                 reserve(id)
                 release("h-1")
         """,
        """
         from "./shop.py" import reserve, release

         flow main(id: int):
             parallel:
                 reserve(id) with lock="stock"
                 release("h-1") with lock="stock"
         """,
    ),
    rule(
        "race-needs-undo",
        "error",
        "A loser that has written",
        "A node that declares what it writes stands in a `race`, or in a loop with `take`, without an undo.",
        "The losers are cancelled: what they had written would stay.",
        """
         from "./shop.py" import reserve

         flow main(a: int, b: int) -> str:
             return race(reserve(a), reserve(b))
         """,
        """
         from "./shop.py" import reserve, release

         flow main(a: int, b: int) -> str:
             return race((reserve(a) undo release(result)), (reserve(b) undo release(result)))
         """,
    ),
    rule(
        "undeclared-in-race",
        "warning",
        "A loser of which nothing is known",
        "A node that declares nothing stands in a `race`, or in a loop with `take`.",
        "If it writes, what a loser has written stays.",
        """
         from "./shop.py" import legacy

         flow main(a: int, b: int) -> int:
             return race(legacy(a), legacy(b))
         """,
        """
         from "./shop.py" import fetch

         flow main(a: int, b: int) -> float:
             return race(fetch(a), fetch(b))
         """,
    ),
    rule(
        "undeclared-retry",
        "warning",
        "A retry of what may write",
        "`retry` is given for a node that declares nothing.",
        "A failed attempt may have written already; the next one writes again.",
        """
         from "./shop.py" import legacy

         flow main(id: int) -> int:
             x = legacy(id) with retry=3
             return x
         """,
        """
         from "./shop.py" import legacy with reads="orders"

         flow main(id: int) -> int:
             x = legacy(id) with retry=3
             return x
         """,
    ),
    rule(
        "undeclared-cache",
        "warning",
        "A cache for what may write",
        "`cache` is given for a node that declares nothing.",
        "While the cached result is used, nothing is written.",
        """
         from "./shop.py" import legacy

         flow main(id: int) -> int:
             x = legacy(id) with cache=1h
             return x
         """,
        """
         from "./shop.py" import legacy with reads="orders"

         flow main(id: int) -> int:
             x = legacy(id) with cache=1h
             return x
         """,
    ),
    rule(
        "retry-repeats-writes",
        "warning",
        "A retry repeats writes",
        "A flow that writes outside of a transaction has `retry`.",
        "A retry runs it again from its first line: what it had written is written twice.",
        """
         from "./shop.py" import book, fetch

         flow settle(id: int):
             book(id)
             fetch(id)

         flow main(id: int):
             settle(id) with retry=3
         """,
        """
         from "./shop.py" import book, fetch, unbook

         flow settle(id: int):
             transaction:
                 book(id) undo unbook(id)
                 fetch(id)

         flow main(id: int):
             settle(id) with retry=3
         """,
    ),
    rule(
        "undo-without-write",
        "error",
        "Nothing to undo",
        "A pure node, a reader, or a flow that only calls such, has an undo.",
        "It suggests an effect that is not there, or a declaration is missing.",
        """
         from "./shop.py" import fetch, release

         flow main(id: int) -> float:
             x = fetch(id) undo release("h")
             return x
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id)
             return x
         """,
    ),
    rule(
        "stream-used-twice",
        "error",
        "A stream has one consumer",
        "A stream is read, or handed on, a second time.",
        "Its items come once; the second reader would find nothing.",
        """
         from "./shop.py" import lines

         flow main() -> int:
             source = lines()
             n = 0
             for a in source:
                 n += 1
             for b in source:
                 n += 1
             return n
         """,
        """
         from "./shop.py" import lines

         flow main() -> int:
             n = 0
             for a in lines():
                 n += 1
             for b in lines():
                 n += 1
             return n
         """,
    ),
    rule(
        "stream-as-value",
        "error",
        "A stream is not a value",
        "A stream is returned, put into a list or a text, given to a built-in function, or raced, where only a value has a "
        "meaning. It can be gone over, named, and given to a node or flow.",
        "Its items come one by one, and it is closed at the end of its block: what held it would hold nothing.",
        """
         from "./shop.py" import lines

         flow main() -> list[str]:
             return sorted(lines())
         """,
        """
         from "./shop.py" import lines

         flow main() -> list[str]:
             return sorted([line for line in lines()])
         """,
    ),
    rule(
        "stream-in-other-block",
        "error",
        "A stream is read where it was opened",
        "A stream is read in another block than the one that made it.",
        "A stream is closed at the end of its block; what reads it must not run later, or twice.",
        """
         from "./shop.py" import lines

         flow main(go: bool) -> int:
             source = lines()
             n = 0
             if go:
                 for a in source:
                     n += 1
             return n
         """,
        """
         from "./shop.py" import lines

         flow main(go: bool) -> int:
             n = 0
             if go:
                 for a in lines():
                     n += 1
             return n
         """,
    ),
    rule(
        "lock-order",
        "warning",
        "Locks nested both ways round",
        "One lock is taken within a second one here, and the second within the first there.",
        "Two runs could wait for each other for ever.",
        """
         from "./shop.py" import book

         flow main(id: int):
             with lock="a":
                 with lock="b":
                     book(id)
             with lock="b":
                 with lock="a":
                     book(id)
         """,
        """
         from "./shop.py" import book

         flow main(id: int):
             with lock="a":
                 with lock="b":
                     book(id)
             with lock="a":
                 with lock="b":
                     book(id)
         """,
    ),
)
