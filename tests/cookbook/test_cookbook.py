"""The cookbook: each recipe in both spellings, and a page that lists them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.dsl.text import format_text

RECIPES = sorted(p.stem for p in (Path(cflow.__file__).parent / "examples" / "cookbook").glob("*.cflow"))
PAGE = Path(cflow.__file__).parent / "docs" / "cookbook.md"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_one_program_in_both_spellings(
    name: str, cookbook: Path, python_recipe: Callable[[str], Any]
) -> None:
    path = cookbook / f"{name}.cflow"
    text = path.read_text("utf-8")
    assert [str(d) for d in cflow.check(text, base=cookbook)] == []
    assert format_text(text, name) == text
    module, twin = cflow.load(path), python_recipe(name)
    flows = re.findall(r"(?m)^flow (\w+)", text)
    assert name in flows, "the recipe's flow has its name"
    for flow in flows:
        assert getattr(module, flow).digest == getattr(twin, flow).digest, flow
        assert getattr(twin, flow).check() == []
    summary = text.splitlines()[0]
    assert summary.startswith('"""'), "it says first what it is for"
    assert summary == (cookbook / f"{name}.py").read_text("utf-8").splitlines()[0]
    assert f"examples/cookbook/{name}.cflow" in text, "it says how it is run"


def test_the_page_lists_what_is_there(cookbook: Path) -> None:
    page = PAGE.read_text("utf-8")
    listed = re.findall(r"\(\.\./examples/cookbook/(\w+)\.cflow\)", page)
    assert sorted(listed) == RECIPES
    twins = re.findall(r"\(\.\./examples/cookbook/(\w+)\.py\)", page)
    assert twins == listed
    assert len(RECIPES) >= 20
    # Beside the recipes are their nodes, each named by a recipe.
    texts = "".join((cookbook / f"{name}.cflow").read_text("utf-8") for name in RECIPES)
    nodes = {p.name for p in cookbook.glob("*.py")} - {f"{name}.py" for name in RECIPES}
    assert nodes == set(re.findall(r'from "\./(\w+\.py)"', texts))
