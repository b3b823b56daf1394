"""``cflow graph``: one flow as a picture, in the form that the name of the output file asks for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import attrs

from ...engine import default_engine
from ...whole import write_whole
from ..arguments import Usage
from ..output import emit
from ..target import open_flow, report_wrong
from .model import Drawing, draw


def execute(arguments: argparse.Namespace) -> int:
    """Draws; exit code 0, or 2 where the file is wrong."""
    writer = _writer(arguments.output)
    with report_wrong() as wrong:
        text = writer(draw(default_engine().compiled(open_flow(arguments.target, arguments.allow)).graph))
        if arguments.output is None:
            emit(text if isinstance(text, str) else "", end="")
        else:
            write_whole(Path(arguments.output), text.encode() if isinstance(text, str) else text)
    return wrong.code


def _writer(output: str | None) -> Callable[[Drawing], str | bytes]:
    suffix = ".mmd" if output is None else Path(output).suffix.lower()
    match suffix:
        case ".mmd" | ".md":
            from .mermaid import to_mermaid

            return to_mermaid
        case ".svg":
            from .svg import to_svg

            return to_svg
        case ".png":
            return _png
        case ".json":
            return _json
    raise Usage(f"cflow graph: cannot tell the form of {output}: its name should end in .svg, .png, .mmd or .json")


def _png(drawing: Drawing) -> bytes:
    from .png import to_png

    try:
        return to_png(drawing)
    except ImportError:
        raise Usage("cflow graph: PNG needs Pillow: pip install 'conductor-cflow[png]' (or ask for .svg)") from None


def _json(drawing: Drawing) -> str:
    return json.dumps(attrs.asdict(drawing), indent=2, ensure_ascii=False) + "\n"
