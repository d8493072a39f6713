"""The whole site as one zip that works from a disk, by ``file:``, and from any server at any path.

Pages are those of the site, with what a disk cannot do put right: links name the file that a server would send for a
folder, modules are one classic script (:mod:`course.pipeline.site.js_modules`), and the search index is a script too.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from course.pipeline.site import js_modules

SCRIPT, RUNTIME = "assets/course.js", "assets/portable.js"
LEFT_OUT = re.compile(
    r"404\.html|sitemap\.xml(?:\.gz)?|feed\.xml|llms\.txt|manifest\.webmanifest|sw\.js|offline\.json|assets/cards/.*"
    r"|.*\.zip|.*\.map|assets/javascripts/lunr/.*"
)
"""What only a server, a crawler or a developer uses. (Search in English needs none of lunr's other languages.)"""
_SCRIPT = re.compile(r'<script\b(?P<attributes>[^>]*\btype=["\']?module\b[^>]*)></script>\s*')
_HREF = re.compile(r'(?P<before><a\b[^>]*?\shref=|<link\b[^>]*?\shref=)(?P<quote>["\']?)(?P<url>[^"\'\s>]+)(?P=quote)')
_POLICY = re.compile(r'<meta\b[^>]*http-equiv="?Content-Security-Policy[^>]*>')
_SERVED = re.compile(
    r'<link\b[^>]*\brel="?(?:manifest|alternate)\b[^>]*>|<(?P<tag>\w+)\b[^>]*\bdata-online\b.*?</(?P=tag)>', re.S
)


def pack(site: Path, runtime: str, name: str) -> bytes:
    """The zip, whose only folder is ``name``; the same site gives the same bytes.

    Args:
        runtime: the script that runs the joined modules, ``docs/assets/portable.js``.

    Raises:
        CourseError: a module that cannot be joined.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(_files(site, runtime)):
            entry = zipfile.ZipInfo(f"{name}/{path}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def _files(site: Path, runtime: str) -> Iterator[tuple[str, bytes]]:
    joined: dict[str, str] = {}
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        if path.is_dir() or LEFT_OUT.fullmatch(name):
            continue
        if path.suffix == ".html":
            yield name, page(path.read_text(encoding="utf-8"), name, site).encode()
        elif path.suffix == ".js" and not name.startswith("assets/javascripts/"):
            joined[name] = path.read_text(encoding="utf-8")
        elif name == "search/search_index.json":
            index = json.loads(path.read_bytes())
            for entry in index["docs"]:
                entry["location"] = _filed(f"./{entry['location']}", "", site)
            # The theme looks for this variable in this file.
            yield "search/search_index.js", f"var __index = {json.dumps(index, ensure_ascii=False)}".encode()
            yield name, json.dumps(index, ensure_ascii=False).encode()
        else:
            yield name, path.read_bytes()
    yield SCRIPT, f'(() => {{\n"use strict";\nconst modules = {js_modules.join(joined)};\n{runtime}}})();\n'.encode()


def page(text: str, name: str, site: Path) -> str:
    """The page ``name`` of ``site`` as it works from a disk."""
    folder = posixpath.dirname(name)
    entries: list[str] = []

    def module(match: re.Match[str]) -> str:
        (source,) = re.findall(r'\bsrc=["\']?([^"\'\s>]+)', match["attributes"])
        entries.append(posixpath.normpath(posixpath.join(folder, source)))
        return ""

    def link(match: re.Match[str]) -> str:
        return f'{match["before"]}"{_filed(match["url"], folder, site)}"'

    text = _SERVED.sub("", _SCRIPT.sub(module, text))
    text = _POLICY.sub(lambda found: re.sub(r"('|&#39;|&#x27;)self\1", r"\g<0> file:", found[0]), text)
    text = _HREF.sub(link, text)
    if entries:  # before the theme's own script, which starts the worker
        up = posixpath.relpath(SCRIPT, folder)
        run = f'<script src="{up}" data-modules="{" ".join(entries)}"></script>\n'
        text = re.sub(r'(?=<script\b[^>]*\bsrc="?[^\s">]*/?assets/javascripts/bundle\.)', run, text, count=1)
    return text


def _filed(url: str, folder: str, site: Path) -> str:
    """A relative address of a folder of the site as that of the page in it; any other as it is."""
    path, rest = re.fullmatch(r"([^?#]*)(.*)", url, re.S).groups()  # type: ignore[union-attr]  # matches anything
    if not path or re.match(r"[\w+.-]+:|/", path) or not (site / folder / path).is_dir():
        return url
    return posixpath.normpath(posixpath.join(path, "index.html")) + rest


def name_of(title: str) -> str:
    """``title`` as the name of a file anywhere."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "site"
