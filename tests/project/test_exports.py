"""The public names: each is there, each is listed once, and importing the package costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cflow

# The promise of the language page
PROMISED = """
flow node secret env transaction timeout lock parallel collect Collected race loop wait_signal sleep detach
buffered windowed batched convert Retry context Engine load loads check
""".split()


def test_the_lists_agree() -> None:
    assert set(cflow.__all__) == {*cflow._HOME, "__version__"}
    assert len(cflow.__all__) == len(set(cflow.__all__))
    assert set(PROMISED) <= set(cflow.__all__)
    assert dir(cflow) == sorted(cflow.__all__)


@pytest.mark.parametrize("name", sorted(cflow._HOME))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(cflow, name)
    assert value.__doc__


def test_testing_has_what_the_language_promises() -> None:
    import cflow.testing

    for name in ("mock", "calls", "attempt"):
        assert callable(getattr(cflow.testing, name))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'flwo'"):
        cflow.flwo


def test_importing_the_package_loads_no_library() -> None:
    heavy = "attr trio lark rich httpx cattrs cloudpickle"
    code = f"import cflow, sys; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
