"""A Markdown extension: highlighted code with short elements.

Pygments writes an element for every word and sign, which was a third of what a lesson weighs.
"""

from __future__ import annotations

import re
from typing import Any

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor

_TAGS = ("b", "i", "u", "var")
_KINDS = {
    **dict.fromkeys(("n", "p", "w", "o", "kc", "nb", "bp"), ""), **dict.fromkeys(("k", "kn", "ow"), "b"),
    **dict.fromkeys(("c1", "sd"), "i"), **dict.fromkeys(("s1", "s2", "sa", "si"), "u"), **dict.fromkeys(("mf", "mi"), "var"),
}  # fmt: skip
"""What Pygments's kinds of tokens in Python become; others stay as they are."""
_TAG = re.compile(r"<[^>]*>")
_TOKEN = re.compile(r'<span class="([a-z][a-z0-9]?)">([^<]*)</span>')
_RUN = re.compile(r"<([biu])>([^<]*(?:</\1>\s*<\1>[^<]*)+)</\1>")


def lighten_code(page: str) -> str:
    """Highlighted code with short elements for few colors.

    Keywords are ``<b>``, comments ``<i>``, strings ``<u>`` and numbers ``<var>``, which tell them apart without our styles
    too; names and signs are plain text. Neighbors of one kind share an element.
    """

    def token(match: re.Match[str]) -> str:
        kind, text = match.groups()
        tag = _KINDS.get(kind, kind)
        return f"<{tag}>{text}</{tag}>" if tag in _TAGS else f"<span class={tag}>{text}</span>" if tag else text

    return _RUN.sub(lambda m: f"<{m[1]}>{_TAG.sub('', m[2])}</{m[1]}>", _TOKEN.sub(token, page))


class _Code(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, text: str) -> str:
        return lighten_code(text)


class LeanExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    def extendMarkdown(self, md: Markdown) -> None:
        md.postprocessors.register(_Code(md), "lean-code", 9)  # after highlighted code is in its place


def makeExtension(**settings: Any) -> LeanExtension:
    """What Markdown calls for an extension that is named by its module."""
    return LeanExtension(**settings)
