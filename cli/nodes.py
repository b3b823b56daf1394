"""``cflow nodes``: what is installed, each node with its signature, its effects and its words; ``cflow nodes new``.

The text of packs is read, as ``cflow check`` reads it: nothing is imported, whatever libraries a pack needs.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from attrs import frozen

from ..compiler.diagnostics import NOWHERE, Diagnostic, ProgramError
from ..compiler.nearest import did_you_mean
from ..compiler.spec import Effects, NodeSpec
from ..compiler.types import Parameter
from ..dsl.loader import packs
from ..dsl.loader.static import StaticReader
from ..dsl.scope import NodeBinding
from .arguments import Usage
from .output import emit, note, plain
from .target import report_wrong


@frozen
class Described:
    """A pack and its nodes. ``doc``: of its module."""

    name: str
    about: packs.About
    doc: str
    nodes: list[NodeSpec]


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, or 2 where there is no such pack or node, or one cannot be read."""
    words: list[str] = arguments.words
    if words[:1] == ["new"]:
        from .newpack import make

        with report_wrong() as wrong:
            make(words[1:])
        return wrong.code
    if len(words) > 1:
        raise Usage("cflow nodes: one pack or node at a time, or: cflow nodes new NAME")
    known = sorted(set(packs.pack_names()))
    found: list[Described] = []
    reader = StaticReader()  # what packs share is read once
    with report_wrong() as wrong:
        for name in words or known:
            with wrong.each():
                found.append(_asked_for(name, known, reader))
        if wrong.code and words:
            return wrong.code
        if arguments.search:
            found = [part for pack in found if (part := _matching(pack, arguments.search)).nodes]
        if arguments.json:
            emit(json.dumps([_json(pack, spec) for pack in found for spec in pack.nodes], ensure_ascii=False))
        elif found:
            emit("\n".join(line for pack in found for line in _people(pack, in_full=bool(words))).strip("\n"))
        else:
            note(f"no node with {arguments.search!r} in its name or its words")
    return wrong.code


def _asked_for(name: str, known: list[str], reader: StaticReader) -> Described:
    """A pack, or one node of it.

    Raises
    ------
    ProgramError: there is no such pack or node.
    """
    try:
        return described(name, known, reader)
    except ProgramError:
        head, dot, last = name.rpartition(".")
        if not dot or packs.find_pack(head) is None:
            raise
    pack = described(head, known, reader)
    nodes = [spec for spec in pack.nodes if spec.name == last]
    if not nodes:
        names = [spec.name for spec in pack.nodes]
        help = did_you_mean(last, names, f"it has {', '.join(names)}")
        raise ProgramError([Diagnostic("unknown-node", "error", f"{head!r} has no node {last!r}", NOWHERE, help=help)])
    return Described(head, pack.about, "", nodes)


def described(name: str, known: list[str], reader: StaticReader) -> Described:
    """A pack, read as text; one that has no text is imported.

    Raises
    ------
    ProgramError: there is no such pack, two bear the name, or importing it fails.
    """
    twice = packs.clash(name)
    if twice:
        raise ProgramError([Diagnostic("import-clash", "error", twice, NOWHERE, help="uninstall one of them")])
    found = packs.find_pack(name)
    if found is None:
        message = f"there is no pack or module {name!r}"
        help = did_you_mean(name, known, f"installed packs: {', '.join(known)}")
        raise ProgramError([Diagnostic("unknown-pack", "error", message, NOWHERE, help=help)])
    about = packs.about(found)
    if found.origin is None:
        return _imported(found, about)
    module = reader.pack(found)
    own = [name for name in sorted(module.names()) if not module.borrowed(name)]
    bindings = {name: module.member(name) for name in own}
    nodes = [
        node.spec.with_(name=name)
        for name, binding in bindings.items()
        if isinstance(binding, NodeBinding) and name in module.nodes
        for node in (*binding.others.values(), binding)
    ]
    return Described(name, about, module.doc, nodes)


def _imported(found: packs.Found, about: packs.About) -> Described:
    from ..dsl.nodes import NodeDef

    try:
        module = packs.import_pack(found)
    except Exception as error:
        message = f"the pack {found.name!r} fails when it is imported: {type(error).__name__}: {error}"
        raise ProgramError([Diagnostic("import-failed", "error", message, NOWHERE)]) from error
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    nodes = [
        node.spec.with_(name=name)
        for name, value in sorted(public.items())
        if isinstance(value, NodeDef)
        for node in (*value.others.values(), value)
    ]
    return Described(found.name, about, module.__doc__ or "", nodes)


def _matching(pack: Described, search: str) -> Described:
    """The nodes whose name or words hold all the words that are looked for."""
    wanted = search.lower().split()

    def holds(spec: NodeSpec) -> bool:
        text = f"{pack.name}.{signature_text(spec)} {_declared(spec)} {spec.doc} {pack.about.summary}".lower()
        return all(word in text for word in wanted)

    return Described(pack.name, pack.about, "", [spec for spec in pack.nodes if holds(spec)])


# ---- words ---------------------------------------------------------------------------------------


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
    value = "..." if param.default is ... else repr(param.default)
    default = "" if param.required or stars else f" = {value}"
    return f"{stars}{param.name}{typed}{default}"


def _declared(spec: NodeSpec) -> str:
    """All that a node declares: ``reads http; timeout=30.0``."""
    said = [effects_text(spec.effects), *(f"{name}={value}" for name, value in spec.policy.items())]
    said += [f"version={spec.version}"] * bool(spec.version) + [f"runs={spec.runs}"] * (spec.runs != "auto")
    return "; ".join(said)


def _people(pack: Described, *, in_full: bool) -> list[str]:
    lines = [pack.name]
    if pack.doc and in_full:
        lines += [f"  {line}".rstrip() for line in pack.doc.splitlines()]
    elif pack.about.summary:
        lines.append(f"  {pack.about.summary}")
    lines += [f"  {fact}" for fact in _facts(pack.about)]
    for spec in pack.nodes:
        lines.append(f"  {signature_text(spec)}  [{_declared(spec)}]")
        if in_full and len(pack.nodes) == 1:
            lines += [f"      {line.strip()}".rstrip() for line in spec.doc.splitlines()]
        elif words := packs.first_sentence(spec.doc):
            lines.append(f"      {words}")
    return [*lines, ""]


def _facts(about: packs.About) -> list[str]:
    """Of whom it comes, what it asks for, what it needs."""
    facts = [f"from {about.distribution} {about.version}"] if about.distribution else []
    if about.permissions:
        facts.append(f"asks for {', '.join(about.permissions)}")
    if lacks := packs.missing(about):
        facts.append(f"needs {lacks}")
    return facts


def _json(pack: Described, spec: NodeSpec) -> dict[str, Any]:
    effects = spec.effects
    return {
        "pack": pack.name,
        "name": spec.name,
        "signature": signature_text(spec),
        "pure": effects.pure,
        "reads": sorted(effects.reads),
        "writes": sorted(effects.writes),
        "barrier": effects.barrier,
        "declared": effects.declared,
        "stream": spec.is_stream,
        "runs": spec.runs,
        "version": spec.version,
        "options": {name: plain(value) for name, value in spec.policy.items()},
        "permissions": list(pack.about.permissions),
        "extra": pack.about.extra,
        "distribution": pack.about.distribution,
        "doc": packs.first_sentence(spec.doc),
        "docstring": spec.doc,
    }
