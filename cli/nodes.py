"""``cflow nodes``: the packs that are installed, each node with its signature, its effects and a line of words."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..compiler.diagnostics import NOWHERE, Diagnostic, ProgramError
from ..compiler.nearest import did_you_mean
from ..compiler.spec import Effects, NodeSpec
from ..compiler.types import Parameter
from .output import emit
from .target import report_wrong


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where there is no such pack."""
    from ..dsl.loader.packs import pack_names

    with report_wrong() as wrong:
        names = sorted(set(pack_names()))
        packs = {name: nodes_of(name, names) for name in ([arguments.pack] if arguments.pack else names)}
        if arguments.json:
            emit(json.dumps([_json(name, spec) for name, specs in packs.items() for spec in specs], ensure_ascii=False))
        else:
            emit("\n".join(line for name, specs in packs.items() for line in _people(name, specs)).strip("\n"))
    return wrong.code


def nodes_of(pack: str, known: list[str]) -> list[NodeSpec]:
    """The nodes of a pack, by name.

    Raises
    ------
    ProgramError: there is no such pack, or importing it fails.
    """
    from ..dsl.loader.packs import find_pack, import_pack
    from ..dsl.nodes import NodeDef

    found = find_pack(pack)
    if found is None:
        message = f"there is no pack or module {pack!r}"
        help = did_you_mean(pack, known, f"installed packs: {', '.join(known)}")
        raise ProgramError([Diagnostic("unknown-pack", "error", message, NOWHERE, help=help)])
    try:
        module = import_pack(found)
    except Exception as error:
        message = f"the pack {pack!r} fails when it is imported: {type(error).__name__}: {error}"
        raise ProgramError([Diagnostic("import-failed", "error", message, NOWHERE)]) from error
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return [value.spec.with_(name=name) for name, value in sorted(public.items()) if isinstance(value, NodeDef)]


def effects_text(effects: Effects) -> str:
    """``reads orders, writes mail``."""
    if effects.pure:
        return "pure"
    if not effects.declared:
        return "declares nothing"
    pairs = (("reads", effects.reads), ("writes", effects.writes))
    said = [f"{verb} {', '.join(sorted(names))}" for verb, names in pairs if names]
    return "; ".join([*said, *["barrier"] * effects.barrier])


def signature_text(spec: NodeSpec) -> str:
    """``read(path: Path, encoding: str = 'utf-8') -> str``."""
    if not spec.signature.known:
        return f"{spec.name}(...)"
    params: list[str] = []
    keyword_only = False
    for param in spec.signature.params:
        if param.kind == "kw" and not keyword_only:
            params.append("*")
        keyword_only = keyword_only or param.kind in ("kw", "var_pos")
        params.append(_param(param))
    returns = spec.signature.returns
    return f"{spec.name}({', '.join(params)}) -> {returns}"


def _param(param: Parameter) -> str:
    stars = {"var_pos": "*", "var_kw": "**"}.get(param.kind, "")
    typed = "" if str(param.type) == "Any" else f": {param.type}"
    default = "" if param.required or stars else f" = {param.default!r}"
    return f"{stars}{param.name}{typed}{default}"


def _people(pack: str, specs: list[NodeSpec]) -> list[str]:
    lines = [pack]
    for spec in specs:
        lines.append(f"  {signature_text(spec)}  [{effects_text(spec.effects)}]")
        if words := _first_sentence(spec):
            lines.append(f"      {words}")
    return [*lines, ""]


def _first_sentence(spec: NodeSpec) -> str:
    """The first sentence of its docstring."""
    paragraph = " ".join(spec.doc.strip().partition("\n\n")[0].split())
    first = paragraph.partition(". ")[0]
    return first if not first or first.endswith((".", "?", "!")) else f"{first}."


def _json(pack: str, spec: NodeSpec) -> dict[str, Any]:
    effects = spec.effects
    return {
        "pack": pack,
        "name": spec.name,
        "signature": signature_text(spec),
        "pure": effects.pure,
        "reads": sorted(effects.reads),
        "writes": sorted(effects.writes),
        "barrier": effects.barrier,
        "declared": effects.declared,
        "doc": _first_sentence(spec),
    }
