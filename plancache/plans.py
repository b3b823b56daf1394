"""The plan of a flow, kept: ``cflow run`` of a file that has not changed neither reads nor checks it.

An entry has two parts. The first is plain data: what it hangs on, what to import first, the parameters, and the code of
a flow that is a plain function call. The second, the graphs with their order and the recipes of their objects, is
pickled in one piece, so that what was one object is one again; it is loaded where the first is not enough: the flow has
to wait, something failed, an input needs to be converted.
"""

from __future__ import annotations

import marshal
import os
import sys

from . import codes, place, recipes, stamp
from .checks import depends

TYPE_CHECKING = False  # as typing's own, which takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..compiled import Compiled
    from ..dsl.loader.witness import Step, Witness
    from ..executor.link import Linked


def find(target: str, listened: bool) -> Kept | None:
    """The plan of a flow; None where it is not known, or something has changed. The files that the program imports are
    imported, as loading it would.

    Parameters
    ----------
    target: as it was named. listened: is anybody told of events?
    """
    if place.folder() is None:
        return None
    try:
        payload = place.read(_key(target, listened))
        if payload is None:
            return None
        contents, stats, resolved, steps, checked, head, rest = marshal.loads(payload)
        if not stamp.holds(contents, stats, resolved) or not _replayed(steps):
            return None
        if any(recipes.find(recipe) is recipes.MISSING for recipe in checked):
            return None
        return Kept(head, rest)
    except Exception:  # whatever is wrong with an entry: it is none
        return None


def _key(target: str, listened: bool) -> bytes:
    return stamp.key("plan", target, os.path.expanduser(target), listened)


def _replayed(steps: Sequence[Step]) -> bool:
    """Import what the program imports, in its order; False where something failed (a load is told of it)."""
    from functools import partial

    from ..dsl.loader.witness import replay

    for kind, name in steps:
        run: Callable[[], object]
        if kind == "file":
            from pathlib import Path

            from ..dsl.loader.python_files import import_file

            run = partial(import_file, Path(name))
        else:
            from importlib import import_module

            run = partial(import_module, name)
        try:
            replay((kind, name), run)
        except (Exception, SystemExit):
            return False
    return True


class Kept:
    """A flow whose plan was kept.

    Attributes
    ----------
    name: the flow's. waits: is its kept code an async function?
    params: of each parameter its name, the one that the code has for it, its kind, is it required?, is any text a good
    value of it?
    ambient: does it read the environment? stream: is it a stream?
    """

    def __init__(self, head: Any, rest: bytes) -> None:
        self.name, self.key, self.file, self.params, self.ambient, self.stream, self.waits, self._code = head
        self._rest = rest
        self._loaded: Any = None

    def function(self) -> Callable[..., Any] | None:
        """The flow as a function, where its code was kept."""
        if self._code is None:
            return None
        found = codes.thaw(self._code, lambda number: self.loaded()[1][number])
        if found is not None:
            from ..executor.lines import LINES

            for number, (file, _) in enumerate(self._code[1]):
                ops: Any = _Ops(self, number)
                LINES[file] = ops
        return found

    def loaded(self) -> Any:
        """The second part: the compiled flow, what its code asks for late, and of each piece of code its text, its
        operations and its names."""
        if self._loaded is None:
            self._loaded = _unpickled(self._rest)
            if self._code is not None:
                import linecache

                from ..executor.lines import LINES, NAMES

                for (file, _), (text, ops, names) in zip(self._code[1], self._loaded[2], strict=True):
                    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
                    LINES[file], NAMES[file] = ops, names
        return self._loaded

    def flow(self, load: Callable[[], Any]) -> Any:
        """The flow, as loading its file would give it, compiled already; None where that does not work.

        Parameters
        ----------
        load: loads the file after all, and gives the flow.
        """
        try:
            compiled = self.loaded()[0]
        except Exception:
            return None
        from ..compiled import keep_compiled
        from ..dsl.scope import FlowSource
        from ..facade import Flow

        def loaded() -> Any:
            return load().source.loaded()

        source = FlowSource(self.name, self.key, self.file, loaded)
        keep_compiled(source, compiled)
        return Flow[..., "Any"](source)


