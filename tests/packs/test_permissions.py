"""What a host grants a program that it does not trust, and the tricks by which one would get more."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

import cflow
from cflow.compiler.permissions import Permissions, as_address, is_public, under
from cflow.stdlib_nodes import (
    compress,
    crypto,
    csv,
    files,
    image,
    json,
    jsonl,
    metrics,
    pdf,
    table,
    toml,
    xlsx,
    xml,
    yaml,
)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that was granted, beside one that was not; the current folder holds both."""
    (tmp_path / "data").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "database").mkdir()
    for name in ("data/in.txt", "other/secret.txt", "database/secret.txt"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


# ---- grants --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "net",
        "net:",
        "nets:x",
        "net:a b",
        "net:host:0",
        "net:host:70000",
        "net:host:x",
        "net:[::1]x",
        "net:bücher.de",
    ],
)
def test_a_text_that_grants_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"grants nothing|is no port|neither a name"):
        Permissions.of([text])


@pytest.mark.parametrize("text", ["filse:./data", "files:", "net:", "env: ", "", " ", "Files:./data"])
def test_what_is_meant_for_a_grant_and_is_none_is_told(text: str) -> None:
    for allow in (text, [text], ["http", text]):
        with pytest.raises(ValueError, match=r"grants nothing|an empty text allows nothing"):
            cflow.loads("flow f():\n    pass\n", allow=allow)
    for fine in ("http", "shop.*", "./a:b.py", "C:\\nodes\\*.py", "/srv/a:b.py"):
        cflow.loads("flow f():\n    pass\n", allow=[fine])


def test_in_ordinary_code_everything_is_permitted() -> None:
    given = cflow.permissions()
    assert given.trusted
    assert str(given) == "everything"
    assert given.file("/etc/../x") == Path("/etc/../x")
    assert given.addresses("x", 1, ["10.0.0.1"]) == ["10.0.0.1"]
    assert given.variable("HOME")
    given.host("localhost", 1)
    given.program("rm")


def test_grants_hold_while_the_block_lasts() -> None:
    given = Permissions.of(["process:git"])
    with under(given):
        assert cflow.permissions() is given
    assert cflow.permissions().trusted


# ---- hosts and addresses -------------------------------------------------------------------------

HOSTS = [
    ("net:api.example.com", "api.example.com", 443, True),
    ("net:api.example.com", "API.Example.com.", 443, True),
    ("net:api.example.com", "example.com", 443, False),
    ("net:api.example.com", "api.example.com.evil.test", 443, False),
    ("net:*.example.com", "a.b.example.com", 80, True),
    ("net:*.example.com", "example.com", 80, False),
    ("net:*.example.com", "evilexample.com", 80, False),
    ("net:api.example.com:8443", "api.example.com", 8443, True),
    ("net:api.example.com:8443", "api.example.com", 443, False),
    ("net:*", "anything.test", 80, True),
    ("net:*", "93.184.216.34", 80, True),
    ("net:*", "127.0.0.1", 80, False),
    ("net:*", "::ffff:127.0.0.1", 80, False),
    ("net:*", "::1", 80, False),
    ("net:*.example.com", "93.184.216.34", 80, False),
    ("net:10.0.0.0/8", "10.1.2.3", 80, True),
    ("net:10.0.0.0/8", "::ffff:10.1.2.3", 80, True),
    ("net:10.0.0.0/8", "11.1.2.3", 80, False),
    ("net:localhost:8080", "localhost", 8080, True),
    ("net:localhost:8080", "127.0.0.1", 8080, True),
    ("net:localhost:8080", "::1", 8080, True),
    ("net:localhost:8080", "localhost", 22, False),
    ("net:[::1]:8080", "::1", 8080, True),
    ("net:[::1]:8080", "::1", 80, False),
    ("net:fd00::/8", "fd12::1", 80, True),
    ("files:.", "api.example.com", 443, False),
]


@pytest.mark.parametrize(("grant", "host", "port", "fine"), HOSTS)
def test_hosts(grant: str, host: str, port: int, fine: bool) -> None:
    given = Permissions.of([grant])
    if fine:
        given.host(host, port)
    else:
        with pytest.raises(PermissionError, match=r"not allowed to reach .* \(it was given "):
            given.host(host, port)


