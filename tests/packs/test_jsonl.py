from __future__ import annotations

import bz2
import gzip
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
import zstandard
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import jsonl

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@dataclass
class Event:
    id: int


def streamed(path: Path, **how: Any) -> list[Any]:
    async def main() -> list[Any]:
        return [value async for value in jsonl.records.fn(path, **how)]

    return trio.run(main)


def test_parse_and_format() -> None:
    assert jsonl.parse.fn('{"a": 1}\r\n\n [2]\n"\u2028"') == [{"a": 1}, [2], "\u2028"]
    assert jsonl.parse.fn(b"") == []
    assert jsonl.format.fn([Event(1), "a\nb"]) == '{"id": 1}\n"a\\nb"\n'
    assert jsonl.parse.fn("1" + "0" * 40) == [10**40]


@given(values=st.lists(VALUES, max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(values: list[Any]) -> None:
    assert jsonl.parse.fn(jsonl.format.fn(values)) == values


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_values_or_a_clear_error(clear: Any, content: bytes) -> None:
    clear(lambda: jsonl.parse.fn(content), "the text is not JSON", "nested too deeply")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n\n{"a": }\n', r"the text is not JSON: .* at line 3, column 7"),
        (b'1\n"\xff"\n', "the text is not JSON: line 2, byte 1 is not utf-8 text"),
        ("1\n" + "[" * 100_000, "the text is nested too deeply"),
    ],
)
def test_errors_name_the_line(text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jsonl.parse.fn(text)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_files_there_and_back(tmp_path: Path, suffix: str) -> None:
    path = jsonl.write.fn(tmp_path / "new" / f"a.jsonl{suffix}", [{"n": i} for i in range(2_500)])
    jsonl.append.fn(path, [{"n": "last"}])
    wanted = [{"n": i} for i in range(2_500)] + [{"n": "last"}]
    assert jsonl.read.fn(path) == wanted
    assert streamed(path) == wanted
    opened = {"": open, ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": zstandard.open}[suffix]
    with opened(path, "rb") as file:
        assert file.read(9) == b'{"n": 0}\n'


def test_a_bad_value_writes_nothing(tmp_path: Path) -> None:
    path = jsonl.write.fn(tmp_path / "a.jsonl", [1])
    with pytest.raises(TypeError, match="JSON has no form for object"):
        jsonl.append.fn(path, [2, object()])
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonl.write.fn(path, [2, float("nan")])
    assert path.read_text() == "1\n"


def test_lines_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('1\n"' + "x" * 1000 + '"\n')
    assert len(streamed(path)) == 2
    for read in (streamed, jsonl.read.fn):
        with pytest.raises(ValueError, match=r"a\.jsonl: the line has more than 500 bytes"):
            read(path, max_line=500)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(200):
            file.write(b" " * (1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match="the line has more than 67,108,864 bytes"):
        streamed(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str) -> None:
    path = jsonl.write.fn(tmp_path / f"a.jsonl{suffix}", [{"n": str(i)} for i in range(5_000)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\0" * 100 + whole[len(whole) // 2 + 100 :])
    with pytest.raises(ValueError, match=r"a\.jsonl\.\w+ (is damaged|is not JSON)"):
        streamed(path)
    path.write_bytes(b"this is no compressed file at all")
    with pytest.raises(ValueError, match=r"a\.jsonl\.\w+ is damaged"):
        jsonl.read.fn(path)
    with pytest.raises(FileNotFoundError):
        streamed(tmp_path / f"none{suffix}")


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_a_file_cut_short_is_no_end(tmp_path: Path, suffix: str) -> None:
    path = jsonl.write.fn(tmp_path / f"a.jsonl{suffix}", [{"n": str(i * 7919 % 5000)} for i in range(5_000)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="damaged"):
        jsonl.read.fn(path)
