"""Markers of this folder."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "undo_takes(seconds): how long the undo of the interrupted program takes")
