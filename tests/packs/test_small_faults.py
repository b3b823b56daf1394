"""Small faults of packs that users found: what is wrong is told, and nothing is left behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cflow.stdlib_nodes import files, metrics, pdf, plot, sql


def test_buckets_are_those_of_the_first_use() -> None:
    metrics.observe("small_faults_seconds", 1.0, buckets=[1.0, 2.0])
    metrics.observe("small_faults_seconds", 1.0, buckets=[1, 2])
    metrics.observe("small_faults_seconds", 1.0)
    with pytest.raises(ValueError, match=r"has the buckets \[1\.0, 2\.0\] since its first use, not \[1\.0, 3\.0\]"):
        metrics.observe("small_faults_seconds", 1.0, buckets=[1, 3])
    metrics.observe("small_faults_bytes", 1.0)
    with pytest.raises(ValueError, match="the buckets of the default since its first use"):
        metrics.observe("small_faults_bytes", 1.0, buckets=[1])
    assert "small_faults_seconds_count 3.0" in metrics.text()


def test_documents_are_merged_from_some(tmp_path: Path) -> None:
    text: Any = "report.pdf"
    for sources in ([], text):
        with pytest.raises(ValueError, match=r"all\.pdf' is to be made from a list of at least one document"):
            pdf.merge(tmp_path / "all.pdf", sources)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("params", [5, "abc", {1, 2}, b"x", 1.5])
def test_params_are_a_list_or_a_dict(tmp_path: Path, params: Any) -> None:
    path = tmp_path / "shop.db"
    sqlite3.connect(path).close()
    for database, call in ((str(path), sql.query), ("duckdb:", sql.query), (str(path), sql.execute)):
        with pytest.raises(ValueError, match=f"params= is a list .*, not a {type(params).__name__}"):
            call(database, "SELECT 1", params)


def test_params_that_do_not_fit_in_postgresql(postgres: str) -> None:
    assert sql.query(postgres, "SELECT %(a)s AS a", {"a": 1}) == [{"a": 1}]
    for call in (sql.query, sql.execute):
        with pytest.raises(ValueError, match="params= does not fit the statement 'SELECT %"):
            call(postgres, "SELECT %(a)s AS a", [1])


def test_a_move_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for source, target in (("none", "new/deep/x"), ("a", "a/in/itself")):
        with pytest.raises(OSError):
            files.move(tmp_path / source, tmp_path / target)
    assert [*tmp_path.rglob("*")] == [tmp_path / "a"]
    (tmp_path / "b").write_text("b")
    files.move(tmp_path / "b", tmp_path / "new" / "deep" / "b")
    assert (tmp_path / "new" / "deep" / "b").read_text() == "b"


def test_a_pattern_is_below_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is an absolute path: where to look is folder="):
        files.glob(f"{tmp_path}/*.csv")


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_letters_that_the_font_lacks_are_no_warning(kind: str) -> None:
    """A warning is an error in these tests."""
    picture = plot.bar([{"city": "東京", "n": 3}, {"city": "서울", "n": 2}], "city", "n", title="人口", kind=kind)
    assert picture
    if kind == "svg":
        assert "東京".encode() in (picture.encode() if isinstance(picture, str) else picture)
