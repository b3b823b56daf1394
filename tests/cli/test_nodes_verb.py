"""``cflow nodes``: lists, searches, documents; and ``cflow nodes new``: a pack whose own tests pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cflow.dsl.loader import packs
from cflow.stdlib_nodes import PACKS

Run = Callable[..., Any]


def test_the_list_has_every_pack_with_what_it_asks_for(cflow: Run) -> None:
    lines = cflow("nodes").out.splitlines()
    for name, pack in PACKS.items():
        at = lines.index(name)
        assert lines[at + 1] == f"  {pack.summary}"
        if pack.permissions:
            assert lines[at + 2] == f"  asks for {', '.join(pack.permissions)}"


def test_one_pack_shows_its_words_and_its_nodes(cflow: Run) -> None:
    said = cflow("nodes", "http").out
    assert "five\n" not in said  # a node's own words come with the node
    assert "  A server that cannot be reached" not in said
    assert "An answer of 400 or above raises" in said
    assert "  get(url: str, " in said
    assert "[reads http; timeout=30.0]" in said
    assert "      Fetch into a file, whole or not at all, in constant memory; returns the path." in said


def test_one_node_shows_all_its_words(cflow: Run) -> None:
    said = cflow("nodes", "csv.records").out
    assert said.startswith("csv\n  Tables as CSV text and CSV files.\n  asks for files\n  records(path: ")
    assert '      ``for row in csv.records("big.csv"): ...``' in said
    assert "parse(" not in said


def test_json(cflow: Run) -> None:
    (download,) = json.loads(cflow("nodes", "http.download", "--json").out)
    assert download["options"] == {}
    assert (download["reads"], download["writes"]) == (["http"], ["files"])
    assert download["permissions"] == ["net", "files"]
    assert download["docstring"].startswith("Fetch into a file")
    (get,) = json.loads(cflow("nodes", "http.get", "--json").out)
    assert (get["options"], get["runs"], get["version"], get["stream"]) == ({"timeout": 30.0}, "auto", "", False)
    (records,) = json.loads(cflow("nodes", "csv.records", "--json").out)
    assert records["stream"]


def test_search(cflow: Run) -> None:
    assert cflow("nodes", "--search", "DOWNLOAD file").out.splitlines()[0] == "http"
    found = json.loads(cflow("nodes", "--search", "constant memory", "--json").out)
    assert {f"{n['pack']}.{n['name']}" for n in found} >= {"csv.records", "files.lines", "http.download"}
    assert all("constant memory" in n["docstring"] for n in found)
    assert json.loads(cflow("nodes", "files", "--search", "links", "--json").out) == []
    none = cflow("nodes", "--search", "xyzzy")
    assert (none.code, none.out) == (0, "")
    assert "xyzzy" in none.err


@pytest.mark.parametrize(
    ("words", "told"),
    [(("http.gett",), "did you mean 'get'"), (("htttp.get",), "htttp"), (("files", "http"), "one pack or node")],
)
def test_what_is_not_there(cflow: Run, words: tuple[str, ...], told: str) -> None:
    done = cflow("nodes", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_no_library_is_imported_to_list_everything(folder: Path) -> None:
    code = (
        "import sys; from cflow.cli.main import main; code = main(('nodes', '--json'));"
        "print([m for m in ('httpx', 'trio', 'cflow.stdlib_nodes.http') if m in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[] 0"


def test_two_packs_of_one_name_are_told_and_the_others_listed(cflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = {"text": (packs.Declared("acme_text", "acme-text", "1.0"),)}
    monkeypatch.setattr(packs, "declared_packs", lambda: twice)
    done = cflow("nodes")
    assert done.code == 2
    assert "Conductor itself and the distribution acme-text offer a pack called 'text'" in done.err
    assert "http" in done.out.splitlines()
    assert "text" not in done.out.splitlines()


def test_a_pack_that_lacks_its_libraries_says_what_to_install(cflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKS, "chart", PACKS["chart"]._replace(extra="plot", modules=("no_such_library",)))
    told = "needs no_such_library: pip install 'conductor-cflow[plot]'"
    assert f"  {told}" in cflow("nodes").out.splitlines()
    Path("draw.cflow").write_text("import chart\n\nflow f() -> str:\n    return chart.bars([1.0])\n")
    checked = cflow("check", "draw.cflow", "--json")
    found = [d for d in json.loads(checked.out) if d["id"] == "extra-missing"]
    assert [(d["severity"], d["message"]) for d in found] == [("warning", f"the pack 'chart' {told}")]


# ---- a new pack ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Weather", "my-pack", "1st", "_x", "http", "wétter", "shop"])
def test_names_that_no_pack_can_have(cflow: Run, folder: Path, name: str) -> None:
    (folder / "shop").mkdir()
    before = sorted(folder.rglob("*"))
    done = cflow("nodes", "new", name)
    assert done.code == 2
    assert name in done.err
    assert sorted(folder.rglob("*")) == before


def test_a_new_pack_needs_one_name(cflow: Run) -> None:
    assert cflow("nodes", "new").code == 2
    assert cflow("nodes", "new", "a", "b").code == 2


@pytest.mark.slow
def test_a_new_pack_holds_its_own_tests(cflow: Run, folder: Path) -> None:
    """Made, installed without the network, found by its name, documented, tested."""
    done = cflow("nodes", "new", "weather")
    assert (done.code, done.out) == (0, "")
    assert "weather/ holds a pack" in done.err
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    run([*pip, "--disable-pip-version-check", "--target", str(site), "./weather"], folder)
    env = {**os.environ, "PYTHONPATH": str(site)}
    tested = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "weather"], folder, env)
    assert "4 passed" in tested
    shown = run([sys.executable, "-m", "cflow", "nodes", "weather"], folder, env)
    assert "from cflow-weather 0.1.0" in shown
    assert "asks for files" in shown
    assert "words(path: str | Path) -> stream[str]  [reads files]" in shown
    run([sys.executable, "-m", "ruff", "check", "--isolated"], folder / "weather", env)


def run(command: list[str], folder: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
