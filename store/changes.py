"""What each change is in SQL. One function a kind; all run in the writer's transaction.

A change that is refused raises before it has written anything, where that can be told; what it has written otherwise
the writer takes back.
"""

from __future__ import annotations

import math
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .failures import Exists, LeaseLost, Over, StoreError, Taken, Unknown
from .port import (
    Append,
    Await,
    BeginRun,
    Change,
    Claim,
    DropOwner,
    DropRun,
    Forget,
    KeepPlan,
    Release,
    Remember,
    Reserve,
    Send,
    SetOwner,
    SetPriority,
    SetQueue,
    SetRun,
    Settle,
    Shrink,
    Sweep,
    TakeRun,
)
from .queues import check_slot, claim, line_up, queue_of, set_priority, set_queue
from .rows import OVER, Signal, Waited

Connection = sqlite3.Connection

CHAIN = (
    "WITH RECURSIVE chain (id, run, first, count, previous) AS ("
    "SELECT id, run, first, count, previous FROM segment WHERE id = ? UNION ALL "
    "SELECT segment.id, segment.run, segment.first, segment.count, segment.previous FROM chain"
    " JOIN segment ON segment.id = chain.previous WHERE chain.first > ?)"
)
"""The segments of a run from its last one back to the one that holds an entry. Parameters: the last, the entry."""


def apply(connection: Connection, changes: Iterable[Change]) -> None:
    """Make the changes of one unit.

    Raises
    ------
    StoreError: a change is refused. sqlite3.Error: what SQLite says.
    """
    for change in changes:
        HOW[type(change)](connection, change)


# ---- runs -------------------------------------------------------------------------------------------------------


def begin_run(connection: Connection, change: BeginRun) -> None:
    row = change.row
    queue = queue_of(connection, row.queue) if row.queue else None
    try:
        made = connection.execute(
            "INSERT INTO run (id, owner, entries, last, state, wake, in_queue) VALUES (?, ?, 0, 0, ?, ?, ?)",
            (row.id, row.owner, row.state, row.wake, queue),
        )
    except sqlite3.IntegrityError as error:
        msg = f"there is {row.id} already"
        raise Exists(msg) from error
    connection.execute(
        "INSERT INTO run_data VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(made.lastrowid, row.flow, row.program, row.digest, row.created, row.began, row.ended, row.resumed),
            *(row.parent, row.reason, row.queue, row.priority, row.inputs, row.ambient, row.result, row.error),
        ),
    )
    refer(connection, "run", made.lastrowid, change.blobs)
    if queue is not None and row.state == "queued":
        assert made.lastrowid is not None
        line_up(connection, queue, made.lastrowid, row.priority, change.key or row.flow, row.created)


def append(connection: Connection, change: Append) -> None:
    entries, run = change.entries, change.run
    count = len(entries)
    row = connection.execute("SELECT number, owner, entries, last FROM run WHERE id = ?", (run,)).fetchone()
    if row is None or row[1] != change.owner:
        raise why_not(connection, run)
    number, _, has, last = row
    if has != change.first:
        msg = f"{run} has two writers: its journal has {has} entries, those from {change.first} on do not continue it"
        raise StoreError(msg)
    if count:
        payload, crc = packed(entries)
        made = connection.execute(
            "INSERT INTO segment (run, first, count, previous, crc, payload) VALUES (?, ?, ?, ?, ?, ?)",
            (number, has, count, last, crc, payload),
        )
        connection.execute(
            "UPDATE run SET entries = ?, last = ? WHERE number = ?", (has + count, made.lastrowid, number)
        )
    for signal in change.uses:
        used = connection.execute("UPDATE signal SET used = 1 WHERE id = ? AND used = 0", (signal,))
        if used.rowcount == 0:
            msg = f"signal {signal} is gone: another run has taken it"
            raise Taken(msg)
    refer(connection, "run", number, change.blobs)


DATA = ("began", "ended", "result", "error", "digest", "reason")
"""What a :class:`~cflow.store.port.SetRun` sets in ``run_data``."""


