"""Names that mean nothing here and something elsewhere: in the other spelling, in other languages, in ``cflow`` itself.

Owns what a finding advises for each, as each spelling writes it.
"""

from __future__ import annotations

from .. import syntax as s
from ..nodes import ENVIRONMENT, FORM, environment_binding
from ..scope import Binding, BuiltinBinding
from ..spelling import FORMS

Advice = tuple[str, str]
"""The fix as a ``.cflow`` file writes it, and as Python does where that differs (else empty)."""

LITERALS = {
    **dict.fromkeys(("true", "TRUE"), "True"),
    **dict.fromkeys(("false", "FALSE"), "False"),
    **dict.fromkeys(("null", "none", "nil", "undefined", "NULL"), "None"),
}
"""Constants of other languages."""

ERRORS = frozenset("CflowError EngineBug InputError LoopLimit ProgramError RecursionLimit UndoFailed".split())
"""The error classes that ``cflow`` has; in both spellings they are imported."""

_CLOCK = {"date.today": "today", "datetime.today": "now", "datetime.now": "now", "datetime.utcnow": "now"}
_FROM_TEXT = frozenset({"date.fromisoformat", "datetime.fromisoformat", "time.fromisoformat"})


def advice_on_name(name: str, *, called: bool, member: str = "") -> Advice | None:
    """What to write instead of a name that nothing has; None where nothing is known of it.

    Parameters
    ----------
    name: the name.
    called: does it stand before the brackets of a call?
    member: what is read from it, where something is.
    """
    if name in ERRORS:
        return f"import it: from cflow import {name}", ""
    if name == "os" and member in ENVIRONMENT:
        environment = environment_binding(f"os.{member}")
        return environment.help, environment.python
    if called and name in FORMS:
        return FORMS[name], f"import it: from cflow import {name}"
    if not called and not member and name in LITERALS:
        return f"write {LITERALS[name]}", ""
    return None


def advice_on_form(binding: Binding | None) -> str:
    """What a ``.cflow`` file writes where it calls an imported form; empty for anything else."""
    if not isinstance(binding, BuiltinBinding) or not binding.name.startswith(FORM):
        return ""
    return FORMS.get(binding.name.removeprefix(FORM), "")


def advice_on_method(type: str, name: str) -> Advice | None:
    """What to write instead of a function of a built-in class; None where nothing is known of it."""
    method = f"{type}.{name}"
    if method in _CLOCK:
        node = f"time.{_CLOCK[method]}()"
        return f"write {node}, with `import time` at the top", f"write {node}: from cflow.stdlib_nodes import time"
    if method in _FROM_TEXT:
        return f"convert the text: `value: {type} = text`", f"convert the text: value = convert(text, {type})"
    return None


def options_in_text(name: str, call: s.Call) -> str:
    """``look.options(retry=2)`` of a node or flow as a ``.cflow`` file writes it: ``look(...) with retry=2``."""
    given = {k.name: k.value for k in call.keywords if k.name is not None}
    undone = " undo f(...)" if given.pop("undo", None) is not None else ""
    options = [f"{key}={repr(v.value) if isinstance(v, s.Constant) else '...'}" for key, v in given.items()]
    return f"write {name}(...)" + (f" with {', '.join(options)}" if options else "") + undone
