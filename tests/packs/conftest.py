from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def clear() -> Callable[..., None]:
    """Fuzzing: a call either goes well, or raises a ValueError whose text holds one of these words."""

    def check(call: Callable[[], Any], *words: str) -> None:
        problem = None
        try:
            call()
        except ValueError as error:
            problem = str(error)
        assert problem is None or any(word in problem for word in words), problem

    return check
