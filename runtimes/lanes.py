"""Calls to workers, several of them ahead where they are short.

A *lane* is a worker together with the place that the engine grants for it. Its first call came when a place was free.
While its calls are short others that wait for a place are sent after it: so the worker need not wait for this process
between two calls, nor this process be woken for each, and the two exchange several calls in one message. The worker
still has one call at a time, and answers each at once.

The task whose call comes first reads for all of a lane, and hands that on when its own answer is there.

Whatever ends a worker costs the call that it had begun (the first that is not answered): the others are sent to
another. A call that is cut is taken back if the worker has not begun it, which its tokens tell (:mod:`.pool`). So are
some by a lane that has nothing to do, from one that may be held up by a call that takes longer than it used to.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections import deque

import trio

from .children import how
from .pool import POOL, RUN, SKIP, Function, Worker, function_of
from .port import Job, NodeCrashed, Places
from .wire import Head, Packed, Received, frame

AHEAD = 0.01
"""Seconds of work at most that a worker has before it, as far as is known: some ten times what an exchange may cost."""

DEPTH = 16
"""Calls at most that it has before it."""

SMALL = 2048
"""Bytes of arguments up to which a call may be sent ahead: so many of them always fit a socket's buffer."""

TURN = 0.01
"""Seconds for which a lane takes calls while others wait for its place."""

Answer = tuple[Head, Received, int]
"""What came, and the process that it came from."""


class Call:
    """A call on its way. ``lane`` is where it has been put, ``got`` its answer, or what it failed with."""

    __slots__ = ("_task", "asks", "error", "function", "got", "job", "lane", "memory", "packed")

    def __init__(self, job: Job, packed: Packed, memory: int | None) -> None:
        self.job = job
        self.packed = packed
        self.memory = memory
        self.function: Function = function_of(job)
        self.lane: Lane | None = None
        self.got: Answer | Exception | None = None
        self.asks = False
        """It is to ask for a place itself."""
        self.error: Exception | None = None
        """Who was to hear what it says has failed."""
        self._task: trio.lowlevel.Task | None = None

    @property
    def small(self) -> bool:
        """May it go in one message with others?"""
        return not self.packed.buffers and len(self.packed.body) <= SMALL

    @property
    def short(self) -> bool:
        """May it go after others?"""
        takes = self.function.takes
        return takes is not None and takes < AHEAD and self.small

    async def park(self) -> None:
        """Wait to be woken."""
        self._task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def wake(self) -> bool:
        """Wake it; False where it is not asleep."""
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)
        return task is not None


