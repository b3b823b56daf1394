"""From an interval to a word: faster, slower, the same, or not clear yet."""

from __future__ import annotations

from typing import Literal

from .stats import Interval

Verdict = Literal["loss", "no loss", "unclear"]
"""``loss``: certainly more than the threshold. ``no loss``: certainly less. ``unclear``: the threshold lies within the
interval; that never counts as a loss, since a gate that cries on noise is soon switched off."""


def decide(ratio: Interval, threshold: float) -> Verdict:
    """Is the loss clear?

    Parameters
    ----------
    ratio: new over old time; 1 is no change.
    threshold: the share of time that may be lost; 0.1 for 10 %.
    """
    if ratio.low > 1 + threshold:
        return "loss"
    return "no loss" if ratio.high < 1 + threshold else "unclear"
