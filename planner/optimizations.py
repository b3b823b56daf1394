"""What planning and linking do for speed alone, each with its switch.

None changes what a flow does, nor what a step waits for: the generated programs of the tests are run with each switched
off, and with all. The switches are read while code is written, so what is on costs nothing by having one. The passes
over the graph are not here: :func:`~..compiler.passes.optimize` takes those that are wanted.
"""

from __future__ import annotations

from attrs import evolve, fields_dict, frozen


@frozen
class Optimizations:
    """Which are on; each is told by what it makes of a flow."""

    straight: bool = True
    """A region in which nothing overlaps is straight-line code; else all that waits is a table of rows."""
    direct: bool = True
    """A flow in which nothing waits is a plain function call, without a loop."""
    door: bool = True
    """The second run of such a flow takes the short way in."""
    flows_in_place: bool = True
    """A small flow that does not wait is called as a plain function by code that does."""
    segments: bool = True
    """Quick steps between waiting ones are one row."""
    plain_rows: bool = True
    """A plain call of a node is a row without code of its own."""
    nodes_in_place: bool = True
    """A ``def`` node that has shown to be quick is called in place; else each call of one is made in a thread."""
    hops: bool = True
    """Calls for a thread that follow one another share one hop."""
    lanes: bool = True
    """A loop whose passes only block is pulled by threads."""
    lane_rows: bool = True
    """Rows of one table that only block are pulled by threads."""
    loops_in_order: bool = True
    """A loop whose passes may overlap and cannot wait is a plain loop."""
    release: bool = True
    """A value is let go after its last use."""
    critical_first: bool = True
    """Of the rows that are ready, the one with the longest way to the end gets the next place; else the first."""

    def without(self, *names: str) -> Optimizations:
        """The same with these switched off.

        Raises
        ------
        TypeError: there is none of that name.
        """
        return evolve(self, **dict.fromkeys(names, False))


ALL = Optimizations()
NAMES = tuple(fields_dict(Optimizations))
NONE = ALL.without(*NAMES)
