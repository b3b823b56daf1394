"""Libraries that belong to an extra: imported at first use, and missing with a text that says what to install."""

from __future__ import annotations

from types import TracebackType

from . import PACKS


class needs:  # noqa: N801 - it reads as a word: `with needs("xlsx"):`
    """Around the import of a library that an extra brings, in the function that uses it.

    ::

        def _reader() -> Any:
            with needs("xlsx"):
                import python_calamine
            return python_calamine

    Parameters
    ----------
    pack: the pack that imports; its row in :data:`~cflow.stdlib_nodes.PACKS` names the extra.

    Raises
    ------
    ModuleNotFoundError: the library is not installed; the text names the extra that brings it.
    """

    def __init__(self, pack: str) -> None:
        self._pack = pack

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, ModuleNotFoundError):
            missing = error.name or "a library"
            extra = PACKS[self._pack].extra
            msg = f"the pack {self._pack} needs {missing}: pip install 'conductor-cflow[{extra}]'"
            raise ModuleNotFoundError(msg, name=error.name) from error
