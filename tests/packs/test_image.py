"""The image pack: what it makes, by its pixels; broken, huge and hostile files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from PIL import ExifTags, Image

import cflow
from cflow.stdlib_nodes import image

CORNERS = {"left top": (255, 0, 0), "right top": (0, 255, 0), "left bottom": (0, 0, 255), "right bottom": (255, 255, 0)}


def four(width: int = 40, height: int = 20) -> image.Picture:
    """A picture whose quarters have colours of their own."""
    found = image.new(width, height, "red")
    found = image.overlay(found, image.new(width // 2, height // 2, "lime"), at="right top")
    found = image.overlay(found, image.new(width // 2, height // 2, "blue"), at="left bottom")
    return image.overlay(found, image.new(width // 2, height // 2, "yellow"), at="bottom right")


def at(picture: image.Picture, x: int, y: int) -> tuple[int, ...]:
    n = {"gray": 1, "rgb": 3, "rgba": 4}[picture.mode]
    start = ((y % picture.height) * picture.width + x % picture.width) * n
    return tuple(picture.pixels[start : start + n])


def corners(picture: image.Picture) -> list[tuple[int, ...]]:
    """From the left top, clockwise."""
    return [at(picture, 0, 0), at(picture, -1, 0), at(picture, -1, -1), at(picture, 0, -1)]


RED, LIME, YELLOW, BLUE = (255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 0, 255)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG with a header of our choice."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_in_a_flow_from_file_to_file(tmp_path: Path) -> None:
    image.write(tmp_path / "in.png", four(400, 200))
    module = cflow.loads(
        """
import image

flow card(source: str, target: str) -> image.Info:
    photo = image.read(source) |> image.resize(100, 100, fit="cover")
    image.write(target, image.text(photo, "Hi", at="center", colour="white"), quality=95)
    return image.info(target)
