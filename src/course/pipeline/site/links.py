"""Every link of a page leads somewhere: to a file of the site, and to a place in it that is there."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_CONTENT = re.compile(r"<article\b.*</article>", re.S)
_TAG = re.compile(r"<[a-zA-Z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE = re.compile(r"""\s(id|name|href)=(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
_ELSEWHERE = re.compile(r"[\w+.-]+:|//")
_THEME = "__"
"""How anchors begin that the theme's own scripts answer to."""


@dataclass(frozen=True)
class Links:
    """The anchors in a page, and the addresses that its content links to."""

    anchors: frozenset[str]
    addresses: frozenset[str]


def read(page: str) -> Links:
    """The links in the HTML of a finished page."""
    content = _CONTENT.search(page)
    anchors: set[str] = set()
    addresses: set[str] = set()
    for tag in _TAG.finditer(content[0] if content else page):
        for name, *written in _ATTRIBUTE.findall(tag[0]):
            value = html.unescape("".join(written))
            (addresses if name == "href" else anchors).add(value)
    return Links(frozenset(anchors), frozenset(filter(lambda a: not _ELSEWHERE.match(a), addresses)))


def broken(pages: Mapping[str, Links], files: Collection[str], told: str = "") -> list[str]:
    """A sentence for each link that leads nowhere.

    Args:
        pages: the links of every page, by the page's path in the site.
        files: the paths of all files of the site.
        told: what was said already, in which an address stands in quotation marks; it is not said again.
    """
    found = []
    for path, links in sorted(pages.items()):
        for address in sorted(address for address in links.addresses if repr(address) not in told):
            target, _, anchor = address.partition("#")
            target, anchor = unquote(target.partition("?")[0]), unquote(anchor)
            goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
            if goal not in files:
                goal = posixpath.normpath(posixpath.join(goal, "index.html"))
            if goal not in files:
                found.append(f"{path} links to {address!r}, which is not on the site.")
            elif anchor and goal in pages and anchor not in pages[goal].anchors and not anchor.startswith(_THEME):
                found.append(f"{path} links to {address!r}, but there is no such place on that page.")
    return found