PRIVATE = (
    "127.0.0.1 127.8.8.8 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 198.18.0.1 224.0.0.1 "
    "240.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 "
    "2002:7f00:1:: fe80::1 fe80::1%lo fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1"
).split()


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    found = as_address(address)
    assert found is not None
    assert not is_public(found)
    given = Permissions.of(["net:api.example.com", "net:*"])
    with pytest.raises(PermissionError, match="at the address it has"):
        given.addresses("api.example.com", 443, [address])
    assert given.addresses("api.example.com", 443, [address, "93.184.216.34"]) == ["93.184.216.34"]


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert Permissions.of(["net:a.test"]).addresses("a.test", 1, [address]) == [address]


def test_a_private_address_is_granted_as_an_address() -> None:
    given = Permissions.of(["net:intranet.test", "net:10.1.0.0/16:443"])
    assert given.addresses("intranet.test", 443, ["10.1.2.3", "10.2.2.3"]) == ["10.1.2.3"]
    with pytest.raises(PermissionError):
        given.addresses("intranet.test", 80, ["10.1.2.3"])
    with pytest.raises(PermissionError, match=r"to reach other\.test"):
        given.addresses("other.test", 443, ["10.1.2.3"])


def test_what_is_no_address_is_not_reached() -> None:
    with pytest.raises(PermissionError):
        Permissions.of(["net:*"]).addresses("a.test", 1, ["not an address"])


# ---- programs and names --------------------------------------------------------------------------


def test_programs_and_variables() -> None:
    given = Permissions.of(["process:git", "env:APP_*"])
    given.program("git")
    assert given.variable("APP_KEY")
    assert not given.variable("HOME")
    for other in ("rm", "./git", "/tmp/git", "git "):
        with pytest.raises(PermissionError, match="to start"):
            given.program(other)


# ---- files ---------------------------------------------------------------------------------------


def test_paths_in_a_granted_folder(inside: Path) -> None:
    given = Permissions.of(["files:./data"])
    assert given.file("data/in.txt") == inside / "in.txt"
    assert given.file("data/../data/in.txt") == inside / "in.txt"
    assert given.file("data") == inside
    assert given.file("data/new/deep.txt") == inside / "new/deep.txt"
    assert Permissions.of(["files:/"]).file("/etc") == Path("/etc").resolve()


