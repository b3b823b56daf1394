"""Holds the house rule of imports: data flows down ``dsl -> compiler <- planner <- executor`` and never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("dsl", "compiler", "planner", "executor", "runtimes", "stdlib_nodes", "store", "runs", "plancache"),
    *("measure", "cli", "transactional"),
)

# The modules of the compiler that hold data and what data means: the form of the graph, and nothing that changes it.
# The executor runs graphs, so it reads their form (docs/decisions/0009); it never checks or changes one.
FORM = {
    f"compiler.{name}"
    for name in (
        *("diagnostics", "ir", "spec", "types", "values", "operators", "exprs", "walk", "evaluate", "convert"),
        *("durations", "digest", "hashing", "secrets", "promises", "beside"),
    )
}

# Part -> the parts it may import. What is not listed stands on top (the wiring at the root, the command) and may import
# all but `stdlib_nodes`, which everybody reaches by name only. Packs are written as users write theirs: with what
# `cflow` and `cflow.transactional` offer. The one thing more is where the lines of `log` and of the command go.
MAY_IMPORT = {
    "compiler": {"compiler"},
    "dsl": {"dsl", "compiler"},
    "planner": {"planner", "compiler"},
    "executor": {"executor", "planner", "runtimes", *FORM},
    "runtimes": {"runtimes", *FORM},
    "store": {"store", "executor", *FORM},
    "stdlib_nodes": {"stdlib_nodes", "transactional", "executor.loglines"},
    "measure": {"measure", "engine", "virtual_time", "whole", "executor", "runtimes", "planner", "compiler"},
}
ON_TRIO = {"executor", "runtimes", "store", "runs", "measure", "stdlib_nodes", "cli", "root"}
LIBRARIES = {
    "trio": lambda module: part_of(module) in ON_TRIO,
    "lark": lambda module: module.startswith("dsl.text"),
    "rich": lambda module: part_of(module) == "cli",
    "httpx": lambda module: part_of(module) == "stdlib_nodes",
    "opentelemetry": lambda module: module == "otel",
}


def modules() -> list[Path]:
    nested = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    return sorted([*ROOT.glob("*.py"), *nested])


def name_of(path: Path) -> str:
    """``dsl.text.parser`` for ``dsl/text/parser.py``; ``dsl.text`` for the package itself; "" for the root."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    head = module.split(".")[0]
    return head if head in PARTS else "root"


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, imported module, relative? ``from ..x import y`` gives ``x.y`` where that is a module, else ``x``."""
    own = name_of(path).split(".") if name_of(path) else []
    package = own if path.name == "__init__.py" else own[:-1]
    for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(item, ast.Import):
            for alias in item.names:
                yield item.lineno, alias.name, False
        elif isinstance(item, ast.ImportFrom) and item.level == 0:
            yield item.lineno, item.module or "", False
        elif isinstance(item, ast.ImportFrom):
            base = package[: len(package) - (item.level - 1)]
            stem = ".".join([*base, *([item.module] if item.module else [])])
            for alias in item.names:
                inner = f"{stem}.{alias.name}" if stem else alias.name
                yield item.lineno, inner if exists(inner) else stem, True


def exists(module: str) -> bool:
    base = ROOT.joinpath(*module.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def within(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(allowed + ".")


def complaints(path: Path) -> Iterator[str]:
    own = name_of(path)
    part = part_of(own)
    for line, module, relative in imports(path):
        where = f"{path.relative_to(ROOT)}:{line}"
        head = module.split(".")[0]
        if not relative:
            if head == "cflow" or head in PARTS:
                yield f"{where}: import {module}: inside the package imports are relative"
            if head in LIBRARIES and not LIBRARIES[head](own):
                yield f"{where}: only its own layer imports {head}"
            continue
        if part_of(module) == "stdlib_nodes" and part != "stdlib_nodes":
            yield f"{where}: packs are reached by name only"
        if part in MAY_IMPORT:
            if module and not any(within(module, allowed) for allowed in MAY_IMPORT[part]):
                yield f"{where}: {part} must not import {module}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_keep_to_the_layers(path: Path) -> None:
    assert not list(complaints(path))


def test_the_checker_sees_a_wrong_import() -> None:
    """The rule would be worth nothing if the reader of imports found none."""
    seen = {module for _, module, _ in imports(ROOT / "compiler" / "ir.py")}
    assert "compiler.spec" in seen
    assert part_of("engine") == "root"


def test_every_module_says_what_it_owns() -> None:
    silent = [name_of(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent
