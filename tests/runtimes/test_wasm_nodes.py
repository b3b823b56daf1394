"""``runs="wasm"``: modules in a sandbox, stopped at their limits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cflow import flow, node
from cflow.runtimes.port import NodeCrashed
from cflow.runtimes.processes import POOL

wasmtime = pytest.importorskip("wasmtime", reason="the extra wasm is not installed")

TEXT = """
(module
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "half") (param f64) (result f64) local.get 0 f64.const 2 f64.div)
  (func (export "both") (param i64) (result i64 i64) local.get 0 local.get 0 i64.const 1 i64.add)
  (func (export "count") (result i32)
    global.get $calls i32.const 1 i32.add global.set $calls global.get $calls)
  (func (export "forever") (loop $again br $again))
  (func (export "grab") (result i32)
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    memory.size)
  (func (export "divide") (param i32) (result i32) i32.const 1 local.get 0 i32.div_s))
"""

# A program of WASI that prints what it reads; with nothing to read it ends with code 3.
CAT = """
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\00\\10\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (if (i32.lt_u (i32.load (i32.const 16)) (i32.const 12)) (then (call $exit (i32.const 3))))
    (i32.store (i32.const 4) (i32.load (i32.const 16)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))
"""

# One that prints until it cannot: then it ends with code 4.
YES = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\00\\f0\\00\\00")
  (func (export "_start")
    (loop $again
      (br_if $again (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))
    (call $exit (i32.const 4))))
"""


@pytest.fixture(autouse=True, scope="module")
def _workers_end() -> Any:
    yield
    POOL.close()


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "all.wat").write_text(TEXT)
    return str(tmp_path / "all.wat")


def add(a: int, b: int = 1) -> int: ...  # type: ignore[empty-body]
def half(x: float) -> float: ...  # type: ignore[empty-body]
def both(x: int) -> Any: ...
def count() -> int: ...  # type: ignore[empty-body]
def forever() -> None: ...
def grab() -> int: ...  # type: ignore[empty-body]
def divide(x: int) -> int: ...  # type: ignore[empty-body]
def missing() -> None: ...
def echo(words: list[str]) -> Any: ...


def made(fn: Any, module: str, **declared: Any) -> Any:
    return node(fn, pure=True, runs="wasm", module=module, **declared)


def test_numbers_go_in_and_out(text: str) -> None:
    assert made(add, text)(2, 3) == 5
    assert made(add, text)(2) == 3
    assert made(half, text)(3.0) == 1.5
    assert made(both, text)(7) == [7, 8]


def test_a_number_that_does_not_fit_is_told(text: str) -> None:
    assert made(add, text)(2**31 - 1, 0) == 2**31 - 1
    for number in (2**32, -(2**31) - 1):
        with pytest.raises(OverflowError, match=rf"add: {number} does not fit i32"):
            made(add, text)(number)


def test_a_binary_module_does_too(tmp_path: Path) -> None:
    (tmp_path / "all.wasm").write_bytes(wasmtime.wat2wasm(TEXT))
    assert made(add, str(tmp_path / "all.wasm"))(2, 3) == 5


def test_a_call_finds_nothing_of_an_earlier_one(text: str) -> None:
    counted = made(count, text)
    assert [counted(), counted()] == [1, 1]


def test_one_that_loops_for_ever_is_stopped_by_its_fuel(text: str) -> None:
    with pytest.raises(NodeCrashed, match=r"forever has used up its fuel of 1,000,000 instructions"):
        made(forever, text, fuel=1_000_000)()


def test_and_by_its_timeout(text: str) -> None:
    with pytest.raises(TimeoutError, match="forever took longer than"):
        made(forever, text, timeout=1)()


def test_one_that_allocates_without_end_is_held_at_its_limit(text: str) -> None:
    pages = made(grab, text, memory="16MiB")()
    assert pages * 65536 <= 16 * 2**20


def test_a_module_that_begins_with_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.wat").write_text('(module (memory 1000) (func (export "missing")))')
    with pytest.raises(NodeCrashed, match=r"missing has no result: .*memory"):
        made(missing, str(tmp_path / "big.wat"), memory="1MiB")()


def test_a_trap_is_an_error_and_the_worker_stays(text: str) -> None:
    with pytest.raises(NodeCrashed, match="divide has no result: wasm trap: integer divide by zero"):
        made(divide, text)(0)
    assert made(divide, text)(1) == 1


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("(module)", ValueError),
        ('(module (memory (export "f") 1))', ValueError),
        ('(module (global (export "_start") i32 (i32.const 3)))', ValueError),
        ('(module (import "env" "x" (func)) (func (export "f")))', NodeCrashed),
        ('(module (func $s unreachable) (start $s) (func (export "f")))', NodeCrashed),
        ('(module (memory 1) (memory 1) (func (export "f")))', NodeCrashed),
        ('(module (func (export "f") (param v128)))', NodeCrashed),
    ],
)
def test_a_module_without_what_it_needs_is_an_error_of_the_call(
    module: str, error: type[Exception], tmp_path: Path
) -> None:
    def f(x: int = 1) -> Any: ...

    (tmp_path / "f.wat").write_text(module)
    with pytest.raises(error, match=r"\bf\b"):
        node(f, pure=True, runs="wasm", module=str(tmp_path / "f.wat"))()


def test_what_is_wrong_with_a_module_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exports no function 'missing'"):
        made(missing, text)()
    (tmp_path / "bad.wat").write_text("(module")
    with pytest.raises(ValueError, match="the module of missing is no good"):
        made(missing, str(tmp_path / "bad.wat"))()
    with pytest.raises(FileNotFoundError):
        made(missing, str(tmp_path / "none.wat"))()


def test_a_program_of_wasi_is_spoken_to_in_json(tmp_path: Path) -> None:
    (tmp_path / "cat.wat").write_text(CAT)
    assert made(echo, str(tmp_path / "cat.wat"))(["ä", "b"]) == {"words": ["ä", "b"]}


def test_one_that_prints_without_end_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "yes.wat").write_text(YES)
    with pytest.raises(NodeCrashed, match="echo has no result: it ended with exit code 4"):
        made(echo, str(tmp_path / "yes.wat"))([])


def test_it_has_no_files_and_no_network(tmp_path: Path) -> None:
    """What the module asks for is not there: an import other than WASI's cannot be had."""
    (tmp_path / "asks.wat").write_text('(module (import "host" "system" (func)) (func (export "missing")))')
    with pytest.raises(NodeCrashed, match="unknown import"):
        made(missing, str(tmp_path / "asks.wat"))()


def test_in_a_flow(text: str) -> None:
    plus = made(add, text)

    @flow
    def total(n: int) -> int:
        found = 0
        for x in range(n):
            found = plus(found, x)
        return found

    assert total.run(5) == 10
    assert "in WebAssembly" in total.explain()


def test_a_missing_library_names_the_extra(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.runtimes.code.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'conductor-cflow\[wasm\]'"):
        made(add, text)(1, 2)


def test_a_stream_is_refused(text: str) -> None:
    with pytest.raises(TypeError, match="gives one result"):

        @node(runs="wasm", module=text)
        def many() -> Any:
            yield os
