"""The flows of the crash tests: every form in which a run can stand when its process is killed."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from typing import Any

import trio
from crash_world import BEGIN, CUT, DID, ENDED, WORLD, nonce

from cflow import (
    Retry,
    batched,
    buffered,
    collect,
    context,
    detach,
    flow,
    loop,
    node,
    parallel,
    race,
    sleep,
    timeout,
    transaction,
    wait_signal,
)
from cflow.transactional import SQLite


class NoError(Exception):
    """What flows here fail with."""


async def _effect(what: str, saw: str = "", pause: float = 0.001) -> str:
    call = WORLD.enter()
    WORLD.say(BEGIN, what, saw)
    WORLD.point(BEGIN, call)
    try:
        await trio.sleep(WORLD.pause(pause))
        WORLD.say(DID, what, saw)
        WORLD.point(DID, call)
        await trio.sleep(WORLD.pause(pause))
    except trio.Cancelled:
        WORLD.say(CUT, what, saw)
        raise
    WORLD.point(ENDED, call)
    return what


@node(writes="file")
async def write(what: str, saw: str = "") -> str:
    return await _effect(what, saw)


@node
def plain(what: str, saw: str = "") -> str:
    """Declares nothing and blocks: called in place, or in a thread."""
    call = WORLD.enter()
    WORLD.say(BEGIN, what, saw)
    WORLD.point(BEGIN, call)
    WORLD.say(DID, what, saw)
    WORLD.point(DID, call)
    return what


@node(writes="file", runs="thread")
def threaded(what: str, saw: str = "") -> str:
    return plain.fn(what, saw)


@node(reads="clock")
async def look(n: int) -> str:
    call = WORLD.enter()
    WORLD.point(BEGIN, call)
    await trio.sleep(WORLD.pause(0.0005))
    return f"{n}{nonce()}"


@node(reads="clock")
async def never(what: str) -> str:
    await trio.sleep(math.inf)
    return what


@node(writes="file")
async def unbook(what: str) -> None:
    await _effect(f"-{what}")


@node(writes="file", undo=unbook)
async def book(what: str, saw: str = "") -> str:
    return await _effect(what, saw)


@node(writes="file", retry=Retry(3, max=0.002))
async def flaky(what: str) -> str:
    """Fails twice before its effect."""
    call = WORLD.enter()
    WORLD.say(BEGIN, what, "")
    WORLD.point(BEGIN, call)
    await trio.sleep(WORLD.pause(0.0005))
    if context().attempt < 3:
        raise OSError(what)
    WORLD.say(DID, what, "")
    WORLD.point(DID, call)
    return what


@node(writes="file")
async def refuse(what: str) -> str:
    await _effect(what)
    raise NoError(what)


@node(reads="clock")
async def numbers(n: int) -> Iterator[str]:  # type: ignore[misc]
    for i in range(n):
        call = WORLD.enter()
        WORLD.point(BEGIN, call)
        yield f"{i}"
        await trio.sleep(WORLD.pause(0.0005))


@node(reads="clock", seek="after")
async def rows(n: int, after: str = "-1") -> Iterator[str]:  # type: ignore[misc]
    """Can begin anywhere."""
    for i in range(int(after) + 1, n):
        call = WORLD.enter()
        WORLD.point(BEGIN, call)
        yield f"{i}"
        await trio.sleep(WORLD.pause(0.0005))


@node(reads="clock")
async def bulk(n: int) -> str:
    """Large enough for a file of its own, and each time another."""
    call = WORLD.enter()
    WORLD.point(BEGIN, call)
    await trio.lowlevel.checkpoint()
    return f"{n}{nonce()}" * 9000


class Ledger(SQLite):
    """A database beside the store, whose process may also end right after a commit."""

    def begin(self) -> Any:
        transaction = super().begin()
        commit, call = transaction.commit, WORLD.calls

        def commits() -> None:
            WORLD.point(DID, WORLD.calls)
            commit()
            if WORLD.calls != call:  # it is of a node
                WORLD.point(ENDED, WORLD.calls)

        transaction.commit = commits  # type: ignore[method-assign]
        return transaction


LEDGER = Ledger("ledger.db")


def open_ledger(path: str) -> None:
    LEDGER.path = path
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE IF NOT EXISTS effect (process, what, saw, attempt, key)")
    made.close()


def _entered(db: sqlite3.Connection, what: str, saw: str) -> str:
    call = WORLD.enter()
    WORLD.say(BEGIN, what, saw)
    WORLD.point(BEGIN, call)
    it = context()
    db.execute("INSERT INTO effect VALUES (?, ?, ?, ?, ?)", (WORLD.process, what, saw, it.attempt, it.key))
    return what


@node(transactional=LEDGER, writes="ledger")
def unenter(db: sqlite3.Connection, what: str) -> None:
    _entered(db, f"-{what}", "")


@node(transactional=LEDGER, writes="ledger", undo=unenter)
def enter(db: sqlite3.Connection, what: str, saw: str = "") -> str:
    return _entered(db, what, saw)


@node(transactional=LEDGER, writes="ledger", undo=unenter, retry=Retry(3, max=0.002))
def enter_badly(db: sqlite3.Connection, what: str) -> str:
    """Fails twice after its effect, which is rolled back."""
    _entered(db, what, "")
    if context().attempt < 3:
        raise OSError(what)
    return what


@flow
def transacted() -> list[str]:
    """Transactional nodes: in line, at once, tried again, undone."""
    out = [enter(f"t{i}", look(i)) for i in range(3)]
    out.append(enter_badly("bad"))
    try:
        with transaction():
            enter("u1")
            [enter(f"p{i}", look(10 + i)) for i in parallel(range(4), limit=2)]
            enter_badly("u2")
            refused()
    except NoError:
        out.append(enter("caught"))
    return out


@node(reads="clock")
def refused() -> None:
    raise NoError("refused")


@flow
def straight(size: int = 8) -> list[str]:
    out = []
    for i in range(size):
        seen = look(i)
        more = look(100 + i)
        out.append(write(f"w{i}", seen + more))
        out.append(seen)
    return out


@flow
def kinds() -> list[str]:
    a = write("async", look(1))
    b = plain("place", look(2))
    c = threaded("thread", look(3))
    d = plain("again", look(4))
    return [a, b, c, d, flaky("flaky")]


@flow
def inner(name: str) -> str:
    a = write(f"{name}a", look(1))
    n = look(2)
    b = write(f"{name}b", n)
    return a + b


@flow
def nested(name: str) -> list[str]:
    return [inner(f"{name}{i}") for i in range(2)]


@flow
def wide(size: int = 6) -> list[list[str]]:
    return [nested(f"p{i}.") for i in parallel(range(size), limit=4)]


@flow
def booked(size: int = 4) -> str:
    try:
        with transaction():
            for i in range(size):
                book(f"b{i}", look(i))
            flaky("f")
            refuse("refused")
    except NoError as e:
        write("caught")
        return str(e)
    finally:
        write("finally")
    return "not refused"


@flow
def outer_books(name: str) -> str:
    with transaction():
        book(f"{name}1")
        book(f"{name}2")
    return name


@flow
def arms() -> str:
    """Undos of arms, of flows that are called, and of a transaction inside one that has been committed."""
    try:
        with transaction():
            outer_books("x")
            with parallel():
                [book(f"y{i}") for i in range(3)]
                [book(f"z{i}") for i in range(3)]
            book("last")
            refuse("refused")
    except NoError as e:
        return write("after") + str(e)
    return "not refused"


@flow
def attempt() -> str:
    """Fails in its first two attempts, each of which is undone."""
    with transaction():
        a = book(f"t{number()}a")
        b = book(f"t{number()}b")
        decide(number())
    return a + b


@node(reads="clock")
async def number() -> int:
    """The attempt of the flow around, as its key tells."""
    await trio.lowlevel.checkpoint()
    key = context().key
    return 3 if "#3" in key else 2 if "#2" in key else 1


@node(reads="clock")
async def decide(n: int) -> None:
    await trio.lowlevel.checkpoint()
    if n < 3:
        raise NoError(str(n))


@flow
def retried() -> str:
    won = attempt.options(retry=Retry(3, max=0.002))()
    return write("after") + won


@flow
def streamed(size: int = 7) -> list[str]:
    out = []
    for item in numbers(size):
        out.append(write(f"s{item}", look(0)))
    for items in batched(numbers(size), 3):
        out.append(write("batch" + "".join(items)))
    for ahead in buffered(numbers(4), 2):
        out.append(write(f"ahead{ahead}"))
    return out


@flow
def sought(size: int = 7) -> list[str]:
    out = []
    for item in rows(size):
        out.append(write(f"s{item}", look(0)))
    for items in batched(rows(size), 3):
        out.append(write("batch" + "".join(items)))
    for ahead in buffered(rows(4), 2):
        out.append(write(f"ahead{ahead}"))
    return out


@flow
def live(size: int = 6) -> Iterator[str]:
    """Itself a stream."""
    for item in numbers(size):
        yield write(f"i{item}")
    yield write("end")


@flow
def child(name: str) -> str:
    a = write(f"{name}a", look(1))
    sleep("2ms")
    return a + write(f"{name}b")


@flow
def detaches() -> str:
    one = detach(child("one"))
    write("between", one)
    two = detach(child("two"))
    write("after", two)
    return "detached"


@flow
def waits() -> list[str]:
    out = [write("first", look(1))]
    sleep("8ms")
    out.append(write("second"))
    answer = wait_signal("go", timeout="8ms", default="nobody")
    out.append(write(f"third{answer}"))
    try:
        with timeout("5ms"):
            never("x")
    except TimeoutError:
        out.append(write("late"))
    return out


@flow
def races() -> list[str]:
    out = []
    for i in range(4):
        won = race(book(f"r{i}", look(i)), never("x"))
        out.append(write(f"won{won}"))
    return out


@flow
def cut_short() -> list[str]:
    """A timeout that cuts a transaction, wherever that is by then."""
    try:
        with timeout("30ms"):
            with transaction():
                book("c1")
                book("c2")
                never("x")
    except TimeoutError:
        return [write("over")]
    return ["not cut"]


@flow
def gathered() -> list[int]:
    done = collect((picky(i) for i in parallel(range(6), limit=3)), max_failed=3)
    write("gathered")
    return [f.index for f in done.failed]


@node(writes="file")
async def picky(i: int) -> int:
    await _effect(f"g{i}")
    if i % 3 == 1:
        raise NoError(str(i))
    return i


@flow
def some() -> list[str]:
    """The quickest; the others are undone."""
    return [book(f"q{i}") for i in parallel(range(6), limit=3, take=2)]


@flow
def large() -> list[int]:
    out = []
    for i in range(4):
        text = bulk(i)
        write(f"l{i}", text[:10])
        again = bulk(i)
        out.append(len(text) + len(again))
    return out


@flow
def fails() -> str:
    with transaction():
        book("k1", look(1))
        book("k2", look(2))
        refuse("refused")
    return "not refused"


@flow
def polls() -> int:
    n = 0
    while loop(n < 6, max=50):
        seen = write(f"poll{n}", look(n))
        n = n + len(seen[:1])
    return n


@flow
def passing(i: int) -> str:
    with transaction():
        book(f"a{i}", look(i))
        book(f"b{i}", look(10 + i))
        decide(i)
    return f"p{i}"


@flow
def passes() -> list[int]:
    """Transactions in passes that overlap, one of which fails and is undone while others go on."""
    done = collect((passing(i) for i in parallel((3, 4, 2, 5, 6), limit=3)), max_failed=2)
    write("passed")
    return [f.index for f in done.failed]


@flow
def twigs(branch: str) -> Iterator[str]:
    for i in numbers(2):
        yield write(f"{branch}.{i}", look(int(i)))


@flow
def tree() -> list[str]:
    """Streams within streams; one is a flow, and one is left before its end."""
    out = []
    for branch in numbers(3):
        for twig in twigs(f"t{branch}"):
            out.append(write(f"leaf{twig}"))
        for row in rows(5):
            if row == "2":
                break
            out.append(write(f"row{branch}{row}"))
    return out


@flow
def ticking(i: int) -> str:
    a = write(f"c{i}a", look(i))
    sleep("3ms")
    answer = wait_signal("go", i, timeout="4ms", default="nobody")
    return a + write(f"c{i}{answer}")


@flow
def timers() -> list[str]:
    """Timers and waits for signals that nobody sends, in passes that overlap."""
    out = [ticking(i) for i in parallel(range(5), limit=3)]
    out.append(write("ticked"))
    return out
