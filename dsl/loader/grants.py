"""What a program that is not trusted asks its host for, as far as its text tells: names of the environment, literal
addresses, paths and programs.

What is found here is found early; the nodes ask again when they are called, and only that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...compiler.diagnostics import Collector
from ...compiler.ir import Call, Const, Expr, Star
from ...compiler.permissions import Permissions
from ...compiler.spec import NodeSpec
from ...compiler.types import Parameter, Type
from ...compiler.walk import all_ops
from .. import syntax
from .packs import STANDARD, standard_asks
from .report import Reporter

if TYPE_CHECKING:
    from ..lower.program import Program

_FILES = frozenset({"path", "folder", "source", "target"})
"""How the standard packs call a parameter that is a path, where they ask for files. One of this machine may be a
``Path``; what takes text alone is a path elsewhere (``sftp.read``) or a folder of mail."""

_HELP = "the host that loads the program grants it: allow=[...], or --allow on the command line"


def check_declarations(tree: syntax.Module, granted: Permissions, report: Reporter) -> None:
    """Report the secrets and environment values that were not granted."""
    for declaration in tree.declarations:
        if isinstance(declaration, (syntax.SecretDecl, syntax.EnvDecl)) and not granted.variable(declaration.name):
            name = declaration.name
            report(
                "not-granted", declaration.span, f"the program is not allowed to read {name} (it was given {granted})",
                help=f"{_HELP}: env:{name}",
            )  # fmt: skip


def check_calls(program: Program, granted: Permissions, collector: Collector) -> None:
    """Report the calls of standard nodes whose literal arguments lead to what was not granted.

    Parameters
    ----------
    program: all flows of a file. granted: what the file was loaded with.
    """
    if granted.trusted:
        return
    report = Reporter(collector)
    for flow in program.flows.values():
        for op in all_ops(flow):
            if isinstance(op, Call):
                spec = program.nodes[op.target]
                try:
                    if spec.grants == granted.tag:
                        _ask(spec, op, granted)
                except PermissionError as error:
                    report("not-granted", op.span, str(error), help=_HELP)


def _ask(spec: NodeSpec, call: Call, granted: Permissions) -> None:
    """Ask for what the call names.

    Raises
    ------
    PermissionError: it was not granted.
    """
    pack = spec.key.removeprefix(f"{STANDARD}.").partition(".")[0]
    asks = standard_asks(pack) if spec.key.startswith(f"{STANDARD}.") else ()
    for param, value in _literals(spec, call):
        name = param.name
        if name == "url" and "net" in asks:
            try:
                parts = urlsplit(value)
                host, port = parts.hostname, parts.port
            except ValueError:  # no address: the node says so
                continue
            if host:
                granted.host(host, port or {"http": 80, "https": 443}.get(parts.scheme))
        elif name in _FILES and _is_path(param.type) and "files" in asks:
            granted.file(value, follow=False)
        elif name == "program" and "process" in asks:
            granted.program(value)


def _is_path(type_: Type) -> bool:
    return type_.name == "Path" or (type_.name == "union" and any(map(_is_path, type_.args)))


def _literals(spec: NodeSpec, call: Call) -> Iterator[tuple[Parameter, str]]:
    """The parameters that get a literal text."""
    params = spec.signature.params
    named = {param.name: param for param in params}
    given: list[tuple[Parameter | None, Expr | Star]] = [
        *zip(params, call.args, strict=False),
        *((named.get(name), value) for name, value in call.kwargs),
    ]
    for param, value in given:
        if param is not None and isinstance(value, Const) and isinstance(value.value, str):
            yield param, value.value