def set_run(connection: Connection, change: SetRun) -> None:
    over = change.state in OVER
    given: dict[str, object] = {}
    if change.state is not None:
        given["state"] = change.state
    if over or change.new_owner is not None:
        given["owner"] = "" if over else change.new_owner
    if over or change.wake is not None:
        given["wake"] = None if over or change.wake == math.inf else change.wake
    columns = ", ".join(f"{name} = ?" for name in given) or "owner = owner"
    found = connection.execute(
        f"UPDATE run SET {columns} WHERE id = ? AND owner = ? AND state NOT IN ('done', 'failed', 'cancelled')",
        (*given.values(), change.run, change.owner),
    )
    if found.rowcount == 0:
        raise why_not(connection, change.run)
    data = {name: value for name in DATA if (value := getattr(change, name)) is not None}
    stands = over or change.state == "parked" or change.waits is not None
    if not (data or stands or change.blobs):
        return
    number = number_of(connection, change.run)
    if data:
        columns = ", ".join(f"{name} = ?" for name in data)
        connection.execute(f"UPDATE run_data SET {columns} WHERE run = ?", (*data.values(), number))
    refer(connection, "run", number, change.blobs)
    if stands:
        was = [Waited(*row) for row in connection.execute("SELECT name, key FROM wait WHERE run = ?", (-number,))]
        if was:
            connection.execute("UPDATE wait SET run = ?1 WHERE run = -?1", (number,))
        if over:
            connection.execute("DELETE FROM wait WHERE run = ?", (number,))
        else:
            wait_for(connection, number, change.waits or ())
        for waited in was:
            if waited not in (change.waits or ()):
                hand_on(connection, waited)


def take_run(connection: Connection, change: TakeRun) -> None:
    row = connection.execute("SELECT number, owner, state, in_queue FROM run WHERE id = ?", (change.run,)).fetchone()
    if row is None:
        raise unknown(change.run)
    number, owner, state, queue = row
    if owner != change.before or state not in change.states:
        msg = f"{change.run} cannot be taken: it is {state} and belongs to {owner or 'nobody'} by now"
        raise LeaseLost(msg)
    if queue is not None and state != "running" and not change.beyond:
        check_slot(connection, queue, change.run)
    connection.execute(
        "UPDATE run SET state = 'running', owner = ?, wake = NULL WHERE number = ?", (change.owner, number)
    )
    if state != "queued":
        connection.execute("UPDATE run_data SET resumed = resumed + 1 WHERE run = ?", (number,))
    # It has its place in the line, with another sign, until it is known whether it got what it waited for.
    connection.execute("UPDATE wait SET run = -run WHERE run = ?", (number,))


def drop_run(connection: Connection, change: DropRun) -> None:
    row = connection.execute("SELECT number, state, last FROM run WHERE id = ?", (change.run,)).fetchone()
    if row is None:
        raise unknown(change.run)
    number, state, last = row
    if state not in OVER:
        msg = f"{change.run} is {state}: only a run that is over can be dropped"
        raise StoreError(msg)
    inbox = "SELECT id FROM signal WHERE run = ?"
    connection.execute(f"DELETE FROM blob_ref WHERE kind = 'signal' AND holder IN ({inbox})", (number,))
    connection.execute("DELETE FROM blob_ref WHERE kind = 'run' AND holder = ?", (number,))
    for table in ("signal", "wait", "run_data"):
        connection.execute(f"DELETE FROM {table} WHERE run = ?", (number,))
    connection.execute(f"DELETE FROM segment WHERE id IN ({CHAIN} SELECT id FROM chain)", (last, -1))
    connection.execute("DELETE FROM reserved WHERE run = ?", (change.run,))
    connection.execute("DELETE FROM run WHERE number = ?", (number,))


def why_not(connection: Connection, run: str) -> StoreError:
    """What keeps somebody who does not own a run from changing it."""
    row = connection.execute("SELECT owner, state FROM run WHERE id = ?", (run,)).fetchone()
    if row is None:
        return unknown(run)
    if row[1] in OVER:
        return Over(f"{run} is over: {row[1]}")
    return LeaseLost(f"{run} belongs to {row[0] or 'nobody'} by now")


