"""Whole folders over sftp, to and from asyncssh's server on loopback: links, names and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from cflow.compiler.permissions import Permissions, under
from cflow.runtimes.aio import LOOP
from cflow.stdlib_nodes import sftp
from cflow.stdlib_nodes.ssh import SshError

CLIENT = asyncssh.generate_private_key("ssh-ed25519")
HOST = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """The folder of the server, its address and its key."""
    import services

    folder = tmp_path_factory.mktemp("ssh")
    with services.ssh(folder, HOST, CLIENT.export_public_key()) as port:
        known = f"[127.0.0.1]:{port} {HOST.export_public_key().decode()}"
        yield folder / "there", f"sftp://ada:se%3Acret@127.0.0.1:{port}", known
    LOOP.close()


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_folder_goes_and_comes(place: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, at, known = place
    files = {"a.txt": "a", "deep/er/b.txt": "bb", "deep/ü.txt": "ccc"}
    for name, text in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text)
    (tmp_path / "site" / "empty").mkdir()
    (tmp_path / "site" / "out").symlink_to(tmp_path)
    (tmp_path / "site" / "loop.txt").symlink_to("a.txt")
    told: list[tuple[float, float]] = []
    monkeypatch.setattr(sftp, "how_far", lambda total: lambda done: told.append((done, total)))

    assert sftp.upload_folder(at, tmp_path / "site", "www/site", known=known) == 3
    assert tree(there / "www" / "site") == files
    assert (there / "www" / "site" / "empty").is_dir()
    assert (len(told), told[-1]) == (3, (6, 6))
    (there / "www" / "site" / "away").symlink_to("/etc")
    (there / "www" / "site" / "deep" / "ü.txt").write_text("new")

    assert sftp.download_folder(at, "www/site", tmp_path / "back", known=known) == 3
    assert tree(tmp_path / "back") == files | {"deep/ü.txt": "new"}
    assert (tmp_path / "back" / "empty").is_dir()
    assert told[-1] == (6, 6)
    for call in (
        lambda: sftp.upload_folder(at, tmp_path / "site", "www/site", known=known, most=5),
        lambda: sftp.download_folder(at, "www/site", tmp_path / "back", known=known, most=5),
    ):
        with pytest.raises(ValueError, match="more than 5 files and folders below"):
            call()
    with pytest.raises(SshError):
        sftp.download_folder(at, "www/none", tmp_path / "none", known=known)
    assert not (tmp_path / "none").exists()


def test_nothing_is_written_through_a_link(place: tuple[Path, str, str], tmp_path: Path) -> None:
    there, at, known = place
    for root in (there / "linked", tmp_path / "source"):
        (root / "sub").mkdir(parents=True)
        (root / "sub" / "x").write_text("new")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("sub", "sub/x"):
        target = tmp_path / name.replace("/", "-")
        (target / name).parent.mkdir(parents=True)
        (target / name).symlink_to(elsewhere / "x" if "/" in name else elsewhere)
        with pytest.raises(FileExistsError, match="is a link"):
            sftp.download_folder(at, "linked", target, known=known)
    (there / "goal").mkdir()
    (there / "goal" / "sub").symlink_to("../linked/sub")
    (there / "linked" / "sub" / "x").write_text("old")
    with pytest.raises(SshError, match="'goal/sub' is a link there"):
        sftp.upload_folder(at, tmp_path / "source", "goal", known=known)
    assert (there / "linked" / "sub" / "x").read_text() == "old"
    assert not [*elsewhere.iterdir()]


def test_names_of_a_host_that_lies(tmp_path: Path) -> None:
    import services

    with services.ssh(tmp_path, HOST, CLIENT.export_public_key(), "lying") as port:
        known = f"[127.0.0.1]:{port} {HOST.export_public_key().decode()}"
        with pytest.raises(SshError, match=r"an entry that is no name: '../../evil'"):
            sftp.download_folder(f"sftp://ada:se%3Acret@127.0.0.1:{port}", ".", tmp_path / "got", known=known)
    assert not (tmp_path / "got").exists()


def test_folders_have_to_be_granted(place: tuple[Path, str, str], tmp_path: Path) -> None:
    there, at, known = place
    (there / "given").mkdir()
    (there / "given" / "x").write_text("x")
    (tmp_path / "in").mkdir()
    with under(Permissions.of(["net:127.0.0.1", f"files:{tmp_path / 'in'}"])):
        assert sftp.download_folder(at, "given", tmp_path / "in" / "got", known=known) == 1
        assert sftp.upload_folder(at, tmp_path / "in" / "got", "taken", known=known) == 1
        for call in (
            lambda: sftp.download_folder(at, "given", tmp_path / "out", known=known),
            lambda: sftp.upload_folder(at, tmp_path, "taken", known=known),
        ):
            with pytest.raises(PermissionError, match="to reach the file"):
                call()
