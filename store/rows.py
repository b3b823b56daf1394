"""What a store tells of what is in it: runs, owners, signals, cached values, queues."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

State = Literal["queued", "running", "waiting", "parked", "done", "failed", "cancelled"]
"""``queued``: recorded and not begun. ``running``: somebody works on it, or did when it died. ``waiting``: nobody has
to work on it before a signal or a time. ``parked``: it needs a person, ``reason`` says what for. The rest is over."""


OVER: frozenset[State] = frozenset({"done", "failed", "cancelled"})


NOWHERE = ""
"""The owner of a run that nobody works on."""


@frozen
class RunRow:
    """A run as the store knows it. Times are seconds since the epoch.

    ``flow``: its name. ``program``: how to find it again (``orders.cflow:settle``, ``shop.flows:settle``). ``digest``:
    of the plan it is pinned to. ``inputs``, ``ambient``, ``result``, ``error``: encoded values. ``owner``: who works
    on it. ``wake``: when it has something to do without being asked. ``entries``: how many the journal has.
    ``resumed``: how often somebody else went on with it. ``parent``: the run that detached it. ``reason``: why it is
    parked. ``queue``: the one that it waits in to begin, or has begun from; empty: none. ``priority``: in it.
    """

    id: str
    flow: str
    program: str
    digest: str
    state: State
    created: float
    inputs: bytes = b""
    ambient: bytes = b""
    began: float | None = None
    ended: float | None = None
    result: bytes | None = None
    error: bytes | None = None
    owner: str = NOWHERE
    wake: float | None = None
    entries: int = 0
    resumed: int = 0
    parent: str = ""
    reason: str = ""
    queue: str = ""
    priority: int = 0


@frozen
class Owner:
    """A process that works on runs: enough to tell, on the same machine, whether it is alive.

    ``boot``: of the machine's boot; ``born``: when the process began, in the system's own ticks (a pid is used again).
    ``beat``: a number that grows while it is alive.
    """

    id: str
    host: str
    boot: str
    pid: int
    born: int
    beat: int = 0


@frozen
class Signal:
    """One signal in an inbox. ``run``: empty where it is for whoever waits first. ``key``, ``value``: encoded.
    ``unique``: two with the same one (and the same run and name) are one; empty: never."""

    name: str
    key: bytes
    value: bytes
    run: str = ""
    unique: str = ""
    sent: float = 0.0
    id: int = 0


Place = tuple[str, str, bytes]
"""Where a signal lies: the run (empty: for whoever waits first), the name, the key."""


@frozen
class Waited:
    """What a waiting run waits for: a signal of this name and key."""

    name: str
    key: bytes


@frozen
class Cached:
    """A cached value as it stands in the store."""

    value: bytes
    until: float | None
    made: float


@frozen
class CachedRow:
    """A cached value as it is listed. ``size``: in bytes, with its large values."""

    key: str
    node: str
    made: float
    until: float | None
    size: int


@frozen
class QueueRow:
    """A queue as it is listed. ``concurrency``: None: no limit; ``rate``: empty: no limit. The rest: how many of its
    runs are in that state."""

    name: str
    concurrency: int | None
    rate: str
    paused: bool
    queued: int
    running: int
    waiting: int
    parked: int


@frozen
class Trouble:
    """Why commits do not get through just now: they are tried again, and nothing is lost. ``since``: epoch seconds."""

    what: Literal["full", "busy", "io"]
    message: str
    since: float


@frozen
class Blob:
    """A large value in a file of its own, by its content."""

    digest: str
    size: int = field(eq=False, default=0)