def number_of(connection: Connection, run: str) -> int:
    row = connection.execute("SELECT number FROM run WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise unknown(run)
    return int(row[0])


def unknown(run: str) -> Unknown:
    return Unknown(f"there is no run {run!r}")


def packed(entries: Sequence[bytes]) -> tuple[bytes, int]:
    """Entries as one MessagePack array, and its checksum.

    The head of an array: https://github.com/msgpack/msgpack/blob/master/spec.md#array-format-family
    """
    count = len(entries)
    if count < 16:
        head = bytes((0x90 | count,))
    else:
        head = struct.pack(">BH", 0xDC, count) if count < 1 << 16 else struct.pack(">BI", 0xDD, count)
    payload = head + b"".join(entries)
    return payload, zlib.crc32(payload)


# ---- signals ----------------------------------------------------------------------------------------------------


def wait_for(connection: Connection, run: int, waits: tuple[Waited, ...]) -> None:
    """Set what a run waits for. What it has waited for already keeps its place in the line."""
    rows = connection.execute("SELECT id, name, key FROM wait WHERE run = ?", (run,)).fetchall()
    before = {Waited(name, key): row for row, name, key in rows}
    for waited, row in before.items():
        if waited not in waits:
            connection.execute("DELETE FROM wait WHERE id = ?", (row,))
    for waited in dict.fromkeys(waits):
        if waited not in before:
            connection.execute("INSERT INTO wait (run, name, key) VALUES (?, ?, ?)", (run, waited.name, waited.key))
    for waited in waits:  # one that came before anybody waited
        connection.execute(
            "UPDATE run SET wake = (SELECT min(sent, coalesce(wake, sent)) FROM signal"
            " WHERE used = 0 AND run IN (0, ?1) AND name = ?2 AND key = ?3 ORDER BY id LIMIT 1)"
            " WHERE number = ?1 AND EXISTS (SELECT 1 FROM signal"
            " WHERE used = 0 AND run IN (0, ?1) AND name = ?2 AND key = ?3)",
            (run, waited.name, waited.key),
        )


def hand_on(connection: Connection, waited: Waited) -> None:
    """Somebody waits no more. A signal for whoever waits first may have been meant for it: then the next has something
    to do, unless there are as many already who look for what is there."""
    place = (waited.name, waited.key)
    there, sent = connection.execute(
        "SELECT count(*), max(sent) FROM signal WHERE used = 0 AND run = 0 AND name = ? AND key = ?", place
    ).fetchone()
    if not there:
        return
    (looking,) = connection.execute(
        "SELECT count(*) FROM wait JOIN run ON run.number = abs(wait.run) WHERE name = ? AND key = ?"
        " AND (wait.run < 0 OR run.wake <= ?)",
        (*place, sent),
    ).fetchone()
    if looking < there:
        connection.execute(
            "UPDATE run SET wake = ?1 WHERE number = (SELECT wait.run FROM wait JOIN run ON run.number = wait.run"
            " WHERE name = ?2 AND key = ?3 AND (run.wake IS NULL OR run.wake > ?1) ORDER BY wait.id LIMIT 1)",
            (sent, *place),
        )


def _came(connection: Connection, run: int, signal: Signal) -> bool:
    """Has a signal come before?"""
    if not signal.unique:
        return False
    same = connection.execute(
        "SELECT 1 FROM signal WHERE run = ? AND name = ? AND once = ?", (run, signal.name, signal.unique)
    )
    return same.fetchone() is not None


def send(connection: Connection, change: Send) -> None:
    signal = change.signal
    number = 0
    if signal.run:
        row = connection.execute("SELECT number, state FROM run WHERE id = ?", (signal.run,)).fetchone()
        if row is None:
            raise unknown(signal.run)
        number = row[0]
        if row[1] in OVER:
            if _came(connection, number, signal):
                return  # sent again by somebody who did not hear that it had come
            msg = f"{signal.run} is over: {row[1]}"
            raise Over(msg)
    made = connection.execute(
        "INSERT INTO signal (run, name, key, value, once, sent) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (number, signal.name, signal.key, signal.value, signal.unique, signal.sent),
    )
    if made.rowcount == 0:
        return
    refer(connection, "signal", made.lastrowid, change.blobs)
    if number == 0:
        # Who has something to do already has not: the signal would wait until it is done with that.
        row = connection.execute(
            "SELECT wait.run FROM wait JOIN run ON run.number = wait.run WHERE wait.name = ? AND wait.key = ?"
            " ORDER BY run.wake IS NOT NULL AND run.wake <= ?, wait.id LIMIT 1",
            (signal.name, signal.key, signal.sent),
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT run FROM wait WHERE run = ? AND name = ? AND key = ?", (number, signal.name, signal.key)
        ).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE run SET wake = ?1 WHERE number = ?2 AND (wake IS NULL OR wake > ?1)", (signal.sent, row[0])
        )


# ---- what outlives runs -----------------------------------------------------------------------------------------


def set_owner(connection: Connection, change: SetOwner) -> None:
    owner = change.owner
    connection.execute(
        "INSERT INTO owner VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET beat = excluded.beat",
        (owner.id, owner.host, owner.boot, owner.pid, owner.born, owner.beat),
    )


def drop_owner(connection: Connection, change: DropOwner) -> None:
    connection.execute("DELETE FROM owner WHERE id = ?", (change.id,))


def keep_plan(connection: Connection, change: KeepPlan) -> None:
    connection.execute("INSERT INTO plan VALUES (?, ?) ON CONFLICT DO NOTHING", (change.digest, change.text))


def remember(connection: Connection, change: Remember) -> None:
    connection.execute(
        "INSERT INTO cache (key, value, until, node, made, size) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
        " SET value = excluded.value, until = excluded.until, node = excluded.node, made = excluded.made,"
        " size = excluded.size",
        (change.key, change.value, change.until, change.node, change.made, len(change.value) + change.large),
    )
    connection.execute("DELETE FROM blob_ref WHERE kind = 'cache' AND holder = ?", (change.key,))
    refer(connection, "cache", change.key, change.blobs)


