"""ssh and sftp against asyncssh's server on loopback: programs, files, who is known, and tricks."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import cflow
from cflow.compiler.permissions import Permissions, under
from cflow.runtimes.aio import LOOP
from cflow.stdlib_nodes import sftp, ssh
from cflow.stdlib_nodes.shell import ProgramError
from cflow.stdlib_nodes.ssh import SshError

CLIENT = asyncssh.generate_private_key("ssh-ed25519")
KEY = CLIENT.export_private_key().decode()
HOST = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    import services

    folder = tmp_path_factory.mktemp("ssh")
    with services.ssh(folder, HOST, CLIENT.export_public_key()) as port:
        yield folder / "there", port
    LOOP.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's keys and known hosts but those of the test."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path / "home"


@pytest.fixture
def folder(place: tuple[Path, int]) -> Path:
    return place[0]


@pytest.fixture
def host(place: tuple[Path, int]) -> str:
    return f"ssh://ada:se%3Acret@127.0.0.1:{place[1]}"


@pytest.fixture
def known(place: tuple[Path, int]) -> str:
    return line(place[1], HOST)


def line(port: int, key: asyncssh.SSHKey, name: str = "127.0.0.1") -> str:
    return f"[{name}]:{port} {key.export_public_key().decode()}"


# ---- programs ------------------------------------------------------------------------------------


def test_a_program_is_run_to_its_end(host: str, known: str) -> None:
    done = ssh.run(host, "printf '%s|' \"$0\"; cat; echo oh >&2", input="héllo", known=known)
    assert (done.code, done.stdout.endswith("|héllo"), done.stderr) == (0, True, "oh\n")
    tricks = ["*", "$HOME", "; echo x", "'", '"', "a b", "", "\n", "-n"]
    assert ssh.run(host, "printf '%s|'", tricks, known=known).stdout == "".join(f"{one}|" for one in tricks)
    with pytest.raises(ProgramError, match=r"'exit 3' ended with status 3") as caught:
        ssh.run(host, "exit 3", known=known)
    assert caught.value.code == 3
    assert ssh.run(host, "exit 3", known=known, check=False).code == 3
    with pytest.raises(ProgramError, match="was ended by SIGKILL"):
        ssh.run(host, "kill -9 $$", known=known)
    assert len(ssh.run(host, "head -c 3000000 /dev/zero", known=known).stdout) == 3_000_000
    with pytest.raises(ValueError, match="printed more than 1000 bytes"):
        ssh.run(host, "yes", known=known, limit=1000)
    with pytest.raises(ValueError, match="zero byte"):
        ssh.run(host, "echo", ["a\0b"], known=known)


FLOW = """
import ssh, shell

flow count(host: str, known: str) -> int:
    found = 0
    for line in ssh.lines(host, "seq", ["1", "2000"], known=known):
        found += int(line)
    return found

flow first(host: str, known: str) -> str:
    for line in ssh.lines(host, "yes; true", known=known):
        return line
    return ""

flow failing(host: str, known: str) -> list[str]:
    found = []
    try:
        for line in ssh.lines(host, "echo a; echo b >&2; printf c; exit 2", known=known):
            found += [line]
    except shell.ProgramError as error:
        found += [f"{error}"]
    return found

flow cut(host: str, known: str) -> str:
    try:
        ssh.run(host, "sleep 20", known=known) with timeout=300ms
    except TimeoutError:
        return "cut"
    return "?"
