"""PDF documents: their text and pages, merged, split, drawn. File nodes take part in the order of the ``files`` pack.
Needs the extra ``pdf``.

By pypdfium2 (PDFium, the reader of Chrome): quick, used to hostile files, and it draws pages too, which pypdf does not.
The nodes run in processes: PDFium does one thing at a time in each, and what a hostile document does to it (a crash, a
loop without end, all memory) costs its call only. Pages count from 1. Encrypted documents open with ``password``; what
is made of them is not encrypted.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from .. import node, permissions
from ._atomic import writing
from ._libraries import library
from ._progress import how_far
from ._raster import MAX_PIXELS, check_size

MAX_PAGES = 10_000
"""The most pages of a document unless the caller asks for more."""

MEMORY = "2GB"
"""What a call may allocate."""

MAX_TEXT = 10_000_000
"""The most characters of a page."""

_WRONG_PASSWORD, _NO_PDF = 4, 3  # FPDF_ERR_PASSWORD and FPDF_ERR_FORMAT of fpdfview.h
_ALONE = threading.Lock()  # PDFium's functions may not overlap, whatever documents they are about


@frozen(kw_only=True)
class Page:
    """A page: its number, its size in points (1/72 inch), its text."""

    number: int
    width: float
    height: float
    text: str


@frozen(kw_only=True)
class Info:
    """What a document says of itself; ``version`` is 17 for PDF 1.7."""

    pages: int
    version: int
    title: str
    author: str
    subject: str
    creator: str
    created: str


@node(reads="files", runs="process", memory=MEMORY)
def info(path: str | Path, password: str = "", max_pages: int = MAX_PAGES) -> Info:
    """The number of pages, and what the document says of itself.

    ``pdf.info("report.pdf").pages``

    Raises OSError, and ValueError for what is no PDF, is encrypted, or has more pages than ``max_pages``.
    """
    with _opened(path, password, max_pages) as document:
        said = document.get_metadata_dict()
        return Info(
            pages=len(document),
            version=document.get_version() or 0,
            title=said["Title"],
            author=said["Author"],
            subject=said["Subject"],
            creator=said["Creator"],
            created=said["CreationDate"],
        )


@node(reads="files", runs="process", memory=MEMORY)
def text(path: str | Path, pages: list[int] | None = None, password: str = "", max_pages: int = MAX_PAGES) -> str:
    """The text of the document, or of some pages, with an empty line between pages.

    ``words = pdf.text("report.pdf")``, ``pdf.text("report.pdf", pages=[1])``

    A page that is a picture (a scan) has none. Raises as ``info``.
    """
    with _opened(path, password, max_pages) as document:
        chosen = _chosen(pages, len(document), path)
        say, texts = how_far(len(chosen)), list[str]()
        for number in chosen:
            texts.append(_page(document, number, path).text)
            say(len(texts))
        return "\n\n".join(texts)


@node(reads="files", runs="process", memory=MEMORY)
def pages(path: str | Path, password: str = "", max_pages: int = MAX_PAGES) -> Iterator[Page]:
    """The pages with their text, one by one.

    ``for page in pdf.pages("manual.pdf"): ...``

    Raises as ``info``.
    """
    with _opened(path, password, max_pages) as document:
        for number in range(1, len(document) + 1):
            yield _page(document, number, path)


@node(reads="files", writes="files", runs="process", memory=MEMORY)
def merge(target: str | Path, sources: list[str | Path], max_pages: int = MAX_PAGES) -> Path:
    """One document from several, in their order; returns its path.

    ``pdf.merge("all.pdf", ["cover.pdf", "report.pdf"])``

    Pages come with what is on them; outlines and forms stay behind, and encrypted documents have to go through
    ``select`` first. Raises as ``info``, and for a list of none.
    """
    permissions().file(target)  # before the work, not after it
    given: object = sources  # from data it may be anything
    if isinstance(given, str) or not given:
        msg = f"{str(target)!r} is to be made from a list of at least one document"
        raise ValueError(msg)
    say = how_far(len(sources))
    with _alone(), _made() as made:
        for done, source in enumerate(sources, 1):
            with _document(permissions().file(source), "", max_pages, source) as document:
                made.import_pages(document)
            _check_pages(len(made), max_pages, target)
            say(done)
        return _saved(made, target)


@node(reads="files", writes="files", runs="process", memory=MEMORY)
def select(
    path: str | Path,
    target: str | Path,
    pages: list[int],
    turn: int = 0,
    password: str = "",
    max_pages: int = MAX_PAGES,
) -> Path:
    """A document of these pages, in this order, turned clockwise by ``turn`` degrees; returns its path.

    ``pdf.select("report.pdf", "short.pdf", [1, 3])``

    Raises as ``info``, and for a page that is not there.
    """
    if turn % 90:
        msg = f"pages are turned by multiples of 90 degrees, not {turn}"
        raise ValueError(msg)
    with _opened(path, password, max_pages) as document, _made() as made:
        _check_pages(len(pages), max_pages, target)
        made.import_pages(document, [number - 1 for number in _chosen(pages, len(document), path)])
        for i in range(len(made) if turn % 360 else 0):
            page = made[i]
            page.set_rotation((page.get_rotation() + turn) % 360)
            page.close()
        return _saved(made, target)


@node(reads="files", writes="files", runs="process", memory=MEMORY)
def split(
    path: str | Path, folder: str | Path, every: int = 1, password: str = "", max_pages: int = MAX_PAGES
) -> list[Path]:
    """A document for every so many pages, in a folder; returns their paths (``report-1.pdf``, ...).

    ``parts = pdf.split("report.pdf", "pages")``

    Raises as ``info``.
    """
    if every < 1:
        msg = f"a part is at least one page, not {every}"
        raise ValueError(msg)
    made: list[Path] = []
    with _opened(path, password, max_pages) as document:
        starts = range(0, len(document), every)
        digits, say = len(str(len(starts))), how_far(len(starts))
        for number, start in enumerate(starts, 1):
            with _made() as part:
                part.import_pages(document, list(range(start, min(start + every, len(document)))))
                made.append(_saved(part, Path(folder) / f"{Path(path).stem}-{number:0{digits}}.pdf"))
            say(number)
    return made


@node(reads="files", runs="process", memory=MEMORY)
def draw(path: str | Path, page: int = 1, dpi: int = 150, password: str = "", max_pages: int = MAX_PAGES) -> bytes:
    """A page as it looks: the bytes of a PNG.

    ``image.parse(pdf.draw("report.pdf", 1, dpi=72))``

    Raises as ``info``, and where the page would have more than 50 million pixels.
    """
    library("pdf", "PIL.Image")  # which pypdfium2 imports later, and without a word of the extra
    with _opened(path, password, max_pages) as document:
        (number,) = _chosen([page], len(document), path)
        found = _loaded(document, number, path)
        try:
            scale = dpi / 72
            width, height = found.get_size()
            check_size(round(width * scale), round(height * scale), MAX_PIXELS, f"{path}, page {page}, at {dpi} dpi")
            bitmap = found.render(scale=scale)
            out = io.BytesIO()
            bitmap.to_pil().save(out, "PNG")
            bitmap.close()
        finally:
            found.close()
    return out.getvalue()


def _alone() -> threading.Lock:
    return _ALONE  # a lock cannot be sent, and a node refers to this


@contextmanager
def _opened(path: Path | str, password: str, max_pages: int, shown: Path | str = "") -> Iterator[Any]:
    """The document, alone with PDFium."""
    with _alone(), _document(permissions().file(path), password, max_pages, shown or path) as document:
        yield document


@contextmanager
def _document(path: Path, password: str, max_pages: int, shown: Path | str) -> Iterator[Any]:
    pdfium = library("pdf", "pypdfium2")
    with open(path, "rb") as file:
        try:
            document = pdfium.PdfDocument(file, password=str(password) or None)
        except pdfium.PdfiumError as error:
            raise ValueError(_why(error, shown, password)) from error
        try:
            _check_pages(len(document), max_pages, shown)
            yield document
        except pdfium.PdfiumError as error:
            msg = f"{shown} is a broken PDF: {error}"
            raise ValueError(msg) from error
        finally:
            document.close()


@contextmanager
def _made() -> Iterator[Any]:
    made = library("pdf", "pypdfium2").PdfDocument.new()
    try:
        yield made
    finally:
        made.close()


def _why(error: Any, shown: Path | str, password: str) -> str:
    if error.err_code == _WRONG_PASSWORD:
        return f"{shown}: the password is wrong" if password else f"{shown} is encrypted: give its password"
    return f"{shown} is no PDF" if error.err_code == _NO_PDF else f"{shown} cannot be read as PDF: {error}"


def _check_pages(count: int, max_pages: int, shown: Path | str) -> None:
    if count > max_pages:
        msg = f"{shown} has {count:,} pages; at most {max_pages:,} are taken"
        raise ValueError(msg)


def _chosen(pages: Sequence[int] | None, count: int, shown: Path | str) -> Sequence[int]:
    if pages is None:
        return range(1, count + 1)
    for number in pages:
        if not 1 <= number <= count:
            msg = f"{shown} has no page {number}: it has {count}, counted from 1"
            raise ValueError(msg)
    return pages


def _loaded(document: Any, number: int, shown: Path | str) -> Any:
    try:
        return document[number - 1]
    except library("pdf", "pypdfium2").PdfiumError as error:
        msg = f"{shown}, page {number} is broken: {error}"
        raise ValueError(msg) from error


def _page(document: Any, number: int, shown: Path | str) -> Page:
    found = _loaded(document, number, shown)
    try:
        width, height = found.get_size()
        letters = found.get_textpage()
        try:
            count = letters.count_chars()
            if count > MAX_TEXT:
                msg = f"{shown}, page {number} has {count:,} characters; at most {MAX_TEXT:,} are taken"
                raise ValueError(msg)
            text = letters.get_text_bounded()
        finally:
            letters.close()
    finally:
        found.close()
    return Page(number=number, width=width, height=height, text=text.replace("\r\n", "\n").replace("\0", ""))


def _saved(made: Any, target: str | Path) -> Path:
    with writing(target) as file:
        made.save(file)
    return Path(target)
