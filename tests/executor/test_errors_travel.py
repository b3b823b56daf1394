"""An error can be copied, and pickled into another process, with what is known of it."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

import cflow
from cflow import ProgramError, flow, node
from cflow.compiler.diagnostics import InputError, LoopLimit, UndoFailed


@node(reads="d")
async def bad(x: int, lock: Any = None) -> int:
    raise ValueError("bad")


@flow
def fails(n: int) -> int:
    return bad(n)


@flow
def fails_with_a_lock(lock: Any) -> int:
    return bad(1, lock)


def travelled(error: BaseException) -> list[Any]:
    return [copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))]


@pytest.mark.parametrize(("program", "given"), [(fails, 3), (fails_with_a_lock, threading.Lock())])
def test_an_error_of_a_node(program: Any, given: Any) -> None:
    with pytest.raises(ValueError, match="bad") as caught:
        program.run(given)
    for error in travelled(caught.value):
        assert type(error) is ValueError
        assert error.args == ("bad",)
        assert error.__notes__ == caught.value.__notes__
        assert error.__cflow__.flow == program.source.name
        assert error.__cflow__.path == caught.value.__cflow__.path


def test_errors_of_the_engine() -> None:
    with pytest.raises(ProgramError) as wrong:
        cflow.loads("flow f() -> int:\n    return x\n").f.check()
        cflow.loads("flow f() -> int:\n    return x\n").f.run()
    for error in travelled(wrong.value):
        assert error.diagnostics == wrong.value.diagnostics
        assert str(error) == str(wrong.value)
    with pytest.raises(InputError) as missing:
        fails.run()
    for error in travelled(missing.value):
        assert error.problems == missing.value.problems
    for known in (LoopLimit.past(3), UndoFailed.of([("u", ValueError("no"))])):
        for error in travelled(known):
            assert str(error) == str(known)
