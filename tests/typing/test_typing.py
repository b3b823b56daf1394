"""The types of the public names, as mypy and pyright see them in a user's project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
Finding = tuple[str, int]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project that has Conductor as a library."""
    folder = tmp_path_factory.mktemp("typing")
    (folder / "library").mkdir()
    (folder / "library" / "cflow").symlink_to(ROOT, target_is_directory=True)
    for name in ("api.py", "wrong.py"):
        (folder / name).write_text((FOLDER / name).read_text(encoding="utf-8"), encoding="utf-8")
    settings = {
        "extraPaths": ["library"], "include": ["api.py", "wrong.py"], "typeCheckingMode": "strict",
        "pythonVersion": "3.11", "reportUnusedFunction": False, "reportUnusedVariable": False,
    }  # fmt: skip
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def mypy(project: Path) -> list[Finding]:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--no-error-summary",
        "--config-file=",
    ]
    environment = {**os.environ, "MYPYPATH": str(project / "library")}
    # The cache is kept between runs of the tests: the library is the same.
    command += [f"--cache-dir={ROOT / '.mypy_cache' / 'typing'}", "--config-file=", "api.py", "wrong.py"]
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    print(ran.stdout)
    return [(m[1], int(m[2])) for m in re.finditer(r"^([\w.]+):(\d+): error:", ran.stdout, re.MULTILINE)]


def pyright(project: Path) -> list[Finding]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    findings = json.loads(ran.stdout)["generalDiagnostics"]
    print(*(f"{Path(f['file']).name}:{f['range']['start']['line'] + 1}: {f['message']}" for f in findings), sep="\n")
    return [(Path(f["file"]).name, f["range"]["start"]["line"] + 1) for f in findings if f["severity"] == "error"]


@pytest.mark.slow
@pytest.mark.parametrize("check", [mypy, pyright])
def test_public_types(check: object, project: Path) -> None:
    found = check(project)  # type: ignore[operator]
    lines = (FOLDER / "wrong.py").read_text(encoding="utf-8").splitlines()
    wanted = {("wrong.py", n) for n, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert wanted
    assert {f for f in found if f[0] == "api.py"} == set()
    assert set(found) == wanted
