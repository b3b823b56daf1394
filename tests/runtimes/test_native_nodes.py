"""``runs="native"``: functions of a shared library; what it does to its process costs its call."""

from __future__ import annotations

import array
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cflow import flow, node, parallel
from cflow.runtimes.port import NodeCrashed
from cflow.runtimes.processes import POOL

pytest.importorskip("cffi", reason="the extra native is not installed")
CC = shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler on this machine")

CODE = """
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
int add(int a, int b) { return a + b; }
double mean(const double *x, size_t n) { double s = 0; for (size_t i = 0; i < n; i++) s += x[i]; return s / n; }
int scale(const double *x, size_t n, double by, double *out)
{ for (size_t i = 0; i < n; i++) out[i] = x[i] * by; return (int) n; }
void negate(int32_t *x, size_t n) { for (size_t i = 0; i < n; i++) x[i] = -x[i]; }
const char *greet(const char *name) { static char to[64]; strcpy(to, "hello "); return strncat(to, name, 50); }
int crash(int how) { if (how) abort(); return 0; }
void forever(void) { for (volatile int i = 0;; i++); }
size_t hungry(size_t n) { char *p = malloc(n); if (p) memset(p, 1, n); free(p); return p ? n : 0; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("native")
    (folder / "all.c").write_text(CODE)
    subprocess.run([str(CC), "-O1", "-shared", "-fPIC", "-o", "all.so", "all.c"], cwd=folder, check=True)
    yield str(folder / "all.so")
    POOL.close()


def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]
def mean(x: Any, n: int) -> float: ...  # type: ignore[empty-body]
def scale(x: Any, n: int, by: float, out: Any) -> Any: ...
def negate(x: Any, n: int) -> Any: ...
def greet(name: str) -> str: ...  # type: ignore[empty-body]
def crash(how: int) -> int: ...  # type: ignore[empty-body]
def forever() -> None: ...
def hungry(n: int) -> int: ...  # type: ignore[empty-body]


SIGNATURES = {
    add: "int add(int a, int b);",
    mean: "double mean(double const *x, size_t n);",
    scale: "int scale(const double *x, size_t n, double by, double *out);",
    negate: "void negate(int32_t *x, size_t n);",
    greet: "const char *greet(const char *name);",
    crash: "int crash(int how);",
    forever: "void forever(void);",
    hungry: "size_t hungry(size_t n);",
}


def made(fn: Any, library: str, **declared: Any) -> Any:
    return node(fn, pure=True, runs="native", library=library, **{"signature": SIGNATURES[fn], **declared})


def test_numbers_and_text(library: str) -> None:
    assert made(add, library)(2, b=3) == 5
    assert made(greet, library)("Ädä") == "hello Ädä"
    with pytest.raises(ValueError, match="name= of greet holds a zero character"):
        made(greet, library)("Ada\0Eve")


@pytest.mark.parametrize("values", [[1.0, 2.0, 6.0], np.array([1.0, 2.0, 6.0]), array.array("d", [1.0, 2.0, 6.0])])
def test_an_array_is_read_where_it_is(values: Any, library: str) -> None:
    assert made(mean, library)(values, 3) == 3.0


def test_large_arrays_too(library: str) -> None:
    assert made(mean, library)(np.ones(1_000_000), 1_000_000) == 1.0


def test_what_is_written_to_is_given_back_and_the_callers_own_stays(library: str) -> None:
    out = np.zeros(3)
    count, scaled = made(scale, library)(np.array([1.0, 2.0, 3.0]), 3, 2.0, out)
    assert (count, list(scaled), list(out)) == (3, [2.0, 4.0, 6.0], [0.0, 0.0, 0.0])
    assert made(negate, library)([1, 2], 2) == [-1, -2]


def test_a_crash_costs_its_call_only(library: str) -> None:
    crashing = made(crash, library)

    @flow
    def three(hows: list[int]) -> list[int]:
        return [crashing.options(default=-1)(how) for how in parallel(hows, limit=3)]

    assert three.run([0, 1, 0]) == [0, -1, 0]
    with pytest.raises(NodeCrashed, match="crash has no result: its process was ended by SIGABRT"):
        crashing(1)


def test_a_timeout_ends_one_that_loops_for_ever(library: str) -> None:
    with pytest.raises(TimeoutError, match="forever took longer than"):
        made(forever, library, timeout=1)()


def test_it_gets_no_more_memory_than_it_may(library: str) -> None:
    assert made(hungry, library)(100_000_000) == 100_000_000
    assert made(hungry, library, memory="50MB")(100_000_000) == 0


def test_what_does_not_fit_is_told(library: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        made(add, library)("a", 1)
    with pytest.raises(TypeError, match=r"mean takes double \*, and the array has items of 4 bytes"):
        made(mean, library)(np.zeros(3, np.float32), 3)
    with pytest.raises(ValueError, match="declares no C function add"):
        made(add, library, signature="int plus(int a, int b);")(1, 2)
    with pytest.raises(ValueError, match="declares no C function add"):
        made(add, library, signature="int add(")(1, 2)
    with pytest.raises(ValueError, match="add has 2 parameters, its signature= 1"):
        made(add, library, signature="int add(int a);")(1, 2)
    with pytest.raises(OSError, match="none"):
        made(add, str(tmp_path / "none.so"))(1, 2)


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 6.0], np.array([1.0, 2.0, 6.0]).tobytes(), np.array([1.0, 0, 2.0, 0, 6.0, 0])[::2]]
)
def test_whatever_has_the_items_will_do(values: Any, library: str) -> None:
    assert made(mean, library)(values, 3) == 3.0


@pytest.mark.parametrize(
    "values",
    [
        np.ones(3, np.int64),
        np.ones(3, ">f8"),
        np.array([object()]),
        np.ones(3, complex),
        b"1234567",
        array.array("q", [1]),
    ],
)
def test_items_of_another_kind_are_refused(values: Any, library: str) -> None:
    """They would be read as what they are not."""
    with pytest.raises(TypeError, match=r"mean takes double \*, and the array has items of"):
        made(mean, library)(values, 1)


def test_what_cannot_be_sent_back_is_told(library: str) -> None:
    for signature in ("int *add(int a, int b);", "int add(int a, int b, ...);", "long double add(int a, int b);"):
        with pytest.raises(ValueError, match="to give a number"):
            made(add, library, signature=signature)(1, 2)
