"""Where an error says it comes from: flow, node, line, path, attempt and inputs, wherever in a run it was raised."""

# The programs name each step, so that the failing one has a line of its own.
# ruff: noqa: RET504

from __future__ import annotations

import inspect
import linecache
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from attrs import define

from cflow import Engine, Retry, flow, loop, node, parallel, race, secret, timeout, transaction
from cflow.compiler.diagnostics import LoopLimit, UndoFailed

KEY = secret("FAILURES_KEY")
SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILURES_KEY", SECRET)


class BoomError(Exception):
    pass


@node(reads="a")
async def boom(x: int, text: str = "t") -> int:
    await trio.lowlevel.checkpoint()
    raise BoomError(x)


@node(reads="a")
def boom_in_a_thread(x: int, text: str = "t") -> int:
    raise BoomError(x)


@node(reads="a", runs="loop")
def boom_in_place(x: int, text: str = "t") -> int:
    raise BoomError(x)


@node(reads="a")
async def fine(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


@node(writes="b")
async def put(x: int) -> int:
    return x


def explained(program: Any, *args: Any) -> Any:
    with pytest.raises(BoomError) as caught:
        program.run(*args)
    return caught.value.__cflow__  # type: ignore[attr-defined]


def line_of(program: Any, text: str) -> int:
    lines, start = inspect.getsourcelines(program.fn)
    return start + next(i for i, line in enumerate(lines) if text in line)


@flow
def straight(x: int) -> int:
    a = fine(x)
    b = boom(a + 1, text="b")
    return b


@flow
def straight_thread(x: int) -> int:
    a = fine(x)
    b = boom_in_a_thread(a + 1, text="b")
    return b


@flow
def straight_place(x: int) -> int:
    a = fine(x)
    b = boom_in_place(a + 1, text="b")
    return b


@flow
def table(x: int) -> int:
    a = fine(x)
    c = fine(x + 1)
    d = x + 1
    b = boom(d, text="b")
    return a + b + c


@flow
def table_thread(x: int) -> int:
    a = fine(x)
    c = fine(x + 1)
    d = x + 1
    b = boom_in_a_thread(d, text="b")
    return a + b + c


@flow
def table_place(x: int) -> int:
    a = fine(x)
    c = fine(x + 1)
    d = x + 1
    b = boom_in_place(d, text="b")
    return a + b + c


@flow
def lane(xs: list[int]) -> list[int]:
    return [boom_in_a_thread(x, text="b") for x in parallel(xs, limit=2)]


@flow
def passes(xs: list[int]) -> list[int]:
    return [boom(x, text="b") for x in parallel(xs, limit=2)]


@flow
def fused(x: int) -> int:
    a = boom_in_a_thread(x, text="b")
    return boom_in_a_thread(a)


@flow
def in_handler(x: int) -> int:
    try:
        a = fine(x)
        raise ValueError(a)
    except ValueError:
        b = boom(2, text="b")
    return b


@flow
def in_finally(x: int) -> int:
    try:
        a = fine(x)
    finally:
        put(1)
        boom(2, text="b")
    return a


@flow
def in_transaction(x: int) -> int:
    with transaction():
        put(x)
        a = boom(x + 1, text="b")
    return a


@flow
def in_timeout(x: int) -> int:
    with timeout(5):
        a = boom(x + 1, text="b")
    return a


@flow
def in_race(x: int) -> int:
    return race(boom(x + 1, text="b"), boom(x + 2))


@flow
def in_arms(x: int) -> int:
    with parallel():
        a = boom(x + 1, text="b")
        b = fine(1)
    return a + b


@flow
def in_loop(x: int) -> int:
    for i in range(3):
        if i == 1:
            x = boom(i + 1, text="b")
    return x


@flow
def under_policy(x: int) -> int:
    return boom.options(timeout=5)(x + 1, text="b")


ALL = [
    straight, straight_thread, straight_place, table, table_thread, table_place, in_handler, in_finally,
    in_transaction, in_timeout, in_race, in_arms, in_loop, under_policy,
]  # fmt: skip


@pytest.mark.parametrize("program", ALL, ids=lambda p: p.__name__)
@pytest.mark.parametrize("listened", [False, True])
def test_the_place_and_the_inputs(program: Any, listened: bool) -> None:
    engine = Engine(sinks=[lambda event: None] if listened else [])
    with pytest.raises(BoomError) as caught:
        engine.run(program, 1)
    failure = caught.value.__cflow__  # type: ignore[attr-defined]
    assert failure.flow == program.__name__
    assert failure.node.startswith("boom")
    assert failure.inputs == {"x": 2, "text": "b"}
    assert failure.span.line == line_of(program, 'text="b"')
    assert failure.attempt == 1
    assert failure.path[0] == program.__name__
    assert failure.path[-1] == failure.node
    assert caught.value.__notes__[-1].startswith(f"in flow {program.__name__}, {__file__}:")


@pytest.mark.parametrize("program", [lane, passes], ids=lambda p: p.__name__)
def test_in_passes(program: Any) -> None:
    failure = explained(program, [7, 8, 9])
    assert failure.inputs == {"x": 7, "text": "b"}
    assert failure.node.startswith("boom")


def test_in_a_fused_run() -> None:
    assert explained(fused, 3).inputs == {"x": 3, "text": "b"}


@flow
def inner_of_two(x: int) -> int:
    a = fine(x)
    return boom(a + 1, text=KEY)


@flow
def outer_of_two(x: int) -> int:
    a = inner_of_two(x) if x < 0 else 0
    b = inner_of_two(x + a)
    return b


def test_the_note_says_it_all() -> None:
    with pytest.raises(BoomError) as caught:
        outer_of_two.run(1)
    failure = caught.value.__cflow__  # type: ignore[attr-defined]
    assert failure.flow == "inner_of_two"
    assert failure.path == ("outer_of_two", "inner_of_two_2", "boom")
    line = line_of(inner_of_two, "boom(")
    assert caught.value.__notes__ == [
        (
            f"in flow inner_of_two, {__file__}:{line}: return boom(a + 1, text=KEY)\n"
            "  on the way outer_of_two > inner_of_two_2 > boom\n"
            f"  with x=2, text={failure.inputs['text']!r}"
        )
    ]
    assert SECRET not in caught.value.__notes__[0]


@flow
def odd_names(id: int, list: int, max: int) -> int:
    return boom(id + list, text=str(max))


def test_names_that_mean_something_in_python() -> None:
    assert explained(odd_names, 1, 2, 3).inputs == {"x": 3, "text": "3"}


@flow
def lower(x: int) -> int:
    a = fine(x)
    return boom(a + 1, text="b")


@flow(retry=Retry(1, backoff=1, jitter=False, max=0.0))
def middle(x: int) -> int:
    return lower(x) + 1


@flow
def upper(x: int) -> int:
    for _ in range(1):
        x = middle(x)
    return x


def test_the_path_leads_through_sub_flows() -> None:
    failure = explained(upper, 1)
    assert failure.flow == "lower"
    assert failure.path == ("upper", "middle", "lower", "boom")
    assert failure.inputs == {"x": 2, "text": "b"}
    assert failure.span.line == line_of(lower, 'text="b"')
    assert failure.attempt == 2
    assert failure.path[0] == "upper"
    assert "boom" in failure.path[-1]


@flow
def dripping(x: int) -> Iterator[int]:
    yield x
    boom(x, text="d")


@flow
def drinking(x: int) -> int:
    total = 0
    for drop in dripping(x):
        total += drop
    return total


def test_the_path_leads_into_the_stream_that_is_read() -> None:
    failure = explained(drinking, 1)
    assert failure.flow == "dripping"
    assert failure.path == ("drinking", "dripping", "boom")
    assert failure.span.line == line_of(dripping, 'text="d"')


@flow
def tried(x: int) -> int:
    return boom.options(retry=Retry(2, backoff=1, jitter=False, max=0.0))(x)


def test_the_attempt() -> None:
    assert explained(tried, 1).attempt == 3


@node(reads="a")
async def login(user: str, key: str, headers: dict[str, Any]) -> str:
    raise BoomError(user)


@flow
def secretive(user: str) -> str:
    return login(user, KEY, {"Authorization": [f"Bearer {KEY}"], "n": 1})


@define
class Account:
    name: str
    key: str


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@node(reads="a")
async def use(account: Any, odd: Any) -> str:
    raise BoomError(1)


@node(reads="a")
async def account_of(key: str) -> Any:
    return Account("me", key)


@node(reads="a")
async def odd_one() -> Any:
    return Odd()


@node(reads="a")
async def circle() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


@flow
def in_objects() -> str:
    return use(account_of(KEY), odd_one())


@flow
def in_a_circle() -> str:
    return use(circle(), KEY)


def test_secrets_are_redacted() -> None:
    failure = explained(secretive, "me")
    assert failure.inputs == {"user": "me", "key": "<secret>", "headers": {"Authorization": ["<secret>"], "n": 1}}
    assert SECRET not in repr(failure)


def test_what_cannot_be_shown_does_not_hide_the_error() -> None:
    failure = explained(in_objects)
    assert failure.inputs == {"account": "<secret>", "odd": "<secret>"}
    failure = explained(in_a_circle)
    assert failure.inputs["odd"] == "<secret>"
    assert SECRET not in repr(failure)


SAME = BoomError("same")


@node(reads="a")
async def again(x: int) -> int:
    raise SAME


@flow
def first(x: int) -> int:
    return again(x)


@flow
def second(y: int) -> int:
    return again(y)


def test_an_error_that_is_raised_again_by_another_run_says_where_now() -> None:
    assert explained(first, 1).flow == "first"
    assert explained(second, 2).flow == "second"
    assert explained(second, 2).inputs == {"x": 2}
    assert len(SAME.__notes__) == 3


@node(reads="a")
async def runs_another(x: int) -> int:
    return straight.run(x)


@flow
def outermost(x: int) -> int:
    return runs_another(x)


def test_the_innermost_run_is_named() -> None:
    failure = explained(outermost, 1)
    assert failure.flow == "straight"
    assert failure.inputs == {"x": 2, "text": "b"}


def test_the_later_failures_are_notes() -> None:
    @flow
    def two(x: int) -> int:
        with parallel():
            a = boom(x)
            b = boom(x + 1)
        return a + b

    with pytest.raises(BoomError) as caught:
        two.run(1)
    assert caught.value.args == (1,)


@flow
def two_loops() -> int:
    n = fine(0)
    while loop(n < 1, max=2):
        n = fine(n + 1)
    while loop(n < 20, max=3):
        n = fine(n)
    return n


@flow
def quick_loop(n: int) -> int:
    while loop(n < 10, max=2):
        n = n - 1
    return n


@node(writes="b")
async def cannot(x: int) -> None:
    raise RuntimeError("no way back")


@flow
def not_undone() -> int:
    a = fine(1)
    with transaction():
        b = put.options(undo=cannot)(a)
        c = boom(b)
    return c


@pytest.mark.parametrize(
    ("program", "args", "error", "line", "node"),
    [
        (two_loops, (), LoopLimit, "while loop(n < 20, max=3):", "while_2"),
        (quick_loop, (1,), LoopLimit, "while loop(n < 10, max=2):", "while"),
        (not_undone, (), UndoFailed, "with transaction():", "transaction"),
    ],
)
def test_errors_of_the_engine_have_the_line_of_their_block(
    program: Any, args: tuple[Any, ...], error: type[Exception], line: str, node: str
) -> None:
    with pytest.raises(error) as caught:
        program.run(*args)
    failure = caught.value.__cflow__  # type: ignore[attr-defined]
    assert linecache.getline(failure.span.file, failure.span.line).strip() == line
    assert (failure.node, failure.path) == (node, (program.source.name, node))
