"""The store that a command line names: it has to be there, but for what makes one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .arguments import Usage


@contextmanager
def existing(folder: str, made: bool = False) -> Iterator[None]:
    """Work with the store in ``folder``; what is wrong with it is told, with exit code 2.

    Parameters
    ----------
    made: one may be made there.

    Raises
    ------
    Usage: there is none, or it cannot be read, or it does not take what is asked of it.
    """
    from ..store.place import FILE
    from ..store.port import StoreError

    if not (made or (Path(folder) / FILE).is_file()):
        msg = f"there is no store in {folder}: `cflow run FILE --store {folder}` makes one"
        raise Usage(msg)
    try:
        yield
    except StoreError as error:
        raise Usage(str(error)) from error
