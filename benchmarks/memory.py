"""What flows keep in memory: ``.venv/bin/python benchmarks/memory.py`` (two minutes; a line is a process of its own).

The first two lines are what a typical flow of 50 steps adds to a process that has imported ``cflow`` (and Trio, for a
flow that waits); the others how much higher than before its start a run of a million items takes the process. Memory is
the resident set as Linux counts it, in MB of a million bytes; for a run the highest point.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ITEMS = 1_000_000

PLAIN = """\
from cflow import flow, node

@node(reads="world")
def quick(x: int) -> int:
    return x + 1
"""

NODES = """\
from collections.abc import AsyncIterator
import trio
from cflow import node
from memory_plain import quick

@node(reads="world")
async def wait(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x

@node(reads="world")
async def feed(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i
"""

FLOWS = """\
from memory_nodes import wait, quick, feed
from cflow import flow, parallel

@flow
def stream(n: int) -> int:
    total = 0
    for x in feed(n):
        total += quick(x)
    return total

@flow
def passes(n: int) -> None:
    for x in parallel(range(n), limit=16):
        wait(x)

@flow
def collected(n: int) -> list[int]:
    return [wait(x) for x in parallel(range(n), limit=16)]
"""


def typical(name: str, nodes: str, overlap: bool = True) -> str:
    """A flow of 50 steps, in which some may overlap."""
    kinds = nodes.split()
    lines = [f"    x{i + 1} = {kinds[i % len(kinds)]}(x{max(0, i - i % 2 * overlap)})\n" for i in range(50)]
    return f"\n@flow\ndef {name}(n: int) -> int:\n    x0 = n\n{''.join(lines)}    return x50\n"


LINES = {
    "plain": "a flow of 50 steps, one after another, nothing waits",
    "waiting": "a flow of 50 steps, some wait, some overlap, beside Trio",
    "again": "another flow of 50 steps",
    "stream": f"a stream of {ITEMS:,} items",
    "passes": f"a parallel loop over {ITEMS:,} items, 16 at once",
    "collected": f"the same, and its {ITEMS:,} results (36 MB in a list)",
}


def measured(
    what: str, items: int = ITEMS, before: str = "", path: Path | None = None, seconds: float | None = None
) -> float:
    """One line, in a process of its own: MB.

    Parameters
    ----------
    items: of a run. before: code that the process runs first. path: where it finds ``cflow``, if not as usual.
    seconds: how long it may take.

    Raises
    ------
    CalledProcessError: it failed. TimeoutExpired: it took longer.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "memory_plain.py").write_text(PLAIN + typical("plain", "quick", overlap=False))
        Path(folder, "memory_nodes.py").write_text(NODES)
        flows = FLOWS + typical("waiting", "wait quick wait") + typical("other", "quick wait")
        Path(folder, "memory_flows.py").write_text(flows)
        paths = [folder, str(Path(__file__).parent), *([str(path)] if path is not None else ())]
        code = f"import sys; sys.path[:0] = {paths!r}\n{before}\nimport memory_one; memory_one.one({what!r}, {items})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=seconds)
        return float(done.stdout)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for what, title in LINES.items():
        print(f"{title:<60} {measured(what):>8.1f} MB", flush=True)


if __name__ == "__main__":
    main()
