"""Converted HTML in pieces, for what has to tell prose from the elements that it must leave alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Attributes may hold a ">".
_TAG = re.compile(r"""<(/?)([a-zA-Z][\w-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>|<!--.*?-->""", re.S)


def pieces(html: str, apart: Callable[[str, str], bool]) -> Iterator[tuple[str, str, str]]:
    """Go through ``html``: together the first two parts of all pieces are the whole of it.

    Args:
        apart: whether an element, given by its name and its attributes as they are written, is one piece with all that
            is in it.

    Yields:
        text; what follows it, which is a tag or an element set apart; and this element's name, empty for a tag.
    """
    at, start, within, depth = 0, 0, "", 0
    for tag in _TAG.finditer(html):
        name = (tag[2] or "").lower()
        if within:
            depth += (-1 if tag[1] else 1) if name == within else 0
            if not depth:
                yield html[at:start], html[start : tag.end()], within
                at, within = tag.end(), ""
        elif name and not tag[1] and apart(name, tag[3]):
            start, within, depth = tag.start(), name, 1
        else:
            yield html[at : tag.start()], tag[0], ""
            at = tag.end()
    if within:  # never closed
        yield html[at:start], html[start:], within
    else:
        yield html[at:], "", ""
