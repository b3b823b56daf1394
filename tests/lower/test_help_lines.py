"""What a finding advises is what the author can write."""

from __future__ import annotations

from pathlib import Path

import pytest

import cflow
from cflow.compiler.rules import SHOP

HEAD = 'from "./shop.py" import fetch\n'

HELP: dict[str, tuple[str, list[str]]] = {
    "a pack that is not imported": (
        'flow main() -> str:\n    a = files.read("x")\n    return a\n',
        ["import it: import files"],
    ),
    "a module that is not imported": (
        "flow main() -> float:\n    return math.sqrt(2.0)\n",
        ["import it: import math"],
    ),
    "a field by position": (
        "type P:\n    x: int\n\nflow main() -> int:\n    p = P(1)\n    return p.x\n",
        ["give it by name: x=..."],
    ),
    "an option of a call on a loop": (
        "flow main() -> int:\n    for x in fetch(1) with retry=2:\n        fetch(2)\n    return 1\n",
        ["loop over a list, a range or a stream", "bracket the call that it belongs to: (f(x) with retry=...)"],
    ),
    "an option that a race has not": (
        "flow main() -> float:\n    return race(fetch(1), fetch(2), limit=3)\n",
        ["remove it: race() has only timeout"],
    ),
    "what is no node": (
        'flow main() -> float:\n    return fetch(1)\n\ntest "t":\n    mock len = 3\n    assert calls(fetch(1)) == []\n',
        ["name a node: mock fetch = 3.0", "name it without calling it: calls(release)"],
    ),
    "only nodes and flows may have been meant": (
        'flow main() -> float:\n    return fetch(1)\n\ntest "t":\n    assert calls(nope) == calls(fech)\n',
        ["assign nope before, or import it", "did you mean 'fetch'?"],
    ),
    "one mistake, one finding": (
        (
            "type P:\n    x: int\n\nflow main(p: P) -> float:\n    p.x = 5\n    a = fetch(1) with retry=1, retry=2\n"
            "    return fetch(1) with rate=5\n\nflow empty() -> int:\n\ntype D = Unknown\n"
        ),
        [
            "make a new record with the field you want",
            "remove one of them",
            'write rate="10/s"',
            "indent its lines by four spaces; an empty block is `pass`",
            "declare it with `type`, or import it",
        ],
    ),
    "options that are none": (
        "flow main() -> float:\n    a = fetch(1) with timeout=-5s\n    return fetch(2) with retry=Retry(-2)\n",
        ["write a duration like 10s, 5m or 1h30m", "write Retry(3)"],
    ),
}


def test_the_ring_of_an_endless_recursion_is_that_of_its_flow() -> None:
    text = (
        "flow main() -> int:\n    return a()\n\nflow a() -> int:\n    return b()\n\nflow b() -> int:\n    return a()\n"
    )
    (found,) = cflow.check(text)
    assert (found.span.line, found.message.partition(" calls")[0]) == (5, "the flow 'a'")
    assert "(a -> b -> a)" in found.message


def test_retry_is_a_number_of_more_attempts() -> None:
    with pytest.raises(ValueError, match="negative"):
        cflow.Retry(-2)
    with pytest.raises(TypeError, match="number of more attempts"):
        cflow.Retry(True)
    with pytest.raises(TypeError, match="pure= is True or False"):
        cflow.node(len, pure="yes")


@pytest.mark.parametrize(("program", "expected"), HELP.values(), ids=HELP)
def test_help(program: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    text = HEAD + program if "fetch" in program else program
    found = cflow.check(text, base=tmp_path)
    errors = sorted((d for d in found if d.severity == "error"), key=lambda d: (d.span.line, d.span.column))
    assert [d.help for d in errors] == expected
