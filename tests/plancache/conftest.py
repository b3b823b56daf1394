"""The command in a process of its own, with a cache of its own."""

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

import cflow as cflow_package

SCRIPT = """
import sys
from cflow.cli.main import main
code = main()
print("modules:", *sorted(n for n in sys.modules if n.startswith(("cflow.", "trio", "lark"))), file=sys.stderr)
sys.exit(code)
"""


@frozen
class Done:
    """What a command came to. ``modules``: what it has imported of us, Trio and lark."""

    code: int
    out: str
    err: str
    modules: frozenset[str]

    @property
    def fresh(self) -> bool:
        """Was the program read and checked?"""
        return "cflow.dsl.lower" in self.modules

    @property
    def seen(self) -> tuple[int, str, str]:
        return self.code, self.out, self.err


VARIES = r"\d\d:\d\d:\d\d|in \d+\.\d s|0x[0-9a-f]+|127\.0\.0\.1:\d+|\"time\": [\d.]+|run-[0-9a-f]{12}|<cflow [^>]*>"
"""What is another text in each run."""

Cflow = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """The byte code of the package is written once. That of the files of a test never is: Python takes it for current
    where a file is written again in the same second with the same length."""
    root = Path(cflow_package.__file__).parent
    for folder in ("", *(p.name for p in root.iterdir() if (p / "__init__.py").is_file())):
        compileall.compile_dir(root / folder, maxlevels=0 if not folder else 10, quiet=2)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder of the cache; not there yet."""
    return tmp_path / "xdg" / "cflow"


@pytest.fixture
def cflow(tmp_path: Path, cache: Path) -> Cflow:
    """Runs the command in ``tmp_path``; keywords are environment variables."""

    def run(*words: str, **environment: str) -> Done:
        known = {k: v for k, v in os.environ.items() if k != "CFLOW_NO_CACHE"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *words],
            cwd=tmp_path,
            env={**known, "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": str(cache.parent), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said, _, modules = done.stderr.rpartition("modules:")
        said = re.sub(VARIES, "~", said)
        return Done(done.returncode, done.stdout, said, frozenset(modules.split()))

    return run
