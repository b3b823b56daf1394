"""The store that a command line names: it has to be there, but for what makes one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .arguments import Usage

TYPE_CHECKING = False  # as typing's own: `cflow run` imports this where a run is recorded
if TYPE_CHECKING:
    from ..engine import Engine


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
    from ..store.failures import StoreError
    from ..store.place import FILE

    if Path(folder).is_file():
        msg = f"{folder} is a file; a store is a folder"
        raise Usage(msg)
    if not (made or (Path(folder) / FILE).is_file()):
        msg = f"there is no store in {folder}: `cflow run FILE --store {folder}` makes one"
        raise Usage(msg)
    try:
        yield
    except StoreError as error:
        raise Usage(str(error)) from error


class Unusable(Exception):
    """The store cannot be opened, so nothing was begun; ``why`` is the store's own error."""

    def __init__(self, why: Exception) -> None:
        self.why = why
        super().__init__(str(why))


def opened(engine: Engine) -> Engine:
    """An engine whose store, where it has one, is open.

    Raises
    ------
    Unusable: it is newer than this program, damaged, or no store.
    """
    try:
        engine.recorder  # noqa: B018 - opens it
    except Exception as error:
        from ..store.failures import StoreError

        if isinstance(error, StoreError):
            raise Unusable(error) from error
        raise
    return engine