ESCAPES = [
    "other/secret.txt",
    "data/../other/secret.txt",
    "data/missing/../../other/secret.txt",
    "database/secret.txt",
    "..",
    "data/..",
    ".",
    "/etc/passwd",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/other/secret.txt",
    "data/link/secret.txt",
    "data/file-link",
    "data/link-to-link/secret.txt",
    "data/dangling",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_paths_cannot_leave_their_roots(inside: Path, path: str) -> None:
    (inside / "link").symlink_to(inside.parent / "other")
    (inside / "link-to-link").symlink_to("link")
    (inside / "file-link").symlink_to("../other/secret.txt")
    (inside / "dangling").symlink_to("../other/not-there")
    given = Permissions.of(["files:./data"])
    with pytest.raises(PermissionError, match=r"to reach the file .* \(it was given files:./data\)"):
        given.file(path)
    if path not in ("data/file-link", "data/dangling"):  # the links themselves lie within
        with pytest.raises(PermissionError):
            given.file(path, follow=False)


def test_a_grant_is_relative_to_where_it_was_given(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Permissions.of(["files:./data"])
    monkeypatch.chdir(inside.parent / "other")
    with pytest.raises(PermissionError):
        given.file("data/in.txt")
    assert given.file("../data/in.txt") == inside / "in.txt"


def test_a_root_may_be_a_link(inside: Path) -> None:
    (inside.parent / "root").symlink_to("data")
    assert Permissions.of(["files:root"]).file("data/in.txt") == inside / "in.txt"


OUT = "other/secret.txt"
CALLS = {
    "read": lambda: files.read(OUT),
    "read_bytes": lambda: files.read_bytes("data/file-link"),
    "lines": lambda: [*files.lines(OUT)],
    "write": lambda: files.write("other/new.txt", "x"),
    "write through a link": lambda: files.write("data/file-link", "x"),
    "append": lambda: files.append(OUT, "x"),
    "list": lambda: files.list("other"),
    "glob": lambda: files.glob("*", "other"),
    "glob ..": lambda: files.glob("../other/*", "data"),
    "watch": lambda: next(iter(files.watch("other", existing=True))),
    "copy from": lambda: files.copy(OUT, "data/got.txt"),
    "copy to": lambda: files.copy("data/in.txt", "other/got.txt"),
    "move from": lambda: files.move(OUT, "data/got.txt"),
    "move to": lambda: files.move("data/in.txt", "other/got.txt"),
    "delete": lambda: files.delete(OUT),
    "make_folder": lambda: files.make_folder("other/new"),
    "exists": lambda: files.exists(OUT),
    "stat": lambda: files.stat(OUT),
    "csv.read": lambda: csv.read(OUT),
    "csv.records": lambda: [*csv.records(OUT)],
    "csv.write": lambda: csv.write("other/t.csv", []),
    "csv.append": lambda: csv.append(OUT, [{"x": 1, "y": 2}]),
    "json.read": lambda: json.read(OUT),
    "json.write": lambda: json.write("other/x.json", 1),
    "json.items": lambda: [*json.items(OUT)],
    "jsonl.read": lambda: jsonl.read(OUT),
    "jsonl.records": lambda: [*jsonl.records(OUT)],
    "jsonl.write": lambda: jsonl.write("other/x.jsonl", [1]),
    "jsonl.append": lambda: jsonl.append(OUT, [1]),
    "yaml.read": lambda: yaml.read(OUT),
    "yaml.write": lambda: yaml.write("other/x.yaml", 1),
    "toml.read": lambda: toml.read(OUT),
    "toml.write": lambda: toml.write("other/x.toml", {}),
    "xml.read": lambda: xml.read(OUT),
    "xml.items": lambda: [*xml.items(OUT, "x")],
    "xml.write": lambda: xml.write("other/x.xml", {"a": 1}),
    "table.rows": lambda: [*table.rows(table.scan("other/t.csv"))],
    "table.collect": lambda: table.collect(table.scan("other/t.csv")),
    "table.write": lambda: table.write(table.scan("data/in.csv"), "other/t.csv"),
    "xlsx.read": lambda: xlsx.read(OUT),
    "xlsx.records": lambda: [*xlsx.records(OUT)],
    "xlsx.sheets": lambda: xlsx.sheets(OUT),
    "xlsx.write": lambda: xlsx.write("other/x.xlsx", []),
    "image.info": lambda: image.info(OUT),
    "image.read": lambda: image.read("data/file-link"),
    "image.write": lambda: image.write("other/x.png", image.new(1, 1)),
    "image.text": lambda: image.text(image.new(9, 9), "x", font=OUT),
    "image.thumbnail from": lambda: image.thumbnail(OUT, "data/x.png"),
    "image.thumbnail to": lambda: image.thumbnail("data/in.txt", "other/x.png"),
    "metrics.write": lambda: metrics.write("other/x.prom"),
    # In a process the grants go with the function that is sent there (the test below): here they are asked as they are.
    "pdf.info": lambda: pdf.info.fn(OUT),
    "pdf.text": lambda: pdf.text.fn("data/file-link"),
    "pdf.pages": lambda: [*pdf.pages.fn(OUT)],
    "pdf.draw": lambda: pdf.draw.fn(OUT),
    "pdf.merge from": lambda: pdf.merge.fn("data/x.pdf", [OUT]),
    "pdf.merge to": lambda: pdf.merge.fn("other/x.pdf", []),
    "pdf.select": lambda: pdf.select.fn(OUT, "data/x.pdf", [1]),
    "pdf.split": lambda: pdf.split.fn(OUT, "data"),
    "crypto.hash_file": lambda: crypto.hash_file("data/file-link"),
    "compress.file from": lambda: compress.file(OUT, target="data/x.gz"),
    "compress.file to": lambda: compress.file("data/in.txt", target="other/x.gz"),
    "compress.expand": lambda: compress.expand("other/x.gz", "data/x"),
    "compress.lines": lambda: [*compress.lines(OUT)],
    "compress.pack from": lambda: compress.pack("data/x.zip", [OUT]),
    "compress.pack up": lambda: compress.pack("data/x.zip", ["data/.."]),
    "compress.pack to": lambda: compress.pack("other/x.zip", ["data/in.txt"]),
    "compress.unpack from": lambda: compress.unpack("other/x.zip", "data/new"),
    "compress.unpack tar": lambda: compress.unpack("other/x.tar", "data/new"),
    "compress.unpack to": lambda: compress.unpack("data/in.txt", "other/new"),
    "compress.entries": lambda: compress.entries("other/x.zip"),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_node_that_opens_files_asks(inside: Path, name: str) -> None:
    (inside / "file-link").symlink_to("../other/secret.txt")

    def tree() -> dict[str, str]:
        return {str(p): p.read_text() for p in sorted(inside.parent.rglob("*")) if p.is_file()}

    before = tree()
    with under(Permissions.of(["files:data"])), pytest.raises(PermissionError, match="not allowed"):
        CALLS[name]()
    assert tree() == before


def test_grants_go_along_to_a_process(inside: Path) -> None:
    (inside / "p.cflow").write_text("import pdf\n\nflow main(path: str) -> int:\n    return pdf.info(path).pages\n")
    flow = cflow.load(inside / "p.cflow", allow=["files:data"]).main
    with pytest.raises(PermissionError, match="not allowed"):
        flow.run(OUT)


def test_files_within_are_used_as_ever(inside: Path) -> None:
    (inside / "link").symlink_to("../other")
    with under(Permissions.of(["files:data"])):
        assert files.write("data/a/b.txt", "one\n") == Path("data/a/b.txt")
        files.append("data/a/b.txt", "two\n")
        assert [*files.lines("data/a/b.txt")] == ["one", "two"]
        assert files.list("data") == [Path("data/a"), Path("data/in.txt"), Path("data/link")]
        assert files.glob("**/*.txt", "data") == [Path("data/a/b.txt"), Path("data/in.txt")]
        assert files.glob("*/secret.txt", "data") == []  # it is not told that there is one
        assert files.copy("data/in.txt", "data/c.txt") == Path("data/c.txt")
        assert files.move("data/c.txt", "data/d.txt") == Path("data/d.txt")
        assert csv.read("data/d.txt") == [{"x": "1", "y": "2"}]
        assert files.delete("data/link")  # the link, and not what it leads to
        assert files.stat("data/d.txt").path == Path("data/d.txt")
    assert os.path.exists("other/secret.txt")


# ---- any path, any address -----------------------------------------------------------------------

PARTS = st.sampled_from(["..", ".", "", "data", "deep", "link", "up", "other", "secret.txt", "in.txt", "new"])


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(PARTS, max_size=7), follow=st.booleans(), absolute=st.booleans())
def test_no_path_leads_out(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], follow: bool, absolute: bool
) -> None:
    root = Path(os.path.realpath(tmp_path_factory.getbasetemp())) / "any-path"
    if not root.exists():
        (root / "data/deep").mkdir(parents=True)
        (root / "other").mkdir()
        (root / "other/secret.txt").touch()
        (root / "data/link").symlink_to(root / "other")
        (root / "data/up").symlink_to("..")
        (root / "data/deep/link").symlink_to("../in.txt")
    path = os.path.join(root if absolute else ".", *parts)
    granted = Permissions(("files:data",), str(root))
    before = os.getcwd()
    os.chdir(root)
    try:
        found = granted.file(path, follow=follow)
        real = os.path.realpath(found if follow else found.parent)
        assert Path(real).is_relative_to(root / "data") or found == root / "data"
        assert found.is_absolute()
    except PermissionError:
        pass
    finally:
        os.chdir(before)


@given(st.ip_addresses(v=4))
def test_an_address_in_the_guise_of_another_kind_is_judged_as_itself(address: IPv4Address) -> None:
    plain = is_public(address)
    for text in (f"::ffff:{address}", f"::ffff:{address}%1", f"64:ff9b::{address}"):
        found = as_address(text)
        assert found == address
        assert is_public(found) is plain
    inner = IPv6Address((0x2002 << 112) | (int(address) << 80))  # 6to4
    assert not is_public(inner) or plain
    assert not is_public(IPv6Address(int(address)))  # the form that nobody uses any more
