"""Queues in SQL: what they are set to, who waits in them, who begins. All writing is in the writer's transaction, so
no two processes ever count the same slot as free.

A slot is taken by a run that is ``running``, whether its process lives or not; there is nothing to give back. Who waits
to begin has a row in ``turn``, which goes as soon as it is not ``queued`` any more (a trigger). The rules are those of
:mod:`.admission`.
"""

from __future__ import annotations

import math
import sqlite3
import time

from ..executor.memory import parse_rate
from .admission import Head, next_of, places, round_of
from .failures import Full, LeaseLost, Unknown
from .port import Claim, SetPriority, SetQueue
from .rows import QueueRow

Connection = sqlite3.Connection

_HEADS = (
    "WITH RECURSIVE level (priority) AS (SELECT max(priority) FROM turn WHERE queue = ?1 UNION ALL"
    " SELECT (SELECT max(turn.priority) FROM turn WHERE queue = ?1 AND turn.priority < level.priority) FROM level"
    " WHERE level.priority IS NOT NULL) SELECT priority FROM level WHERE priority IS NOT NULL"
)
"""The priorities that somebody waits with, each found by a look at the index, however many wait."""


def queue_of(connection: Connection, name: str) -> int:
    """The number of a queue; it is made where there is none."""
    connection.execute("INSERT INTO queue (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    (number,) = connection.execute("SELECT number FROM queue WHERE name = ?", (name,)).fetchone()
    return int(number)


def set_queue(connection: Connection, change: SetQueue) -> None:
    if change.rate:
        parse_rate(change.rate)
    number = queue_of(connection, change.name)
    given: dict[str, object] = {}
    if change.concurrency is not None:
        given["concurrency"] = change.concurrency or None
    if change.rate is not None:
        given["rate"] = change.rate
    if change.paused is not None:
        given["paused"] = change.paused
    if given:
        columns = ", ".join(f"{name} = ?" for name in given)
        connection.execute(f"UPDATE queue SET {columns} WHERE number = ?", (*given.values(), number))


# ---- who waits ---------------------------------------------------------------------------------------------------


def line_up(connection: Connection, queue: int, run: int, priority: int, key: str, since: float) -> None:
    """Give a run its turn."""
    (front,) = connection.execute(
        "SELECT min(round) FROM turn WHERE queue = ? AND priority = ?", (queue, priority)
    ).fetchone()
    (last,) = connection.execute(
        "SELECT max(round) FROM turn WHERE queue = ? AND priority = ? AND key = ?", (queue, priority, key)
    ).fetchone()
    connection.execute(
        "INSERT INTO turn (queue, priority, round, run, key, since) VALUES (?, ?, ?, ?, ?, ?)",
        (queue, priority, round_of(front, last), run, key, since),
    )


def set_priority(connection: Connection, change: SetPriority) -> None:
    row = connection.execute(
        "SELECT number, turn.queue, key, since FROM run LEFT JOIN turn ON turn.run = number WHERE id = ?", (change.run,)
    ).fetchone()
    if row is None:
        msg = f"there is no run {change.run!r}"
        raise Unknown(msg)
    run, queue, key, since = row
    if queue is None:
        msg = f"{change.run} does not wait in a queue any more"
        raise LeaseLost(msg)
    connection.execute("DELETE FROM turn WHERE run = ?", (run,))
    line_up(connection, queue, run, change.priority, key, since)
    connection.execute("UPDATE run_data SET priority = ? WHERE run = ?", (change.priority, run))


# ---- who begins --------------------------------------------------------------------------------------------------


def claim(connection: Connection, change: Claim) -> None:
    change.claimed.clear()  # it may be applied again, where its group could not be committed
    row = connection.execute("SELECT number FROM queue WHERE name = ?", (change.queue,)).fetchone()
    if row is None:
        return
    (queue,) = row
    now = time.time() if change.now is None else change.now
    left = min(change.most, places_in(connection, queue, now))
    heads = {priority: _head(connection, queue, priority) for (priority,) in connection.execute(_HEADS, (queue,))}
    while left > 0 and (waiting := [head for head in heads.values() if head is not None]):
        head = next_of(waiting)
        (run,) = connection.execute("SELECT id FROM run WHERE number = ?", (head.run,)).fetchone()
        connection.execute("UPDATE run SET state = 'running', owner = ? WHERE number = ?", (change.owner, head.run))
        connection.execute("UPDATE run_data SET began = ? WHERE run = ?", (now, head.run))
        change.claimed.append(run)
        heads[head.priority] = _head(connection, queue, head.priority)
        left -= 1


def _head(connection: Connection, queue: int, priority: int) -> Head | None:
    row = connection.execute(
        "SELECT since, run FROM turn WHERE queue = ? AND priority = ? ORDER BY round, run LIMIT 1", (queue, priority)
    ).fetchone()
    return None if row is None else Head(priority, *row)


def places_in(connection: Connection, queue: int, now: float) -> float:
    """How many runs of a queue may begin now. Those that have begun and have something to do again come first."""
    name, concurrency, rate, paused = connection.execute(
        "SELECT name, concurrency, rate, paused FROM queue WHERE number = ?", (queue,)
    ).fetchone()
    if paused:
        return 0
    taken, starts = 0, []
    if concurrency is not None:
        taken = _running(connection, queue)
        (coming,) = connection.execute(
            "SELECT count(*) FROM run WHERE in_queue = ? AND state = 'waiting' AND wake <= ?", (queue, now)
        ).fetchone()
        taken += coming
    if rate:
        starts = [
            start
            for (start,) in connection.execute(
                "SELECT began FROM run_data WHERE queue = ? AND queue != '' AND began IS NOT NULL"
                " ORDER BY began DESC LIMIT ?",
                (name, parse_rate(rate)[0]),
            )
        ]
    return places(concurrency, taken, rate, starts, now)


def slots(connection: Connection, queue: int) -> float:
    """How many more runs of a queue may be under way."""
    (concurrency,) = connection.execute("SELECT concurrency FROM queue WHERE number = ?", (queue,)).fetchone()
    return math.inf if concurrency is None else max(0, concurrency - _running(connection, queue))


def _running(connection: Connection, queue: int) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM run WHERE in_queue = ? AND state = 'running'", (queue,)
    ).fetchone()
    return int(count)


def check_slot(connection: Connection, queue: int, run: str) -> None:
    """
    Raises
    ------
    Full: no more runs of the queue may be under way.
    """
    if slots(connection, queue) < 1:
        (name,) = connection.execute("SELECT name FROM queue WHERE number = ?", (queue,)).fetchone()
        msg = f"{run} has to wait: as many runs of the queue {name} are under way as it may have at once"
        raise Full(msg)


# ---- what is asked -----------------------------------------------------------------------------------------------


def ready(connection: Connection, now: float) -> list[str]:
    """The queues of which a run may begin now."""
    found = connection.execute(
        "SELECT number, name FROM queue WHERE EXISTS (SELECT 1 FROM turn WHERE queue = number)"
    ).fetchall()
    return [name for number, name in found if places_in(connection, number, now) >= 1]


def queue_rows(connection: Connection) -> list[QueueRow]:
    counts = ", ".join(
        f"(SELECT count(*) FROM run WHERE in_queue = queue.number AND state = '{state}')"
        for state in ("queued", "running", "waiting", "parked")
    )
    rows = connection.execute(f"SELECT name, concurrency, rate, paused, {counts} FROM queue ORDER BY name").fetchall()
    return [QueueRow(name, concurrency, rate, bool(paused), *rest) for name, concurrency, rate, paused, *rest in rows]
