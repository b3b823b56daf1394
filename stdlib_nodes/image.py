"""Pictures: read, resize, crop, turn, combine, write. File nodes take part in the order of the ``files`` pack; all
others are pure. Needs the extra ``image``.

By Pillow, which comes as a wheel and reads what people have (pyvips is quicker on very large pictures, and wants a
library of the system). A ``Picture`` is its pixels, so nothing is lost between steps. It is upright, whatever its EXIF
orientation said, and of a file with several frames it is the first; colour profiles are not applied. At most 50 million
pixels are taken, unless ``max_pixels`` says otherwise: a small file may hold a huge picture.

Colours are names, ``#rrggbb``, ``#rrggbbaa`` or ``rgb(...)``. Places (``at``) are ``(x, y)`` from the left and the top,
or words: ``"top left"``, ``"center"``, ``"bottom"``, ``"bottom right"``, ...
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .. import node, permissions
from ._atomic import writing
from ._extras import needs
from ._raster import MAX_PIXELS, check_size, decode, describe, encode, flat

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

_MODES = {"gray": "L", "rgb": "RGB", "rgba": "RGBA"}
_MAX_TEXT = 10_000
_MAX_LETTER = 2_000  # pixels
DEFAULT_LETTERS = frozenset(map(chr, range(32, 127))) | frozenset("\n©«°±´·»…“”’")
"""What the font that Pillow brings has a form for."""


@frozen(kw_only=True)
class Picture:
    """Pixels, row by row from the top; ``mode`` is ``gray``, ``rgb`` or ``rgba`` (1, 3, 4 bytes a pixel)."""

    width: int
    height: int
    mode: str
    pixels: bytes = field(repr=False)


@frozen(kw_only=True)
class Info:
    """What the header of a file says; width and height as the picture stands upright."""

    format: str
    width: int
    height: int
    frames: int
    exif: dict[str, Any]


@node(reads="files")
def info(path: str | Path, max_pixels: int = MAX_PIXELS) -> Info:
    """Kind, size and metadata of a picture, without its pixels.

    ``image.info("photo.jpg").exif["DateTimeOriginal"]``

    Raises OSError, and ValueError for what is no picture.
    """
    with open(permissions().file(path), "rb") as file:
        return Info(**describe(file, str(path), max_pixels))


@node(reads="files")
def read(path: str | Path, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from a file (PNG, JPEG, GIF, WebP, TIFF, BMP, ICO, AVIF).

    ``photo = image.read("photo.jpg")``

    Raises OSError, and ValueError for what is no picture, is broken, or too large.
    """
    with open(permissions().file(path), "rb") as file:
        return _picture(decode(file, str(path), max_pixels))


