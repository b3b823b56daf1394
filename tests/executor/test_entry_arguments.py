"""How the inputs of a run reach the parameters of its flow."""

from __future__ import annotations

from typing import Any

import pytest

from cflow import flow


@flow
def spread(x: int, *args: int, key: str = "k", **kw: int) -> list[Any]:
    return [x, list(args), key, kw]


@flow
def defaults(x: int, y: int = 10, z: int = 100) -> int:
    return x + y + z


@pytest.mark.parametrize(
    ("args", "inputs", "value"),
    [
        ((1,), {}, [1, [], "k", {}]),
        ((1, 2, 3), {"z": 4}, [1, [2, 3], "k", {"z": 4}]),
        ((), {"x": 1, "key": "q", "z": 2}, [1, [], "q", {"z": 2}]),
    ],
)
def test_spread_parameters(args: tuple[int, ...], inputs: dict[str, Any], value: list[Any]) -> None:
    assert spread.run(*args, **inputs) == value


@pytest.mark.parametrize(
    ("args", "inputs", "value"),
    [((1,), {}, 111), ((1,), {"z": 0}, 11), ((), {"z": 0, "x": 1}, 11), ((1, 2, 3), {}, 6), ((1,), {"y": 0}, 101)],
)
def test_defaults_are_left_alone(args: tuple[int, ...], inputs: dict[str, int], value: int) -> None:
    assert defaults.run(*args, **inputs) == value
