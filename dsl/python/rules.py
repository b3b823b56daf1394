"""The findings that only the Python front end can have, for the catalogue of :mod:`...compiler.rules`."""

from __future__ import annotations

from ...compiler.rules import rule

RULES = (
    rule(
        "no-source",
        "error",
        "The source of a flow cannot be had",
        "A flow's function has no source that can be read: it was made by `exec` or at the plain prompt, its file has "
        "changed since it was imported, it is no plain `def`, or another decorator stands between it and `@flow`.",
        "A flow is compiled from its source and its body never runs, so there is nothing to go by without it.",
        """
        import functools
        from cflow import flow

        def logged(function):
            @functools.wraps(function)
            def run(*args):
                return function(*args)
            return run

        @flow
        @logged
        def main(x: int) -> int:
            return x + 1
        """,
        """
        from cflow import flow

        @flow
        def main(x: int) -> int:
            return x + 1
        """,
        python=True,
    ),
)
"""What this front end adds."""
