"""Pictures as pixels: files of other people decoded within bounds, pixels encoded. It knows nothing of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from ._extras import needs

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""The most pixels of a picture unless the caller asks for more: 200 MB in memory."""

MAX_SIDE = 100_000
READ = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "AVIF")
"""What is read. Pillow knows more, among them EPS, which starts Ghostscript."""

WRITTEN = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "tif": "TIFF", "tiff": "TIFF"} | {
    "bmp": "BMP",
    "avif": "AVIF",
}
_PLAIN = ("L", "RGB", "RGBA")
_TAGS = 200  # of a picture's metadata
_TAG_TEXT = 200


def check_size(width: int, height: int, max_pixels: int, what: str) -> None:
    """Raises ValueError for a picture that is too large, or has no pixels."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= max_pixels):
        msg = f"{what} is {width} x {height} pixels; at least one and at most {max_pixels:,} are taken"
        raise ValueError(msg)


def decode(file: BinaryIO, origin: str, max_pixels: int, small: tuple[int, int] | None = None) -> Image:
    """The first picture in a file, upright (EXIF orientation), in one of the modes L, RGB and RGBA.

    Parameters
    ----------
    small: a JPEG may be decoded at a fraction of its size, no smaller than this.

    Raises
    ------
    ValueError: no picture of a kind that is read, a broken one, one that is too large.
    """
    with needs("image"):
        from PIL import Image, ImageOps
    try:
        with Image.open(file, formats=READ) as found:
            check_size(*found.size, max_pixels, origin)
            if small is not None:
                found.draft("RGB", small)
            found.load()
            return _plain(ImageOps.exif_transpose(found))
    except Exception as error:  # its decoders raise whatever broken bytes lead them to
        raise _refused(error, origin) from error


def describe(file: BinaryIO, origin: str, max_pixels: int) -> dict[str, Any]:
    """Kind, size (as it stands upright), frames and metadata, by the header. Raises as :func:`decode`."""
    with needs("image"):
        from PIL import ExifTags, Image
    try:
        with Image.open(file, formats=READ) as found:
            check_size(*found.size, max_pixels, origin)
            width, height = found.size
            exif = found.getexif()
            if exif.get(ExifTags.Base.Orientation) in (5, 6, 7, 8):
                width, height = height, width
            tags = [*exif.items(), *exif.get_ifd(ExifTags.IFD.Exif).items()][:_TAGS]
            return {
                "format": (found.format or "").lower(),
                "width": width,
                "height": height,
                "frames": int(getattr(found, "n_frames", 1)),
                "exif": {
                    ExifTags.TAGS[tag]: _said(value) for tag, value in tags if tag in ExifTags.TAGS and _is_said(value)
                },
            }
    except Exception as error:
        raise _refused(error, origin) from error


def encode(picture: Image, file: BinaryIO, kind: str, quality: int) -> None:
    """Write a picture. Nothing but pixels goes along: no place, no date, no name of a camera.

    Raises
    ------
    ValueError: a kind that is not written, a quality beyond 1 to 100, a size that the kind has no room for.
    """
    form = WRITTEN.get(kind.lower())
    if form is None:
        msg = f"pictures are written as {', '.join(WRITTEN)}, not {kind!r}"
        raise ValueError(msg)
    if not 1 <= quality <= 100:
        msg = f"a quality is 1 to 100, not {quality}"
        raise ValueError(msg)
    if form in ("JPEG", "BMP") and picture.mode == "RGBA":
        picture = flat(picture, "white")
    try:
        picture.save(file, form, **({"quality": quality} if form in ("JPEG", "WEBP", "AVIF") else {}))
    except (ValueError, OverflowError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk
            raise
        msg = f"the picture ({picture.width} x {picture.height}) cannot be written as {kind}: {error}"
        raise ValueError(msg) from error


def flat(picture: Image, background: str) -> Image:
    """Without transparency: what lies behind it shows ``background``."""
    from PIL import Image

    under = Image.new("RGBA", picture.size, background)
    return Image.alpha_composite(under, picture.convert("RGBA")).convert("RGB")


def _plain(found: Image) -> Image:
    if found.mode in _PLAIN:
        return found
    if found.mode.startswith("I;16") or found.mode == "I":  # 16 bits a pixel
        return found.convert("I").point(lambda level: level / 256).convert("L")
    if found.mode in ("1", "F"):
        return found.convert("L")
    clear = found.has_transparency_data
    return found.convert("RGBA" if clear else "RGB")


def _is_said(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or hasattr(value, "numerator")


def _said(value: Any) -> str | int | float:
    if isinstance(value, str):
        return value.strip("\0 ")[:_TAG_TEXT]
    if isinstance(value, (int, float)):
        return value
    return float(value) if value.denominator else 0.0


def _refused(error: Exception, origin: str) -> ValueError:
    if isinstance(error, ValueError) and str(error).startswith(origin):
        return error
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return ValueError(f"{origin} is no picture of a kind that is read ({', '.join(READ)})")
    if name.startswith("DecompressionBomb"):
        return ValueError(f"{origin} is too large a picture: {error}")
    return ValueError(f"{origin} is a broken picture: {str(error)[:200] or name}")
