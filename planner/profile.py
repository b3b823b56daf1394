"""What the calls of a flow's nodes took in earlier runs, by operation: data for whoever wants to expect something.

A profile is a small JSON file. It knows nothing of how it was measured, nor of what is made of it.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

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
    calls: by operation id, how many calls a run made.
    busy: by operation id, how much of ``seconds`` the call kept the processor busy; the rest it waited.
    """

    flow: str
    digest: str
    seconds: Mapping[str, float] = field(factory=dict)
    calls: Mapping[str, int] = field(factory=dict)
    busy: Mapping[str, float] = field(factory=dict)

    def data(self) -> dict[str, Any]:
        """As JSON's own values."""
        nodes = {
            id: {"calls": self.calls.get(id, 1), "seconds": s, "busy": self.busy.get(id, 0.0)}
            for id, s in self.seconds.items()
        }
        return {"cflow": KIND, "version": VERSION, "flow": self.flow, "digest": self.digest, "nodes": nodes}

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all.

        Raises
        ------
        OSError: it cannot be written.
        """
        target = path.resolve()
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.data(), file, indent=1, ensure_ascii=False)
                file.write("\n")
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


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
        raise BadProfile(f"it does not say that it is a {KIND}")
    if not isinstance(value.get("version"), int) or value["version"] > VERSION:
        raise BadProfile(f"it has the version {value.get('version')}, and this cflow reads up to {VERSION}")
    nodes = value.get("nodes")
    if not isinstance(nodes, dict):
        raise BadProfile("it has no nodes")
    seconds: dict[str, float] = {}
    calls: dict[str, int] = {}
    busy: dict[str, float] = {}
    for id, node in nodes.items():
        try:
            seconds[id], calls[id] = float(node["seconds"]), int(node["calls"])
            busy[id] = float(node.get("busy", 0.0))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BadProfile(f"the entry of {id} wants seconds and calls") from None
        if not (0 <= busy[id] <= seconds[id] < math.inf) or calls[id] < 0:
            raise BadProfile(f"the entry of {id} has impossible numbers")
    return Profile(str(value.get("flow", "")), str(value.get("digest", "")), seconds, calls, busy)