def forget(connection: Connection, change: Forget) -> None:
    clauses = {"key": change.key, "node": change.node}
    given = {name: value for name, value in clauses.items() if value}
    drop_cached(connection, " AND ".join(f"{name} = ?" for name in given) or "1", tuple(given.values()))


def shrink(connection: Connection, change: Shrink) -> None:
    drop_cached(connection, "until <= ?", (change.now,))
    drop_oldest(connection, change.size)


def reserve(connection: Connection, change: Reserve) -> None:
    row = connection.execute("SELECT owner FROM run WHERE id = ?", (change.run,)).fetchone()
    if row is None or row[0] != change.owner:
        raise why_not(connection, change.run)
    row = connection.execute("SELECT run FROM settled WHERE key = ?", (change.key,)).fetchone()
    if row is not None:
        msg = f"{change.key} was settled by run {row[0]}"
        raise Exists(msg)
    row = connection.execute(
        "SELECT run.id, run.state FROM reserved JOIN run ON run.id = reserved.run WHERE key = ?", (change.key,)
    ).fetchone()
    if row is not None and row[0] != change.run and row[1] not in OVER:
        msg = f"run {row[0]} has begun what is done once under {change.key}"
        raise Taken(msg)
    connection.execute("INSERT OR REPLACE INTO reserved (key, run) VALUES (?, ?)", (change.key, change.run))


def release(connection: Connection, change: Release) -> None:
    connection.execute(
        "DELETE FROM reserved WHERE key = ?1 AND run = ?2 AND EXISTS (SELECT 1 FROM run WHERE id = ?2 AND owner = ?3)",
        (change.key, change.run, change.owner),
    )


def await_(connection: Connection, change: Await) -> None:
    connection.executemany(
        "UPDATE reserved SET waits = ? WHERE key = ? AND run = ?",
        [(change.key, key, change.run) for key in change.keys],
    )


def settle(connection: Connection, change: Settle) -> None:
    if change.owner:
        row = connection.execute("SELECT owner FROM run WHERE id = ?", (change.run,)).fetchone()
        if row is None or row[0] != change.owner:
            raise why_not(connection, change.run)
    row = connection.execute("SELECT run FROM settled WHERE key = ?", (change.key,)).fetchone()
    if row is not None:
        if row[0] == change.run:
            return
        msg = f"{change.key} was settled by run {row[0]}"
        raise Exists(msg)
    connection.execute("INSERT INTO settled VALUES (?, ?, ?)", (change.key, change.run, change.value))
    connection.execute("DELETE FROM reserved WHERE key = ? AND run = ?", (change.key, change.run))
    refer(connection, "settled", change.key, change.blobs)


def sweep(connection: Connection, change: Sweep) -> None:
    connection.execute("DELETE FROM plan WHERE digest NOT IN (SELECT digest FROM run_data)")
    drop_cached(connection, "until <= ?", (change.now,))
    if change.cache is not None:
        drop_oldest(connection, change.cache)
    old = "used = 1 AND run = 0 AND sent < ?"
    held = f"kind = 'signal' AND holder IN (SELECT id FROM signal WHERE {old})"
    connection.execute(f"DELETE FROM blob_ref WHERE {held}", (change.signals_before,))
    connection.execute(f"DELETE FROM signal WHERE {old}", (change.signals_before,))


def drop_oldest(connection: Connection, size: int) -> None:
    drop_cached(
        connection,
        "key IN (SELECT key FROM"
        " (SELECT key, sum(size) OVER (ORDER BY made DESC, key) AS bytes FROM cache) WHERE bytes > ?)",
        (size,),
    )


def drop_cached(connection: Connection, which: str, values: tuple[object, ...]) -> None:
    held = f"kind = 'cache' AND holder IN (SELECT key FROM cache WHERE {which})"
    connection.execute(f"DELETE FROM blob_ref WHERE {held}", values)
    connection.execute(f"DELETE FROM cache WHERE {which}", values)


def refer(connection: Connection, kind: str, holder: object, blobs: tuple[str, ...]) -> None:
    if blobs:
        connection.executemany(
            "INSERT INTO blob_ref VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(kind, holder, blob) for blob in blobs]
        )


HOW: dict[type, Callable[[Connection, Any], None]] = {
    BeginRun: begin_run,
    Append: append,
    SetRun: set_run,
    TakeRun: take_run,
    SetQueue: set_queue,
    SetPriority: set_priority,
    Claim: claim,
    DropRun: drop_run,
    Send: send,
    SetOwner: set_owner,
    DropOwner: drop_owner,
    KeepPlan: keep_plan,
    Remember: remember,
    Forget: forget,
    Shrink: shrink,
    Reserve: reserve,
    Release: release,
    Await: await_,
    Settle: settle,
    Sweep: sweep,
}
