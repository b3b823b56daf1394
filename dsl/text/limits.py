"""The bounds of a text from a stranger. Past one of them parsing ends in a diagnostic, never in a traceback."""

from __future__ import annotations

MAX_TEXT = 4_000_000
"""Characters of one file."""

MAX_STATEMENTS = 100_000
"""Logical lines of one file."""

MAX_BRACKETS = 60
"""Brackets open at once."""

MAX_HEIGHT = 100
"""Levels of one expression; flat chains (``and``, ``or``, comparisons, displays, arguments) are one level
however long.
"""

MAX_BLOCKS = 40
"""Suites inside one another."""

MAX_STRING = 1_000_000
"""Characters of one string literal."""

MAX_DIGITS = 1_000
"""Characters of one number literal."""

MAX_ERRORS = 20
"""Errors reported for one file; then the parser stops looking for more."""
