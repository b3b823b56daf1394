"""The files pack: normal use, errors that name the path, whole writes."""

from __future__ import annotations

import os
import resource
import stat as stat_module
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from cflow.stdlib_nodes import files


def all_of(path: Path) -> list[str]:
    async def main() -> list[str]:
        return [line async for line in files.lines.fn(path)]

    return trio.run(main)


def test_text_and_bytes_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert files.write.fn(path, "grün\r\nend") == path
    assert path.read_bytes() == "grün\r\nend".encode()
    assert files.read.fn(path) == "grün\nend"
    files.write.fn(str(path), b"\xff\x00")
    assert files.read_bytes.fn(path) == b"\xff\x00"


def test_text_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"ab\xff")
    with pytest.raises(ValueError, match=r"photo\.jpg' is not UTF-8 text \(byte 2\).*read_bytes"):
        files.read.fn(path)


def test_a_name_from_data_stays_inside() -> None:
    assert files.inside("out", "a b..txt") == Path("out/a b..txt")
    assert files.inside(Path("/out"), "...") == Path("/out/...")
    assert files.inside("out", "deep/er/a.txt", deep=True) == Path("out/deep/er/a.txt")
    for name in ("", ".", "..", "../x", "a/../../x", "a/..", "./a", "/etc/passwd", "//x", "..\\x", "a\0"):
        for deep in (False, True):
            with pytest.raises(ValueError, match="is no name of something in 'out'"):
                files.inside("out", name, deep=deep)
    for name in ("a/b", "a/", "a\\b"):
        with pytest.raises(ValueError, match="is no name"):
            files.inside("out", name)


@pytest.mark.parametrize("node", [files.read, files.read_bytes, files.list, files.stat])
def test_a_missing_file_is_named(tmp_path: Path, node: object) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        node.fn(tmp_path / "nowhere")  # type: ignore[attr-defined]


def test_write_makes_folders_and_keeps_mode_and_link(tmp_path: Path) -> None:
    real = files.write.fn(tmp_path / "deep" / "er" / "real.txt", "old")
    real.chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    files.write.fn(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat_module.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        written = files.write.fn(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert stat_module.S_IMODE(written.stat().st_mode) == 0o640


@contextmanager
def full_disk_after(size: int) -> Iterator[None]:
    """No file of this process can grow beyond ``size`` bytes: the write fails half way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    files.write.fn(path, "old report")
    with full_disk_after(5000), pytest.raises(OSError, match=r"nothing was changed there.*report\.md"):
        files.write.fn(path, "x" * 100_000)
    assert path.read_text() == "old report"
    assert os.listdir(tmp_path) == ["report.md"]


def test_a_full_device_is_named() -> None:
    with pytest.raises(OSError, match=r"No space left on device.*'/dev/full'"):
        files.write.fn("/dev/full", "x")
    with pytest.raises(OSError, match=r"No space left on device.*'/dev/full'"):
        files.append.fn("/dev/full", "x")
    assert files.write.fn("/dev/null", "x") == Path("/dev/null")
    assert not Path("/dev/null").is_file()


def test_write_where_a_folder_is(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        files.write.fn(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file/under"):
        files.write.fn(tmp_path / "file" / "under", "x")


def test_append(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log"
    files.append.fn(path, "a\n")
    files.append.fn(path, b"b\n")
    assert path.read_text() == "a\nb\n"


def test_lines_in_order_without_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\r\ntwo\n\nfour")
    assert all_of(path) == ["one", "two", "", "four"]
    path.write_text("".join(f"line {i}\n" for i in range(50_000)))
    assert all_of(path)[49_999] == "line 49999"
    path.write_bytes(b"")
    assert all_of(path) == []


def test_lines_name_the_line_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntw\xff\n")
    with pytest.raises(ValueError, match="line 2 of"):
        all_of(path)
    with pytest.raises(FileNotFoundError, match="none"):
        all_of(tmp_path / "none")


def test_list_glob_exists_stat(tmp_path: Path) -> None:
    files.write.fn(tmp_path / "b.csv", "12345")
    files.write.fn(tmp_path / "sub" / "a.csv", "1")
    assert files.list.fn(tmp_path) == [tmp_path / "b.csv", tmp_path / "sub"]
    assert files.glob.fn("*.csv", tmp_path) == [tmp_path / "b.csv"]
    assert files.glob.fn("**/*.csv", tmp_path) == [tmp_path / "b.csv", tmp_path / "sub" / "a.csv"]
    assert files.exists.fn(tmp_path / "sub")
    assert not files.exists.fn(tmp_path / "nope")
    info = files.stat.fn(tmp_path / "b.csv")
    assert (info.size, info.is_folder, info.modified.tzinfo is not None) == (5, False, True)
    assert files.stat.fn(tmp_path / "sub").is_folder
    with pytest.raises(NotADirectoryError, match=r"b\.csv"):
        files.glob.fn("*", tmp_path / "b.csv")


def test_copy_and_move(tmp_path: Path) -> None:
    source = files.write.fn(tmp_path / "a", "text")
    source.chmod(0o755)
    copied = files.copy.fn(source, tmp_path / "new" / "b")
    assert copied.read_text() == "text"
    assert os.access(copied, os.X_OK)
    moved = files.move.fn(copied, tmp_path / "other" / "c")
    assert moved.read_text() == "text"
    assert not copied.exists()
    files.copy.fn(tmp_path / "other", tmp_path / "twin")
    assert (tmp_path / "twin" / "c").read_text() == "text"
    with pytest.raises(FileExistsError, match="twin"):
        files.copy.fn(tmp_path / "other", tmp_path / "twin")
    with pytest.raises(FileExistsError, match="a folder is there"):
        files.move.fn(source, tmp_path / "twin")
    with pytest.raises(FileNotFoundError, match="none"):
        files.move.fn(tmp_path / "none", tmp_path / "x")


def test_delete(tmp_path: Path) -> None:
    files.write.fn(tmp_path / "f" / "a", "x")
    (tmp_path / "link").symlink_to(tmp_path / "f")
    assert files.delete.fn(tmp_path / "link")
    assert (tmp_path / "f" / "a").exists()
    assert files.delete.fn(tmp_path / "f")
    assert not files.delete.fn(tmp_path / "f", missing_ok=True)
    with pytest.raises(FileNotFoundError, match="nothing to delete"):
        files.delete.fn(tmp_path / "f")
    assert files.make_folder.fn(tmp_path / "p" / "q").is_dir()
