"""``test`` blocks: what mocks, calls and attempts mean in them, and what a failing one says."""

from __future__ import annotations

import pytest

from cflow.compiler.diagnostics import ProgramError
from cflow.testing import run_tests

FLOWS = """
from "./shop.py" import reserve, release, charge, CardDeclined, slow, thread, own_thread, lines, spoil, keep, many, KEY
from "./shop.py" import polite, closed

type Order:
    id: int
    sku: str
    qty: int = 1
    card: str = "4242"
    total: float = 9.5

flow settle(order: Order) -> str:
    transaction with timeout=2m:
        hold = reserve(order.sku, order.qty) undo release(hold)
        pay = charge(order.card, order.total, key=KEY) with retry=2
        return f"{hold} {pay}"

flow wait(x: int) -> int:
    sleep(3d)
    y = slow(x) with timeout=10s
    z = thread(x) with timeout=1s
    u = own_thread(x) with timeout=1s
    return y + z + u

flow forever() -> Any:
    return wait_signal("nobody sends it")

flow tail() -> stream[str]:
    for line in lines():
        yield line

flow breaks_off() -> list[str]:
    for x in polite():
        break
    sleep(5s)
    return closed()

"""
PASSING = {
    "a paid order": """
    mock reserve = "hold-1"
    mock charge = "pay-1"
    result = attempt(settle, Order(id=1, sku="A"))
    assert result.value == "hold-1 pay-1"
    assert result.error is None
    assert calls(reserve) == [("A", 1)]
    assert calls(release) == []
""",
    "a declined card gives back the stock": """
    mock reserve = "hold-1"
    mock release = None
    mock charge raises CardDeclined("no funds")
    result = attempt(settle, Order(id=1, sku="A"))
    assert isinstance(result.error, CardDeclined)
    assert len(calls(charge)) == 3
    assert calls(release) == ["hold-1"], "stock must be released"
""",
    "a mock holds from its line on": """
    first = attempt(settle, Order(id=1, sku="A"))
    mock reserve = "hold-1"
    mock charge = "pay-1"
    second = attempt(settle, Order(id=1, sku="A"))
    mock charge = "pay-2"
    third = attempt(settle, Order(id=1, sku="A"))
    assert isinstance(first.error, RuntimeError)
    assert second.value == "hold-1 pay-1"
    assert third.value == "hold-1 pay-2"
""",
    "time is virtual, and stands still for threads": """
    result = attempt(wait, 3)
    assert result.error is None
    assert result.value == 9
""",
    "what waits for ever fails": """
    result = attempt(forever)
    assert "waits for ever" in f"{result.error}"
""",
    "a stream gives the list of its items": """
    assert attempt(tail).value == ["a", "b"]
""",
    "a mocked stream": """
    mock lines = ["x"]
    assert attempt(tail).value == ["x"]
    mock lines = range(2)
    assert attempt(tail).value == [0, 1]
""",
    "a stream that is left is closed before the next step": """
    assert breaks_off() == ["closed"]
""",
    "wrong inputs are an error of the attempt": """
    five = many(5)
    result = attempt(settle, five)
    assert "Order" in f"{result.error}"
""",
    "nodes that are called in the test": """
    assert slow(3) == 3
    assert calls(slow) == [3]
""",
    "calls in the order of the parameters": """
    many(1)
    many(1, 2, 3, b=4, c=5)
    many(a=1)
    assert calls(many) == [1, (1, 2, 3, 4, 5), 1]
""",
    "a node that is attempted": """
    mock reserve = "h"
    assert attempt(reserve, "A").value == "h"
    assert isinstance(attempt(charge, "1", 2.0).error, RuntimeError)
""",
}
FAILING = {
    "a comparison": (
        """
    mock reserve = "hold-1"
    mock charge = "pay-1"
    result = attempt(settle, Order(id=1, sku="A"))
    assert calls(release) == ["hold-1"], "stock must be released"
""",
        'stock must be released\nassert calls(release) == ["hold-1"]\n  calls(release) is []',
    ),
    "names": (
        "    x = 2\n    y = 3\n    assert x * y == y\n",
        "assert x * y == y\n  x * y is 6\n  y is 3",
    ),
    "a test of another kind": (
        "    result = attempt(forever)\n    assert not result.error\n",
        "assert not result.error\n  result.error is WaitsForEver(",
    ),
    "over two lines": (
        "    x = 2\n    assert (x ==\n        3)\n",
        "assert x == 3\n  x is 2",
    ),
    "in a loop": (
        "    for i in [1, 2]:\n        if i > 0:\n            assert i < 2\n",
        "assert i < 2\n  i is 2",
    ),
    "an error": ("    charge(\"1\", 2.0)\n", "RuntimeError: no bank here"),
    "a changed argument": (
        "    xs = spoil([1])\n    assert len(xs) == 2\n",
        "the argument 'xs' of spoil was changed: a node never changes its arguments, nor what it has returned",
    ),
    "a changed result": (
        "    a = keep(1)\n    b = keep(2)\n",
        "what keep returned was changed: a node never changes its arguments, nor what it has returned",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", PASSING)
def test_passing(title: str, program) -> None:
    (result,) = run_tests(program(f'{FLOWS}test "{title}":{PASSING[title]}'))
    assert result.passed, result.message
    assert result.message == ""
    assert result.title == title


@pytest.mark.parametrize("title", FAILING)
def test_failing(title: str, program) -> None:
    body, words = FAILING[title]
    (result,) = run_tests(program(f'{FLOWS}test "{title}":\n{body.lstrip(chr(10))}'))
    assert not result.passed
    assert result.message.startswith(words), result.message
    assert result.span.line == FLOWS.count("\n") + 1


def test_tests_do_not_reach_one_another(program) -> None:
    text = FLOWS + 'test "one":\n    mock slow = 7\n    assert slow(1) == 7\n\ntest "two":\n    assert slow(1) == 1\n'
    text += '\ntest "three":\n    assert calls(slow) == []\n'
    assert [r.message for r in run_tests(program(text))] == ["", "", ""]
    assert [r.title for r in run_tests(program(text), chosen=lambda title: title == "two")] == ["two"]


def test_a_wrong_test_is_a_finding(program) -> None:
    with pytest.raises(ProgramError):
        run_tests(program(FLOWS + 'test "x":\n    assert nowhere(1) == 2\n'))


def test_python_files_are_left_to_pytest(shop) -> None:
    with pytest.raises(ProgramError) as error:
        run_tests(shop / "shop.py")
    assert [d.id for d in error.value.diagnostics] == ["python-tests"]
