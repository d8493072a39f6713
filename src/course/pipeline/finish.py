"""The last step of a page: the theme's HTML made accessible and light, and its content-security policy."""

from __future__ import annotations

import re

from course.pipeline.policy import protect

_KEPT = re.compile(r"(<(?P<tag>pre|textarea|script|style)\b.*?</(?P=tag)>)", re.S)
_SPACE = re.compile(r"\s*\n\s*")
_THEME = (('<div class="md-search" data-md-component="search" role="dialog">',
           '<div class="md-search" data-md-component="search" role="dialog" aria-label="Search">'),)  # fmt: skip
"""What Material's templates lack."""


def finish(page: str) -> str:
    """``page`` as it is served."""
    for found, better in _THEME:
        page = page.replace(found, better)
    return protect(compact(page))


def compact(page: str) -> str:
    """``page`` without the indentation of templates, which browsers show as one space or none."""
    parts = _KEPT.split(page)  # text, an element kept as it is, its name, text, …
    for place in range(0, len(parts), 3):
        parts[place] = _SPACE.sub("\n", parts[place])
    return "".join(part for place, part in enumerate(parts) if place % 3 < 2).lstrip()
