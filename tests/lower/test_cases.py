"""The Markdown cases of this folder: programs, and the graphs or the findings they become."""

from __future__ import annotations

from pathlib import Path

import pytest
from md_cases import FOLDER, Case, cases, found

CASES = [pytest.param(c, id=f"{path.stem}/{c.title}") for path in sorted(FOLDER.glob("*.md")) for c in cases(path)]


@pytest.mark.parametrize("case", CASES)
def test_case(case: Case, tmp_path: Path) -> None:
    assert found(case, tmp_path) == case.expected
