"""The pdf pack: text, pages, parts; encrypted, broken and hostile documents."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings, strategies as st

import cflow
from cflow.stdlib_nodes import image, pdf


def document(*texts: str, extra: bytes = b"") -> bytes:
    """A PDF of our own: a page a text, in Helvetica; ``extra`` are objects from number 100 on."""
    kids = b" ".join(b"%d 0 R" % (10 + 2 * i) for i in range(len(texts)))
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        b"2 0 obj<</Type/Pages/Kids[%s]/Count %d>>endobj" % (kids, len(texts)),
        b"3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>endobj",
        b"4 0 obj<</Title(Tests)/Author(Us)>>endobj",
    ]
    for i, text in enumerate(texts):
        stream = b"BT /F 20 Tf 20 50 Td (%s) Tj ET" % text.encode("latin-1")
        parts += [
            b"%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]" % (10 + 2 * i)
            + b"/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>endobj" % (11 + 2 * i),
            b"%d 0 obj<</Length %d>>stream\n%s\nendstream endobj" % (11 + 2 * i, len(stream), stream),
        ]
    return (
        b"%PDF-1.7\n"
        + b"\n".join(parts)
        + extra
        + b"\ntrailer<</Root 1 0 R/Info 4 0 R/Size 200>>\nstartxref\n0\n%%EOF\n"
    )


def encrypted(content: bytes, password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(content), strict=False))
    writer.encrypt(user_password=password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(document("Grüße eins", "page two", "page three"))
    return path


def test_in_a_flow(report: Path, tmp_path: Path) -> None:
    module = cflow.loads(
        """
import pdf

flow words(path: str) -> list[str]:
    found = []
    for page in pdf.pages(path):
        found = found + [f"{page.number} {page.width:g}x{page.height:g} {page.text}"]
    return found

flow both(target: str, one: str, other: str) -> int:
    return pdf.info(pdf.merge(target, [one, other])).pages
"""
    )
    assert module.words.run(str(report)) == ["1 200x100 Grüße eins", "2 200x100 page two", "3 200x100 page three"]
    assert module.both.run(str(tmp_path / "all.pdf"), str(report), str(report)) == 6


def test_text_and_info(report: Path) -> None:
    info = pdf.info(report)
    assert (info.pages, info.version, info.title, info.author, info.subject) == (3, 17, "Tests", "Us", "")
    assert pdf.text(report) == "Grüße eins\n\npage two\n\npage three"
    assert pdf.text(report, pages=[3, 1]) == "page three\n\nGrüße eins"


def test_long_work_says_how_far_it_is(report: Path, tmp_path: Path) -> None:
    module = cflow.loads(
        """
import pdf

flow work(path: str, folder: str) -> str:
    pdf.split(path, folder)
    pdf.merge(f"{folder}/all.pdf", [path, path])
    return pdf.text(path, pages=[1, 2])
