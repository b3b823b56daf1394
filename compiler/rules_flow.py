"""Rules on control: loops, handlers, results, forms: the catalogue's data (:mod:`.rules`)."""
# ruff: noqa: E501 - a table

from __future__ import annotations

from .rules import Rule, rule

RULES: tuple[Rule, ...] = (
    rule(
        "unreachable",
        "warning",
        "Never reached",
        "Nothing can come to this line: what stands before always leaves by `return`, `raise`, `break` or `continue`, or a case before matches everything.",
        "Either it is superfluous, or what leaves too early is a mistake.",
        """
         from "./shop.py" import book

         flow main(id: int) -> int:
             return id
             book(id)
         """,
        """
         from "./shop.py" import book

         flow main(id: int) -> int:
             book(id)
             return id
         """,
    ),
    rule(
        "outside-loop",
        "error",
        "`break` or `continue` outside of a loop",
        "There is no loop around it.",
        "There is nothing to leave or to go on with.",
        """
         flow main(n: int) -> int:
             if n > 3:
                 break
             return n
         """,
        """
         flow main(n: int) -> int:
             if n > 3:
                 return 3
             return n
         """,
    ),
    rule(
        "yield-outside-loop",
        "error",
        "`yield` with nowhere to go",
        "`yield` stands neither in a collecting `for` nor in a flow that is a stream.",
        "There is nothing that it could add to.",
        """
         flow main(n: int) -> int:
             yield n
             return n
         """,
        """
         flow main(n: int) -> stream[int]:
             yield n
         """,
    ),
    rule(
        "collect-alone",
        "error",
        "A collector without its loop",
        "`done = collect(...)` is not followed at once by a loop that appends to it.",
        "The two lines are one construct: a loop that bears failures.",
        """
         from cflow import collect, flow

         @flow
         def main(xs: list[int]) -> int:
             done = collect(max_failed=3)
             return 1
         """,
        """
         from cflow import collect, flow, parallel

         @flow
         def main(xs: list[int]) -> int:
             done = collect(max_failed=3)
             for x in parallel(xs, limit=8):
                 done.append(x + 1)
             return len(done.ok)
         """,
        python=True,
    ),
    rule(
        "call-not-here",
        "error",
        "A node cannot be called here",
        "A node is called in the default of a parameter, in the arguments of an `undo`, or in another place that cannot wait.",
        "There is no step that the call could be.",
        """
         from "./shop.py" import fetch

         flow main(total: float = fetch(1)) -> float:
             return total
         """,
        """
         from "./shop.py" import fetch

         flow main() -> float:
             total = fetch(1)
             return total
         """,
    ),
    rule(
        "bare-except",
        "error",
        "`except:` without a class",
        "A handler names no class of errors.",
        "It would hide mistakes of the program itself.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             try:
                 return fetch(id)
             except:
                 return 0.0
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             try:
                 return fetch(id)
             except Exception:
                 return 0.0
         """,
    ),
    rule(
        "raise-nothing",
        "error",
        "`raise` without an error",
        "A bare `raise` stands outside of an `except`.",
        "There is no error to raise again.",
        """
         flow main(n: int) -> int:
             if n < 0:
                 raise
             return n
         """,
        """
         flow main(n: int) -> int:
             if n < 0:
                 raise ValueError("negative")
             return n
         """,
    ),
    rule(
        "exit-in-finally",
        "error",
        "`finally` is left early",
        "`return`, `break` or `continue` leaves a `finally`.",
        "It would silently drop the error that is on its way.",
        """
         from "./shop.py" import book

         flow main(id: int) -> int:
             try:
                 book(id)
             finally:
                 return 2
         """,
        """
         from "./shop.py" import book

         flow main(id: int) -> int:
             try:
                 book(id)
             finally:
                 book(0)
             return 2
         """,
    ),
    rule(
        "idle-arm",
        "error",
        "An arm of a race that calls nothing",
        "An argument of `race` is a plain value.",
        "It would have won before the race begins.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             return race(fetch(id), 0.0)
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             return race(fetch(id), fetch(-id))
         """,
    ),
    rule(
        "detach-flow",
        "error",
        "Only a flow can be detached",
        "`detach` is given something else than the call of a flow.",
        "A detached run is a run of its own, with an id: only flows are run.",
        """
         from "./shop.py" import book

         flow main(id: int) -> str:
             return (detach book(id))
         """,
        """
         from "./shop.py" import book

         flow later(id: int):
             book(id)

         flow main(id: int) -> str:
             return (detach later(id))
         """,
    ),
    rule(
        "only-in-tests",
        "error",
        "This belongs in a test",
        "`mock`, `attempt` or `calls` stands in a flow.",
        "A flow cannot look at its own calls.",
        """
         from "./shop.py" import book

         flow main() -> Any:
             book(1)
             return calls(book)
         """,
        """
         from "./shop.py" import book

         flow main() -> Any:
             book(1)
             return 1

         test "it books":
             mock book = None
             result = attempt(main)
             assert calls(book) == [1]
         """,
    ),
    rule(
        "return-in-test",
        "error",
        "A test returns nothing",
        "`return` stands in a `test`.",
        "A test passes when it reaches its end.",
        """
         flow main() -> int:
             return 1

         test "it":
             return main()
         """,
        """
         flow main() -> int:
             return 1

         test "it":
             assert main() == 1
         """,
    ),
    rule(
        "endless-recursion",
        "error",
        "Recursion that cannot end",
        "Every way through a flow calls the flow again, directly or by others.",
        "No call of it could ever return.",
        """
         flow count(n: int) -> int:
             return count(n + 1)
         """,
        """
         flow count(n: int) -> int:
             if n > 9:
                 return n
             return count(n + 1)
         """,
    ),
)
