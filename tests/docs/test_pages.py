"""Every page is followed word by word; every pair of spellings on the language page is one program."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import cflow

sys.path.insert(0, str(Path(__file__).parent))

import console

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md"))
FOLLOWED = [
    DOCS / f"{name}.md" for name in ("tutorial", "writing-nodes", "testing-flows", "benchmarking", "packs", "runtimes")
]


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda p: p.stem)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    problems = []
    for block in console.blocks(page):
        if block.kind == "text" or not block.kind:
            continue
        if block.name:
            console.write(block, tmp_path)
        elif block.kind == "console":
            for command in console.commands(block):
                found = console.run(command.command, tmp_path)
                if not console.fits(command.printed, found):
                    printed = "\n".join(found)
                    problems.append(f"{page}:{command.start + 1}: $ {command.command}\nprints:\n{printed}")
        elif block.kind == "python":
            done = subprocess.run(
                [sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            if done.returncode:
                problems.append(f"{page}:{block.start}: {done.stderr}")
        else:
            problems.append(f"{page}:{block.start}: a {block.kind} block without a file name")
    assert not problems, "\n\n".join(problems)


# ---- the language page ---------------------------------------------------------------------------

LANGUAGE = DOCS / "language.md"
NAMES = {
    "cflow": (
        "flow node secret env transaction timeout lock parallel collect Collected race loop wait_signal sleep detach "
        "buffered windowed batched convert Retry"
    ).split(),
    "collections.abc": ["Iterator", "AsyncIterator"],
    "dataclasses": ["dataclass"],
    "typing": ["Any", "Final", "Literal"],
}


def pairs() -> list[tuple[console.Block, console.Block]]:
    found = [b for b in console.blocks(LANGUAGE) if b.kind in ("cflow", "python") and not b.name]
    assert [b.kind for b in found] == ["cflow", "python"] * (len(found) // 2)
    return list(zip(found[::2], found[1::2], strict=True))


def used(names: list[str], text: str) -> list[str]:
    return [n for n in names if re.search(rf"(?<![\w.]){n}\b", text)]


def heads(text: str) -> str:
    lines = ["from __future__ import annotations"]
    lines += [f"from {m} import {', '.join(found)}" for m, names in NAMES.items() if (found := used(names, text))]
    return "\n".join(lines) + "\n"


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The page's nodes as a module in ``tmp_path``; their names."""
    (text,) = [b.text for b in console.blocks(LANGUAGE) if b.name == "nodes"]
    (tmp_path / "page_nodes.py").write_text(heads(text) + text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("page_nodes", "page_program"):
        sys.modules.pop(name, None)
    return [
        n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]


@pytest.mark.parametrize("pair", pairs(), ids=lambda p: f"line-{p[0].start}")
def test_both_spellings_are_one_program(
    pair: tuple[console.Block, console.Block], nodes: list[str], tmp_path: Path
) -> None:
    text, python = pair
    source = f'from "./page_nodes.py" import {", ".join(names)}\n' if (names := used(nodes, text.text)) else ""
    # The docstring comes first in a file, the imports after it.
    docstring, rest = re.match(r'(?s)("""[^"]*"""\n)?(.*)', text.text).groups()  # type: ignore[union-attr]
    module = cflow.loads((docstring or "") + source + rest, base=tmp_path)
    imported = f"from page_nodes import {', '.join(names)}\n" if (names := used(nodes, python.text)) else ""
    (tmp_path / "page_program.py").write_text(heads(python.text) + imported + python.text)
    program: ModuleType = importlib.import_module("page_program")
    flows = re.findall(r"(?m)^flow (\w+)", text.text)
    assert flows
    for name in flows:
        assert getattr(module, name).digest == getattr(program, name).digest, name


# ---- links ---------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name}: {target}"
