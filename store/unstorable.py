"""What encoding and decoding a value can fail with."""

from __future__ import annotations

from .failures import StoreError


class NotStorable(StoreError):
    """A value cannot be stored; the message names the place in it, the type, and what to do.

    ``path``: the place (``result["rows"][3].conn``); ``type``: the class of what stands there.
    """

    def __init__(self, type: str, reason: str, help: str) -> None:
        self.type, self.reason, self.help = type, reason, help
        self._steps: list[str] = []
        self._around: list[int] = []
        self.path = "the value"
        super().__init__(reason)

    def within(self, step: str, holder: object) -> None:
        """On the way out: the part stands at ``step`` in ``holder``."""
        self._steps.append(step)
        self._around.append(id(holder))

    def at(self, name: str) -> NotStorable:
        """The whole message, with the place, below ``name``."""
        steps, around = self._steps[::-1], self._around[::-1]
        first: dict[int, int] = {}
        for place, holder in enumerate(around):
            if holder in first:
                start = first[holder]
                self.path = name + "".join(steps[:start])
                self.reason = f"holds itself, at {name}{''.join(steps[:place])}"
                self.help = "return a value without circles: let a part name the whole by a key"
                break
            first[holder] = place
        else:
            shown = steps if len(steps) <= 12 else [*steps[:6], " ... ", *steps[-4:]]
            self.path = name + "".join(shown)
        self.args = (f"{self.path} {self.reason}: {self.help}",)
        return self


class Lost(StoreError):
    """A stored value lacks a part that must not be on disk (text made from a secret): it has to be computed again."""


class Misfit(StoreError):
    """A stored value does not fit the program as it is now: a class is not known, or has other fields."""
