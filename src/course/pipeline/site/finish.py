"""The last step of a page: what the theme wrote made accessible and light, and a content-security policy.

Compacting is ours: minify-html drops empty attributes (an answer's ``value=""``), loses what follows an empty element of
MathML (``<mspace>``), and joins words that stand in neighboring cells of a piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from course.pipeline.base.errors import CourseError
from course.pipeline.site.policy import protect
from course.pipeline.text.markup import scrolling

_GENERATOR = re.compile(r'<meta name="generator" content="([^"]*)"')
Better = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Repair:
    """What the theme writes, and what it should be.

    Attributes:
        mark: the theme writes this as often as ``found``; where it does not, it is another theme than we know.
    """

    why: str
    found: re.Pattern[str]
    better: Better
    mark: str

    def of(self, page: str) -> str:
        """``page``, repaired.

        Raises:
            CourseError: the theme has changed.
        """
        made, count = self.found.subn(self.better, page)
        if count != (wanted := page.count(self.mark)):
            made_by = _GENERATOR.search(page)
            raise CourseError(
                f"The theme has changed ({made_by[1] if made_by else 'which does not say its version'}): a page has "
                f"{self.found.pattern} {count} times, but {self.mark} {wanted} times.",
                hint=f"It is repaired because {self.why}: compare the theme's templates with THEME in site/finish.py.",
            )
        return made


THEME = (
    Repair(
        "a dialog needs a name",  # Zensical gives it one
        re.compile(r'(<div class="md-search" data-md-component="search" role="dialog")(?: aria-label="Search")?(?=>)'),
        r'\1 aria-label="Search"',
        'data-md-component="search"',
    ),
    Repair(
        "a section's label may be empty, so its menu is named by the title in it",
        re.compile(
            r'aria-labelledby="__nav_\w+"(?P<rest>[^<>]*>\s*'
            r'<label class="md-nav__title"[^<>]*>\s*<span[^<>]*></span>\s*(?P<name>[^<]+?)\s*</label>)'
        ),
        r'aria-label="\g<name>"\g<rest>',
        'aria-labelledby="__nav_',
    ),
    Repair(
        "a page is shown before its script is there",
        re.compile(r'<script(?= src="[^"]*javascripts/bundle\.)'),
        "<script defer",
        "</body>",
    ),
)
MARKUP: tuple[tuple[re.Pattern[str], Better], ...] = (
    # HTML knows what an svg is.
    (re.compile(r'<svg xmlns="http://www\.w3\.org/2000/svg"'), "<svg"),
    # A label of a section that is always open.
    (re.compile(r' tabindex=""'), ""),
    # What Pygments puts before code for browsers of the past.
    (re.compile(r"<pre><span></span>"), "<pre>"),
    # Code that is wider than a window scrolls, by keyboard too; assets/learn/theme.js takes this from code that fits.
    (re.compile(r"<pre><code"), '<pre><code tabindex="0"'),
    # What a heading's sign links to, the table of contents does too: no stop for the Tab key at every heading.
    (re.compile(r'<a class="headerlink"'), '<a class="headerlink" tabindex="-1"'),
    # On a phone the menu opens on the list of modules, not on the few lessons of one.
    (re.compile(r'(<input class="md-nav__toggle[^<>]* id="__nav_\d+_\d+")(?: checked)?'), r"\1"),
    # A corner of a table heads nothing.
    (re.compile(r"<th></th>"), "<td></td>"),
    # Without a script nobody can tick the boxes of a list: assets/learn/checklist.js makes them boxes of a form.
    (re.compile(r'<input(?=[^<>]*\btype="checkbox")(?=[^<>]*\bdisabled\b)'), '<input aria-hidden="true"'),
    # The theme's script boxes the others, one by one: no focus in their boxes, and new styles for the whole article.
    (re.compile(r'(?<!aria-label="Table">)<table>.*?</table>', re.S), lambda match: scrolling(match[0])),
)
"""What may stand on a page, and what it should be. Where it does not stand, nothing is missing."""

_TITLE = re.compile(r'<h1(?=[\s>])(?:[^<>]*? id="?(?P<name>[^\s"<>]+)"?)?(?P<rest>[^<>]*)>')
_SKIP = re.compile(r'(<a href=")[^"]*(" class="md-skip")')
_KEPT = re.compile(r"(<(?P<tag>pre|textarea|script|style)\b.*?</(?P=tag)>)", re.S)
_START = re.compile(r"<[a-z][^<>]*[^/<>]>")
_QUOTED = re.compile(r'="([\w.:#%+-][\w./:#%+-]*)"(?=[\s>])(?<!/")')
_SPACE = re.compile(r"\s*\n\s*")
_BLOCK = (
    r"</?(?:article|aside|body|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|head|header|html|li|link|main|meta"
    r"|nav|ol|p|section|summary|t[dhr]|table|tbody|thead|title|ul)\b"
)
_MENU = re.compile(r'<div class="md-sidebar .*?(?=<div class="?md-(?:sidebar|content)\b(?!_))', re.S)
_AROUND = re.compile(rf"\n(?={_BLOCK})|({_BLOCK}[^<>]*>)\n")
_END_OF_CELL = re.compile(r"</t[dh]>(?=<t[dh][\s>]|</tr>)")


def finish(page: str) -> str:
    """``page``, as the theme wrote it, as it is served; nothing of nothing.

    Raises:
        CourseError: the theme writes otherwise than we know.
    """
    if not page:  # a page that is kept
        return page
    for repair in THEME:
        page = repair.of(page)
    for found, better in MARKUP:
        page = found.sub(better, page)
    page = _skip_to_title(page)
    return protect(compact(page))


def _skip_to_title(page: str) -> str:
    """``page``, whose link past the navigation leads to its title; the theme's leads to the first heading with a name."""
    title = _TITLE.search(page)
    if not title:
        return page
    name = title["name"] or "title"
    page = page if title["name"] else _TITLE.sub(rf'<h1 id="{name}"\g<rest>>', page, count=1)
    return _SKIP.sub(rf"\g<1>#{name}\g<2>", page)


def compact(page: str) -> str:
    """``page`` without what HTML can do without: indentation, line ends around blocks, quotation marks around words, and
    the ends of cells, which the next cell or the end of the row says."""
    parts = _KEPT.split(page)  # text, an element kept as it is, its name, text, …
    for place in range(0, len(parts), 3):
        text = _END_OF_CELL.sub("", _AROUND.sub(r"\1", _SPACE.sub("\n", parts[place])))
        # What stands in a sidebar's menu is laid out as blocks, whatever its tags.
        text = _MENU.sub(lambda m: re.sub(r"\n(?=<)|(?<=>)\n", "", m[0]), text)
        parts[place] = _unquoted(text)
    for place in range(1, len(parts), 3):
        if parts[place + 1] == "pre":
            parts[place] = _unquoted(parts[place])
    return "".join(part for place, part in enumerate(parts) if place % 3 < 2).lstrip()


def _unquoted(text: str) -> str:
    return _START.sub(lambda m: _QUOTED.sub(r"=\1", m[0]), text)
