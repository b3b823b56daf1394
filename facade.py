"""What users import: ``node``, ``flow`` and the forms of the language, with the types an editor shows.

Decorators only keep what they are given; compiling, planning and running are the engine's, which is imported at first
use. The forms live with the front end, which knows them by identity.
"""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from .compiler.diagnostics import Collector, Diagnostic
from .compiler.spec import Retry as Retry, Runs
from .compiler.values import Collected as Collected, Failed as Failed
from .dsl.declaring import FlowDef, NodeDef, check_declared, check_function, check_options
from .dsl.forms import (
    Duration,
    batched as batched,
    buffered as buffered,
    collect as collect,
    convert as convert,
    detach as detach,
    env as env,
    lock as lock,
    loop as loop,
    parallel as parallel,
    race as race,
    secret as secret,
    sleep as sleep,
    timeout as timeout,
    transaction as transaction,
    wait_signal as wait_signal,
    windowed as windowed,
)
from .dsl.keys import qualified, unique_key

if TYPE_CHECKING:
    from .dsl.scope import FlowSource
    from .engine import Engine
    from .planner.plan import Plan
    from .transactional.port import Database

P = ParamSpec("P")
R = TypeVar("R")
Raw = TypeVar("Raw")
T = TypeVar("T")
H = TypeVar("H")
H_co = TypeVar("H_co", covariant=True)

Resources = str | Iterable[str]


_default: Callable[[], Engine] | None = None


def _engine() -> Engine:
    global _default
    if _default is None:  # an import statement costs half a microsecond each time
        from .engine import default_engine

        _default = default_engine
    return _default()


# ---- nodes ---------------------------------------------------------------------------------------


class CallOptions(TypedDict, Generic[R], total=False):
    """How a node or flow is called. What is left out stays as it was.

    Keys
    ----
    retry: how many more attempts, or a :class:`Retry`.
    timeout: of each attempt; in seconds, as a ``timedelta`` or as text (``"1m30s"``).
    cache: how long a result is kept; True: for ever.
    rate: at most so many calls, as ``"10/s"``.
    lock: the name of a lock that is held during the call.
    default: the value where the call has failed after its retries.
    undo: what takes a completed call back, given its result.
    once: a key; a call with this key is made once.
    """

    retry: int | Retry
    timeout: Duration | None
    cache: Duration | bool | None
    rate: str | None
    lock: str | None
    default: Any
    undo: Callable[[R], object] | None
    once: str | None


class NodeCallOptions(CallOptions[R], total=False):
    """How a node is called.

    Keys
    ----
    version: which of its versions, where its module has several under its name.
    """

    version: str


class NodeOptions(CallOptions[Any], total=False):
    """What ``@node(...)`` declares, beside the options of each call.

    Keys
    ----
    pure: the result depends on the arguments alone.
    reads, writes: the resources it looks at or changes, by name; ``"world"`` for one without a name.
    barrier: ordered like a writer of the world.
    version: replaces the source in the digest; of several nodes that a module declares under one name, the last is the
    one that is meant, and ``.options(version=...)`` at a call another.
    runs: where; the planner chooses when left out.
    memory: what a call may allocate in its process, in bytes or as text (``"512MB"``).
    command: of ``runs="command"``: the program and its arguments.
    module, fuel: of ``runs="wasm"``: the file, and how many instructions a call may take.
    library, signature: of ``runs="native"``: the shared library, and the C declaration of the function.
    seek: of a stream whose source can begin anywhere: the parameter that takes the last item that was used up, after
    which a run that goes on opens it.
    """

    pure: bool
    reads: Resources
    writes: Resources
    barrier: bool
    version: str
    runs: Runs
    memory: int | str
    command: Sequence[str]
    module: str
    fuel: int
    library: str
    signature: str
    seek: str


