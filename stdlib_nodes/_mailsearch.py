"""What is looked for in a folder, in the words of IMAP (RFC 3501, 6.4.4). It knows nothing of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ._mailfolder import flag_word
from ._names import has_control

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def criteria(
    states: Mapping[str, bool | None],
    flags: Mapping[str, str],
    days: Mapping[str, date | None],
    texts: Mapping[str, str],
    after: int,
) -> tuple[str, list[list[str]]]:
    """One search, and those for texts beyond ASCII, which go one by one. What is "" or None is not looked at.

    Parameters
    ----------
    states, flags, days, texts: what is asked, by IMAP's word for it. after: the uid that all are above.

    Raises
    ------
    ValueError: a flag that is none, a text with a line break.
    """
    plain, others = ["UNDELETED"], []
    for word, wanted in states.items():
        if wanted is not None:
            plain.append(word if wanted else f"UN{word}")
    plain += [f"{word} {flag_word(flag)}" for word, flag in flags.items() if flag]
    for word, day in days.items():
        if day is not None:
            plain.append(f"{word} {day.day}-{_MONTHS[day.month - 1]}-{day.year}")
    if after:
        plain.append(f"UID {int(after) + 1}:*")
    for word, value in texts.items():
        if has_control(value):
            msg = f"{word.lower()}: {value!r} holds a line break or another control character"
            raise ValueError(msg)
        if value.isascii():
            # Quoted by ourselves: the library leaves a value like {5} or (ALL) as it is, and that means something.
            plain += [f'{word} "{_escaped(value)}"'] if value else []
        else:
            others.append([word, value])  # goes as a literal, alone: mixed with others those would go unquoted
    return " ".join(plain), others


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
