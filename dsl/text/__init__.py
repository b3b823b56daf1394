"""The text front end: ``.cflow`` text to syntax, and the formatter."""

from __future__ import annotations

from .formatter import format_text
from .parser import parse

__all__ = ["format_text", "parse"]