"""
    )
    events: list[Any] = []
    cflow.Engine(sinks=[events.append]).run(module.work, str(report), str(tmp_path / "parts"))
    last = {event.node: event.progress for event in events if event.what == "progress"}
    assert sorted(last.values()) == [(2, 2), (2, 2), (3, 3)]


def test_pages_come_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(document(*(f"number {i}" for i in range(1, 18))))
    assert [page.text for page in pdf.pages(path)] == [f"number {i}" for i in range(1, 18)]


def test_parts(report: Path, tmp_path: Path) -> None:
    assert pdf.select(report, tmp_path / "short.pdf", [3, 1], turn=90) == tmp_path / "short.pdf"
    assert pdf.text(tmp_path / "short.pdf") == "page three\n\nGrüße eins"
    (first, *_) = pdf.pages(tmp_path / "short.pdf")
    assert (first.width, first.height) == (100, 200)
    parts = pdf.split(report, tmp_path / "parts", every=2)
    assert parts == [tmp_path / "parts/report-1.pdf", tmp_path / "parts/report-2.pdf"]
    assert [pdf.info(part).pages for part in parts] == [2, 1]
    assert pdf.text(pdf.merge(tmp_path / "m.pdf", [parts[1], parts[0]])) == "page three\n\nGrüße eins\n\npage two"
    assert pdf.info(pdf.merge(report, [report, report])).pages == 6  # over one of its sources


def test_a_page_as_a_picture(report: Path) -> None:
    picture = image.convert(image.parse(pdf.draw(report, 1, dpi=72)), "gray")
    assert (picture.width, picture.height) == (200, 100)
    assert min(picture.pixels) < 60  # letters
    assert picture.pixels[: 200 * 20] == b"\xff" * 200 * 20  # and nothing above them


def test_an_encrypted_document(report: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(encrypted(report.read_bytes(), "open sesame"))
    for call in (pdf.info, pdf.text, pdf.draw):
        with pytest.raises(ValueError, match=r"locked\.pdf is encrypted: give its password"):
            call(locked)
        with pytest.raises(ValueError, match=r"locked\.pdf: the password is wrong") as caught:
            call(locked, password="close barley")
        assert "barley" not in str(caught.value)
    assert pdf.text(locked, password="open sesame", pages=[2]) == "page two"
    assert pdf.text(pdf.select(locked, tmp_path / "free.pdf", [2], password="open sesame")) == "page two"


HOSTILE = [
    (b"", "is no PDF"),
    (b"%PDF-1.7\n", "is no PDF"),
    (b"<html>", "is no PDF"),
    (document("x")[:-250], "is no PDF|is broken"),
    (document("x").replace(b"[0 0 200 100]", b"[0 0 9999999 9999999]"), "at most 50,000,000 are taken"),
]


@pytest.mark.parametrize(("content", "why"), HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_document_or_too_much(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why) as caught:
        pdf.draw(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("tree", [b"/Kids[2 0 R 2 0 R 10 0 R]/Count 3", b"/Kids[10 0 R]/Count 2000000000"])
def test_a_page_tree_without_an_end(tree: bytes, tmp_path: Path, clear: Callable[..., None]) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(document("x", extra=b"\n2 0 obj<</Type/Pages%s>>endobj" % tree))
    assert pdf.info(path).pages <= 3
    clear(lambda: pdf.text(path), str(path))
    clear(lambda: pdf.merge(tmp_path / "y.pdf", [path, path]), str(path))


def test_limits_and_wrong_arguments(report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "t.pdf"
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: pdf.info(report, max_pages=2), "has 3 pages; at most 2"),
        (lambda: [*pdf.pages(report, max_pages=2)], "has 3 pages; at most 2"),
        (lambda: pdf.merge(target, [report, report], max_pages=5), "has 6 pages; at most 5"),
        (lambda: pdf.select(report, target, [1] * 4, max_pages=3), "has 4 pages; at most 3"),
        (lambda: pdf.text(report, pages=[0]), "has no page 0: it has 3, counted from 1"),
        (lambda: pdf.draw(report, 4), "has no page 4"),
        (lambda: pdf.draw(report, dpi=100_000), "at most 50,000,000"),
        (lambda: pdf.draw(report, dpi=0), "at least one"),
        (lambda: pdf.select(report, target, [1], turn=45), "multiples of 90"),
        (lambda: pdf.split(report, tmp_path, every=0), "at least one page"),
    ]
    for call, why in wrong:
        with pytest.raises(ValueError, match=why):
            call()
    assert not target.exists()
    with pytest.raises(FileNotFoundError):
        pdf.info(tmp_path / "none.pdf")
    monkeypatch.setattr(pdf, "MAX_TEXT", 5)
    with pytest.raises(ValueError, match="page 1 has 10 characters; at most 5"):
        pdf.text.fn(report)  # here: a worker has constants of its own


SEEDS = [document("Hello", "world"), encrypted(document("Hello"), "")]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=8), st.integers(0, 8)), max_size=6),
)
def test_broken_documents_are_value_errors(
    clear: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
    seed: bytes,
    changes: list[tuple[int, bytes, int]],
) -> None:
    content = bytearray(seed)
    for place, new, old in changes:
        start = place % (len(content) + 1)
        content[start : start + old] = new
    path = tmp_path_factory.getbasetemp() / "fuzzed.pdf"
    path.write_bytes(content)
    for call in (pdf.info, pdf.text, lambda path: pdf.draw(path, dpi=20)):
        clear(lambda call=call: call(path), str(path))