class Node(NodeDef[P, R, Raw]):
    """A declared node: in a flow, a step; called from ordinary code, that one step run to its end.

    Attributes
    ----------
    fn: the function itself; within another node call this.
    spec: what the compiler knows of it.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the one node to its end and gives its result (for an async node too)."""
        return cast(R, _engine().run_node(self, args, kwargs))

    def options(self, **given: Unpack[NodeCallOptions[R]]) -> Node[P, R, Raw]:
        """A copy with another policy, laid over this one key by key; in a flow, ``f.options(retry=3)(x)``.

        Parameters
        ----------
        given: ``retry timeout cache rate lock default undo once version``; see :class:`NodeCallOptions`.

        Raises
        ------
        TypeError, ValueError: an unknown option, or a value that does not fit.
        """
        rest = {name: value for name, value in given.items() if name != "version"}
        check_options(rest)
        node, others = self.pinned(given["version"]) if "version" in given else (self, self.others)
        return Node(node.fn, {**node.declared, **rest}, others)

    def __repr__(self) -> str:
        return f"<node {qualified(self.fn)}>"


class Transactional(Node[P, R, Raw]):
    """A transactional node, for type checkers: the function itself takes the handle first."""

    fn: Callable[..., Raw]


class _TransactionalDecorator(Protocol[H_co]):
    def __call__(self, fn: Callable[Concatenate[H_co, P], T], /) -> Transactional[P, T, T]: ...


