"""Write the notes of a release from the messages of its commits, which `git` lists.

cflow run examples/cookbook/release_notes.py repository=. since=v1.3 version=1.4
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cflow import flow
from cflow.stdlib_nodes import data, files, shell, text

KINDS: Final = {"feat": "New", "fix": "Mended", "perf": "Faster"}


@dataclass(frozen=True, kw_only=True)
class Commit:
    kind: str
    what: str
    hash: str


@flow
def commits(repository: str, since: str) -> list[Commit]:
    """The commits since a tag that say what kind of change they are (`fix: ...`), oldest first."""
    found = []
    for line in shell.lines(
        "git",
        ["log", "--reverse", "--format=%h%x09%s", "--end-of-options", f"{since}..HEAD"],
        folder=repository,
    ):
        hash, _, subject = line.partition("\t")
        head, _, what = subject.partition(": ")
        kind = text.replace(head, r"\(.*\)|!", "")
        if kind in KINDS:
            found.append(Commit(hash=hash, kind=kind, what=what))
    return found


@flow(timeout=120)
def release_notes(repository: str, since: str, version: str, out: str = "RELEASE.md") -> Path:
    """The path of the notes. Without a commit that a user notices there are none."""
    by_kind = data.group(commits(repository, since), "kind")
    lines = [f"# {version}"]
    for kind, title in KINDS.items():
        if kind in by_kind:
            lines += ["", f"## {title}", ""]
            lines += [f"- {commit.what} ({commit.hash})" for commit in by_kind[kind]]
    assert len(lines) > 1, f"nothing since {since} that a user would notice"
    return files.write(out, text.join(lines, "\n") + "\n")
