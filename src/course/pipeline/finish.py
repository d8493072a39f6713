"""The last step of a page: what the theme wrote made accessible and light, and a content-security policy."""

from __future__ import annotations

import re

from course.pipeline.policy import protect

_KEPT = re.compile(r"(<(?P<tag>pre|textarea|script|style)\b.*?</(?P=tag)>)", re.S)
_START = re.compile(r"<[a-z][^<>]*[^/<>]>")
_QUOTED = re.compile(r'="([\w.:#%+-][\w./:#%+-]*)"(?=[\s>])(?<!/")')
_SPACE = re.compile(r"\s*\n\s*")
_BETTER = {
    # A dialog needs a name.
    '<div class="md-search" data-md-component="search" role="dialog">':
    '<div class="md-search" data-md-component="search" role="dialog" aria-label="Search">',
    # HTML knows what an svg is.
    '<svg xmlns="http://www.w3.org/2000/svg"': "<svg",
    # A label of a section that is always open.
    ' tabindex=""': "",
    # The boxes of a list to check: nobody can tick them, the text says what to do.
    '<input type="checkbox" disabled': '<input type="checkbox" disabled aria-hidden="true"',
}  # fmt: skip
"""What the theme and Markdown write, and what it should be."""


_SECTION = re.compile(
    r'aria-labelledby="\w+"(?P<rest>[^<>]*>\s*'
    r'<label class="md-nav__title"[^<>]*>\s*<span[^<>]*></span>\s*(?P<name>[^<]+?)\s*</label>)'
)
_THEME_SCRIPT = re.compile(r'<script(?= src="[^"]*javascripts/bundle\.)')


def finish(page: str) -> str:
    """``page`` as it is served."""
    for found, better in _BETTER.items():
        page = page.replace(found, better)
    page = _SECTION.sub(r'aria-label="\g<name>"\g<rest>', page)  # the label that it names may be empty
    page = _THEME_SCRIPT.sub("<script defer", page)  # a page is shown before its script is there
    return protect(compact(page))


def compact(page: str) -> str:
    """``page`` without what HTML can do without: the indentation of templates, and quotation marks around plain words."""
    parts = _KEPT.split(page)  # text, an element kept as it is, its name, text, …
    for place in range(0, len(parts), 3):
        parts[place] = _START.sub(lambda m: _QUOTED.sub(r"=\1", m[0]), _SPACE.sub("\n", parts[place]))
    return "".join(part for place, part in enumerate(parts) if place % 3 < 2).lstrip()