@node(pure=True)
def parse(content: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from the bytes of a file; as ``read``.

    ``photo = image.parse(http.get(url).body)``
    """
    return _picture(decode(io.BytesIO(content), "the content", max_pixels))


@node(pure=True)
def format(picture: Picture, kind: str = "png", quality: int = 85) -> bytes:
    """The bytes of a file: ``png``, ``jpeg``, ``webp``, ``avif``, ``gif``, ``tiff`` or ``bmp``.

    ``content = image.format(photo, "webp", quality=80)``

    ``quality`` counts for JPEG, WebP and AVIF. Where a kind has no transparency, white shows behind. Metadata is
    left out.
    """
    out = io.BytesIO()
    encode(_image(picture), out, kind, quality)
    return out.getvalue()


@node(writes="files")
def write(path: str | Path, picture: Picture, quality: int = 85) -> Path:
    """Put a picture into a file, whole or not at all, of the kind that its name says; returns the path. As ``format``.

    ``image.write("small.webp", photo)``
    """
    with writing(path) as file:
        encode(_image(picture), file, Path(path).suffix[1:], quality)
    return Path(path)


@node(reads="files", writes="files")
def thumbnail(
    path: str | Path,
    target: str | Path,
    width: int = 256,
    height: int = 256,
    quality: int = 85,
    max_pixels: int = MAX_PIXELS,
) -> Path:
    """Read a picture, make it small enough for ``width`` x ``height``, write it; returns the path of the small one.

    ``image.thumbnail("photo.jpg", "small/photo.webp", 320, 320)``

    A JPEG is decoded at a fraction of its size, so this is quicker than the three steps.
    """
    permissions().file(target)
    with open(permissions().file(path), "rb") as file:
        found = decode(file, str(path), max_pixels, (width, height))
    with writing(target) as out:
        encode(_resized(found, width, height, "inside", False), out, Path(target).suffix[1:], quality)
    return Path(target)


@node(pure=True)
def new(width: int, height: int, colour: str = "white") -> Picture:
    """A picture of one colour; ``#00000000`` is transparent.

    ``image.new(2, 1, "red")``
    """
    check_size(width, height, MAX_PIXELS, "the new picture")
    with needs("image"):
        from PIL import Image, ImageColor
    clear = len(ImageColor.getrgb(colour)) == 4
    return _picture(Image.new("RGBA" if clear else "RGB", (width, height), colour))


@node(pure=True)
def resize(
    picture: Picture, width: int | None = None, height: int | None = None, fit: str = "inside", enlarge: bool = True
) -> Picture:
    """Another size. With one side given, the other follows.

    ``image.resize(photo, 800)``, ``image.resize(photo, 200, 200, fit="cover")``

    ``fit``, where both are given: ``inside`` (as large as fits), ``cover`` (fills all, and what is beyond is cut off
    on both sides), ``fill`` (distorts). ``enlarge=False`` leaves a picture that is small enough as it is.
    """
    return _picture(_resized(_image(picture), width, height, fit, enlarge))


@node(pure=True)
def crop(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """A part. Raises ValueError for one that does not lie within the picture.

    ``image.crop(photo, 100, 50, 640, 480)``
    """
    right, bottom = left + width, top + height
    if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
        msg = f"{width} x {height} at ({left}, {top}) does not lie within {picture.width} x {picture.height}"
        raise ValueError(msg)
    return _picture(_image(picture).crop((left, top, right, bottom)))


@node(pure=True)
def rotate(picture: Picture, degrees: float, background: str = "#00000000") -> Picture:
    """Turn clockwise; the picture grows to hold its corners, and ``background`` (clear, unless you say) shows beside.

    ``image.rotate(scan, 90)``

    Multiples of 90 lose nothing.
    """
    with needs("image"):
        from PIL import Image, ImageColor
    turns = {0: None, 90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    found = _image(picture)
    if degrees % 360 in turns:
        turn = turns[int(degrees % 360)]
        return picture if turn is None else _picture(found.transpose(turn))
    side = picture.width + picture.height  # no rectangle is wider than that, turned
    check_size(side, side, 2 * MAX_PIXELS, "the turned picture, at most,")
    turned = found.convert("RGBA").rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    under = Image.new("RGBA", turned.size, background)
    whole = Image.alpha_composite(under, turned)
    opaque = picture.mode != "rgba" and ImageColor.getrgb(background)[3:] in ((), (255,))
    return _picture(whole.convert("RGB") if opaque else whole)


@node(pure=True)
def flip(picture: Picture, direction: str = "horizontal") -> Picture:
    """Mirror: left for right, or with ``vertical`` top for bottom.

    ``image.flip(photo)``
    """
    with needs("image"):
        from PIL import Image
    _one_of(direction, ("horizontal", "vertical"), "a direction")
    way = Image.Transpose.FLIP_LEFT_RIGHT if direction == "horizontal" else Image.Transpose.FLIP_TOP_BOTTOM
    return _picture(_image(picture).transpose(way))


@node(pure=True)
def overlay(
    picture: Picture, over: Picture, at: tuple[int, int] | str = "top left", margin: int = 0, opacity: float = 1.0
) -> Picture:
    """Lay one picture over another, its transparency kept; what lies beyond the edge is cut off.

    ``image.overlay(photo, logo, at="bottom right", margin=16, opacity=0.6)``
    """
    with needs("image"):
        from PIL import Image
    if not 0 <= opacity <= 1:
        msg = f"an opacity is 0 to 1, not {opacity}"
        raise ValueError(msg)
    top = _image(over).convert("RGBA")
    if opacity < 1:
        top.putalpha(top.getchannel("A").point([round(level * opacity) for level in range(256)]))
    layer = Image.new("RGBA", (picture.width, picture.height))
    layer.paste(top, _place(at, (picture.width, picture.height), top.size, margin))
    return _laid(picture, layer)


@node(reads="files")
def text(
    picture: Picture,
    text: str,
    at: tuple[int, int] | str = "top left",
    size: int = 24,
    colour: str = "black",
    margin: int = 8,
    outline: str = "",
    font: str | Path = "",
) -> Picture:
    """Write on a picture, letters ``size`` pixels high.

    ``image.text(photo, "Draft", at="center", size=96, colour="#ff000080", outline="white")``

    ``font`` is a TrueType or OpenType file; without one it is the font that Pillow brings, which has the letters of
    ASCII and few more: others are a ValueError, not boxes.
    """
    with needs("image"):
        from PIL import Image, ImageDraw
    if len(text) > _MAX_TEXT or not 1 <= size <= _MAX_LETTER:
        msg = f"at most {_MAX_TEXT:,} letters of 1 to {_MAX_LETTER:,} pixels are written, not {len(text):,} of {size}"
        raise ValueError(msg)
    layer = Image.new("RGBA", (picture.width, picture.height))
    draw = ImageDraw.Draw(layer)
    letters = _font(font, size, text)
    edge = max(1, size // 16) if outline else 0
    box = draw.multiline_textbbox((0, 0), text, font=letters, stroke_width=edge)
    x, y = _place(at, layer.size, (round(box[2] - box[0]), round(box[3] - box[1])), margin)
    draw.multiline_text(
        (x - box[0], y - box[1]), text, fill=colour, font=letters, stroke_width=edge, stroke_fill=outline or None
    )
    return _laid(picture, layer)


@node(pure=True)
def convert(picture: Picture, mode: str, background: str = "white") -> Picture:
    """As ``gray``, ``rgb`` or ``rgba``; where transparency goes, ``background`` shows behind it.

    ``image.convert(photo, "gray")``
    """
    _one_of(mode, tuple(_MODES), "a mode")
    found = _image(picture)
    if found.mode == "RGBA" and mode != "rgba":
        found = flat(found, background)
    return _picture(found.convert(_MODES[mode]))


def _resized(found: Image, width: int | None, height: int | None, fit: str, enlarge: bool) -> Image:
    from PIL import Image

    _one_of(fit, ("inside", "cover", "fill"), "fit")
    if width is None and height is None:
        msg = "give a width, a height, or both"
        raise ValueError(msg)
    for side in (width, height):
        if side is not None and side < 1:
            msg = f"a side is at least one pixel, not {side}"
            raise ValueError(msg)
    across = None if width is None else width / found.width
    down = None if height is None else height / found.height
    given = [factor for factor in (across, down) if factor is not None]
    if not enlarge and max(given) > 1 and (fit != "inside" or min(given) >= 1):
        return found
    factor = max(given) if fit == "cover" else min(given)
    if fit == "fill" and width is not None and height is not None:
        size = (width, height)
    else:
        size = (max(1, round(found.width * factor)), max(1, round(found.height * factor)))
    check_size(*size, MAX_PIXELS, "the new picture")
    found = found.resize(size, Image.Resampling.LANCZOS)
    if fit == "cover" and width is not None and height is not None:
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        found = found.crop((left, top, left + width, top + height))
    return found


def _font(path: str | Path, size: int, text: str) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    if not path:
        lacking = next((letter for letter in text if letter not in DEFAULT_LETTERS), None)
        if lacking is not None:
            msg = f"the font that Pillow brings has no {lacking!r}: give a font file with font="
            raise ValueError(msg)
        return ImageFont.load_default(size)
    with open(permissions().file(path), "rb") as file:
        content = file.read()
    try:
        return ImageFont.truetype(io.BytesIO(content), size)
    except OSError as error:
        msg = f"{path} is no font: {error}"
        raise ValueError(msg) from error


def _laid(picture: Picture, layer: Image) -> Picture:
    """The layer over the picture, which keeps being opaque where it was; grey turns to colours."""
    from PIL import Image

    whole = Image.alpha_composite(_image(picture).convert("RGBA"), layer)
    return _picture(whole if picture.mode == "rgba" else whole.convert("RGB"))


def _place(at: tuple[int, int] | str, room: tuple[int, int], size: tuple[int, int], margin: int) -> tuple[int, int]:
    if not isinstance(at, str):
        x, y = at
        return x, y
    words = at.split()
    known = {"left", "right", "top", "bottom", "center"}
    if not words or not set(words) <= known or {"left", "right"} <= set(words) or {"top", "bottom"} <= set(words):
        msg = f'a place is (x, y) or words such as "top left", "center", "bottom right", not {at!r}'
        raise ValueError(msg)
    across, down = room[0] - size[0], room[1] - size[1]
    x = margin if "left" in words else across - margin if "right" in words else across // 2
    y = margin if "top" in words else down - margin if "bottom" in words else down // 2
    return x, y


def _one_of(word: str, words: tuple[str, ...], what: str) -> None:
    if word not in words:
        msg = f"{what} is one of {', '.join(words)}, not {word!r}"
        raise ValueError(msg)


def _image(picture: Picture) -> Image:
    with needs("image"):
        from PIL import Image
    mode = _MODES[picture.mode]
    if len(picture.pixels) != picture.width * picture.height * len(Image.new(mode, (0, 0)).getbands()):
        msg = f"{picture!r} has {len(picture.pixels):,} bytes of pixels, which is not its size"
        raise ValueError(msg)
    return Image.frombytes(mode, (picture.width, picture.height), picture.pixels)


def _picture(found: Image) -> Picture:
    mode = {"L": "gray", "RGB": "rgb", "RGBA": "rgba"}[found.mode]
    return Picture(width=found.width, height=found.height, mode=mode, pixels=found.tobytes())