"""


def test_lines_stream(host: str, known: str) -> None:
    flows = cflow.loads(FLOW)
    assert flows.count.run(host, known) == 2000 * 2001 // 2
    assert flows.first.run(host, known) == "y"
    assert flows.cut.run(host, known) == "cut"
    *told, last = flows.failing.run(host, known)
    assert told == ["a", "c"]
    assert last.endswith("ended with status 2: b")


# ---- who is known --------------------------------------------------------------------------------


def test_a_host_is_known_or_not_spoken_to(place: tuple[Path, int], host: str, known: str, home: Path) -> None:
    _, port = place
    other = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(SshError, match=r"^ssh://127.0.0.1:\d+ is an unknown host"):
        ssh.run(host, "true")
    for unknown in (line(port + 1, HOST), line(port, HOST, "other.test")):
        with pytest.raises(SshError, match="is an unknown host"):
            ssh.run(host, "true", known=unknown)
    for changed in (line(port, other), f"@revoked {known}"):
        with pytest.raises(SshError, match=r"has another key than the one that is known|is an unknown host") as caught:
            ssh.run(host, "true", known=changed)
        assert "se:cret" not in str(caught.value)
    with pytest.raises(SshError, match="has another key"):
        sftp.entries(host, known=line(port, other))
    (home / ".ssh" / "known_hosts").write_text(known)
    assert ssh.run(host, "echo hi").stdout == "hi\n"
    (home / ".ssh" / "known_hosts").write_text(line(port, other))
    with pytest.raises(SshError, match="somebody stands between"):
        ssh.run(host, "true")
    (home / ".ssh" / "config").write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n")
    with pytest.raises(SshError, match="somebody stands between"):
        ssh.run(host, "true")
    (home / "hosts").write_text(known)
    assert ssh.run(host, "echo hi", known=home / "hosts").stdout == "hi\n"


def test_logging_in(
    place: tuple[Path, int],
    known: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    at = f"127.0.0.1:{place[1]}"
    (home / "key").write_text(KEY)
    locked = CLIENT.export_private_key(passphrase="se:cret", rounds=1, ignore_few_rounds=True).decode()
    for address, key in (
        (f"ssh://ada@{at}", KEY),
        (f"ssh://ada@{at}", home / "key"),
        (f"ssh://ada:se%3Acret@{at}", locked),
    ):
        assert ssh.run(address, "echo hi", key=key, known=known).stdout == "hi\n"
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for address, key in ((f"ssh://ada:no@{at}", ""), (f"ssh://ada@{at}", other), (f"ssh://eve:se%3Acret@{at}", "")):
        with pytest.raises(SshError, match="refuses the login"):
            ssh.run(address, "true", key=key, known=known)
    for address, key in ((f"ssh://ada:wrong@{at}", locked), (f"ssh://ada@{at}", "-----BEGIN x")):
        with pytest.raises(SshError, match="the private key cannot be used") as caught:
            ssh.run(address, "true", key=key, known=known)
        assert "wrong" not in str(caught.value)
    assert "se:cret" not in caplog.text
    with pytest.raises(SshError, match="refuses the login"):
        ssh.run(f"ssh://ada@{at}", "true", known=known)
    (home / ".ssh" / "id_ed25519").write_text(KEY)
    assert ssh.run(f"ssh://ada@{at}", "echo hi", known=known).stdout == "hi\n"
    (home / ".ssh" / "id_ed25519").unlink()
    (home / "key").chmod(0o600)
    if shutil.which("ssh-agent") is not None:  # of OpenSSH, which not every machine has
        with subprocess.Popen(["ssh-agent", "-D", "-a", str(home / "agent")], stdout=subprocess.DEVNULL) as agent:
            try:
                monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))
                for _ in range(100):
                    if subprocess.run(["ssh-add", "-q", str(home / "key")], capture_output=True).returncode == 0:
                        break
                assert ssh.run(f"ssh://ada@{at}", "echo hi", known=known).stdout == "hi\n"
            finally:
                agent.terminate()


def test_hosts_that_cannot_be_reached(known: str) -> None:
    with pytest.raises(ConnectionError, match=r"^ssh://127.0.0.1:1: "):
        ssh.run("ssh://a:secret@127.0.0.1:1", "true", known=known)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConnectionError):
            import threading

            def hang_up() -> None:
                server.accept()[0].close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            ssh.run(f"ssh://a:secret@127.0.0.1:{port}", "true", known=known)
        thread.join()
    for address in ("http://x", "ssh://", "ssh://a\n@b"):
        with pytest.raises(ValueError, match="is no address of a server"):
            ssh.run(address, "true", known=known)


# ---- files ---------------------------------------------------------------------------------------


def test_files_go_and_come(host: str, known: str, folder: Path, tmp_path: Path) -> None:
    at = host.replace("ssh://", "sftp://")
    sftp.make_folder(at, "in/deep", known=known)
    sftp.make_folder(at, "in/deep", known=known)
    sftp.write(at, "in/ü.txt", "héllo", known=known)
    sftp.write(at, "in/ü.txt", "again", known=known)
    assert sftp.read(at, "in/ü.txt", known=known) == b"again"
    with pytest.raises(ValueError, match="more than max_size=4 bytes"):
        sftp.read(at, "in/ü.txt", known=known, max_size=4)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(9_000_001))
    assert sftp.upload(at, large, "in/large", known=known) == 9_000_001
    assert (folder / "in" / "large").read_bytes() == large.read_bytes()
    assert sftp.download(at, "in/large", tmp_path / "new" / "back", known=known) == tmp_path / "new" / "back"
    assert (tmp_path / "new" / "back").read_bytes() == large.read_bytes()
    (folder / "in" / "link").symlink_to("ü.txt")
    found = sftp.entries(at, "in", known=known)
    assert [(e.name, e.path, e.kind) for e in found] == [
        ("deep", "in/deep", "folder"),
        ("large", "in/large", "file"),
        ("link", "in/link", "link"),
        ("ü.txt", "in/ü.txt", "file"),
    ]
    assert (found[1].size, found[1].modified is not None) == (9_000_001, True)
    there = sftp.info(at, "in/link", known=known)
    assert there is not None
    assert (there.kind, there.size) == ("file", 5)
    assert sftp.info(at, "in/none", known=known) is None
    sftp.move(at, "in/large", "in/ü.txt", known=known)
    assert (folder / "in" / "ü.txt").stat().st_size == 9_000_001
    assert sftp.delete(at, "in/link", known=known)
    assert not sftp.delete(at, "in/link", known=known)
    assert sftp.delete(at, "in/deep", known=known)
    assert os.listdir(folder / "in") == ["ü.txt"]
    for call in (
        lambda: sftp.read(at, "none", known=known),
        lambda: sftp.entries(at, "none", known=known),
        lambda: sftp.delete(at, "in", known=known),
        lambda: sftp.write(at, "none/x", b"", known=known),
        lambda: sftp.download(at, "none", tmp_path / "x", known=known),
    ):
        with pytest.raises(SshError, match=r"^(ssh|sftp)://127.0.0.1:\d+: "):
            call()
    with pytest.raises(FileNotFoundError):
        sftp.upload(at, tmp_path / "none", "x", known=known)
    assert sorted(os.listdir(folder)) == ["in"]


def test_a_file_that_is_replaced_keeps_its_mode(host: str, known: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    puts: list[Callable[..., object]] = [
        lambda **more: sftp.write(host, "moded", "new", known=known, **more),
        lambda **more: sftp.upload(host, tmp_path / "new", "moded", known=known, **more),
    ]
    for put in puts:
        put()
        fresh = stat.S_IMODE((folder / "moded").stat().st_mode)
        assert fresh == 0o666 & ~umask()
        for mode in (0o600, 0o755, 0o400):
            (folder / "moded").chmod(mode)
            put()
            assert stat.S_IMODE((folder / "moded").stat().st_mode) == mode
        put(mode=0o640)
        there = sftp.info(host, "moded", known=known)
        assert there is not None
        assert there.mode == stat.S_IMODE((folder / "moded").stat().st_mode) == 0o640
        (folder / "moded").unlink()


def test_what_is_secret_is_never_open_to_others(
    host: str, known: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (folder / "key").touch(0o600)
    seen = []

    def look(_: float) -> None:
        seen.extend(stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir() if "key" in p.name)

    monkeypatch.setattr(sftp, "how_far", lambda total: look)
    asyncio.run(sftp.upload.fn(host, tmp_path / "new", "key", known=known))
    assert seen == [0o600, 0o600], "the old one, and the part of the new one"
    (folder / "key").unlink()


def umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found


@pytest.mark.parametrize("path", ["", "..", "../x", "a/../../x", "/../etc/passwd", "a/./b", "..\\x", "a\0", "a\r\nb"])
def test_what_is_no_path(path: str, tmp_path: Path) -> None:
    at, known = "sftp://a:b@127.0.0.1:1", "x ssh-ed25519 x"
    calls = [
        lambda: sftp.entries(at, path, known=known),
        lambda: sftp.read(at, path, known=known),
        lambda: sftp.write(at, path, b"", known=known),
        lambda: sftp.upload(at, __file__, path, known=known),
        lambda: sftp.download(at, path, tmp_path / "x", known=known),
        lambda: sftp.move(at, "a", path, known=known),
        lambda: sftp.delete(at, path, known=known),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="is no path for sftp"):
            call()


def test_names_of_a_host_that_lies(tmp_path: Path) -> None:
    import services

    with services.ssh(tmp_path, HOST, CLIENT.export_public_key(), "lying") as port:
        with pytest.raises(SshError, match=r"an entry that is no name: '../../evil'"):
            sftp.entries(f"sftp://ada:se%3Acret@127.0.0.1:{port}", known=line(port, HOST))


def test_what_is_cut_leaves_nothing(
    host: str, known: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").write_bytes(bytes(100_000))
    monkeypatch.setattr(sftp, "_BLOCK", 40_000)
    begun = []

    def cut(done: float) -> None:
        begun.append([name for name in os.listdir(folder) if "half" in name])
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    monkeypatch.setattr(sftp, "how_far", lambda total: cut)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(sftp.upload.fn(host, tmp_path / "large", "half", known=known))
    assert len(begun[0]) == 1
    assert [name for name in os.listdir(folder) if "half" in name] == []
    (folder / "whole").write_bytes(bytes(100_000))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(sftp.download.fn(host, "whole", tmp_path / "half", known=known))
    assert [name for name in os.listdir(tmp_path) if "half" in name] == []
    (folder / "whole").unlink()


# ---- what a program may reach --------------------------------------------------------------------


def test_hosts_files_and_keys_are_asked_for(
    place: tuple[Path, int], host: str, known: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def resolved(name: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if name == "host.test" else name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    (home / ".ssh" / "known_hosts").write_text(known)
    (home / ".ssh" / "id_ed25519").write_text(KEY)
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a").write_text("a")
    port = place[1]
    with under(Permissions.of(["net:host.test", "net:*"])):
        for address in (host, host.replace("127.0.0.1", "host.test")):
            with pytest.raises(PermissionError, match="not allowed to reach"):
                ssh.run(address, "true", known=line(port, HOST, "host.test"))
    with under(Permissions.of(["net:127.0.0.1", f"files:{inside}"])):
        assert ssh.run(host, "echo hi", known=known).stdout == "hi\n"
        assert sftp.upload(host, inside / "a", "allowed", known=known) == 1
        sftp.download(host, "allowed", inside / "b", known=known)
        for call, why in (
            (lambda: ssh.run(host, "true"), "known hosts of its host"),
            (lambda: ssh.run(f"ssh://ada@127.0.0.1:{port}", "true", known=known), "keys of its host"),
            (lambda: ssh.run(host, "true", known=home / ".ssh" / "known_hosts"), "to reach the file"),
            (lambda: ssh.run(host, "true", key=home / ".ssh" / "id_ed25519", known=known), "to reach the file"),
            (lambda: sftp.upload(host, home / ".ssh" / "id_ed25519", "x", known=known), "to reach the file"),
            (lambda: sftp.download(host, "allowed", home / "x", known=known), "to reach the file"),
        ):
            with pytest.raises(PermissionError, match=why):
                call()
    sftp.delete(host, "allowed", known=known)
