"""Values as bytes and back: typed, exact, and nothing in the bytes runs.

The bytes are MessagePack. Plain data (None, bool, int, float, text, bytes, lists, dicts with text as keys) is
MessagePack's own and nothing else, which is as quick as the encoder is. Anything else begins with a byte that
MessagePack never uses, flags, and the digests of the large values that it refers to; in it, extension types stand for
what MessagePack has not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .blobs import Blobs
from .decoding import Reader, damaged, plainly
from .exceptions import Restored as Restored
from .failures import Damaged, StoreError
from .records import Classes, Resolver, StandIn as StandIn, class_name
from .secretparts import Watch, scrub as scrub
from .sqlerrors import NO_SPACE
from .unstorable import Lost as Lost, Misfit as Misfit, NotStorable as NotStorable
from .writing import DEEPEST, PACKED, Writer

LIMIT = 64 * 1024
"""Bytes from which on a value is a file of its own."""

MARK = 0xC1
"""Begins what is not plain; the one byte that MessagePack never uses."""

LOSSY, REFS, WHOLE = 1, 2, 4
"""Flags: a secret was left out; digests follow; the value is all in the file of the first digest."""

_ONE: frozenset[type] = frozenset({type(None), bool, int, float})
_DIGEST = 32

T = TypeVar("T")


class Values:
    """Encodes and decodes the values of one program. It holds nothing of a value, so threads may share it; with large
    values it reads and writes files, which blocks.

    Parameters
    ----------
    classes: the classes of the program: a mapping (its values count) or a function from ``module:qualname`` to a class
        or None. Records, errors, enumerations and named tuples in modules that are imported are found besides.
    pickled: classes whose instances (of exactly this class) are stored as pickles. Who can write to the store can run
        code in a program that names any.
    blobs: where large values go; None: they stay where they are.
    limit: bytes from which on a value is large.
    secrets: the program's secrets by name; they are stored as their names.
    """

    def __init__(
        self,
        classes: Resolver,
        pickled: Iterable[type] = (),
        blobs: Blobs | None = None,
        limit: int = LIMIT,
        secrets: Mapping[str, object] | None = None,
    ) -> None:
        self.classes = Classes(classes)
        self.pickled = frozenset(pickled)
        self.pickled_by_name = {class_name(cls): cls for cls in self.pickled}
        self.blobs = blobs
        self.limit = limit
        self.watch = Watch(secrets or {})

    def with_secrets(self, secrets: Mapping[str, object]) -> Values:
        """The same for a run, whose secrets are read when it starts."""
        made = object.__new__(Values)
        made.__dict__.update(self.__dict__)
        made.watch = Watch(secrets)
        return made

    def whole(self) -> Values:
        """The same without files for large values."""
        made = object.__new__(Values)
        made.__dict__.update(self.__dict__)
        made.blobs = None
        return made

    def encode(self, value: Any, name: str = "result") -> bytes:
        """A value as bytes; equal values of the same type give the same ones, but for the order of dicts.

        Parameters
        ----------
        name: what it is, for the message of an error.

        Raises
        ------
        NotStorable: it, or a part of it, cannot be stored.
        StoreError, OSError: a large value cannot be written (:class:`~.blobs.Blobs`). A full disk is no reason: the
        value stays in the bytes then, and who writes these waits for room.
        """
        try:
            return self._encode(value)
        except RecursionError:
            pass
        except NotStorable as error:
            raise error.at(name) from error.__cause__
        except OSError as error:
            if error.errno not in NO_SPACE or self.blobs is None:
                raise
            return self.whole().encode(value, name)
        try:
            return _on_own_stack(lambda: self._encode(value))
        except NotStorable as error:
            raise error.at(name) from error.__cause__

    def _encode(self, value: Any) -> bytes:
        if type(value) in _ONE or _is_plain(value, self.limit, DEEPEST - 1):
            try:
                data = PACKED(value)
            except (OverflowError, UnicodeEncodeError):
                pass
            else:
                if len(data) <= self.limit and not (self.watch.look() and self.watch.in_bytes(data)):
                    return data
        return self._encoded(value)

    def _encoded(self, value: Any) -> bytes:
        writer = Writer(self)
        body = PACKED(writer.wire(value))
        refs = tuple(writer.refs)
        flags = LOSSY * writer.lossy
        if len(body) > self.limit and self.blobs is not None:
            refs = (self.blobs.put(body).digest, *refs)
            flags |= WHOLE
            body = b""
        flags |= REFS * bool(refs)
        count = len(refs).to_bytes(4, "little") if refs else b""
        return b"".join((bytes((MARK, flags)), count, *map(bytes.fromhex, refs), body))

    def decode(self, data: bytes | bytearray | memoryview, *, show: bool = False, what: str = "a value") -> Any:
        """The value that was encoded.

        Parameters
        ----------
        show: it is for people to see: what the program does not know is a :class:`StandIn`, and what was left out is
            shown as a secret; encoded again, it gives the same bytes.
        what: what it is, for the message of an error.

        Raises
        ------
        Damaged: these are no bytes that were written, or a large value is missing or has changed.
        Lost: a secret in it is not set here, or was left out (:meth:`lossy`).
        Misfit: the program does not know a class, or has other fields in it.
        """
        try:
            if data and data[0] != MARK:
                return plainly(data)
            return self._decoded(memoryview(data), show)
        except RecursionError:
            pass
        except (StoreError, OSError, MemoryError):
            raise
        except Exception as error:
            raise damaged(error, what) from error
        try:
            return _on_own_stack(lambda: self._decoded(memoryview(data), show))
        except (StoreError, OSError, MemoryError):
            raise
        except Exception as error:
            raise damaged(error, what) from error

    def _decoded(self, data: memoryview, show: bool) -> Any:
        if data and data[0] != MARK:
            return plainly(data)
        flags, refs, body = _split(data)
        if flags & WHOLE:
            if self.blobs is None:
                msg = "it is a large value in a file of its own, and no folder is given for these"
                raise Misfit(msg)
            body = memoryview(self.blobs.get(refs[0]))
        return Reader(self, show).read(body)

    @staticmethod
    def refs(data: bytes | bytearray | memoryview) -> tuple[str, ...]:
        """The digests of the large values that encoded bytes refer to.

        Raises
        ------
        Damaged: these are no bytes that were written.
        """
        return _head(data)[1]

    @staticmethod
    def lossy(data: bytes | bytearray | memoryview) -> bool:
        """Was something left out because it was made from a secret? Then reading it fails (:class:`Lost`), and a run
        that goes on has to compute it again.

        Raises
        ------
        Damaged: these are no bytes that were written.
        """
        return bool(_head(data)[0] & LOSSY)


def _head(data: bytes | bytearray | memoryview) -> tuple[int, tuple[str, ...]]:
    if data and data[0] != MARK:
        return 0, ()
    try:
        return _split(memoryview(data))[:2]
    except (ValueError, IndexError) as error:
        msg = f"a value is not what was written: {error}"
        raise Damaged(msg, "a value") from error


def _split(data: memoryview) -> tuple[int, tuple[str, ...], memoryview]:
    """Flags, digests and the rest."""
    flags = data[1]
    if flags & ~(LOSSY | REFS | WHOLE) or (flags & WHOLE and not flags & REFS):
        msg = f"unknown flags {flags:#x}: a newer version may have written it"
        raise ValueError(msg)
    if not flags & REFS:
        return flags, (), data[2:]
    end = 6 + _DIGEST * int.from_bytes(data[2:6], "little")
    if end > len(data) or end == 6:
        msg = "it is cut off"
        raise ValueError(msg)
    return flags, tuple(bytes(data[at : at + _DIGEST]).hex() for at in range(6, end, _DIGEST)), data[end:]


_SHORT = 8


def _is_plain(value: Any, limit: int, levels: int) -> bool:
    """Does MessagePack's own form of a value come back as the very same?"""
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif kind is list:
        items = value
    else:
        return kind in (str, bytes) and len(value) <= limit
    if len(value) > _SHORT and _ONE.issuperset(map(type, items)):
        return True
    for item in items:
        kind = type(item)
        if kind in _ONE:
            continue
        if kind is str or kind is bytes:
            if len(item) > limit:
                return False
        elif (kind is not dict and kind is not list) or not levels or not _is_plain(item, limit, levels - 1):
            return False
    return True


def _on_own_stack(action: Callable[[], T]) -> T:
    """What an action gives on the stack of a thread of its own: the caller's is too full for it."""
    answer: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(action())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="cflow-values")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return answer[0]
