"""What the calls of a flow's nodes took in earlier runs, by operation: data for whoever wants to expect something.

A profile is a small JSON file. It knows nothing of how it was measured, nor of what is made of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..compiler import ir
from ..compiler.hashing import sha256
from ..compiler.walk import all_ops

KIND = "profile"
VERSION = 1


class BadProfile(ValueError):
    """A file or value is no profile; the text says why."""


@frozen
class Profile:
    """Node times of one flow.

    Parameters
    ----------
    flow: its name.
    digest: what it meant when it was measured; of another digest the ids may mean other calls.
    seconds: by operation id as in events (``settle/charge``), what one call took on average.
    calls: by operation id, how many calls a run made, on average.
    busy: by operation id, how much of ``seconds`` the call kept the processor busy; the rest it waited.
    codes: by operation id, the code of the node that was called, as :func:`codes` gives it. An operation that has a
    code and no time has not been called.
    blocks: by name (:func:`.counts.block_names`), how often a run entered the block, on average. limits: by the name of
    its body, how many passes of a loop may overlap, where earlier runs were told.
    """

    flow: str
    digest: str
    seconds: Mapping[str, float] = field(factory=dict)
    calls: Mapping[str, float] = field(factory=dict)
    busy: Mapping[str, float] = field(factory=dict)
    codes: Mapping[str, str] = field(factory=dict)
    blocks: Mapping[str, float] = field(factory=dict)
    limits: Mapping[str, int] = field(factory=dict)

    @property
    def computing(self) -> float:
        """The seconds that a run keeps the processor busy, all in all."""
        return sum(busy * self.calls.get(id, 0.0) for id, busy in self.busy.items())

    def of_program(self, codes: Mapping[str, str], blocks: Collection[str], digest: str) -> Profile:
        """What it knows of a program: of the operations that call the same code there as when they were measured, and,
        where its blocks are the same, of those.

        Parameters
        ----------
        codes: of the program, as :func:`codes` gives them. blocks: the names of its blocks. digest: what it means;
        where a profile does not tell the code, it knows the program that meant the same.
        """
        kept = {
            id
            for id, code in codes.items()
            if id in self.calls and (self.codes[id] == code if id in self.codes else self.digest == digest)
        }
        same = self.blocks.keys() == set(blocks)
        counted, limits = (self.blocks, self.limits) if same else ({}, {})

        def of(values: Mapping[str, Any]) -> dict[str, Any]:
            return {id: value for id, value in values.items() if id in kept}

        return Profile(
            self.flow, self.digest, of(self.seconds), of(self.calls), of(self.busy), of(self.codes), counted, limits
        )

    def data(self) -> dict[str, Any]:
        """As JSON's own values."""
        nodes: dict[str, dict[str, Any]] = {}
        for id in {**self.seconds, **self.calls}:
            nodes[id] = {"calls": _count(self.calls.get(id, 1))}
            if id in self.seconds:
                nodes[id] |= {"seconds": self.seconds[id], "busy": self.busy.get(id, 0.0)}
            if id in self.codes:
                nodes[id]["code"] = self.codes[id]
        blocks = {name: _count(times) for name, times in self.blocks.items()}
        head = {"cflow": KIND, "version": VERSION, "flow": self.flow, "digest": self.digest}
        return {**head, "nodes": nodes, "blocks": blocks, "limits": dict(self.limits)}


def _count(times: float) -> float:
    return int(times) if float(times).is_integer() else times


def codes(graph: ir.Graph) -> dict[str, str]:
    """For each call of a node in a graph, by the operation's id, what tells its code from any other: the node's name
    with its version or the digest of its source. What the language itself ships is left out."""
    found: dict[str, str] = {}
    for op in all_ops(graph):
        spec = graph.nodes[op.target] if isinstance(op, ir.Call) else None
        if spec is not None and not (spec.builtin or spec.trusted):
            text = f"{spec.name}\0{spec.version}\0{'' if spec.version else spec.source}"
            text += found.get(op.id, "")  # two flows may each have a call of one id
            found[op.id] = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return found


def load(path: Path) -> Profile:
    """The profile in a file.

    Raises
    ------
    BadProfile: there is none, or it is no profile.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadProfile(f"{path}: there is no such file") from None
    except OSError as error:
        raise BadProfile(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BadProfile(f"{path} is no profile: it is no JSON ({error})") from None
    try:
        return from_data(value)
    except BadProfile as error:
        raise BadProfile(f"{path} is no profile: {error}") from None


def from_data(value: Any) -> Profile:
    """The profile in JSON's own values.

    Raises
    ------
    BadProfile: it is none.
    """
    if not isinstance(value, dict) or value.get("cflow") != KIND:
        what = f"it is a {value['cflow']} file" if isinstance(value, dict) and "cflow" in value else ""
        raise BadProfile(what or f"it does not say that it is a {KIND}")
    if not isinstance(value.get("version"), int) or value["version"] > VERSION:
        raise BadProfile(f"it has the version {value.get('version')}, and this cflow reads up to {VERSION}")
    nodes = value.get("nodes")
    if not isinstance(nodes, dict):
        raise BadProfile("it has no nodes")
    seconds: dict[str, float] = {}
    calls: dict[str, float] = {}
    busy: dict[str, float] = {}
    marks: dict[str, str] = {}
    for id, node in nodes.items():
        try:
            calls[id] = float(node["calls"])
            if "seconds" in node or calls[id]:  # what was never called has no time
                seconds[id], busy[id] = float(node["seconds"]), float(node.get("busy", 0.0))
            if "code" in node:
                marks[id] = str(node["code"])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadProfile(f"the entry of {id} wants seconds and calls") from None
        if not (0 <= busy.get(id, 0.0) <= seconds.get(id, 0.0) < math.inf) or not 0 <= calls[id] < math.inf:
            raise BadProfile(f"the entry of {id} has impossible numbers")
    try:
        blocks = {str(name): float(times) for name, times in value.get("blocks", {}).items()}
        limits = {str(name): int(passes) for name, passes in value.get("limits", {}).items()}
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise BadProfile("its blocks and limits are no numbers by name") from None
    if not all(0 <= times < math.inf for times in (*blocks.values(), *limits.values())):
        raise BadProfile("a block has an impossible number")
    return Profile(
        str(value.get("flow", "")), str(value.get("digest", "")), seconds, calls, busy, marks, blocks, limits
    )
