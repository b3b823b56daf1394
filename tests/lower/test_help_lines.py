"""What a finding advises is what the author can write."""

# ruff: noqa: E501 - a table

from __future__ import annotations

from pathlib import Path

import pytest

import cflow
from cflow.compiler.rules import SHOP
from cflow.dsl.loader import check_python
from cflow.dsl.lower.other_words import ERRORS, FORMS

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
    "errors that are imported": (
        (
            "flow main() -> float:\n    try:\n        return fetch(1)\n    except UndoFailed:\n        return 1.0\n"
            "    except (LoopLimit, RecursionLimit) as e:\n        raise CflowError(str(e))\n"
        ),
        [
            f"import it: from cflow import {name}"
            for name in ("UndoFailed", "LoopLimit", "RecursionLimit", "CflowError")
        ],
    ),
    "constants of other languages": (
        "flow main(n: int) -> Any:\n    if n:\n        return [true, false]\n    return (null, none, nil)\n",
        ["write True", "write False", "write None", "write None", "write None"],
    ),
    "blocks and loops of the other spelling": (
        (
            "flow main(xs: list[int], go: bool) -> Any:\n    while loop(go, max=3):\n        fetch(1)\n"
            "    for x in parallel(xs, limit=3):\n        fetch(x)\n    done = collect()\n    with timeout(5):\n        fetch(2)\n"
            "    parallel(1)\n    return loop + done\n"
        ),
        [
            "write `while condition with max=500:`",
            "write `for x in xs with parallel=8:`, or `ys = for x in xs with parallel=8:` with a `yield` to collect",
            "write `done = for x in xs with parallel=8, collect=True:`, with a `yield` in it",
            "write `with timeout=5s:`",
            "write `for x in xs with parallel=8:`, or `ys = for x in xs with parallel=8:` with a `yield` to collect",
            "assign loop before, or import it",
        ],
    ),
    "blocks that Python writes behind `with`": (
        (
            "flow main() -> Any:\n    with transaction():\n        fetch(1)\n    with parallel():\n        fetch(2)\n"
            '    with lock("a"):\n        fetch(3)\n'
        ),
        [
            "write `transaction:`, or `transaction with timeout=2m:`",
            "write `parallel:`; for a limit `for x in xs with parallel=8:`",
            'write `with lock="name":`',
        ],
    ),
    "options of the other spelling": (
        (
            'flow main() -> Any:\n    fetch.options(retry=2, timeout="1m")(1)\n    again = fetch.options(retry=2)\n'
            "    return fetch.options(undo=fetch)(2)\n"
        ),
        [
            "write fetch(...) with retry=2, timeout='1m'",
            "write fetch(...) with retry=2",
            "write fetch(...) undo f(...)",
        ],
    ),
    "declarations of the other spelling": (
        (
            'flow main() -> Any:\n    a = secret("KEY")\n    b = env("REGION")\n    c = os.environ["REGION"]\n'
            '    d = os.getenv("REGION")\n    return [a, b, c, d]\n'
        ),
        [
            "declare it at the top of the file: `secret STRIPE_KEY`",
            'declare it at the top of the file: `env REGION: str = "eu-west-1"`',
            'declare `env REGION: str = "default"` or `secret KEY` at the top of the file and use that name',
            'declare `env REGION: str = "default"` or `secret KEY` at the top of the file and use that name',
        ],
    ),
    "the environment of an imported module": (
        'import os\n\nflow main() -> Any:\n    return os.environ["REGION"]\n',
        ['declare `env REGION: str = "default"` or `secret KEY` at the top of the file and use that name'],
    ),
    "the clock": (
        "flow main() -> Any:\n    return (date.today(), datetime.now(), Path.cwd(), date.fromisoformat('2026-01-31'))\n",
        [
            "write time.today(), with `import time` at the top",
            "write time.now(), with `import time` at the top",
            "make a node that calls Path.cwd",
            "convert the text: `value: date = text`",
        ],
    ),
    "the clock of an imported module": (
        "import datetime as dt\n\nflow main() -> Any:\n    return dt.date.today()\n",
        ["write time.today(), with `import time` at the top"],
    ),
    "None where there is a type": (
        "flow f(n: int) -> int:\n    if n:\n        return None\n    return f(None)\n",
        ["give a value of type int, or say int | None where it may be None"] * 2,
    ),
    "only conversions that can go well": (
        (
            "flow f(n: int) -> int:\n    return n\n\nflow g(xs: list[int]) -> float:\n    return 1.0\n\nflow main(s: str) -> Any:\n"
            "    return [f(s), f([1]), f(10m), g(range(3)), g(['a']), g(3)]\n"
        ),
        [
            "convert it: int(...)",
            "give a value of type int",
            "take its seconds: int(value.total_seconds())",
            "convert it: list(...)",
            "give a value of type list[int]",
            "give a value of type list[int]",
        ],
    ),
    "text is formatted by f-strings": (
        'flow main(s: str) -> Any:\n    return ["{}".format(3), s.format(3)]\n',
        ['write f"... {value}"'] * 2,
    ),
    "a test without a title in quotes": (
        "flow main() -> int:\n    return 1\n\ntest it works:\n    assert main() == 1\n",
        ['write `test "it works":`'],
    ),
    "catch": (
        (
            "flow main() -> float:\n    try:\n        return fetch(1)\n    catch (ValueError e):\n        return 1.0\n\n"
            "flow b() -> float:\n    try:\n        return fetch(1)\n    catch:\n        return 1.0\n"
        ),
        ["write `except ValueError as e:`", "write `except Exception:`"],
    ),
    "durations and numbers": (
        "flow main(d: date, n: int) -> Any:\n    return [10m + 5, 5 - 10m, d + 7, 10m + n, d - n, d + d, 5m * 2]\n",
        [
            "add and take away durations: 5s, 5m or 5h",
            "add and take away durations: 5s, 5m or 5h",
            "add and take away durations: 7d",
            "add and take away durations: n * 1s, n * 1m or n * 1h",
            "add and take away durations: n * 1d",
            "convert one of the two sides",
        ],
    ),
    "types by Python's names": (
        (
            "type Order:\n    id: int\n\nflow main(a: Optional[int], b: List[Optional[Order]], c: Dict[str, int], d: Union[int, str],\n"
            '    e: Literal["x", 1], f: Tuple[int, ...], g: Optional, h: Mapping[str, Sequence[int]]) -> Any:\n    return a\n'
        ),
        [
            "write int | None",
            "write list[Order | None]",
            "write dict[str, int]",
            "write int | str",
            'write "x" | 1',
            "write tuple[int, ...]",
            "write it like int | None",
            "write dict[str, list[int]]",
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


IN_PYTHON = """
import datetime as dt
import os

from cflow import flow
from shop import fetch


@flow
def clock() -> list[dt.datetime]:
    return [dt.datetime.now()]


@flow
def environment() -> str:
    return os.environ["REGION"]


@flow
def imported(go: bool) -> float:
    while loop(go, max=3):
        fetch(1)
    return true


@flow
def later(day: dt.date) -> dt.date:
    return day + 7
"""


def test_help_in_python(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "program.py").write_text(IN_PYTHON)
    found = check_python(tmp_path / "program.py")
    assert [d.help for d in sorted(found, key=lambda d: d.span.line) if d.severity == "error"] == [
        "write time.now(): from cflow.stdlib_nodes import time",
        'declare REGION = env("REGION", "default") or KEY = secret("KEY") beside the flow and use that name',
        "import it: from cflow import loop",
        "write True",
        "add and take away durations: timedelta(days=7)",
    ]


def test_errors_of_the_engine_are_all_known() -> None:
    public = {name: getattr(cflow, name) for name in cflow.__all__}
    assert {n for n, value in public.items() if isinstance(value, type) and issubclass(value, Exception)} == ERRORS


FORMS_IMPORTED = """from cflow import {name}

flow main(go: bool, xs: list[int]) -> Any:
    return {name}(xs)
"""


@pytest.mark.parametrize("name", sorted(FORMS))
def test_an_imported_form_is_written_otherwise_in_text(name: str) -> None:
    with pytest.raises(cflow.ProgramError) as caught:
        cflow.loads(FORMS_IMPORTED.format(name=name)).main.run(True, [])
    assert [d.help for d in caught.value.diagnostics if d.severity == "error"] == [FORMS[name]]
