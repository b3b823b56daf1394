"""The helpers of this folder are modules of their own; tests import them by name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gen_suite import BASE, Seeds


@pytest.fixture
def seeds(request: pytest.FixtureRequest, long: bool) -> Seeds:
    """The seeds of this session."""
    base = request.config.getoption("--seed")
    return Seeds(BASE if base is None else base, long)
