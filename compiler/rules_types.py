"""Rules on types: the catalogue's data (:mod:`.rules`)."""
# ruff: noqa: E501 - a table

from __future__ import annotations

from .rules import Rule, rule

RULES: tuple[Rule, ...] = (
    rule(
        "argument-type",
        "error",
        "An argument of the wrong type",
        "An argument's type can never be that of the parameter. `int` passes for `float`; what is unknown is `Any` and passes.",
        "The call would fail, or worse, succeed with nonsense.",
        """
         from "./shop.py" import fetch

         flow main(name: str) -> float:
             return fetch(name)
         """,
        """
         from "./shop.py" import fetch

         flow main(name: str) -> float:
             return fetch(int(name))
         """,
    ),
    rule(
        "assigned-type",
        "error",
        "A value that can never be converted",
        "`x: T = ...` or `convert(..., T)` is given a value that no conversion makes a `T`.",
        "It would fail on every run.",
        """
         flow main(xs: list[int]) -> int:
             n: int = xs
             return n
         """,
        """
         flow main(xs: list[int]) -> int:
             n: int = len(xs)
             return n
         """,
    ),
    rule(
        "return-type",
        "error",
        "A result of the wrong type",
        "`return` or `yield` gives a value that is not what the flow's header promises.",
        "Callers rely on the header; so does the conversion of inputs and results.",
        """
         flow main(n: int) -> str:
             return n
         """,
        """
         flow main(n: int) -> str:
             return str(n)
         """,
    ),
    rule(
        "missing-return",
        "error",
        "A way without a result",
        "A flow that promises a result can reach its end without `return`.",
        "It would give None where callers expect something else.",
        """
         flow main(n: int) -> str:
             if n > 0:
                 return "some"
         """,
        """
         flow main(n: int) -> str:
             if n > 0:
                 return "some"
             return "none"
         """,
    ),
    rule(
        "operator-types",
        "error",
        "Operands that do not go together",
        "An operator is applied to types for which it has no meaning.",
        "It would fail when the line's turn comes.",
        """
         flow main(n: int) -> str:
             return "total: " + n
         """,
        """
         flow main(n: int) -> str:
             return f"total: {n}"
         """,
    ),
    rule(
        "is-operand",
        "error",
        "`is` compares with None, True or False only",
        "`is` or `is not` compares two other values.",
        "Identity means nothing for values that may be copied, cached or sent to another process.",
        """
         flow main(a: str) -> bool:
             return a is "x"
         """,
        """
         flow main(a: str) -> bool:
             return a == "x"
         """,
    ),
    rule(
        "not-iterable",
        "error",
        "Nothing to go over",
        "A loop, a comprehension or an unpacking is given a value that has no items.",
        "It would fail when the line's turn comes.",
        """
         flow main(n: int) -> int:
             total = 0
             for i in n:
                 total += i
             return total
         """,
        """
         flow main(n: int) -> int:
             total = 0
             for i in range(n):
                 total += i
             return total
         """,
    ),
    rule(
        "not-indexable",
        "error",
        "Nothing to take with [...]",
        "`value[...]` is written for a value that has no items or slices.",
        "It would fail when the line's turn comes.",
        """
         flow main(n: int) -> int:
             return n[0]
         """,
        """
         flow main(n: list[int]) -> int:
             return n[0]
         """,
    ),
    rule(
        "unpack-count",
        "error",
        "Not as many names as values",
        "A tuple of known length is unpacked into another number of names.",
        "It would fail when the line's turn comes.",
        """
         flow main() -> int:
             pair = (1, 2)
             a, b, c = pair
             return a + b + c
         """,
        """
         flow main() -> int:
             pair = (1, 2)
             a, b = pair
             return a + b
         """,
    ),
    rule(
        "wrong-collection",
        "error",
        "Another kind of collection",
        "`append`, `add` or `d[k] = v` is used on a collection of another kind.",
        "It would fail when the line's turn comes.",
        """
         flow main() -> Any:
             xs = [1]
             xs.add(2)
             return xs
         """,
        """
         flow main() -> Any:
             xs = [1]
             xs.append(2)
             return xs
         """,
    ),
    rule(
        "shared-collection",
        "error",
        "A collection that something else holds too",
        "`xs.append(y)`, `xs += [y]`, `d[k] = v` or `s.add(x)` on a collection that another name, a container or a node holds, or that the flow did not make itself.",
        "Values do not change in a flow: these forms give the name a new version, and in Python the other holder would see the change.",
        """
         flow main(xs: list[int]) -> list[int]:
             xs.append(1)
             return xs
         """,
        """
         flow main(xs: list[int]) -> list[int]:
             xs = [*xs, 1]
             return xs
         """,
    ),
    rule(
        "slice-target",
        "error",
        "A slice cannot be assigned",
        "`xs[a:b] = ...` stands in a flow.",
        "Values do not change in a flow; an item of a collection that nothing else holds can be replaced, a stretch of it not.",
        """
         flow main() -> Any:
             xs = [1, 2, 3]
             xs[0:2] = [5]
             return xs
         """,
        """
         flow main() -> Any:
             xs = [1, 2, 3]
             xs = [5, *xs[2:]]
             return xs
         """,
    ),
    rule(
        "not-an-exception",
        "error",
        "This is no exception",
        "`raise` or `except` is given something that is not an exception.",
        "It can be neither raised nor caught.",
        """
         flow main():
             raise "no funds"
         """,
        """
         flow main():
             raise ValueError("no funds")
         """,
    ),
    rule(
        "match-not-exhaustive",
        "error",
        "A `match` that leaves something out",
        "The value has a closed type (literals, bool, None, an enum, a union of classes), and no case matches some of its values.",
        "When a value is added to the type, this is where it would be forgotten.",
        """
         type Mode = "fast" | "safe"

         flow main(mode: Mode) -> int:
             match mode:
                 case "fast":
                     return 1
         """,
        """
         type Mode = "fast" | "safe"

         flow main(mode: Mode) -> int:
             match mode:
                 case "fast":
                     return 1
                 case "safe":
                     return 2
         """,
    ),
    rule(
        "case-never-matches",
        "error",
        "A case that never matches",
        "A case's pattern is none of the values of the closed type.",
        "Mostly it is a typing mistake in a literal.",
        """
         type Mode = "fast" | "safe"

         flow main(mode: Mode) -> int:
             match mode:
                 case "fats":
                     return 1
                 case _:
                     return 2
         """,
        """
         type Mode = "fast" | "safe"

         flow main(mode: Mode) -> int:
             match mode:
                 case "fast":
                     return 1
                 case _:
                     return 2
         """,
    ),
    rule(
        "or-pattern-names",
        "error",
        "Alternatives that bind different names",
        "The alternatives of an `a | b` pattern do not bind the same names.",
        "After the match some of the names would have no value.",
        """
         flow main(x: Any) -> Any:
             match x:
                 case [a] | (_, b):
                     return 1
                 case _:
                     return 2
         """,
        """
         flow main(x: Any) -> Any:
             match x:
                 case [a] | (_, a):
                     return a
                 case _:
                     return 2
         """,
    ),
    rule(
        "unsupported",
        "error",
        "What a flow cannot hold",
        "A form of Python that has no meaning in a flow; the message says which, why, and what to write instead.",
        "A flow is compiled to a graph before it runs: everything in it must be known then.",
        """
         from cflow import flow

         @flow
         def main(n: int) -> int:
             global total
             total = n
             return n
         """,
        """
         from cflow import flow

         @flow
         def main(n: int) -> int:
             total = n
             return total
         """,
        python=True,
    ),
    rule(
        "too-big",
        "error",
        "Out of bounds",
        "A flow nests deeper, has more steps, or computes a larger constant than is allowed.",
        "Checking takes bounded time and memory, whoever wrote the text.",
        """
         flow main() -> Any:
             return 2 ** 10000000
         """,
        """
         flow main() -> Any:
             return 2 ** 100
         """,
    ),
)
