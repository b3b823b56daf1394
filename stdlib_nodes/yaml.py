"""YAML text and files, by the core schema of YAML 1.2: ``no`` and ``on`` are text, a date is text, no tag makes an
object. ``read``, ``documents`` and ``write`` take part in the order of the ``files`` pack. Needs the extra ``data``.

Parsed and written by PyYAML (libyaml), the common library; records, dates, paths and decimals are written as by
``json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import node, permissions
from ._atomic import write_whole
from ._yamltext import dump, load, load_one


@node(pure=True)
def loads(text: str | bytes) -> Any:
    """The value that a YAML text stands for; merge keys (``<<``) and aliases are followed.

    ``yaml.loads("name: Ada\\ntags: [a, b]\\n")`` gives ``{"name": "Ada", "tags": ["a", "b"]}``

    Raises ValueError with line and column: for what is not YAML, holds several documents, names a key twice, nests
    more than 200 deep, or multiplies by aliases to more than a million values.
    """
    return load_one(text, "the text")


@node(pure=True)
def documents(text: str | bytes) -> list[Any]:
    """The values of a text of several documents, which ``---`` parts.

    ``yaml.documents("a: 1\\n---\\na: 2\\n")`` gives ``[{"a": 1}, {"a": 2}]``
    """
    return list(load(text, "the text"))


@node(pure=True)
def dumps(value: Any, sort_keys: bool = False) -> str:
    """The YAML text of a value, in block style.

    ``yaml.dumps({"name": "Ada", "tags": ["a", "b"]})`` gives ``"name: Ada\\ntags:\\n- a\\n- b\\n"``

    Raises TypeError for what has no form in YAML, ValueError for a value that holds itself.
    """
    return dump(value, sort_keys)


@node(reads="files")
def read(path: str | Path) -> Any:
    """The value in a YAML file (UTF-8 or UTF-16).

    ``config = yaml.read("config.yaml")``

    Raises OSError, and ValueError as ``loads``, with the path.
    """
    return load_one(permissions().file(path).read_bytes(), str(path))


@node(writes="files")
def write(path: str | Path, value: Any, sort_keys: bool = False) -> Path:
    """Put a value into a YAML file, whole or not at all; returns the path.

    ``yaml.write("config.yaml", config)``
    """
    return write_whole(path, dump(value, sort_keys).encode())
