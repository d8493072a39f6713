"""The MkDocs plugin: lesson pages, downloads and the ledger are generated, so ``mkdocs serve`` and mike just work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from course.pipeline import downloads, markup, render, wheel, widgets
from course.pipeline.capture import ROOT
from course.pipeline.errors import CourseError
from course.pipeline.lesson import MODULES
from course.pipeline.store import LESSONS, Bundle, load

LESSON_LIST = "<!-- lessons -->"
LEDGER = "<!-- ledger -->"
NOTEBOOK_CSS = "assets/notebook.css"
VIEW_FOLDER = Path("build/notebook-view")
"""Where notebooks wait for mkdocs-jupyter, which reads real files only."""


class CourseConfig(Config):
    lessons = config_options.Type(str, default=str(LESSONS))
    captures = config_options.Type(str, default=str(ROOT))
    profile = config_options.Type(str, default="laptop")


class CoursePlugin(BasePlugin[CourseConfig]):
    """Adds every lesson that has a capture to the site."""

    bundles: list[Bundle]
    pages: dict[str, render.Page]

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        root = Path(config.config_file_path).parent
        try:
            self.bundles = load(root / self.config.lessons, root / self.config.captures, self.config.profile)
        except CourseError as error:
            raise PluginError(str(error)) from error
        if problems := [str(problem) for bundle in self.bundles for problem in bundle.problems()]:
            raise PluginError("\n".join(problems))
        self.pages = {}
        if config.nav:
            config.nav = [
                _lessons_nav(self.bundles) if entry == {"Lessons": "lessons/"} else entry for entry in config.nav
            ]
        return config

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        root = Path(config.config_file_path).parent
        lessons = {bundle.lesson.number: bundle.lesson.slug for bundle in self.bundles}
        files.append(File.generated(config, f"downloads/{wheel.NAME}", content=wheel.build(root)))
        for bundle in self.bundles:
            slug = bundle.lesson.slug
            try:
                page = render.page(bundle, lessons, downloads.offered(slug, wheel.NAME))
                offered = downloads.files(bundle, lessons, wheel.NAME, config.site_url or "")
            except CourseError as error:
                raise PluginError(str(error)) from error
            uri = f"lessons/{slug}.md"
            self.pages[uri] = page
            files.append(File.generated(config, uri, content=page.markdown))
            for name, content in {**offered, **page.files}.items():
                # MkDocs would make a page of a file that ends in .md: static files are added as bytes of another kind
                files.append(_static(config, f"lessons/{slug}/{name}", content))
            files.append(self._notebook_view(config, root, slug, offered[f"{slug}.executed.ipynb"]))
        return files

    def _notebook_view(self, config: MkDocsConfig, root: Path, slug: str, notebook: str) -> File:
        uri = f"lessons/{slug}/notebook.ipynb"
        path = root / VIEW_FOLDER / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != notebook:
            path.write_text(notebook, encoding="utf-8")
        return File(uri, str(root / VIEW_FOLDER), config.site_dir, config.use_directory_urls)

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        up = "../" * page.url.rstrip("/").count("/") + ("../" if page.url.strip("./") else "")
        for marker, make in ((LESSON_LIST, render.lesson_list), (LEDGER, render.ledger)):
            if marker in markdown:
                token = f"fragment-{make.__name__}-end"
                self.pages[page.file.src_uri] = render.Page("", {token: make(self.bundles, f"{up}lessons/")})
                markdown = markdown.replace(marker, token)
        return self._placed(markdown, page)

    def _placed(self, markdown: str, page: Page) -> str:
        """A hand-written page with its interactive pieces; those of lessons are in place already."""
        made = self.pages.get(page.file.src_uri, render.Page(""))

        def show(placed: widgets.Placed) -> str:
            token = f"fragment-widget-{placed.piece.name}-end"
            made.fragments[token] = placed.html()
            return token

        def fail(message: str, line: int, hint: str) -> CourseError:
            above = page.file.content_string.count("\n") - markdown.count("\n")  # the front matter
            return CourseError(message, Path(page.file.abs_src_path or ""), above + line + 1, hint)

        try:
            markdown = widgets.place(markdown, show, fail, set())
        except CourseError as error:
            raise PluginError(str(error)) from error
        if made.fragments:
            self.pages[page.file.src_uri] = made
        return markdown

    def on_page_content(self, html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        try:
            html = markup.lighten_code(markup.math_to_mathml(html))
        except CourseError as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error
        if made := self.pages.get(page.file.src_uri):
            html = made.fill(html)
        if page.file.src_uri.endswith("/notebook.ipynb"):
            html = self._shared_notebook_css(html, config)
        return html

    def _shared_notebook_css(self, html: str, config: MkDocsConfig) -> str:
        """mkdocs-jupyter puts hundreds of kilobytes of CSS and foreign scripts on each page: keep one copy."""
        styles = re.findall(r"<style[^>]*>(.*?)</style>", html, re.S)
        target = Path(config.site_dir) / NOTEBOOK_CSS
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(styles), encoding="utf-8")
        html = re.sub(r"<style[^>]*>.*?</style>|<script.*?</script>", "", html, flags=re.S)
        # A downloaded notebook links to its sibling files; here those lessons have pages.
        html = re.sub(r'href="(\d\d_\w+)\.ipynb(#[^"]*)?"', r'href="../../\1/\2"', html)
        return f'<link rel="stylesheet" href="../../../{NOTEBOOK_CSS}"><div class="notebook-view">{html}</div>'

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        server.watch(self.config.lessons)
        server.watch(self.config.captures)
        return server


def _static(config: MkDocsConfig, uri: str, content: str) -> File:
    """A file copied as it is, whatever its name ends in."""
    file = File.generated(config, f"{uri}.static", content=content)
    file.dest_uri = uri
    return file


def _lessons_nav(bundles: list[Bundle]) -> dict[str, Any]:
    modules = []
    for number, name in MODULES.items():
        entries = [
            {f"{b.lesson.number:02} {b.lesson.header.title}": f"lessons/{b.lesson.slug}.md"}
            for b in bundles
            if b.lesson.header.module == number
        ]
        if entries:
            modules.append({name: entries})
    return {"Lessons": modules}