class Lane:
    """A worker and its calls, in the order in which it answers; ``sent`` of them are on their way to it."""

    def __init__(self, queue: Queue, call: Call) -> None:
        self._queue = queue
        self._began = time.monotonic()
        self._sending = False
        self._gathers = False
        self._skipped = 0
        self._left = False
        self.worker: Worker | None = None
        self.calls: deque[Call] = deque()
        self.sent = 0
        self.reader: Call | None = None
        self.add(call)

    def add(self, call: Call) -> None:
        """Put a call at the end."""
        call.lane = self
        self.calls.append(call)

    def takes(self, call: Call) -> bool:
        """May the call go after those that are here?"""
        if self.worker is None or not self.worker.knows(call.function) or not call.short:
            return False
        if max(len(self.calls), self._skipped) >= DEPTH:
            return False
        return self._work() + (call.function.takes or AHEAD) <= AHEAD

    def _work(self) -> float:
        return sum(call.function.takes or AHEAD for call in self.calls)

    def _refill(self) -> None:
        """Take in those that wait: once half of what was here is done, so that several go in one message."""
        waiting = self._queue.waiting
        if self._left or not waiting or len(self.calls) > DEPTH // 2 or self._work() > AHEAD / 2:
            return
        if self._queue.places.wanted and time.monotonic() - self._began > TURN:
            return
        while waiting and (not self.calls or self.takes(waiting[0])):
            self.add(waiting.popleft())

    @property
    def has_unsent(self) -> bool:
        """Is there something to send, and nobody about to do so?"""
        return not (self._gathers or self._sending or self.worker is None) and self.sent < len(self.calls)

    async def read(self, call: Call) -> None:
        """Wait for the answer to one of its calls, and hear all that comes before it."""
        self.reader = call
        try:
            while call.got is None:
                if self.worker is None:
                    self.worker = await POOL.get()
                worker = self.worker
                await self._flush()
                if worker is not self.worker:
                    continue
                try:
                    await trio.lowlevel.wait_readable(worker.sock)
                except trio.ClosedResourceError:  # a call of this lane was cut
                    continue
                if worker is self.worker and not self._hear(worker):
                    await self._lost(worker)
            await self._flush()
        finally:
            self.reader = None

    async def push(self) -> None:
        """Send what has been put here, with what others put here in the same turn of the loop."""
        self._gathers = True
        try:
            await trio.lowlevel.cancel_shielded_checkpoint()
        finally:
            self._gathers = False
        await self._flush()

    async def _flush(self) -> None:
        """Send what there is to send."""
        if self._sending:  # whoever does it sends all
            return
        self._sending = True
        try:
            while True:
                self._refill()
                worker = self.worker
                if worker is None or self.sent == len(self.calls):
                    break
                calls = list(self.calls)[self.sent :]
                if calls[0].small:
                    calls = list(itertools.takewhile(lambda c: c.small, calls))
                    frames = [frame(worker.head(c.job, c.memory), c.packed) for c in calls]
                    await worker.send(b"".join(frames))
                    worker.give(RUN * len(calls))
                else:
                    del calls[1:]
                    await worker.begin(calls[0].job, calls[0].packed, calls[0].memory)
                if worker is self.worker:
                    self.sent += len(calls)
        except trio.ClosedResourceError:  # a call of this lane was cut, and its worker ended
            pass
        except BaseException:  # half a frame may be on its way
            await self._end()
            raise
        finally:
            self._sending = False

    def _hear(self, worker: Worker) -> bool:
        """Take in what there is; False where the worker has ended."""
        try:
            alive = worker.incoming.read(worker.sock)
        except BlockingIOError:
            alive = True
        except ConnectionError:
            alive = False
        while self.sent and (got := worker.incoming.next()) is not None:
            call = self.calls[0]
            head, received = got
            if head[0] not in ("value", "error"):
                try:
                    call.job.heard(head[0], head[1])
                except Exception as error:
                    call.error = error
                continue
            self.calls.popleft()
            self.sent -= 1
            self._skipped = 0
            worker.answered = True
            call.function.took(head[-1])
            call.job.took(head[-1])
            call.got = call.error or (head, received, worker.child.pid)
            call.wake()
        return alive

    async def _lost(self, worker: Worker) -> None:
        """The worker has ended: that costs the call that it was at; none where it was at none, but had been before."""
        _, later = self._hold()
        lost = self.calls.popleft() if len(later) < self.sent or not worker.answered else None
        code = await self._end()
        if lost is not None:
            lost.got = NodeCrashed(f"{lost.job.spec.name} has no result: its process {how(code)}", code)
            lost.wake()

    async def _end(self) -> int:
        """End the worker: what it has not answered is to be sent to another."""
        worker = self.worker
        if worker is None:  # somebody else does
            return 0
        self.worker, self.sent, self._skipped = None, 0, 0
        trio.lowlevel.notify_closing(worker.sock)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(worker.end)
        return worker.child.code or 0

    async def cut(self, call: Call) -> None:
        """Take a call back, or end the worker that has begun it."""
        if call not in self.calls:
            return
        if self.worker is None or (not self._sending and self.calls.index(call) >= self.sent):
            self.calls.remove(call)
            return
        tokens, later = self._hold()
        self._hear(self.worker)  # it begins nothing now: if the first call has not been answered it is at that
        if self.reader is not None and self.reader.got is not None:
            trio.lowlevel.notify_closing(self.worker.sock)  # it waits for what has been heard here
        if call.got is not None:
            self._release(tokens, later, [])
        elif call in later and call is not self.calls[0]:
            self._release(tokens, later, [call])
        else:  # it is at this one, or should be, and is not as it should be
            self.calls.remove(call)
            await self._end()

    def _hold(self) -> tuple[bytes, list[Call]]:
        """Let it begin no more: the tokens that were there, and the calls that it has not begun."""
        assert self.worker is not None
        tokens = self.worker.take_back()
        return tokens, list(self.calls)[self.sent - tokens.count(RUN) : self.sent]

    def _release(self, tokens: bytes, later: list[Call], back: list[Call]) -> None:
        """Let it go on, without those calls that are taken back."""
        assert self.worker is not None
        calls = iter(later)
        self.worker.give(b"".join(SKIP if token == SKIP[0] or next(calls) in back else RUN for token in tokens))
        for call in back:
            self.calls.remove(call)
        self.sent -= len(back)
        self._skipped += len(back)

    def help(self, other: Lane) -> None:
        """Take over half of what another one has not begun."""
        if other.worker is None or other._sending:
            return
        tokens, later = other._hold()
        back = [call for call in later[len(later) // 2 :] if call is not other.calls[0]]  # whose task reads there
        other._release(tokens, later, back)
        for call in back:
            self.add(call)

    def settle(self) -> None:
        """One of its calls is over: the next one's task reads on. Where there is none the lane ends."""
        if self.reader is not None or self._left:
            return
        self._refill()
        if not self.calls:
            self._queue.help(self)
        if self.calls:
            self.calls[0].wake()
        else:
            self._left = True
            self._queue.leave(self)


class Queue:
    """The calls of one loop for the same places: in lanes, waiting for one, or asking for a place."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.waiting: deque[Call] = deque()
        self._lanes: list[Lane] = []
        self._asking: Call | None = None

    async def answer(self, call: Call) -> Answer:
        """The answer to a call.

        Raises
        ------
        NodeCrashed: the worker has ended.
        """
        try:
            self._put(call)
            while call.got is None:
                lane = call.lane
                if call.asks:
                    await self._ask(call)
                elif lane is not None and lane.reader is None and lane.calls[0] is call:
                    await lane.read(call)
                elif lane is not None and lane.has_unsent:
                    await lane.push()
                else:
                    await call.park()
        finally:
            if call.lane is not None:
                await call.lane.cut(call)
                call.lane.settle()
            elif self._asking is call:  # it was told to ask, and cut before it could
                self._asking = None
                self._next_asks()
            elif call in self.waiting:
                self.waiting.remove(call)
        if isinstance(call.got, Exception):
            raise call.got
        return call.got

    def _put(self, call: Call) -> None:
        if self.places.take():
            self._open(call)
            return
        if call.short:
            free = [lane for lane in self._lanes if lane.takes(call)]
            if free:
                min(free, key=lambda lane: len(lane.calls)).add(call)
                return
            if self._asking is not None:
                self.waiting.append(call)
                return
        call.asks = True

    async def _ask(self, call: Call) -> None:
        call.asks = False
        if call.short and self._asking is None:
            self._asking = call
        try:
            await self.places.wait()
            self._open(call)
        finally:
            if self._asking is call:
                self._asking = None
                self._next_asks()

    def _next_asks(self) -> None:
        if self.waiting and self._asking is None:
            call = self._asking = self.waiting.popleft()
            call.asks = True
            call.wake()

    def _open(self, call: Call) -> None:
        self._lanes.append(Lane(self, call))

    def help(self, lane: Lane) -> None:
        """Find something to do for a lane that has nothing."""
        longest = max(self._lanes, key=lambda other: len(other.calls))
        if len(longest.calls) > 1:
            lane.help(longest)

    def leave(self, lane: Lane) -> None:
        """A lane has nothing to do, or others want its place."""
        self._lanes.remove(lane)
        if lane.worker is not None:
            POOL.put(lane.worker)
            lane.worker = None
        self.places.give()
        self._next_asks()


_QUEUES: trio.lowlevel.RunVar[weakref.WeakValueDictionary[int, Queue]] = trio.lowlevel.RunVar("cflow-calls")


def queue_of(places: Places) -> Queue:
    """The queue of this loop for these places."""
    try:
        queues = _QUEUES.get()
    except LookupError:
        queues = weakref.WeakValueDictionary()
        _QUEUES.set(queues)
    queue = queues.get(id(places))  # a queue holds its places: the number is another's only when the queue is gone
    if queue is None:
        queue = queues[id(places)] = Queue(places)
    return queue
