"""The whole site as one zip that works from a disk, by ``file:``, and from any server at any path.

Pages are those of the site, with what a disk cannot do put right: links name the file that a server would send for a
folder, modules are texts in one classic script, which imports them from memory (``docs/assets/portable.js``), and the
search index is a script too.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from course.pipeline.base.errors import CourseError

SCRIPT, RUNTIME = "assets/course.js", "assets/portable.js"
LEFT_OUT = re.compile(
    r"404\.html|sitemap\.xml(?:\.gz)?|feed\.xml|llms\.txt|manifest\.webmanifest|sw\.js|offline\.json|assets/cards/.*"
    r"|.*\.zip|.*\.map|assets/javascripts/lunr/.*"
)
"""What only a server, a crawler or a developer uses. (Search in English needs none of lunr's other languages.)"""
_SCRIPT = re.compile(r'<script\b(?P<attributes>[^>]*\btype=["\']?module\b[^>]*)></script>\s*')
_HREF = re.compile(r'(?P<before><a\b[^>]*?\shref=|<link\b[^>]*?\shref=)(?P<quote>["\']?)(?P<url>[^"\'\s>]+)(?P=quote)')
_POLICY = re.compile(r'<meta\b[^>]*http-equiv="?Content-Security-Policy[^>]*>')
_THEME_SCRIPT = re.compile(r'<script\b[^>]*\bsrc="?[^\s">]*/?assets/javascripts/bundle\.')
_SERVED = re.compile(
    r'<link\b[^>]*\brel="?(?:manifest|alternate)\b[^>]*>|<(?P<tag>\w+)\b[^>]*\bdata-online\b.*?</(?P=tag)>', re.S
)


def pack(site: Path, runtime: str, name: str) -> bytes:
    """The zip, whose only folder is ``name``; the same site gives the same bytes.

    Args:
        runtime: what runs the modules, ``docs/assets/portable.js``.

    Raises:
        CourseError: a page that the theme wrote otherwise than we know.
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
    modules: dict[str, str] = {}
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        if path.is_dir() or LEFT_OUT.fullmatch(name):
            continue
        if path.suffix == ".html":
            yield name, page(path.read_text(encoding="utf-8"), name, site).encode()
        elif path.suffix == ".js" and not name.startswith("assets/javascripts/"):
            modules[name] = path.read_text(encoding="utf-8")
        elif name == "search/search_index.json":
            index = json.loads(path.read_bytes())
            for entry in index["docs"]:
                entry["location"] = _filed(f"./{entry['location']}", "", site)
            # The theme looks for this variable in this file.
            yield "search/search_index.js", f"var __index = {json.dumps(index, ensure_ascii=False)}".encode()
            yield name, json.dumps(index, ensure_ascii=False).encode()
        else:
            yield name, path.read_bytes()
    yield SCRIPT, script(modules, runtime).encode()


def script(modules: Mapping[str, str], runtime: str) -> str:
    """The one script of the copy: the texts of the ``modules``, by their path in the site, and what runs them."""
    texts = json.dumps(dict(sorted(modules.items())), ensure_ascii=False, indent=0)
    return f'(() => {{\n"use strict";\nconst modules = {texts};\n{runtime}}})();\n'


def page(text: str, name: str, site: Path) -> str:
    """The page ``name`` of ``site`` as it works from a disk.

    Raises:
        CourseError: the page has not what is replaced: the theme has changed.
    """
    folder = posixpath.dirname(name)
    entries: list[str] = []

    def module(match: re.Match[str]) -> str:
        (source,) = re.findall(r'\bsrc=["\']?([^"\'\s>]+)', match["attributes"])
        entries.append(posixpath.normpath(posixpath.join(folder, source)))
        return ""

    def link(match: re.Match[str]) -> str:
        return f'{match["before"]}"{_filed(match["url"], folder, site)}"'

    text = _SERVED.sub("", _SCRIPT.sub(module, text))
    text = _once(_POLICY, lambda found: _from_disk(found[0]), text, name)
    text = _HREF.sub(link, text)
    if entries:  # before the theme's own script, which starts the worker
        up = posixpath.relpath(SCRIPT, folder)
        run = f'<script src="{up}" data-modules="{" ".join(entries)}"></script>\n'
        text = _once(_THEME_SCRIPT, lambda found: run + found[0], text, name)
    return text


def _from_disk(policy: str) -> str:
    """A policy that takes files for the site itself, and lets scripts import what is in memory."""
    return re.sub(r"('|&#39;|&#x27;)self\1", r"\g<0> file:", policy).replace("script-src ", "script-src blob: ")


def _once(found: re.Pattern[str], better: Callable[[re.Match[str]], str], page: str, name: str) -> str:
    text, count = found.subn(better, page)
    if count != 1:
        raise CourseError(f"The page {name} has {found.pattern} {count} times instead of once: the theme has changed.")
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
