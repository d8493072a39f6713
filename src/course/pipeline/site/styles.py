"""The site's styles as one file: a browser shows nothing before it has them all, and each takes a way there and back."""

from __future__ import annotations

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SHEET = "assets/course.css"
_COMMENT = re.compile(r"/\*.*?\*/\s*", re.S)


def join(config: MkDocsConfig, files: Files) -> None:
    """Put one file in place of those that ``extra_css`` names, in their order. They refer to no other files."""
    found = {name: file for name in config.extra_css if (file := files.get_file_from_path(name))}
    if not found:
        return
    text = "\n".join(_COMMENT.sub("", file.content_string).strip() for file in found.values())
    assert not re.search(r"url\((?![\"']?(?:data:|#))|@import", text)
    for file in found.values():
        files.remove(file)
    files.append(File.generated(config, SHEET, content=f"{text}\n"))
    config.extra_css = [SHEET, *(name for name in config.extra_css if name not in found)]
