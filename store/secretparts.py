"""Text with secrets in it, stored as what stands around them and their names.

What stands around a secret was never secret (:mod:`..compiler.secrets`); the secret itself is in the environment again
when the value is read. Text made from a secret in another way (a slice, upper case) cannot be stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from ..compiler import secrets as known
from ..compiler.secrets import HIDDEN, SHORTEST, SecretText, hide

Parts = list[str]
"""Text, name, text, name, ..., text."""


def plain(secret: str) -> str:
    """The text of a secret as an ordinary ``str``."""
    return str.__str__(secret)[:]


def placeholder(text: str = HIDDEN) -> SecretText:
    """A secret text that shows where one was; no other text is hidden for its sake."""
    return str.__new__(SecretText, text)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the secrets in it: those given, and all that this process knows."""
    for secret in sorted((plain(s) for s in secrets if len(s) >= SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return hide(text)


@frozen
class _Looked:
    """The secrets at a moment, the longest first. ``state``: how many there were, and the last one."""

    state: tuple[int, str]
    texts: tuple[str, ...]
    coded: tuple[bytes, ...]


class Watch:
    """Finds secrets in what is about to be stored.

    Parameters
    ----------
    named: the secrets that the program declares, by name; what is not a :class:`SecretText` among them is ignored.
    """

    __slots__ = ("_looked", "_names", "_wide", "named")

    def __init__(self, named: Mapping[str, object]) -> None:
        self.named = {name: secret for name, secret in named.items() if isinstance(secret, SecretText)}
        self._names: dict[str, str] = {}
        for name, secret in self.named.items():
            self._names.setdefault(plain(secret), name)
        # Each of these is replaced whole: threads share them.
        self._looked: _Looked = _Looked((0, ""), (), ())
        self._wide: tuple[_Looked, tuple[re.Pattern[bytes], ...]] = (self._looked, ())

    def look(self) -> bool:
        """Is there any secret to look for? Learns those that were made since the last look."""
        texts = known._known
        if not texts and not self._names:
            return False
        state = (len(texts), next(reversed(texts), ""))
        looked = self._looked
        if state != looked.state or not looked.texts:
            every = {*texts, *(text for text in self._names if len(text) >= SHORTEST)}
            longest = tuple(sorted(every, key=len, reverse=True))
            coded = tuple(text.encode("utf-8", "surrogatepass") for text in longest)
            self._looked = looked = _Looked(state, longest, coded)
        return bool(looked.texts)

    def in_text(self, text: str) -> bool:
        return any(secret in text for secret in self._looked.texts)

    def in_bytes(self, data: bytes | bytearray) -> bool:
        return any(secret in data for secret in self._looked.coded)

    def in_buffer(self, data: memoryview) -> bool:
        """In raw memory, also as text of two or four bytes a character."""
        looked, forms = self._wide
        if looked is not self._looked:
            looked = self._looked
            codes = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
            coded = {text.encode(code, "surrogatepass") for text in looked.texts for code in codes}
            forms = tuple(re.compile(re.escape(form)) for form in coded)
            self._wide = (looked, forms)
        return any(form.search(data) for form in forms)

    def parts(self, text: str) -> Parts | None:
        """A text as parts, with each secret as its name; None where a secret is left that has no name."""
        if text in self._names:  # also one that is too short to be looked for
            return ["", self._names[text], ""]
        names = sorted((secret for secret in self._names if len(secret) >= SHORTEST), key=len, reverse=True)
        if not names:
            return None
        pieces = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
        if len(pieces) == 1 or any(self.in_text(piece) for piece in pieces[::2]):
            return None
        pieces[1::2] = [self._names[secret] for secret in pieces[1::2]]
        return pieces
