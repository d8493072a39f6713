"""The YAML block at the top of a Markdown page, which site generators read as the page's metadata."""

from __future__ import annotations

import re
from typing import Any

import yaml

from course.pipeline.text.spans import inside

_BLOCK = re.compile(r"\A---[ \t]*\n(?P<yaml>.*?)^---[ \t]*(?:\n|\Z)", re.S | re.M)
_TITLE = re.compile(r"^#[ \t]+(?P<title>.+?)[ \t]*(?:#+[ \t]*)?(?:\{[^{}\n]*\}[ \t]*)?$", re.M)


def split(text: str) -> tuple[dict[str, Any], str]:
    """The metadata of a page and its Markdown; no metadata where the block is missing or is not a mapping."""
    block = _BLOCK.match(text)
    if not block:
        return {}, text
    try:
        found = yaml.safe_load(block["yaml"])
    except yaml.YAMLError:
        return {}, text
    return (found, text[block.end() :]) if isinstance(found, dict) else ({}, text)


def joined(meta: dict[str, Any], markdown: str) -> str:
    """A page of its metadata and Markdown."""
    return f"---\n{yaml.safe_dump(meta, sort_keys=False, allow_unicode=True, width=10_000)}---\n\n{markdown.lstrip()}"


def title(meta: dict[str, Any], markdown: str) -> str | None:
    """The page's title: as its metadata say, else its first heading."""
    if "title" in meta:
        return str(meta["title"])
    is_code = inside(markdown, "code")
    return next((found["title"] for found in _TITLE.finditer(markdown) if not is_code(found.start())), None)
