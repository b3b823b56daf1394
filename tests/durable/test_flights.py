"""Locks by key, for processes that make cached values."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cflow.runs.flights import Flights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process has its locks all in common")


def test_one_has_a_key_until_it_is_free(tmp_path: Path) -> None:
    one, other = Flights(tmp_path), Flights(tmp_path)
    assert one.take("k")
    assert not other.take("k")
    assert other.take("l")
    one.free("k")
    assert other.take("k")
    assert not one.take("k")


def test_who_is_gone_has_no_key(tmp_path: Path) -> None:
    one, other = Flights(tmp_path), Flights(tmp_path)
    assert one.take("k")
    one.close()
    assert other.take("k")
    assert one.take("k")  # a closed one is in nobody's way


def test_without_a_folder_everybody_makes_it(tmp_path: Path) -> None:
    assert Flights(None).take("k")
    assert Flights(tmp_path / "absent").take("k")