class _NodeDecorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, AsyncIterator[T]], /) -> Node[P, Iterator[T], AsyncIterator[T]]: ...
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Node[P, T, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Node[P, T, T]: ...


@overload
def node(*, transactional: Database[H], **declared: Unpack[NodeOptions]) -> _TransactionalDecorator[H]: ...
@overload
def node(
    fn: Callable[Concatenate[H, P], T], /, *, transactional: Database[H], **declared: Unpack[NodeOptions]
) -> Transactional[P, T, T]: ...
@overload
def node(**declared: Unpack[NodeOptions]) -> _NodeDecorator: ...
@overload
def node(
    fn: Callable[P, AsyncIterator[T]], /, **declared: Unpack[NodeOptions]
) -> Node[P, Iterator[T], AsyncIterator[T]]: ...
@overload
def node(
    fn: Callable[P, Coroutine[Any, Any, T]], /, **declared: Unpack[NodeOptions]
) -> Node[P, T, Coroutine[Any, Any, T]]: ...
@overload
def node(fn: Callable[P, T], /, **declared: Unpack[NodeOptions]) -> Node[P, T, T]: ...
def node(fn: Any = None, /, **declared: Any) -> Any:
    """Declares a function as a node; bare (``@node``), with options (``@node(reads="orders")``), or on what exists
    (``slug = node(slug, pure=True)``).

    Parameters
    ----------
    fn: ``def`` or ``async def``, or an async generator (a stream).
    declared: its effects (``pure reads writes barrier``), policy, ``version`` and ``runs``; see :class:`NodeOptions`.
    ``transactional``: a database (:class:`cflow.transactional.SQLite`); the function is given the handle of a
    transaction first, and what it writes there is committed together with its completion.

    Raises
    ------
    TypeError, ValueError: an unknown option, or a value that does not fit.
    """
    check_declared(declared)
    if fn is None:
        return lambda inner: node(inner, **declared)
    check_function(getattr(fn, "__func__", getattr(fn, "fn", fn)), declared)
    if isinstance(fn, NodeDef):
        return Node(fn.fn, {**fn.declared, **declared}, fn.others)
    if isinstance(fn, FlowDef):
        msg = "a flow is no node: call it from a flow as it is"
        raise TypeError(msg)
    if isinstance(fn, (classmethod, property)) or not (callable(fn) or isinstance(fn, staticmethod)):
        msg = f"@node is put on a function, not on {fn!r} (in a class, on a staticmethod)"
        raise TypeError(msg)
    return Node(fn.__func__ if isinstance(fn, staticmethod) else fn, declared).beside()


# ---- flows ---------------------------------------------------------------------------------------


class Flow(FlowDef[P, R]):
    """A declared flow. Its source is compiled once, at the first check, plan, digest or run; its body never runs."""

    def __init__(self, source: FlowSource, function: Callable[P, R] | None = None, undo: Any = None) -> None:
        super().__init__(source, undo)
        self.fn = function
        self.__name__ = source.name
        self.__qualname__ = getattr(function, "__qualname__", source.name)
        self.__module__ = getattr(function, "__module__", __name__)
        self.__doc__ = getattr(function, "__doc__", None)
        if function is not None:
            self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """In a flow: a sub-flow. In ordinary code: the same as :meth:`run`."""
        return self.run(*args, **kwargs)

    def options(self, **given: Unpack[CallOptions[R]]) -> Flow[P, R]:
        """A flow with another policy, laid over that of the header key by key; in a flow, ``f.options(retry=3)(x)``.

        Outside, the policy is that of the whole run: ``f.options(timeout=60).run(x)``. Keep what is used again: it is
        compiled for itself. An ``undo`` says how a call in a flow is taken back; a run of its own is not.

        Parameters
        ----------
        given: ``retry timeout cache rate lock default undo once``; see :class:`CallOptions`.

        Raises
        ------
        TypeError, ValueError: an unknown option, or a value that does not fit.
        """
        from .dsl.variants import variant

        check_options(given)
        laid: dict[str, Any] = {**given}
        undo = laid.pop("undo", self.undo)
        return Flow(variant(self.source, laid) if laid else self.source, self.fn, undo)

    def run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the flow to its end, from ordinary code, also where an event loop runs; a stream flow gives an iterator.

        Raises
        ------
        ProgramError: the program is wrong. InputError: the inputs are. Else: what the flow raises.
        """
        return cast(R, _engine().run(self, *args, **kwargs))

    @overload
    def start(
        self: Flow[P, Iterator[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, AsyncIterator[T]]: ...
    @overload
    def start(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]: ...
    def start(self, *args: Any, **kwargs: Any) -> Any:
        """The same inside Trio, and inside asyncio, to be awaited; a stream flow gives an async iterator."""
        return _engine().start(self, *args, **kwargs)

    def check(self) -> list[Diagnostic]:
        """Every finding about the flow and what it reaches; nothing runs."""
        return _engine().check(self)

    def plan(self) -> Plan:
        """The steps, what each waits for and why, and where each runs.

        Raises
        ------
        ProgramError: the program is wrong.
        """
        return _engine().plan(self)

    def explain(self) -> str:
        """The plan as text.

        Raises
        ------
        ProgramError: the program is wrong.
        """
        return _engine().explain(self)

    @property
    def digest(self) -> str:
        """What the program means, as a hash: blind to layout, comments and names of locals.

        Raises
        ------
        ProgramError: the program is wrong.
        """
        return _engine().digest(self)

    def __repr__(self) -> str:
        return f"<flow {self.source.key}>"


class _FlowDecorator(Protocol):
    def __call__(self, fn: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**options: Unpack[CallOptions[Any]]) -> _FlowDecorator: ...
def flow(fn: Any = None, /, **options: Any) -> Any:
    """Declares a flow; bare (``@flow``) or with options (``@flow(timeout="1h")``).

    Parameters
    ----------
    fn: a plain ``def``, whose source is read at first use.
    options: ``retry timeout cache rate lock default undo once``, for the flow as a whole; see :class:`CallOptions`.

    Raises
    ------
    TypeError: what it is put on is not a function. TypeError, ValueError: an option is unknown or does not fit.
    """
    check_options(options)
    if fn is None:
        return lambda inner: flow(inner, **options)
    function = fn.__func__ if isinstance(fn, staticmethod) else fn
    if isinstance(function, NodeDef):
        msg = "a node is no flow: take away @node, or @flow"
        raise TypeError(msg)
    if not isinstance(function, types.FunctionType):
        msg = f"@flow is put on a plain def, not on {fn!r}" + (
            " (in a class, on a staticmethod)" if callable(fn) else ""
        )
        raise TypeError(msg)
    key = unique_key(qualified(function), function)

    def load() -> Any:
        from .dsl.python import read_flow

        return read_flow(function, Collector(), options)

    from .dsl.scope import FlowSource

    return Flow(FlowSource(function.__name__, key, function.__code__.co_filename, load), function)
