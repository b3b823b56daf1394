"""The standard node packs: one module a pack, written as a user would write them.

A pack is a module of ``@node`` functions with annotations and declared effects; modules whose names begin with ``_``
are shared by packs and are none themselves. Nothing in the package imports a pack but by its name, when a program
asks for it; a pack imports the public names of ``cflow`` only. ``PACKS`` is the list that `cflow nodes` and `import`
offer.
"""

from __future__ import annotations

PACKS = ("chart", "csv", "data", "files", "http", "json", "log", "text", "time")
