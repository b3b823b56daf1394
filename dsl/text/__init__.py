"""The text front end: ``.cflow`` text to syntax, and the formatter."""

from __future__ import annotations

from .parser import parse

__all__ = ["parse"]
