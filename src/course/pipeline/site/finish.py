"""The last step of a page: what the theme wrote made accessible and light, and a content-security policy."""

from __future__ import annotations

import re

from course.pipeline.site.policy import protect
from course.pipeline.text.markup import scrolling

_KEPT = re.compile(r"(<(?P<tag>pre|textarea|script|style)\b.*?</(?P=tag)>)", re.S)
_START = re.compile(r"<[a-z][^<>]*[^/<>]>")
_QUOTED = re.compile(r'="([\w.:#%+-][\w./:#%+-]*)"(?=[\s>])(?<!/")')
_SPACE = re.compile(r"\s*\n\s*")
_BLOCK = (
    r"</?(?:article|aside|body|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|head|header|html|li|link|main|meta"
    r"|nav|ol|p|section|summary|t[dhr]|table|tbody|thead|title|ul)\b"
)
_AROUND = re.compile(rf"\n(?={_BLOCK})|({_BLOCK}[^<>]*>)\n")
_MENU = re.compile(r'<div class="md-sidebar .*?(?=<div class="?md-(?:sidebar|content)\b(?!_))', re.S)
_BETTER = {
    # A dialog needs a name.
    '<div class="md-search" data-md-component="search" role="dialog">':
    '<div class="md-search" data-md-component="search" role="dialog" aria-label="Search">',
    # HTML knows what an svg is.
    '<svg xmlns="http://www.w3.org/2000/svg"': "<svg",
    # A label of a section that is always open.
    ' tabindex=""': "",
    # What Pygments puts before code for browsers of the past.
    "<pre><span></span>": "<pre>",
    # Code that is wider than a window scrolls, by keyboard too; assets/learn/theme.js takes this from code that fits.
    "<pre><code": '<pre><code tabindex="0"',
    # A corner of a table heads nothing.
    "<th></th>": "<td></td>",
}  # fmt: skip
"""What the theme and Markdown write, and what it should be."""


_SECTION = re.compile(
    r'aria-labelledby="\w+"(?P<rest>[^<>]*>\s*'
    r'<label class="md-nav__title"[^<>]*>\s*<span[^<>]*></span>\s*(?P<name>[^<]+?)\s*</label>)'
)
_BOX = re.compile(r'<input(?=[^<>]*\btype="checkbox")(?=[^<>]*\bdisabled\b)')
_BARE_TABLE = re.compile(r'(?<!aria-label="Table">)<table>.*?</table>', re.S)
_THEME_SCRIPT = re.compile(r'<script(?= src="[^"]*javascripts/bundle\.)')


def finish(page: str) -> str:
    """``page`` as it is served."""
    for found, better in _BETTER.items():
        page = page.replace(found, better)
    page = _SECTION.sub(r'aria-label="\g<name>"\g<rest>', page)  # the label that it names may be empty
    page = _BOX.sub('<input aria-hidden="true"', page)  # nobody can tick the boxes of a list, its text says what to do
    # The theme's script boxes the others, one by one: no focus in their boxes, and new styles for the whole article.
    page = _BARE_TABLE.sub(lambda m: scrolling(m[0]), page)
    page = _THEME_SCRIPT.sub("<script defer", page)  # a page is shown before its script is there
    return protect(compact(page))


def compact(page: str) -> str:
    """``page`` without what HTML can do without: indentation, line ends around blocks, quotation marks around words."""
    parts = _KEPT.split(page)  # text, an element kept as it is, its name, text, …
    for place in range(0, len(parts), 3):
        text = _AROUND.sub(r"\1", _SPACE.sub("\n", parts[place]))
        # What stands in a sidebar's menu is laid out as blocks, whatever its tags.
        text = _MENU.sub(lambda m: re.sub(r"\n(?=<)|(?<=>)\n", "", m[0]), text)
        parts[place] = _START.sub(lambda m: _QUOTED.sub(r"=\1", m[0]), text)
    return "".join(part for place, part in enumerate(parts) if place % 3 < 2).lstrip()
