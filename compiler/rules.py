"""The catalogue of diagnostics: what each id means, why it exists, a program that triggers it and the corrected one.

Owns the form of a rule and the registry of those that the compiler's checks use; the examples themselves are data in
``rules_*.py`` beside this module. The rules of parsers and loading have the same form and live with them; the page is
printed from all by ``cflow.dsl.catalogue``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from attrs import frozen

from .diagnostics import Severity


@frozen
class Rule:
    """One kind of finding.

    Parameters
    ----------
    id: stable, kebab-case.
    severity: of every diagnostic with this id.
    title: a few words, for lists.
    what: one or two sentences: when it is reported.
    why: what would go wrong without it.
    example: a ``.cflow`` program that triggers it (and, where ``python`` is set, a Python module).
    fix: the same program, corrected.
    python: the example is a Python module with ``@flow`` functions, for what the text cannot even say.
    """

    id: str
    severity: Severity
    title: str
    what: str
    why: str
    example: str
    fix: str
    python: bool = False


def rule(
    id: str, severity: Severity, title: str, what: str, why: str, example: str, fix: str, *, python: bool = False
) -> Rule:
    """A :class:`Rule` whose programs are written indented, as they stand in the catalogue's source."""
    return Rule(id, severity, title, what, why, _program(example), _program(fix), python)


def _program(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"


def table(*groups: Iterable[Rule]) -> dict[str, Rule]:
    """Rules by id; an id that is used twice is a bug of the catalogue.

    Raises
    ------
    ValueError: two rules have one id.
    """
    rules: dict[str, Rule] = {}
    for group in groups:
        for item in group:
            if item.id in rules:
                msg = f"two rules are called {item.id!r}"
                raise ValueError(msg)
            rules[item.id] = item
    return rules


def page(rules: Mapping[str, Rule]) -> str:
    """The documentation page of these rules, as Markdown."""
    parts = [_INTRODUCTION.replace("{shop}", SHOP)]
    for severity in ("error", "warning", "info"):
        of_kind = sorted((r for r in rules.values() if r.severity == severity), key=lambda r: r.id)
        if of_kind:
            parts.append(f"## {severity.capitalize()}s\n")
            parts.extend(_entry(r) for r in of_kind)
    return "\n".join(parts)


_INTRODUCTION = """# Diagnostics

Every finding of `cflow check` has a stable id. This page says of each what it means, why it exists, a
program that triggers it, and the corrected program. It is generated from the declarations in the source:
`python -m cflow.dsl.catalogue > docs/diagnostics.md`.

Many of the programs import from this `shop.py`:

```python
{shop}```
"""

SHOP = '''"""The nodes of a small shop."""

from collections.abc import AsyncIterator

from cflow import node


@node(reads="orders")
async def fetch(id: int) -> float: ...


@node(reads="orders")
async def lines() -> AsyncIterator[str]:
    yield "a line"


@node(writes="stock")
async def reserve(id: int) -> str: ...


@node(writes="stock")
async def release(hold: str) -> None: ...


@node(writes="ledger")
async def book(id: int, total: float = 0.0) -> None: ...


@node(writes="ledger")
async def unbook(id: int) -> None: ...


@node(pure=True)
def score(total: float) -> float: ...


def legacy(id: int) -> int: ...
'''
"""The module that the examples import from; it stands on the page, and beside the examples when they are tested."""


def _entry(rule: Rule) -> str:
    language = "python" if rule.python else "cflow"
    return (
        f"### {rule.id}\n\n**{rule.title}.** {rule.what}\n\n*Why:* {rule.why}\n\n"
        f"```{language}\n{rule.example}```\n\nInstead:\n\n```{language}\n{rule.fix}```\n"
    )


RULES: dict[str, Rule]
"""The rules of the compiler's checks, by id."""


def __getattr__(name: str) -> object:
    # The data is long, and only checks and documentation read it.
    if name == "RULES":
        from . import rules_flow, rules_names, rules_order, rules_types

        rules = table(rules_names.RULES, rules_types.RULES, rules_flow.RULES, rules_order.RULES)
        globals()["RULES"] = rules
        return rules
    raise AttributeError(name)
