"""The inbox of one process: signals from the store, for the runs that wait for them here.

A thread looks into the store as long as anybody waits: at once for those that are sent from this process, every
:data:`LOOK` seconds for those of others. A signal is shown to one waiter of the process at a time; between processes
the commit that consumes it decides.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import trio
from attrs import define, field

from ..executor.letters import Letter
from ..executor.waiter import Waiter
from ..store.encoding import Values
from ..store.failures import Over, StoreError, Unknown
from ..store.port import Send, Store
from ..store.rows import OVER, Signal
from ..store.tickets import commit_now

LOOK = 0.2
"""Seconds between two looks for signals that other processes send."""

PAGE = 1000

AT_ONCE = 100
"""Those who wait that are looked for with one question: what it gives may be old when the last of them is shown it."""

logger = logging.getLogger("cflow")


def key_bytes(key: Any, values: Values) -> bytes:
    """A key as it stands in the store: by its text, so that one from a command line fits numbers too."""
    if key is None:
        return b""
    if isinstance(key, float) and key.is_integer():
        key = int(key)  # as equal keys are one without a store
    if isinstance(key, bool | int | float) and type(key) in (bool, int, float):
        return json.dumps(key).encode()
    if type(key) is str and key and not key.startswith("\0"):
        return key.encode(errors="surrogatepass")
    return b"\0" + values.encode(key, "key")


@define(eq=False)
class _Waiting:
    """Who waits. ``fresh``: nobody has looked yet what is there already, which comes before what is new."""

    run: str
    name: str
    key: bytes
    waiter: Waiter
    fresh: bool = True


@define(eq=False)
class Inbox:
    """See above. All methods may be called from any thread, :meth:`next` from any Trio loop."""

    store: Store
    values: Values
    sent: Callable[[], object] = field(default=lambda: None)
    """Told when a signal was sent from this process."""
    _lock: threading.Lock = field(factory=threading.Lock)
    _waiting: dict[tuple[str, bytes], list[_Waiting]] = field(factory=dict)
    _fresh: list[_Waiting] = field(factory=list)
    _looking: Counter[str] = field(factory=Counter)
    """By run: how many of its waiters nobody has looked for yet."""
    _shown: set[int] = field(factory=set)
    """Signals that a waiter here has, and nobody has consumed yet."""
    _seen: int = 0
    """The last signal that was looked at."""
    _poke: threading.Event = field(factory=threading.Event)
    _alive: bool = False
    _closed: bool = False

    def __len__(self) -> int:
        """Those who wait."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def key(self, key: Any) -> bytes:
        return key_bytes(key, self.values)

    # ---- sending ---------------------------------------------------------------------------------

    def send(self, name: str, value: Any, key: Any, run: str, unique: str) -> None:
        """Put a signal into the store. Returns when it is on disk; on a loop, which must not wait, when it is handed
        over.

        Raises
        ------
        Unknown, Over: there is no such run, or it is over. NotStorable: the value or the key cannot be stored.
        """
        data = self.values.encode(value, "value")
        signal = Signal(str(name), self.key(key), data, run, unique, time.time())
        change = Send(signal, self.values.refs(data))
        from ..executor.loop import loop_is_running

        if not loop_is_running():
            commit_now(self.store, [change])
            self._heard()
            return
        if run:
            row = self.store.run(run)
            if row is None:
                raise Unknown(f"there is no run {run!r}")
            if row.state in OVER:
                raise Over(f"{run} is over: {row.state}")

        def done(error: BaseException | None) -> None:
            if error is not None:
                logger.warning("the signal %s was not sent: %s", name, error)
            self._heard()

        self.store.do([change], done)

    def _heard(self) -> None:
        self.look()
        self.sent()

    # ---- waiting ---------------------------------------------------------------------------------

    async def next(self, run: str, name: str, key: bytes) -> Letter:
        one = _Waiting(run, name, key, Waiter())
        with self._lock:
            self._waiting.setdefault((name, key), []).append(one)
            self._fresh.append(one)
            self._looking[run] += 1
            begin = not self._alive
            self._alive = True
        if begin:
            threading.Thread(target=self._work, name="cflow-inbox", daemon=True).start()
        self.look()
        try:
            await one.waiter.event.wait()
        except trio.Cancelled:
            self._forget(one)
            if one.waiter.box:  # it came while we were being cancelled
                self.back(one.waiter.box[0])
            raise
        self._forget(one)
        letter: Letter = one.waiter.box[0]
        return letter

    def _forget(self, one: _Waiting) -> None:
        with self._lock:
            self._looked(one)
            place = one.name, one.key
            others = self._waiting[place]
            others.remove(one)
            if not others:
                del self._waiting[place]

    def _looked(self, one: _Waiting) -> None:
        if one.fresh:
            one.fresh = False
            self._looking[one.run] -= 1
            if not self._looking[one.run]:
                del self._looking[one.run]

    def looking(self, run: str) -> bool:
        return run in self._looking

    def used(self, letter: Letter) -> None:
        with self._lock:
            self._shown.discard(letter.id)

    def back(self, letter: Letter) -> None:
        with self._lock:
            self._shown.discard(letter.id)
            if isinstance(letter, Signal):
                self._show(letter)

    # ---- looking ---------------------------------------------------------------------------------

    def look(self) -> None:
        """There may be something new."""
        self._poke.set()

    def close(self) -> None:
        """Look no more: who waits does not hear of anything."""
        self._closed = True
        self._poke.set()

    def _work(self) -> None:
        while True:
            self._poke.wait(LOOK)
            self._poke.clear()
            with self._lock:
                if self._closed or not self._waiting:
                    self._alive = False
                    return
            try:
                self._look()
            except StoreError as error:
                logger.warning("signals are looked for again, as the store cannot be read: %s", error)
                self._poke.clear()

    def _look(self) -> None:
        while True:
            found = self.store.signals(self._seen, PAGE)
            with self._lock:
                for signal in found:
                    self._show(signal)
            if found:
                self._seen = found[-1].id
            if len(found) < PAGE:
                break
        # What came before they waited. Whatever comes from now on is seen above, the next time.
        with self._lock:
            fresh, self._fresh = self._fresh, []
        for start in range(0, len(fresh), AT_ONCE):
            some = fresh[start : start + AT_ONCE]
            places = {(run, one.name, one.key) for one in some if one.fresh for run in (one.run, "")}
            try:
                there = self.store.inboxes(list(places))
            except StoreError:
                with self._lock:
                    self._fresh += fresh[start:]
                raise
            with self._lock:
                for one in some:
                    self._looked(one)
                    own = there.get((one.run, one.name, one.key), [])
                    for signal in sorted([*own, *there.get(("", one.name, one.key), [])], key=lambda signal: signal.id):
                        self._show(signal)

    def _show(self, signal: Signal) -> None:
        """Give a signal to the first who waits for it here. Under the lock."""
        if signal.id in self._shown:
            return
        for one in self._waiting.get((signal.name, signal.key), ()):
            if one.fresh or one.waiter.box or signal.run not in ("", one.run):
                continue
            if one.waiter.answer(signal):
                self._shown.add(signal.id)
                return


__all__ = ["Inbox", "key_bytes"]
