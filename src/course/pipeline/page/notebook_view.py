"""The notebook view: an executed notebook as it looks in JupyterLab, made by nbconvert with mkdocs-jupyter's styles.

mkdocs-jupyter's MkDocs plugin reads every notebook in every build and takes a second to import. Here it gives its styles,
which are kept; a notebook that changed needs nbconvert alone.
"""

from __future__ import annotations

import base64
import functools
import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from markdown.extensions.toc import slugify

from course.pipeline.text import clean, verbatim
from course.pipeline.text.markup import scrolling

STYLES = "assets/notebook.css"
"""The one copy of the styles, relative to the site."""
_FIGURE = re.compile(r'<img[^>]*? src="data:image/svg\+xml;base64,([^"]+)"[^>]*>')
_HEADING = re.compile(
    r'<h(?P<level>[1-6]) id="[^"]*"[^>]*>(?P<inner>.*?)<a class="anchor-link" href="[^"]*">.*?</a></h(?P=level)>', re.S
)


_COLORS = {
    "builtin": "constant", "comment": "comment", "def": "function", "keyword": "keyword", "number": "number",
    "operator": "operator", "punctuation": "punctuation", "string": "string", "variable": "name",
}  # fmt: skip
"""Kinds of tokens as JupyterLab calls them, and as the site's theme does: its colors can be read on its background."""


@dataclass(frozen=True)
class View:
    """The converted notebook as a page: its title, and Markdown whose headings are Markdown and the rest HTML."""

    title: str
    markdown: str


def view(notebook: str) -> View:
    """Convert the text of a notebook of this course for the page ``lessons/SLUG/notebook/``."""
    body, _ = _exporter().from_notebook_node(nbformat.reads(notebook, as_version=4))
    body = clean.prose(body)
    # The styles leave the site's own highlighting alone. What is wider than a phone scrolls, by keyboard too.
    body = body.replace('class="highlight hl-', 'tabindex="0" class="highlight-ipynb hl-')
    body = body.replace('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">')
    # Figures bring their descriptions and follow the theme.
    body = _FIGURE.sub(lambda m: clean.svg(base64.b64decode(m[1]).decode()), body)
    # A downloaded notebook links to its sibling files; here those lessons have pages.
    body = re.sub(r'href="(\d\d_\w+)\.ipynb(#[^"]*)?"', r'href="../../\1/\2"', body)
    body = re.sub(
        r"<table>(.*?)</table>", lambda m: scrolling(f'<table class="prose">{m[1]}</table>'), body, flags=re.S
    )
    page = (
        f'<p class="lesson-kicker"><a href="../">← Back to the lesson</a></p>'
        f'<link rel="stylesheet" href="../../../{STYLES}"><div class="notebook-view"><div class="jupyter-wrapper">'
        f'<div class="jp-Notebook" data-jp-theme-light="true">{body}</div></div></div>'
    )
    titles = (html.unescape(_text(match["inner"])) for match in _HEADING.finditer(page) if match["level"] == "1")
    return View(clean.plain(next(titles, "Notebook")), "\n\n".join(_parts(page)))


def _parts(page: str) -> Iterator[str]:
    at = 0
    for match in _HEADING.finditer(page):
        yield verbatim.block(page[at : match.start()])
        yield _heading(match)
        at = match.end()
    yield verbatim.block(page[at:])


def _heading(match: re.Match[str]) -> str:
    """A heading as Markdown, so that the generator lists it, with the anchor that it has on the lesson's page."""
    name = slugify(html.unescape(_text(match["inner"])), "-")
    inner = re.sub(r"[\\`*_{}\[\]$]", lambda sign: f"&#{ord(sign[0])};", match["inner"].replace("\n", " "))
    return f"{'#' * int(match['level'])} {inner} {{ #{name} }}"


def _text(inner: str) -> str:
    return re.sub(r"<[^>]*>", "", inner).strip()


def styles() -> str:
    """mkdocs-jupyter's styles, which are the same for every notebook, with the theme's colors of code."""
    with tempfile.TemporaryDirectory() as folder:  # in the current one nbconvert would look for settings and templates
        nbformat.write(nbformat.v4.new_notebook(), Path(folder) / "empty.ipynb")
        script = "from mkdocs_jupyter.convert import nb2html; print(nb2html('empty.ipynb'))"
        command = [sys.executable, "-P", "-c", script]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=True)
        theirs = re.findall(r"<style[^>]*>(.*?)</style>", done.stdout, re.S)
    colors = "".join(
        f"--jp-mirror-editor-{name}-color:var(--md-code-hl-{ours}-color);" for name, ours in _COLORS.items()
    )
    ours = f".md-typeset .notebook-view .jupyter-wrapper{{{colors}}}"  # first: theirs end in what is no style
    return "\n".join([ours, *theirs])


@functools.cache
def _exporter() -> Any:
    from nbconvert.exporters.html import HTMLExporter

    # Templates are programs: without the last argument, those in the current folder would come first.
    return HTMLExporter(template_name="lab", template_file="base.html.j2", extra_template_basedirs=[])
