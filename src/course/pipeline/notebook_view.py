"""The notebook view: an executed notebook as it looks in JupyterLab, made by mkdocs-jupyter's converter.

The converter alone is used, not its MkDocs plugin, which reads every notebook in every build.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

STYLES = "assets/notebook.css"
"""The one copy of the styles, relative to the site: the converter repeats hundreds of kilobytes on each page."""
_HEADING = re.compile(r'<h([1-6]) id="([^"]*)"[^>]*>(.*?)<a class="anchor-link"', re.S)


@dataclass(frozen=True)
class View:
    """The converted notebook: its title, HTML, and headings as Python-Markdown's nested ``toc_tokens``."""

    title: str
    html: str
    headings: list[dict[str, Any]]


def view(notebook: str) -> View:
    """Convert the text of a notebook of this course for the page ``lessons/SLUG/notebook/``."""
    from markdown.extensions.toc import nest_toc_tokens

    html = re.sub(r"<style[^>]*>.*?</style>|<script.*?</script>", "", _converted(notebook), flags=re.S)
    # A downloaded notebook links to its sibling files; here those lessons have pages.
    html = re.sub(r'href="(\d\d_\w+)\.ipynb(#[^"]*)?"', r'href="../../\1/\2"', html)
    found = [
        {"level": int(level), "id": name, "name": re.sub(r"<[^>]*>", "", text).strip()}
        for level, name, text in _HEADING.findall(html)
    ]
    title = next((heading["name"] for heading in found if heading["level"] == 1), "Notebook")
    page = f'<link rel="stylesheet" href="../../../{STYLES}"><div class="notebook-view">{html}</div>'
    return View(title, page, nest_toc_tokens(found))


def styles() -> str:
    """The styles, which are the same for every notebook."""
    empty = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "", "display_name": "", "language": "python"}})
    return "\n".join(re.findall(r"<style[^>]*>(.*?)</style>", _converted(json.dumps(empty)), re.S))


def _converted(notebook: str) -> str:
    from mkdocs_jupyter.convert import nb2html  # slow to import, and most builds convert nothing

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notebook.ipynb"
        path.write_text(notebook, encoding="utf-8")
        return str(nb2html(str(path), allow_errors=False))
