"""Packs of others: real distributions, installed by pip from a folder, found by their entry points."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cflow
from cflow.dsl.loader import packs

Install = Callable[..., None]

PACK = '''"""Rolls of cloth. More of them follow."""
from cflow import node

PERMISSIONS = ("net", "files")
IMPORTED = print("imported")


@node(pure=True)
def length(rolls: list[float]) -> float:
    return sum(rolls)
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Builds a distribution and puts it into a folder that is importable; without the network."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def do(distribution: str, pack: str, module: str, text: str = PACK) -> None:
        folder = tmp_path / distribution
        folder.mkdir()
        (folder / f"{module}.py").write_text(text)
        (folder / "pyproject.toml").write_text(
            f'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
            f'[project]\nname = "{distribution}"\nversion = "1.2"\n'
            f'[project.entry-points."cflow.packs"]\n{pack} = "{module}"\n'
            f'[tool.setuptools]\npy-modules = ["{module}"]\n'
        )
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
        done = subprocess.run(
            [*pip, "--disable-pip-version-check", "--target", str(site), str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        packs.declared_packs.cache_clear()

    packs.declared_packs.cache_clear()
    yield do
    packs.declared_packs.cache_clear()


@pytest.mark.slow
def test_a_pack_is_found_by_its_name_and_imported_when_it_is_named(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme-cloth", "cloth", "acme_cloth_module")
    found = packs.find_pack("cloth")
    assert found is not None
    told = packs.about(found)
    assert (told.summary, told.permissions) == ("Rolls of cloth.", ("net", "files"))
    assert (told.distribution, told.version) == ("acme-cloth", "1.2")
    text = "import cloth\n\nflow f(x: list[float]) -> float:\n    return cloth.length(x)\n"
    assert cflow.check(text) == []
    assert "acme_cloth_module" not in sys.modules
    assert capsys.readouterr().out == ""
    assert cflow.loads(text).f.run([1.5, 2.0]) == 3.5
    assert "acme_cloth_module" in sys.modules


@pytest.mark.slow
def test_two_packs_of_one_name_are_an_error(install: Install) -> None:
    install("acme-text", "text", "acme_text_module")
    found = cflow.check("import text\n\nflow f(x: str) -> str:\n    return text.slug(x)\n")
    assert found[0].id == "import-clash"
    assert found[0].message == "Conductor itself and the distribution acme-text offer a pack called 'text'"
    assert "acme_text_module" not in sys.modules


@pytest.mark.slow
def test_a_program_that_is_not_trusted_gets_a_pack_that_asks_for_no_more_than_it_has(install: Install) -> None:
    install("acme-linen", "linen", "acme_linen_module")
    text = "import linen\n\nflow f(x: list[float]) -> float:\n    return linen.length(x)\n"
    for allow, missing in (
        (["linen"], "it asks for net, files"),
        (["linen", "net:example.com"], "it asks for files"),
        (["net:example.com", "files:."], "linen"),  # only the standard packs come with what they ask for
    ):
        with pytest.raises(cflow.ProgramError) as caught:
            cflow.loads(text, allow=allow)
        (refused,) = caught.value.diagnostics
        assert (refused.id, refused.found) == ("import-refused", missing)
    assert cflow.loads(text, allow=["linen", "net:example.com", "files:."]).f.run([1.0]) == 1.0


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("", ()),
        ("PERMISSIONS = ()", ()),
        ("PERMISSIONS = 'net'", ("net",)),
        ("PERMISSIONS: tuple[str, ...] = ['net', 'files']", ("net", "files")),
        ("PERMISSIONS = tuple('net files'.split())", ("net", "files", "process", "env")),
        ("PERMISSIONS = ('net', WHAT)", ("net", "files", "process", "env")),
        ("this is not Python", ()),
    ],
)
def test_what_a_pack_asks_for_is_read(text: str, asks: tuple[str, ...], tmp_path: Path) -> None:
    origin = tmp_path / "some.py"
    origin.write_text(text)
    assert packs.about(packs.Found("some", "some", True, origin)).permissions == asks
