from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import trio
import zstandard
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import compress

FORMS: list[Any] = ["gzip", "bz2", "xz", "zstd"]
KINDS = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"]


def streamed(path: Path, **how: Any) -> list[str]:
    async def main() -> list[str]:
        return [line async for line in compress.lines.fn(path, **how)]

    return trio.run(main)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_text("a" * 1000)
    (root / "sub" / "ü b.bin").write_bytes(os.urandom(5_000))
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("/etc/passwd")
    return root


# ---- bytes and files -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_bytes(form: Any) -> None:
    content = b"abc" * 1000
    packed = compress.compress.fn(content, form)
    assert len(packed) < 200
    assert compress.decompress.fn(packed, form) == content
    assert compress.decompress.fn(compress.compress.fn("ü", form, 1), form) == "ü".encode()
    assert compress.compress.fn(content, form) == packed
    for wrong in (packed[:-3], b"text", packed[:-6] + b"\1\2\3\4" + packed[-2:]):
        with pytest.raises(ValueError, match=f"the {form} content is damaged"):
            compress.decompress.fn(wrong, form)
    with pytest.raises(ValueError, match=f"{form} has no level 99"):
        compress.compress.fn(content, form, 99)


def test_unknown_forms(tmp_path: Path) -> None:
    form: Any = "rar"
    for call in (compress.compress.fn, compress.decompress.fn, compress.file.fn):
        with pytest.raises(ValueError, match="no form 'rar': the forms are gzip, bz2, xz, zstd"):
            call(b"", form)  # type: ignore[operator]
    with pytest.raises(ValueError, match="ends in none of"):
        compress.expand.fn(tmp_path / "a.txt")


@pytest.mark.parametrize("form", FORMS)
def test_bytes_that_expand_without_end_are_refused(form: Any) -> None:
    bomb = compress.compress.fn(bytes(64 << 20), form)
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match=f"the {form} content: the content has more than 1,000,000 bytes"):
        compress.decompress.fn(bomb, form, limit=1_000_000)


def test_a_window_of_any_size_is_not_granted() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    content = packed.compress(b"x" * 100) + packed.flush()
    with pytest.raises(ValueError, match=r"the zstd content is damaged: .*memory"):
        compress.decompress.fn(content, "zstd")


@pytest.mark.parametrize("form", FORMS)
def test_files(tmp_path: Path, form: Any) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"line\n" * 10_000)
    packed = compress.file.fn(path, form)
    assert packed.name in ("app.log.gz", "app.log.bz2", "app.log.xz", "app.log.zst")
    assert path.exists()
    assert streamed(packed) == ["line"] * 10_000
    assert compress.expand.fn(packed, tmp_path / "b").read_bytes() == path.read_bytes()
    with pytest.raises(ValueError, match="the content has more than 100 bytes"):
        compress.expand.fn(packed, tmp_path / "c", limit=100)
    assert not (tmp_path / "c").exists()


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress("ü\r\n\u2028x\n\nlast".encode()))
    assert streamed(path) == ["ü", "\u2028x", "", "last"]
    path.write_bytes(gzip.compress(b"a\n\xff\n"))
    with pytest.raises(ValueError, match=r"line 2 of '.*a\.gz' is not utf-8 text"):
        streamed(path)
    assert streamed(path, encoding="latin-1") == ["a", "ÿ"]
    with pytest.raises(ValueError, match="is not none text"):
        streamed(path, encoding="none")


# ---- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_archives_there_and_back(tmp_path: Path, tree: Path, kind: str) -> None:
    archive = compress.pack.fn(tmp_path / f"a{kind}", [tree / "a.txt", tree / "sub", tree / "run.sh", tree / "link"])
    names = ["a.txt", "sub/ü b.bin", "run.sh"]
    entries = compress.entries.fn(archive)
    assert [(e.name, e.kind) for e in entries] == [(name, "file") for name in names]
    assert [e.size for e in entries] == [1000, 5000, 10]
    out = tmp_path / "out" / "deep"
    assert compress.unpack.fn(archive, out) == [out / name for name in names]
    assert (out / "sub" / "ü b.bin").read_bytes() == (tree / "sub" / "ü b.bin").read_bytes()
    assert (out / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (out / "a.txt").stat().st_mode & stat.S_IXUSR
    assert sorted(p.name for p in out.parent.iterdir()) == ["deep"]


def test_names_in_an_archive(tmp_path: Path, tree: Path) -> None:
    archive = compress.pack.fn(tree / "own.zip", [tree])
    assert [e.name for e in compress.entries.fn(archive)] == ["tree/a.txt", "tree/run.sh", "tree/sub/ü b.bin"]
    archive = compress.pack.fn(tmp_path / "b.zip", [tree / "sub", tree / "a.txt"], base=tree)
    assert [e.name for e in compress.entries.fn(archive)] == ["sub/ü b.bin", "a.txt"]
    with pytest.raises(ValueError, match="is not below"):
        compress.pack.fn(tmp_path / "c.zip", [tree], base=tree / "sub")
    with pytest.raises(ValueError, match=r"two files would be called 'a\.txt'"):
        compress.pack.fn(tmp_path / "c.zip", [tree / "a.txt", tree / "a.txt"])
    with pytest.raises(FileNotFoundError, match="nothing to pack at"):
        compress.pack.fn(tmp_path / "c.zip", [tmp_path / "none"])
    assert not (tmp_path / "c.zip").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, tree: Path) -> None:
    archive = compress.pack.fn(tmp_path / "a.zip", [tree / "a.txt"])
    with pytest.raises(FileExistsError, match="something is there"):
        compress.unpack.fn(archive, tree)
    (tmp_path / "empty").mkdir()
    assert compress.unpack.fn(archive, tmp_path / "empty") == [tmp_path / "empty" / "a.txt"]


