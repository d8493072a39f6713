"""The content-security policy of a page: only scripts of the site itself run, and nothing is asked of another host.

It stands in the page, so it holds wherever the site is hosted. Material writes a few short scripts into each page; they
are allowed by their hashes, and none that stands in the page's content is. Styles may be inline: Material's own, those of
figures, and MathML of browsers that lay it out by style attributes; a style can neither run nor, with the other rules, reach
another host.
"""

from __future__ import annotations

import base64
import hashlib
import re

from course.pipeline.base.errors import CourseError

_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.S)
_CONTENT = re.compile(r"<article\b.*</article>", re.S)
_META = re.compile(r'<meta charset="?utf-8"?>', re.I)


def protect(page: str) -> str:
    """``page`` with its policy, right after the line that says how to read it: nothing comes before.

    Raises:
        CourseError: the page has no such line, and would have no policy.
    """
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_policy(page)}">'
    made, count = _META.subn(lambda m: m[0] + policy, page, count=1)
    if not count:
        raise CourseError(f"A page has no {_META.pattern}, after which its content-security policy would stand.")
    return made


def _policy(page: str) -> str:
    content = _CONTENT.search(page)
    never = set(_inline(content[0])) if content else set()
    hashes = [f"'sha256-{_hash(code)}'" for code in dict.fromkeys(_inline(page)) if code not in never]
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *hashes],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],  # icons in Material's styles, images in notebooks
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    }
    return "; ".join(" ".join([name, *sources]) for name, sources in rules.items())


def _inline(page: str) -> list[str]:
    return [match["code"] for match in _SCRIPT.finditer(page) if _runs(match["attributes"])]


def _runs(attributes: str) -> bool:
    """Whether an element's own text is run: it is no data, and has no address to be fetched from."""
    return not re.search(r"\bsrc=|\btype=\"?application/(?:ld\+)?json", attributes)


def _hash(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
