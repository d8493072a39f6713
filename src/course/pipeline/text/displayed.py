"""What a cell of a plain lesson may display, as a page can hold it: an image, clean HTML, or text.

A lesson of the course records its figures and tables as data instead; see :mod:`course.record`.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course.pipeline.text import clean, commonmark

IMAGES = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}


@dataclass(frozen=True)
class Image:
    """An image: ``content`` is SVG, or base64 of another format. ``name`` is made from it."""

    name: str
    content: str


def shown(data: Mapping[str, Any]) -> Image | str | None:
    """The richest representation in a bundle of MIME types that a page can hold; HTML as text, or nothing.

    HTML is cleaned: no script, style, form or frame, and only such addresses as a link may have.
    """
    for kind, suffix in IMAGES.items():
        if kind in data:
            content = "".join(data[kind]).strip()
            content = clean.svg(content) if suffix == ".svg" else content
            return Image(hashlib.sha256(content.encode()).hexdigest()[:16] + suffix, content)
    for kind, to_html in (
        ("text/html", str),
        ("text/markdown", commonmark.to_html),
        ("text/latex", commonmark.to_html),
    ):
        made = clean.output(to_html("".join(data[kind]))) if kind in data else ""
        if re.sub(r"<[^>]*>", "", made).strip():
            return made
    return None


def image_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of an image in CSS pixels, with which a page keeps its place free; nothing if they are not told."""
    if content.lstrip().startswith(b"<"):
        head = content[: content.find(b">", content.find(b"<svg"))].decode("utf-8", "replace")
        sides = [re.search(rf'\s{side}="([\d.]+)(pt|px)?"', head) for side in ("width", "height")]
        points = [float(side[1]) * (4 / 3 if side[2] == "pt" else 1) for side in sides if side]
        return (round(points[0]), round(points[1])) if len(points) == 2 else None
    from PIL import Image as Pillow  # comes with matplotlib

    try:
        with Pillow.open(io.BytesIO(content)) as image:
            return image.size
    except (OSError, Pillow.DecompressionBombError):  # damaged, of a kind that only browsers know, or meant to harm
        return None
