"""``runs="wasm"``: a function of a WebAssembly module, in a sandbox: it reaches nothing but its own memory.

The module (binary, or text) exports a function of the node's name that takes and gives numbers; or it is a program of
WASI (it exports ``_start``), which is spoken to in JSON as a command is, and has no files, no network and no
environment. It runs in a worker process under wasmtime, with fuel (instructions) and memory as declared; a timeout ends
the worker.
"""

from __future__ import annotations

import functools
import inspect
import resource
import tempfile
import typing
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from ..compiler.spec import NodeSpec
from . import processes
from .code import content, need
from .command import json_text
from .port import Job, NodeCrashed

FUEL = 1 << 40
"""Instructions that a call may take where ``fuel=`` is not said: some minutes."""

MEMORY = 1 << 28
"""Bytes of memory that it may have where ``memory=`` is not said."""


TABLE = 1_000_000
"""Elements of a table at most: they are held outside of its memory."""

OUTPUT = 1 << 26
"""Bytes that a program may print."""


class Module:
    """A module, as it is sent to a worker; compiled there once."""

    def __init__(self, name: str, code: bytes, signature: inspect.Signature, fuel: int, memory: int) -> None:
        self._name = name
        self._code = code
        self._parameters = tuple(signature.parameters)
        self._signature = signature
        self._fuel = fuel
        self._memory = memory

    @functools.cached_property
    def _compiled(self) -> Any:
        import wasmtime

        config = wasmtime.Config()
        config.consume_fuel = True
        engine = wasmtime.Engine(config)
        code = self._code if self._code.startswith(b"\0asm") else bytes(wasmtime.wat2wasm(self._code.decode()))
        return engine, wasmtime.Module(engine, code)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """One call, in an instance of its own: nothing of an earlier one is left.

        Raises
        ------
        NodeCrashed: it trapped, or has used up its fuel. ValueError: the module is no good.
        """
        import wasmtime

        try:
            engine, module = self._compiled
        except (wasmtime.WasmtimeError, UnicodeDecodeError) as error:
            msg = f"the module of {self._name} is no good: {error}"
            raise ValueError(msg) from None
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        store = wasmtime.Store(engine)
        store.set_fuel(self._fuel)
        store.set_limits(memory_size=self._memory, memories=1, table_elements=TABLE)
        names = {export.name for export in module.exports}
        try:
            if self._name not in names and _has_start(module):
                return self._program(store, module, bound.arguments)
            linker = wasmtime.Linker(engine)
            function = linker.instantiate(store, module).exports(store).get(self._name)
            if not isinstance(function, wasmtime.Func):
                msg = f"the module of {self._name} exports no function {self._name!r}, and no _start (but {names})"
                raise ValueError(msg)
            given = list(bound.arguments.values())
            for value, kind in zip(given, function.type(store).params, strict=False):
                _check_range(self._name, value, str(kind))
            return function(store, *given)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise self._crashed(store, error) from None

    def _program(self, store: Any, module: Any, arguments: dict[str, Any]) -> Any:
        import wasmtime

        with tempfile.TemporaryDirectory(prefix="cflow-wasm-") as folder:
            files = {name: Path(folder, name) for name in ("in", "out", "err")}
            files["in"].write_text(json_text().dump(arguments) + "\n", "utf-8")
            wasi = wasmtime.WasiConfig()
            wasi.argv = [self._name]
            wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = (str(file) for file in files.values())
            store.set_wasi(wasi)
            linker = wasmtime.Linker(store.engine)
            linker.define_wasi()
            start = typing.cast(Any, linker.instantiate(store, module).exports(store)["_start"])
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, before[1]))
            try:
                start(store)
            except wasmtime.ExitTrap as exit:
                if exit.code:
                    said = files["err"].read_text("utf-8", "replace").strip()[-1000:]
                    msg = f"{self._name} has no result: it ended with exit code {exit.code}: {said}"
                    raise NodeCrashed(msg, exit.code) from None
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            text = files["out"].read_bytes()
        return json_text().parse(text, f"what {self._name} printed") if text.strip() else None

    def _crashed(self, store: Any, error: Exception) -> NodeCrashed:
        if not store.get_fuel():
            return NodeCrashed(f"{self._name} has used up its fuel of {self._fuel:,} instructions (fuel=)")
        reason = str(error).strip().splitlines()[-1].strip()
        return NodeCrashed(f"{self._name} has no result: {reason} (it may have {self._memory:,} bytes of memory)")


def _has_start(module: Any) -> bool:
    import wasmtime

    return any(e.name == "_start" and isinstance(e.type, wasmtime.FuncType) for e in module.exports)


def _check_range(name: str, value: Any, kind: str) -> None:
    """wasmtime takes of a number that is too large what fits.

    Raises
    ------
    OverflowError: it does not fit, neither with a sign nor without.
    """
    bits = {"i32": 32, "i64": 64}.get(kind)
    if bits is not None and isinstance(value, int) and not -(1 << bits - 1) <= value < 1 << bits:
        msg = f"{name}: {value} does not fit {kind}"
        raise OverflowError(msg)


class Wasm(processes.Processes):
    """The runtime of ``runs="wasm"``."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        """See :class:`~.port.Runtime`."""
        need("wasmtime", "wasm", spec)
        told = spec.runtime
        code = content(spec, fn, "module")
        return Module(spec.name, code, inspect.signature(fn), told.get("fuel", FUEL), told.get("memory", MEMORY))

    def memory(self, job: Job) -> None:
        """The sandbox holds the module to it; the process around it has its own."""

    def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """There are none: a module gives one result."""
        raise NotImplementedError


RUNTIME = Wasm()
