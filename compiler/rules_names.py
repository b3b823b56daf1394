"""Rules on names, calls and arguments: the catalogue's data (:mod:`.rules`)."""
# ruff: noqa: E501 - a table

from __future__ import annotations

from .rules import Rule, rule

RULES: tuple[Rule, ...] = (
    rule(
        "unknown-name",
        "error",
        "Nothing has this name",
        "A name is used that is neither assigned in the flow, nor declared or imported in the file, nor built in.",
        "A typing mistake would otherwise come to light in the middle of a run.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             return fecth(id)
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             return fetch(id)
         """,
    ),
    rule(
        "unknown-member",
        "error",
        "A pack has no such member",
        "`pack.name` is used and the pack or module has no public `name`.",
        "A typing mistake would otherwise come to light in the middle of a run.",
        """
         import math

         flow main(x: float) -> Any:
             return math.squareroot(x)
         """,
        """
         import math

         flow main(x: float) -> Any:
             return math.sqrt(x)
         """,
    ),
    rule(
        "unbound-name",
        "error",
        "A name may have no value",
        "A name is read on a line that can be reached without the name being assigned: after an `if` without `else`, after a loop that may make no pass, in a handler.",
        "Python would raise UnboundLocalError, on some days only.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             if id > 0:
                 total = fetch(id)
             return total
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             total = 0.0
             if id > 0:
                 total = fetch(id)
             return total
         """,
    ),
    rule(
        "not-a-value",
        "error",
        "A node, flow or pack used as a value",
        "A node, a flow, a pack or a form of the language stands where a value is needed.",
        "Which nodes a flow may call must be known before it runs; choose between them with `if` or `match`.",
        """
         from "./shop.py" import fetch, legacy

         flow main(id: int) -> Any:
             get = fetch
             return legacy(id)
         """,
        """
         from "./shop.py" import fetch, legacy

         flow main(id: int) -> Any:
             if id > 0:
                 return fetch(id)
             return legacy(id)
         """,
    ),
    rule(
        "not-callable",
        "error",
        "This cannot be called",
        "Something is called that is neither a node, a flow, a record, an exception class nor a built-in function.",
        "Values of a flow are data; a class with code of its own may do anything when it is built.",
        """
         flow main(f: Any) -> Any:
             return f(1)
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> Any:
             return fetch(id)
         """,
    ),
    rule(
        "not-a-function",
        "error",
        "Only a built-in function can be given to another",
        "`key=`, `map` or `filter` is given something else than a built-in function.",
        "What they call must be pure and known; a node in there could neither wait nor be retried.",
        """
         from "./shop.py" import score

         flow main(xs: list[float]) -> list[float]:
             return sorted(xs, key=score)
         """,
        """
         from "./shop.py" import score

         flow main(xs: list[float]) -> list[float]:
             scored = sorted([(score(x), x) for x in xs])
             return [x for _, x in scored]
         """,
    ),
    rule(
        "not-a-node",
        "error",
        "A node is wanted",
        "`mock` or `calls` names something that is no node, or `attempt` something that is neither a node nor a flow.",
        "They are about calls: `attempt` makes one, of a node or a flow, and what stands in for a call, and is recorded of it, "
        "is a node's. A flow has no effect but those of the nodes it calls.",
        """
         flow main() -> int:
             return 1

         test "it":
             mock len = 3
             assert main() == 1
         """,
        """
         from "./shop.py" import fetch

         flow main() -> float:
             return fetch(1)

         test "it":
             mock fetch = 3.0
             assert main() == 3.0
         """,
    ),
    rule(
        "missing-argument",
        "error",
        "An argument is missing",
        "A call leaves out a parameter that has no default.",
        "The call would fail when its turn comes.",
        """
         from "./shop.py" import book

         flow main():
             book(total=1.0)
         """,
        """
         from "./shop.py" import book

         flow main():
             book(7, total=1.0)
         """,
    ),
    rule(
        "too-many-arguments",
        "error",
        "Too many arguments",
        "A call has more positional arguments than there are parameters for.",
        "The call would fail when its turn comes.",
        """
         from "./shop.py" import fetch

         flow main() -> float:
             return fetch(1, 2)
         """,
        """
         from "./shop.py" import fetch

         flow main() -> float:
             return fetch(1)
         """,
    ),
    rule(
        "unknown-keyword",
        "error",
        "No such parameter",
        "A call gives an argument by a name that no parameter has.",
        "The call would fail when its turn comes.",
        """
         from "./shop.py" import book

         flow main():
             book(1, totl=2.0)
         """,
        """
         from "./shop.py" import book

         flow main():
             book(1, total=2.0)
         """,
    ),
    rule(
        "argument-twice",
        "error",
        "An argument given twice",
        "A parameter gets a value by position and by name, or twice by name.",
        "One of the two values would be lost.",
        """
         from "./shop.py" import book

         flow main():
             book(1, 2.0, total=3.0)
         """,
        """
         from "./shop.py" import book

         flow main():
             book(1, total=3.0)
         """,
    ),
    rule(
        "unknown-option",
        "error",
        "No such option",
        "The options of a call, a loop or a flow's header have a name that is none of theirs.",
        "An option that does nothing is worse than none: the author relies on it.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with retries=3
             return x
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with retry=3
             return x
         """,
    ),
    rule(
        "option-twice",
        "error",
        "An option given twice",
        "One option is written twice.",
        "One of the two values would be lost.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with retry=3, retry=5
             return x
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with retry=5
             return x
         """,
    ),
    rule(
        "option-misfit",
        "error",
        "An option that does not fit",
        "An option stands where it can do nothing: on a built-in function or a record, `max_failed` without `collect`, `rest` without `take`, `buffer` on a list, `retry` on a stream.",
        "An option that does nothing is worse than none: the author relies on it.",
        """
         flow main(xs: list[int]) -> list[int]:
             ys = for x in xs with parallel=8, max_failed=3:
                 yield x
             return ys
         """,
        """
         flow main(xs: list[int]) -> list[int]:
             done = for x in xs with parallel=8, collect=True, max_failed=3:
                 yield x
             return done.ok
         """,
    ),
    rule(
        "bad-option",
        "error",
        "An option with a wrong value",
        'The value of an option is not of its kind: `retry=-1`, `rate="fast"`, `lock=3`.',
        "It would fail, or mean something unexpected, when the call's turn comes.",
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with rate="fast"
             return x
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             x = fetch(id) with rate="10/s"
             return x
         """,
    ),
    rule(
        "bad-duration",
        "error",
        "This is no duration",
        'A timeout, a cache time or a `sleep` is neither seconds, nor a duration literal, nor text like `"1h30m"`, or it is negative.',
        "It would fail when the call's turn comes.",
        """
         flow main():
             sleep("soon")
         """,
        """
         flow main():
             sleep(10s)
         """,
    ),
    rule(
        "forbidden-name",
        "error",
        "A name that a flow must not use",
        "The name exists and stands for something that a flow cannot hold: the process environment, Python's own objects, a value that changes.",
        "A run could neither be repeated nor be checked.",
        """
         flow main() -> Any:
             return open("x.txt")
         """,
        """
         import files

         flow main() -> Any:
             return files.read("x.txt")
         """,
    ),
    rule(
        "forbidden-attribute",
        "error",
        "An attribute that a flow must not read",
        "A flow reads an attribute whose name begins with `_`, or one that leads to Python's own objects.",
        "Text from a stranger must never reach the interpreter.",
        """
         flow main(x: Any) -> Any:
             return x.__class__
         """,
        """
         flow main(x: Any) -> Any:
             return x.kind
         """,
    ),
    rule(
        "unknown-attribute",
        "error",
        "No such field",
        'A record or a built-in value has no attribute of this name. A dot is an attribute; a key is `page["items"]`.',
        "It would fail when the line's turn comes.",
        """
         type Order:
             id: int
             total: float

         flow main(order: Order) -> float:
             return order.totl
         """,
        """
         type Order:
             id: int
             total: float

         flow main(order: Order) -> float:
             return order.total
         """,
    ),
    rule(
        "unknown-method",
        "error",
        "A method that cannot be called in a flow",
        "A method is called that is not one of the pure methods of built-in values.",
        "What a method of any other object does, and how long it takes, nobody knows; as a node it can be timed out, retried and declared.",
        """
         flow main(text: str) -> str:
             return text.shout()
         """,
        """
         flow main(text: str) -> str:
             return text.upper()
         """,
    ),
    rule(
        "method-not-called",
        "error",
        "A method that is not called",
        "A method of a built-in value is named without being called.",
        "The value would be the method itself.",
        """
         flow main(text: str) -> str:
             return text.upper
         """,
        """
         flow main(text: str) -> str:
             return text.upper()
         """,
    ),
    rule(
        "changing-method",
        "error",
        "A method that changes its value",
        "`insert`, `pop`, `sort`, `update` and the like are called; or `append` in the middle of an expression.",
        "Values do not change in a flow: steps that run at the same time may look at them.",
        """
         flow main(xs: list[int]) -> list[int]:
             xs.sort()
             return xs
         """,
        """
         flow main(xs: list[int]) -> list[int]:
             xs = sorted(xs)
             return xs
         """,
    ),
    rule(
        "unused-result",
        "warning",
        "A result that is not used",
        "A line computes something pure and does nothing with it.",
        "Either the line is superfluous, or its result was meant to be assigned.",
        """
         from "./shop.py" import score

         flow main(x: float) -> float:
             score(x)
             return x
         """,
        """
         from "./shop.py" import score

         flow main(x: float) -> float:
             x = score(x)
             return x
         """,
    ),
    rule(
        "unused-import",
        "warning",
        "An import that is not used",
        "A name is imported and nothing in the file uses it.",
        "It suggests a dependency that is not there.",
        """
         from "./shop.py" import fetch, score

         flow main(id: int) -> float:
             return fetch(id)
         """,
        """
         from "./shop.py" import fetch

         flow main(id: int) -> float:
             return fetch(id)
         """,
    ),
)
