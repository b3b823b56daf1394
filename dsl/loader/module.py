"""What loading a file or text gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ...compiler.permissions import TRUSTED, Permissions
from ..scope import FlowSource, Scope
from ..syntax import Module, Test


@frozen(eq=False)
class LoadedModule:
    """A loaded ``.cflow`` file or text, or a ``.py`` file with flows.

    Parameters
    ----------
    name: its label, unique in the process and readable (``orders``): flow keys begin with it.
    file: where it was read, as diagnostics show it.
    syntax: the tree; of a ``.py`` file one without declarations.
    scope: what its names mean.
    flows: the flows that it declares, in the order of the text.
    tests: its ``test`` blocks.
    names: the real objects behind its public names where it was loaded to run: classes, constants, what it imports; a
        flow
        of its own is its :class:`~..scope.FlowSource` (of a ``.py`` file: the object that ``@flow`` made).
    is_python: is it a ``.py`` file?
    text: of a ``.cflow`` file. granted: what its host has granted to it.
    """

    name: str
    file: str
    syntax: Module
    scope: Scope
    flows: Mapping[str, FlowSource]
    tests: tuple[Test, ...] = ()
    names: Mapping[str, Any] = field(factory=dict)
    is_python: bool = False
    text: str = field(default="", repr=False)
    granted: Permissions = TRUSTED
