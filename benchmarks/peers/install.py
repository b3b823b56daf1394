"""Each engine of the comparison in a virtual environment of its own, from PyPI.

    .venv/bin/python benchmarks/peers/install.py              all of them
    .venv/bin/python benchmarks/peers/install.py dask dbos    only these

They go to ``$CONDUCTOR_PEERS``, else ``~/.cache/conductor-peers``; an environment whose stamp holds the same
requirement is left alone. An engine that cannot be installed is reported, the others go on: the comparison then says
that it did not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = {
    "hamilton": ["sf-hamilton"],
    "pipefunc": ["pipefunc"],
    "tawazi": ["tawazi"],
    "dask": ["dask"],
    "prefect": ["prefect", "fastapi<0.140"],  # the server of prefect 3.8 does not start on later ones
    "dbos": ["dbos"],
}
"""What pip is asked for, by environment."""

LIMIT = 600
"""Seconds that one installation may take."""


def home() -> Path:
    """The folder of the environments."""
    return Path(os.environ.get("CONDUCTOR_PEERS") or Path.home() / ".cache" / "conductor-peers")


def python_of(name: str) -> Path | None:
    """The interpreter of an environment; None where it is not (wholly) installed."""
    folder = home() / name
    stamp = folder / "installed"
    wanted = "\n".join(REQUIREMENTS[name])
    if not stamp.is_file() or stamp.read_text() != wanted:
        return None
    return folder / "bin" / "python"


def install(name: str) -> str:
    """Make one environment; what came of it, in a line."""
    if python_of(name):
        return f"{name}: ready"
    folder = home() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The pip that is here serves it: Debian's venv comes without one.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    asked = [*pip, "install", "-q", "--disable-pip-version-check", *REQUIREMENTS[name]]
    try:
        done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"{name}: NOT installed: no end after {LIMIT} s"
    if done.returncode:
        return f"{name}: NOT installed: {done.stderr.strip().splitlines()[-1:] or 'pip failed'}"
    (folder / "installed").write_text("\n".join(REQUIREMENTS[name]))
    return f"{name}: installed"


def main(names: list[str]) -> int:
    """Install what is named, or all; 2 for a name that is unknown."""
    unknown = sorted(set(names) - set(REQUIREMENTS))
    if unknown:
        print(f"no engine {', '.join(unknown)}; there are {', '.join(REQUIREMENTS)}", file=sys.stderr)
        return 2
    for name in names or REQUIREMENTS:
        print(install(name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
