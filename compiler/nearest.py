"""The name that a person may have meant: the words of every "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable

_TOO_MANY = 5_000
"""Past so many candidates only the case of letters is compared: a check of a stranger's text takes bounded time."""


def nearest(name: str, names: Iterable[str], n: int = 3) -> list[str]:
    """The names most like ``name``, best first."""
    pool = {
        known for known in names if not known.startswith("_") and abs(len(known) - len(name)) <= max(3, len(name) // 2)
    }
    exact = [known for known in pool if known.lower() == name.lower()]
    if len(pool) <= _TOO_MANY:
        import difflib  # a program without a mistake does without its memory

        close = difflib.get_close_matches(name, sorted(pool), n, 0.6)
    else:
        close = []
    return list(dict.fromkeys([*sorted(exact), *close]))[:n]


def did_you_mean(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """``did you mean 'a' or 'b'?``, or ``otherwise`` where nothing is like it."""
    found = nearest(name, names)
    return f"did you mean {' or '.join(map(repr, found))}?" if found else otherwise
