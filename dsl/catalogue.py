"""The whole catalogue of diagnostics: the compiler's rules and those of each front end, and the page made of them.

``python -m cflow.dsl.catalogue`` prints ``docs/diagnostics.md``.
"""

from __future__ import annotations

from ..compiler.rules import Rule, page, table


def catalogue() -> dict[str, Rule]:
    """Every rule by id."""
    from ..compiler.rules import RULES
    from .loader.rules import RULES as OF_LOADING
    from .python.rules import RULES as OF_PYTHON
    from .text.rules import RULES as OF_TEXT

    return table(RULES.values(), OF_TEXT, OF_PYTHON, OF_LOADING)


if __name__ == "__main__":
    print(page(catalogue()), end="")