"""
    )
    info = module.card.run(str(tmp_path / "in.png"), str(tmp_path / "deep" / "out.jpg"))
    assert (info.format, info.width, info.height, info.frames) == ("jpeg", 100, 100, 1)


def test_sizes() -> None:
    picture = four(400, 200)
    cases: list[tuple[dict[str, Any], tuple[int, int]]] = [
        ({"width": 100}, (100, 50)),
        ({"height": 100}, (200, 100)),
        ({"width": 100, "height": 100}, (100, 50)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "height": 100, "fit": "fill"}, (100, 100)),
        ({"width": 800}, (800, 400)),
        ({"width": 800, "enlarge": False}, (400, 200)),
        ({"width": 800, "height": 100, "enlarge": False}, (200, 100)),
        ({"width": 1}, (1, 1)),
    ]
    for options, size in cases:
        small = image.resize(picture, **options)
        assert (small.width, small.height) == size, options
        assert len(small.pixels) == size[0] * size[1] * 3
    assert corners(image.resize(picture, 100, 100, fit="cover")) == [RED, LIME, YELLOW, BLUE]


def test_crop_turn_and_mirror() -> None:
    picture = four()
    assert corners(picture) == [RED, LIME, YELLOW, BLUE]
    assert corners(image.rotate(picture, 90)) == [BLUE, RED, LIME, YELLOW]
    assert corners(image.rotate(picture, -90)) == corners(image.rotate(picture, 270)) == [LIME, YELLOW, BLUE, RED]
    assert corners(image.rotate(picture, 180)) == [YELLOW, BLUE, RED, LIME]
    assert image.rotate(picture, 360) == picture
    assert corners(image.flip(picture)) == [LIME, RED, BLUE, YELLOW]
    assert corners(image.flip(picture, "vertical")) == [BLUE, YELLOW, LIME, RED]
    part = image.crop(picture, 15, 5, 10, 10)
    assert (part.width, part.height, corners(part)) == (10, 10, [RED, LIME, YELLOW, BLUE])
    turned = image.rotate(picture, 45)
    assert (turned.mode, at(turned, 0, 0)) == ("rgba", (0, 0, 0, 0))
    assert 40 < turned.width <= 60
    assert at(turned, turned.width // 2, turned.height // 2 - 5)[3] == 255
    filled = image.rotate(picture, 45, background="white")
    assert (filled.mode, at(filled, 0, 0)) == ("rgb", (255, 255, 255))


def test_overlay_keeps_transparency_and_the_edge() -> None:
    ground = image.new(10, 10, "white")
    half = image.overlay(ground, image.new(4, 4, "black"), at=(-2, -2), opacity=0.5)
    assert (half.mode, at(half, 0, 0), at(half, 2, 2)) == ("rgb", (127, 127, 127), (255, 255, 255))
    clear = image.overlay(image.new(10, 10, "#00000000"), image.new(2, 2, "#ff000080"), at="bottom right", margin=1)
    assert (at(clear, -2, -2), at(clear, -1, -1), at(clear, -4, -4)) == ((255, 0, 0, 128), (0, 0, 0, 0), (0, 0, 0, 0))
    assert image.overlay(ground, image.new(4, 4, "black"), at=(100, 100)) == ground


def test_text_is_written_where_it_is_wanted() -> None:
    ground = image.new(200, 100, "white")
    for place, inside in [("top left", (0, 0)), ("bottom right", (100, 50)), ("center", (50, 25))]:
        written = image.text(ground, "Wg", at=place, size=30)
        part = image.crop(written, *inside, 100, 50)
        assert min(part.pixels) < 50, place  # something dark lies there,
        assert written.pixels.count(255) - part.pixels.count(255) == (20_000 - 5_000) * 3, place  # and only there
    outlined = image.text(ground, "W", at="center", size=60, colour="red", outline="#000080")
    found = {outlined.pixels[i : i + 3] for i in range(0, len(outlined.pixels), 3)}
    assert {b"\xff\x00\x00", b"\x00\x00\x80"} <= found


def test_letters_come_from_a_font_that_has_them(tmp_path: Path) -> None:
    import matplotlib
    from PIL import ImageFont

    own: Any = ImageFont.load_default(20)
    box = bytes(own.getmask("\uffff"))
    assert all(bytes(own.getmask(letter)) != box for letter in image.DEFAULT_LETTERS - {"\n"})
    ground = image.new(100, 50, "white")
    with pytest.raises(ValueError, match="has no 'ü': give a font file"):
        image.text(ground, "Grüße")
    font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    with_font = [image.text(ground, letter, font=font) for letter in "üa"]
    assert with_font[0] != with_font[1] != image.text(ground, "a")
    (tmp_path / "x.ttf").write_bytes(b"no font")
    with pytest.raises(ValueError, match=r"x\.ttf is no font"):
        image.text(ground, "a", font=tmp_path / "x.ttf")


def test_modes() -> None:
    clear = image.new(2, 2, "#ff000000")
    assert at(image.convert(clear, "rgb", background="lime"), 0, 0) == LIME
    assert at(image.convert(four(), "gray"), 0, 0) == (76,)  # ITU-R 601: 0.299 of red
    assert at(image.convert(four(), "rgba"), 0, 0) == (*RED, 255)
    assert image.text(image.convert(four(), "gray"), "x").mode == "rgb"


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp"])
def test_kinds_there_and_back(kind: str) -> None:
    for picture in (four(), image.convert(four(), "gray"), image.convert(four(), "rgba")):
        back = image.parse(image.format(picture, kind, quality=100))
        assert (back.width, back.height) == (40, 20)
        for got, wanted in zip(
            corners(image.convert(back, "rgb")), corners(image.convert(picture, "rgb")), strict=True
        ):
            assert all(abs(a - b) < 30 for a, b in zip(got, wanted, strict=True))
    if kind in ("jpeg", "bmp"):
        assert at(image.parse(image.format(image.new(2, 2, "#00000000"), kind)), 0, 0) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "LA", "P", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_other_modes_are_read(mode: str) -> None:
    made = Image.new("L", (4, 4), 255)
    made = Image.new(mode, (4, 4), 65535) if mode in ("I;16", "I") else made.convert(mode)
    out = io.BytesIO()
    made.save(out, "JPEG" if mode in ("CMYK", "YCbCr") else "TIFF" if mode in ("F", "I") else "PNG")
    back = image.parse(out.getvalue())
    assert at(image.convert(back, "rgb"), 1, 1) == (255, 255, 255)


def test_a_picture_stands_upright_and_tells_nothing_of_its_maker(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned by 90 degrees
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:01:02 03:04:05"
    made = Image.new("RGB", (40, 20), "red")
    made.paste("lime", (20, 0, 40, 20))
    made.save(tmp_path / "in.jpg", exif=exif, quality=100)
    info = image.info(tmp_path / "in.jpg")
    assert (info.width, info.height) == (20, 40)
    assert (info.exif["Make"], info.exif["DateTimeOriginal"]) == ("Camera", "2026:01:02 03:04:05")
    photo = image.read(tmp_path / "in.jpg")
    assert (photo.width, photo.height) == (20, 40)
    assert at(photo, 10, 2)[0] > 200
    assert at(photo, 10, -3)[1] > 200
    assert image.thumbnail(tmp_path / "in.jpg", tmp_path / "s.webp", 10, 10) == tmp_path / "s.webp"
    small = image.info(tmp_path / "s.webp")
    assert (small.width, small.height, small.exif) == (5, 10, {})
    image.write(tmp_path / "out.jpg", photo)
    assert image.info(tmp_path / "out.jpg").exif == {}


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert image.info(tmp_path / "a.gif").frames == 2
    assert at(image.read(tmp_path / "a.gif"), 0, 0)[:3] == RED


BOMB = png(40_000, 40_000, zlib.compress(b"\0" * 1_000_000))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no picture of a kind that is read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n", "no picture of a kind"),
        (b"P6\n2 2\n255\n" + b"\0" * 12, "no picture of a kind"),
        (BOMB, "too large a picture"),
        (png(10_000, 6_000), "10000 x 6000 pixels; at least one and at most 50,000,000 are taken"),
        (png(0, 5), "0 x 5 pixels|no picture"),
        (png(10, 10, b"no stream"), "broken picture"),
        (image.format(four(), "jpeg")[:-300], "broken picture"),
    ],
)
def test_what_is_no_picture_or_too_large(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    for call in (
        lambda: image.parse(content),
        lambda: image.read(path),
        lambda: image.thumbnail(path, tmp_path / "y.png"),
    ):
        with pytest.raises(ValueError, match=why):
            call()
    assert not (tmp_path / "y.png").exists()


def test_limits_and_wrong_arguments(tmp_path: Path) -> None:
    picture = four()
    content = image.format(picture)
    with pytest.raises(ValueError, match="at most 799 are taken"):
        image.parse(content, max_pixels=799)
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: image.new(100_000, 100_000), "at most 50,000,000"),
        (lambda: image.new(0, 1), "at least one"),
        (lambda: image.new(1, 1, "no colour"), "color"),
        (lambda: image.resize(picture, 10_000_000), "at most 50,000,000"),
        (lambda: image.resize(picture), "give a width"),
        (lambda: image.resize(picture, 0), "at least one pixel"),
        (lambda: image.resize(picture, 5, fit="in"), "fit is one of"),
        (lambda: image.crop(picture, 35, 0, 10, 10), "does not lie within 40 x 20"),
        (lambda: image.crop(picture, 5, 5, 0, 10), "does not lie within"),
        (lambda: image.flip(picture, "up"), "a direction is one of"),
        (lambda: image.convert(picture, "cmyk"), "a mode is one of"),
        (lambda: image.overlay(picture, picture, opacity=2), "an opacity"),
        (lambda: image.overlay(picture, picture, at="left right"), "a place is"),
        (lambda: image.text(picture, "x", at="there"), "a place is"),
        (lambda: image.text(picture, "x" * 10_001), "at most 10,000 letters"),
        (lambda: image.text(picture, "x", size=10**6), "of 1 to 2,000 pixels"),
        (lambda: image.format(picture, "eps"), "not 'eps'"),
        (lambda: image.format(picture, "jpeg", quality=0), "a quality is 1 to 100"),
        (lambda: image.format(image.new(20_000, 1), "webp"), "cannot be written as webp"),
        (lambda: image.write(tmp_path / "x", picture), "not ''"),
        (lambda: image.flip(image.Picture(width=2, height=2, mode="rgb", pixels=b"x")), "which is not its size"),
    ]
    for call, why in wrong:
        with pytest.raises(ValueError, match=why):
            call()
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileNotFoundError):
        image.read(tmp_path / "none.png")
    assert "pixels" not in repr(picture)


SEEDS = [image.format(four(8, 8), kind) for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp", "avif")]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 2000),
)
@example(seed=BOMB, changes=[], cut=0)
def test_broken_files_are_value_errors(
    clear: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
    seed: bytes,
    changes: list[tuple[int, int]],
    cut: int,
) -> None:
    content = bytearray(seed)
    for place, byte in changes:
        content[place % len(content)] = byte
    if cut < len(content):
        del content[len(content) - cut :]
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(content)
    clear(lambda: image.parse(bytes(content), max_pixels=100_000), "the content is")
    clear(lambda: image.info(path, max_pixels=100_000), str(path))
