"""Transactional nodes whose first argument says which database they write to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from .port import Bound, Database

H = TypeVar("H")


class Addressed(Database[H]):
    """Stands for the database that a call names in its first argument, in ``@node(transactional=...)``.

    Parameters
    ----------
    find: the database of an argument; asked at each call, in the node's thread, so it may ask for permissions.
    name: of that parameter.
    """

    def __init__(self, find: Callable[[Any], Database[H]], name: str) -> None:
        super().__init__()
        self.find = find
        self.name = name

    def bound(self, fn: Callable[..., Any]) -> Bound:
        return self._bound.setdefault(fn, _Bound(self, fn))

    def begin(self) -> NoReturn:
        raise NotImplementedError

    def first(self, key: str) -> NoReturn:
        raise NotImplementedError

    def forget(self, ranges: Sequence[tuple[str, str]]) -> NoReturn:
        raise NotImplementedError


class _Bound(Bound):
    database: Addressed[Any]

    def held_to(self, check: Callable[[Any], object]) -> Bound:
        return _Bound(self.database, self.func, check)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        address = args[0] if args else kwargs[self.database.name]
        return Bound(self.database.find(address), self.func, self._held_to)(*args, **kwargs)