def zipped(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo("x")
            info.filename = name  # as it is: the class would clean it
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size) if member.size else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return info


LEADS_OUT = ["../evil", "a/../../evil", "/evil", "..", "a\\..\\..\\evil", "C:evil", "C:/evil", "a/C:/evil", "e\x1bvil"]


@pytest.mark.parametrize("name", LEADS_OUT)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    if kind == "zip":
        path = zipped(inside / "a.zip", ("ok", b"x", 0o644), (name, b"x", 0o644))
    else:
        path = tarred(inside / "a.tar", member("ok"), member(name))
    with pytest.raises(ValueError, match="leads out of the folder, or is none on every system"):
        compress.unpack.fn(path, inside / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["in", path.name])


@pytest.mark.parametrize(
    "members",
    [
        [member("l", tarfile.SYMTYPE, "/etc"), member("l/passwd")],
        [member("l", tarfile.SYMTYPE, ".."), member("l/evil")],
        [member("l", tarfile.LNKTYPE, "/etc/passwd")],
        [member("l", tarfile.LNKTYPE, "../evil")],
        [member("d", tarfile.CHRTYPE)],
        [member("d", tarfile.BLKTYPE)],
        [member("d", tarfile.FIFOTYPE)],
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    path = tarred(tmp_path / "a.tar", *members)
    with pytest.raises(ValueError, match=r"is a (link|device): only files and folders are unpacked"):
        compress.unpack.fn(path, tmp_path / "out")
    assert next(e.kind for e in compress.entries.fn(path)) in ("link", "device")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_links_in_zip_files_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("l", b"/etc", stat.S_IFLNK | 0o777), ("l/passwd", b"x", 0o644))
    with pytest.raises(ValueError, match="'l' is a link"):
        compress.unpack.fn(path, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a", "./a"]])
def test_names_that_stand_there_twice_are_refused(tmp_path: Path, names: list[str]) -> None:
    for path in (
        zipped(tmp_path / "a.zip", *((name, b"x", 0o644) for name in names)),
        tarred(tmp_path / "a.tar", *map(member, names)),
    ):
        with pytest.raises(ValueError, match="stands there twice, or is a file and a folder"):
            compress.unpack.fn(path, tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_archives_that_expand_without_end_are_refused(tmp_path: Path, kind: str) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(8 << 20))
    archive = compress.pack.fn(tmp_path / f"a{kind}", [big])
    with pytest.raises(ValueError, match=r"unpacks to more than 1,000,000 bytes|has more than [\d,]+ bytes"):
        compress.unpack.fn(archive, tmp_path / "out", limit=1_000_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([archive.name, "big"])


def test_many_files_are_refused(tmp_path: Path) -> None:
    for path in (
        zipped(tmp_path / "a.zip", *((f"{i}/", b"", 0o755) for i in range(50))),
        tarred(tmp_path / "a.tar", *(member(str(i), tarfile.DIRTYPE) for i in range(50))),
    ):
        for call in (lambda path=path: compress.unpack.fn(path, tmp_path / "out", max_files=20),
                     lambda path=path: compress.entries.fn(path, max_files=20)):  # fmt: skip
            with pytest.raises(ValueError, match="holds more than 20 files and folders"):
                call()


def test_a_zip_that_lies_of_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(8 << 20))
    path.write_bytes(path.read_bytes().replace((8 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="is no whole archive"):
        compress.unpack.fn(path, tmp_path / "out")


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(64 << 20))
    for call in (lambda: compress.entries.fn(path), lambda: compress.unpack.fn(path, tmp_path / "out")):
        with pytest.raises(ValueError, match="a head of 67,108,864 bytes"):
            call()


def test_locked_archives_are_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"x", 0o644))
    raw = bytearray(path.read_bytes())
    for head, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(head) + at] |= 1
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"is no whole archive, .*encrypted"):
        compress.unpack.fn(path, tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(0, 100_000), junk=st.binary(min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_damaged_archives_are_told(
    clear: Any, tmp_path_factory: pytest.TempPathFactory, kind: str, at: int, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "f").write_bytes(b"content" * 100)
    path = compress.pack.fn(folder / f"a{kind}", [folder / "f"])
    content = path.read_bytes()
    at %= len(content)
    path.write_bytes(content[:at] + junk + content[at + len(junk) :])
    clear(lambda: compress.unpack.fn(path, folder / "out"), f"a{kind}")
    clear(lambda: compress.entries.fn(path), f"a{kind}")
