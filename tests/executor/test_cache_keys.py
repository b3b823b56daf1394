"""Keys of cached calls: the content of code and arguments, alike in every process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.dsl.nodes import spec_of
from cflow.executor.cache_keys import content, node_key
from cflow.executor.code_keys import code_key

PROGRAM = """
import helpers_of_keys as other
from functools import wraps

from enum import Enum

class Color(Enum):
    RED = 1

RATE = 2
STATE = []

def helper(x):
    return x * RATE

class Scale:
    factor = 3
    def by(self, x):
        return deeper(x) * self.factor

def deeper(x):
    return x + 1

def wrapped(fn):
    @wraps(fn)
    def inner(*args):
        return fn(*args)
    return inner

def make(n):
    def made(x):
        return x + n
    return made

three = make(3)

@wrapped
def node(x, tries=5):
    '''Says nothing.'''
    STATE.append(x)
    return helper(x) + Scale().by(x) + other.far(x) + three(x) + len(str(x))
"""

OTHER = """
def far(x):
    return x - 1

def unused(x):
    return x
"""


def key(folder: Path, program: str = PROGRAM, other: str = OTHER, code: str = "code_key(module.node)") -> str:
    """A key as a process of its own sees it."""
    folder.mkdir(exist_ok=True)
    (folder / "program_of_keys.py").write_text(program)
    (folder / "helpers_of_keys.py").write_text(other)
    script = f"""
        import sys
        sys.path[:0] = [{str(folder)!r}]
        sys.dont_write_bytecode = True
        import program_of_keys as module
        from cflow.executor.code_keys import code_key
        from cflow.executor.cache_keys import content
        print({code})
    """
    root = Path(cflow.__file__).parent.parent
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, cwd=root
    )
    return found.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return key(tmp_path_factory.mktemp("keys") / "plain")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return helper(x) +", "return 1 + helper(x) +"),
        ("tries=5", "tries=6"),
        ("return x * RATE", "return x / RATE"),
        ("RATE = 2", "RATE = 2.0"),
        ("return deeper(x) * self.factor", "return deeper(x) + self.factor"),
        ("factor = 3", "factor = 4"),
        ("return x + 1", "return x + 2"),
        ("make(3)", "make(4)"),
        ("return fn(*args)", "return fn(*args) or 1"),
    ],
)
def test_changed_code_is_another_key(tmp_path: Path, plain: str, old: str, new: str) -> None:
    assert old in PROGRAM
    assert key(tmp_path, PROGRAM.replace(old, new)) != plain


def test_a_changed_helper_in_another_file_is_another_key(tmp_path: Path, plain: str) -> None:
    assert key(tmp_path, other=OTHER.replace("x - 1", "x - 2")) != plain


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 2\n", "# a comment\n\n\nRATE = 2  # another\nUNUSED = 9\n"),
        ("    return x * RATE", "    return (x\n        *  RATE)"),
        ("'''Says nothing.'''", "'''Says something else.'''"),
        ("STATE = []", "STATE = [1, 2]"),
    ],
)
def test_layout_comments_and_state_do_not_count(tmp_path: Path, plain: str, old: str, new: str) -> None:
    assert old in PROGRAM
    assert key(tmp_path, PROGRAM.replace(old, new)) == plain


def test_what_is_not_named_does_not_count(tmp_path: Path, plain: str) -> None:
    assert key(tmp_path, other=OTHER.replace("return x\n", "return 7\n")) == plain


ARGUMENTS = (
    """content("f", [{f"{n}" for n in range(20)}, frozenset("abcdef"), [module.helper, module.Scale], 1.5, "x"])"""
)


def test_arguments_have_one_key_in_every_process(tmp_path: Path) -> None:
    """The order of a set of texts is another one in each process."""
    assert len({key(tmp_path / f"{n}", code=ARGUMENTS) for n in range(4)}) == 1


RECORDS = """content("f", [__import__("cflow").loads('type Order:\\n    id: int\\n').Order(id=1), module.Color.RED])"""


def test_records_and_enums_have_one_key_in_every_process(tmp_path: Path) -> None:
    """A record of a text is a class that no module has."""
    keys = [key(tmp_path / f"{n}", code=RECORDS) for n in range(2)]
    assert keys[0] == keys[1]
    assert key(tmp_path / "one", code=RECORDS.replace("id=1", "id=2")) != keys[0]
    assert key(tmp_path / "two", PROGRAM.replace("RED = 1", "RED = 2"), code=RECORDS) != keys[0]


@pytest.mark.parametrize("old", ["x * RATE", "self.factor"])
def test_functions_and_classes_among_arguments_count_with_their_code(tmp_path: Path, old: str) -> None:
    changed = PROGRAM.replace(old, f"{old} * 1")
    assert key(tmp_path / "one", code=ARGUMENTS) != key(tmp_path / "two", changed, code=ARGUMENTS)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), ("1", b"1"), ([1], (1,)), ({1}, frozenset({1})), ({1}, [1]), ({1}, {True}), (0.0, -0.0)],
)
def test_what_differs_has_another_key(one: Any, other: Any) -> None:
    assert content("f", one) != content("f", other)
    assert content("f", [one, {"a": one}]) == content("f", [one, {"a": one}])


def _first(x: int) -> int:
    return x


def _second(x: int) -> int:
    return x + 1


def test_what_stands_in_for_a_node_has_keys_of_its_own() -> None:
    spec = spec_of(_first)
    assert node_key(spec, _first, (1,), {}) != node_key(spec, _second, (1,), {})
    assert node_key(spec, _first, (1,), {}).startswith("_first:")


def test_a_version_stands_for_the_code() -> None:
    one, other = spec_of(_first, version="2", pure=True), spec_of(_second, version="2", pure=True)
    other = other.with_(name=one.name, signature=one.signature)
    assert node_key(one, _first, (1,), {}) == node_key(other, _second, (1,), {})
    assert node_key(one, _first, (1,), {}) != node_key(spec_of(_first, version="3", pure=True), _first, (1,), {})


def _recursive(n: int) -> int:
    return _mutual(n - 1) if n else 0


def _mutual(n: int) -> int:
    return _recursive(n)


def test_functions_that_name_one_another_have_a_key() -> None:
    assert code_key(_recursive) != code_key(_mutual)


def test_any_callable_has_a_key() -> None:
    from functools import partial

    keys: list[Callable[..., Any]] = [len, partial(_first, 1), partial(_second, 1), _Called(), str]
    assert len({code_key(each) for each in keys}) == len(keys)


class _Called:
    def __call__(self) -> int:
        return 1