class _Ops:
    """The operations of one piece of code by line, loaded where they are asked for."""

    def __init__(self, kept: Kept, number: int) -> None:
        self._kept, self._number = kept, number

    def _known(self) -> Any:
        return self._kept.loaded()[2][self._number][1]

    def __len__(self) -> int:
        return len(self._known())

    def __getitem__(self, line: int) -> Any:
        return self._known()[line]


def keep(target: str, listened: bool, source: Any, compiled: Compiled, linked: Linked | None, seen: Witness) -> None:
    """Keep a plan; where an object of it could not be found again, there is nothing to keep.

    Parameters
    ----------
    target, listened: as for :func:`find`.
    source: the flow's. linked: its code, if it is a plain function call.
    seen: what was read and imported on the way.
    """
    if seen.failed or place.folder() is None:
        return
    try:
        payload = _payload(target, source, compiled, linked, seen)
        place.write(_key(target, listened), payload)
    except Exception:  # what cannot be kept is made again
        return


def _payload(target: str, source: Any, compiled: Compiled, linked: Linked | None, seen: Witness) -> bytes:
    from ..dsl.declaring import FlowDef
    from ..executor.lines import LINES, NAMES

    if any(isinstance(value, FlowDef) for _, _, value in seen.members):
        raise recipes.Unfindable("a flow of a Python file: it hangs on more than can be seen here")
    code = None if linked is None else codes.freeze(linked, seen.members)
    pieces = []
    if code is not None and linked is not None:
        import linecache

        for file in linked.module.files:
            pieces.append(("".join(linecache.getlines(file)), list(LINES[file]), dict(NAMES[file])))
    late = [] if code is None else code[1]
    made = [recipes.describe(value, seen.members) for value in compiled.objects.nodes.values()]
    checked = {*made, *(_member(*m) for m in seen.members)}
    made_now = compiled.digest, compiled.orders  # a plan is whole
    assert all(made_now)
    rest = _pickled((compiled, late, pieces), seen.members)
    _unpickled(rest)
    main = compiled.graph.main
    own = str if linked is None else linked.module.local
    params = [(p.name, own(p.name), p.kind, p.required, str(p.type) == "str") for p in main.params]
    head = (
        *(source.name, source.key, source.file, params, bool(compiled.graph.ambient), main.stream),
        linked is not None and linked.direct is None,
        None if code is None else code[0],
    )
    contents, stats, resolved = depends(seen)
    for module in _modules(seen):
        if stamp.installed(module):
            stats[module] = stamp.stat_of(module)
        else:
            content = stamp.content_of(module)
            if content is None:
                raise recipes.Unfindable(module)
            contents.setdefault(module, content)
    steps = list(dict.fromkeys(seen.steps))
    return marshal.dumps((contents, stats, resolved, steps, sorted(checked), head, rest), 4)


def _member(module: Any, name: str, value: Any) -> recipes.Recipe:
    """What was looked at in a module has to look the same."""
    return module.__name__, str(getattr(module, "__file__", None) or ""), name, False, recipes.short(value)


def _modules(seen: Witness) -> set[str]:
    """The files of modules: of all of the user's, and of those that the program imports itself."""
    asked = {module.__name__ for module, _, _ in seen.members} | {name for kind, name in seen.steps if kind == "pack"}
    found = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (name in asked or not stamp.installed(file)):
            found.add(file)
    return found


# ---- the second part -------------------------------------------------------------------------------


def _pickled(value: Any, members: Any) -> bytes:
    import io
    import pickle
    from types import BuiltinFunctionType, FunctionType, ModuleType

    from ..dsl.declaring import NodeDef

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            if isinstance(obj, (FunctionType, BuiltinFunctionType, NodeDef)) or (
                isinstance(obj, type) and obj.__module__ != "builtins"
            ):
                return recipes.describe(obj, members)
            if isinstance(obj, ModuleType):
                raise recipes.Unfindable(obj.__name__)
            return None

    out = io.BytesIO()
    Pickler(out, 5).dump(value)
    return out.getvalue()


def _unpickled(data: bytes) -> Any:
    import io
    import pickle

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            found = recipes.find(pid)
            if found is recipes.MISSING:
                raise recipes.Unfindable(pid)
            return found

    return Unpickler(io.BytesIO(data)).load()
