"""Libraries that an extra brings: imported at first use, told of where they are missing; table and packaging agree."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

import cflow.stdlib_nodes as packs
from cflow.compiler.permissions import KINDS
from cflow.stdlib_nodes._extras import needs

ROOT = Path(packs.__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
ASIDE = ("all", "dev")


def requires(extra: str) -> set[str]:
    """The distributions that an extra names, as they are normalized."""
    return {_normalized(line) for line in EXTRAS[extra]}


def _normalized(line: str) -> str:
    name = line.split("[")[0].split(">")[0].split("<")[0].split("=")[0].split(";")[0].strip()
    return name.lower().replace("_", "-").replace(".", "-")


def test_what_is_missing_is_told_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packs.PACKS, "sheets", packs.Pack("Sheets.", ("files",), "sheets", ("no_such_library",)))
    with pytest.raises(ModuleNotFoundError) as caught, needs("sheets"):
        import no_such_library  # noqa: F401
    assert str(caught.value) == "the pack sheets needs no_such_library: pip install 'conductor-cflow[sheets]'"
    assert caught.value.name == "no_such_library"


def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packs.PACKS, "sheets", packs.Pack("Sheets.", (), "sheets"))
    with pytest.raises(ValueError, match="broken"), needs("sheets"):
        raise ValueError("broken")


@pytest.mark.parametrize("name", packs.PACKS)
def test_the_row_of_a_pack_holds(name: str) -> None:
    pack = packs.PACKS[name]
    assert pack.summary.endswith(".")
    assert set(pack.permissions) <= set(KINDS)
    assert bool(pack.extra) == bool(pack.modules)
    if pack.extra:
        assert pack.extra in EXTRAS
        installed = metadata.packages_distributions()
        for module in pack.modules:
            assert find_spec(module) is not None, f"dev does not bring {module}"
            assert {_normalized(d) for d in installed[module]} & requires(pack.extra)


def test_all_is_all() -> None:
    (line,) = EXTRAS["all"]
    assert set(line.removeprefix("conductor-cflow[").removesuffix("]").split(",")) == set(EXTRAS) - set(ASIDE)
    assert "conductor-cflow[all]" in EXTRAS["dev"]


def test_importing_every_pack_imports_no_library_of_an_extra() -> None:
    libraries = sorted({module for pack in packs.PACKS.values() for module in pack.modules})
    code = (
        "import sys, importlib, httpx\n"  # the core's own library, which takes zstandard where it is
        "before = set(sys.modules)\n"
        f"for name in {sorted(packs.PACKS)!r}: importlib.import_module(f'cflow.stdlib_nodes.{{name}}')\n"
        f"print([m for m in {libraries!r} if m in sys.modules and m not in before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
