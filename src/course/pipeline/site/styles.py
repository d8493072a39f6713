"""The site's styles as one file: a browser shows nothing before it has them all, and each takes a way there and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from course.pipeline.site import math_font

SHEET = "assets/course.css"
_COMMENT = re.compile(r"/\*.*?\*/\s*", re.S)


def joined(sheets: Iterable[str]) -> str:
    """One sheet of the texts ``sheets``, in their order; they refer to no file but the font."""
    text = "\n".join(_COMMENT.sub("", sheet).strip() for sheet in sheets)
    font = f'url("{Path(math_font.FILE).name}")'
    assert not re.search(r"url\((?![\"']?(?:data:|#))|@import", text.replace(font, ""))
    return f"{text}\n"
