"""A loop with ``else`` that appends: one list, in order, in either spelling."""

from __future__ import annotations

import cflow

TEXT = """
flow numbers() -> list[int]:
    out = []
    for x in range(3):
        out.append(x)
    else:
        out.append(99)
    return out
"""


@cflow.flow
def numbers() -> list[int]:
    out = []
    for x in range(3):
        out.append(x)
    else:
        out.append(99)
    return out


def test_the_else_appends_after_the_passes() -> None:
    assert numbers.run() == [0, 1, 2, 99]
    assert cflow.loads(TEXT).numbers.run() == [0, 1, 2, 99]
    assert cflow.loads(TEXT).numbers.digest == numbers.digest
