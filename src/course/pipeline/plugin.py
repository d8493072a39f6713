"""The MkDocs plugin: lesson pages, downloads and the ledger are generated, so ``mkdocs serve`` and mike just work."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc
from mkdocs.utils import meta
from mkdocs.utils.templates import TemplateContext
from mkdocs.utils.yaml import yaml_load

from course.pipeline import cache, markup, notebook_view, render, wheel, widgets
from course.pipeline.cache import Cache
from course.pipeline.capture import ROOT
from course.pipeline.errors import CourseError
from course.pipeline.incremental import KEPT, Outputs, Pages
from course.pipeline.index import digest
from course.pipeline.lesson import MODULES
from course.pipeline.publish import Publisher
from course.pipeline.store import LESSONS, Bundle, load

log = logging.getLogger("mkdocs.plugins.course")
LESSON_LIST = "<!-- lessons -->"
LEDGER = "<!-- ledger -->"
LONG = 60
"""With more lessons than this the sidebar unfolds the present module only; else every page would list every lesson."""

Convert = Callable[[MkDocsConfig, Files], None]


class CourseConfig(Config):
    lessons = config_options.Type(str, default=str(LESSONS))
    captures = config_options.Type(str, default=str(ROOT))
    profile = config_options.Type(str, default="laptop")


class CoursePlugin(BasePlugin[CourseConfig]):
    """Adds every lesson that has a capture to the site.

    Attributes:
        given: the lessons, if they are read and checked already.
        outputs: the previous site, whose files may be kept.
    """

    given: list[Bundle] | None = None
    outputs: Outputs | None = None
    root: Path
    bundles: dict[str, Bundle]
    publisher: Publisher
    date: str  # of the newest result
    cache: Cache
    pages: Pages
    nav: Navigation

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        self.root = Path(config.config_file_path).parent
        bundles = self._read() if self.given is None else self.given
        self.cache = cache.opened(self.root.resolve())
        self.bundles = {bundle.lesson.slug: bundle for bundle in bundles}
        slugs = {bundle.lesson.number: bundle.lesson.slug for bundle in bundles if not bundle.lesson.is_plain}
        self.publisher = Publisher(slugs, config.site_url or "")
        self.fragments: dict[str, render.Page] = {}
        self.settings = _settings(config)
        self.date = max((b.capture.provenance.date for b in bundles if b.capture), default="1980-01-01")
        config.theme.get_env = partial(_environment, config.theme.get_env)  # type: ignore[method-assign]  # made faster
        if config.nav:
            config.nav = [_lessons_nav(bundles) if entry == {"Lessons": "lessons/"} else entry for entry in config.nav]
        features = config.theme["features"]
        if len(bundles) > LONG and "navigation.expand" in features:
            features[features.index("navigation.expand")] = "navigation.prune"
        return config

    def _read(self) -> list[Bundle]:
        lessons = Path(os.path.normpath(self.root / self.config.lessons))
        try:
            bundles = load(lessons, self.root / self.config.captures, self.config.profile, self.root)
        except CourseError as error:
            raise PluginError(str(error)) from error
        if problems := [str(problem) for bundle in bundles for problem in bundle.problems()]:
            raise PluginError("\n".join(problems))
        return bundles

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        if self.publisher.lessons:
            packed = self.cache.recall("wheel", wheel.key(self.root, self.cache.index), lambda: wheel.build(self.root))
            styles = self.cache.recall("notebook styles", "", notebook_view.styles)
            files.append(File.generated(config, f"downloads/{wheel.NAME}", content=packed))
            files.append(File.generated(config, notebook_view.STYLES, content=styles))
        for bundle in self.bundles.values():
            for uri in self.uris(bundle):
                files.append(File.generated(config, uri, content=""))
        return files

    def uris(self, bundle: Bundle) -> list[str]:
        """The lesson's pages: its own, and the notebook view unless the lesson is plain."""
        own = f"lessons/{bundle.lesson.slug}.md"
        return [own] if bundle.lesson.is_plain else [own, f"lessons/{bundle.lesson.slug}/notebook.md"]

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        self.nav = nav
        targets = (f"{file.src_uri} {file.url} {file.inclusion}" for file in files)
        self.pages = Pages(self.cache, digest(self.settings, *targets), self.outputs)
        return nav

    def on_pre_page(self, page: Page, *, config: MkDocsConfig, files: Files) -> Page:
        if "SOURCE_DATE_EPOCH" not in os.environ:  # not today: the same input makes the same site
            page.update_date = self.date
        page.render = partial(self._render, page, page.render)  # type: ignore[method-assign]  # found in the cache
        return page

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        up = "../" * page.url.rstrip("/").count("/") + ("../" if page.url.strip("./") else "")
        for marker, make in ((LESSON_LIST, render.lesson_list), (LEDGER, render.ledger)):
            if marker in markdown:
                token = f"fragment-{make.__name__}-end"
                shown = self._checked(partial(make, list(self.bundles.values()), f"{up}lessons/"))
                self.fragments[page.file.src_uri] = render.Page("", {token: shown})
                markdown = markdown.replace(marker, token)
        return self._placed(markdown, page)

    def _placed(self, markdown: str, page: Page) -> str:
        """A hand-written page with its interactive pieces; those of lessons are in place already."""
        made = self.fragments.get(page.file.src_uri, render.Page(""))

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
            self.fragments[page.file.src_uri] = made
        return markdown

    def _render(self, page: Page, convert: Convert, config: MkDocsConfig, files: Files) -> None:
        """In place of MkDocs's conversion of a page, which it calls for a text that is new."""
        uri = page.file.src_uri
        bundle = self.bundles.get(uri.removeprefix("lessons/").removesuffix(".md").removesuffix("/notebook"))
        if bundle is None:
            made = self.fragments.get(uri, render.Page(""))
            key = digest(page.markdown, sorted(page.meta.items()), sorted(made.fragments.items()))
            self.pages.convert(page, key, lambda: self._fill(page, made, lambda: convert(config, files)), files)
        elif uri.endswith("/notebook.md"):
            self.pages.convert(page, self.publisher.key(bundle), lambda: self._view(page, bundle), files)
        else:

            def make() -> None:
                made = self._checked(lambda: self.publisher.publish(bundle).page)
                page.markdown, page.meta = meta.get_data(made.markdown)
                self._fill(page, made, lambda: convert(config, files))

            self.pages.convert(page, self.publisher.key(bundle), make, files)

    def _fill(self, page: Page, made: render.Page, convert: Callable[[], None]) -> None:
        convert()
        assert page.content is not None
        try:
            page.content = made.fill(markup.lighten_code(markup.math_to_mathml(page.content)))
        except CourseError as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error

    def _view(self, page: Page, bundle: Bundle) -> None:
        view = self._checked(lambda: self.publisher.view(bundle))
        page.content, page.toc = view.html, get_toc(view.headings)
        page.meta = {"title": view.title, "search": {"exclude": True}}  # the lesson's page has the same text

    def _checked(self, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except CourseError as error:
            raise PluginError(str(error)) from error

    def on_env(self, env: Environment, *, config: MkDocsConfig, files: Files) -> Environment:
        assert env.loader is not None
        env.bytecode_cache = self.cache
        env.loader = ChoiceLoader([env.loader, DictLoader({KEPT: ""})])
        pages = [file.page for file in files.documentation_pages() if file.page is not None]
        own = Path(config.theme.custom_dir or "")
        templates = [path for path in sorted(own.rglob("*")) if path.is_file()] if config.theme.custom_dir else []
        shown = (
            f"{page.url} {page.title} {page.meta.get('icon')} {page.meta.get('status')}" for page in self.nav.pages
        )
        features = config.theme["features"]
        theme = digest(self.settings, features, self.nav, *shown, self.cache.index.of(templates))
        self.pages.choose(pages, theme)
        return env

    @event_priority(100)  # before the search plugin
    def on_page_context(
        self, context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        self.pages.before_search(page, _search_entries(config))
        return context

    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str:
        self.pages.after_search(page, _search_entries(config))
        return output

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        site = self.outputs or Outputs(Path(config.site_dir), Path(config.site_dir), {})
        for slug, bundle in self.bundles.items():
            for warning in self.publisher.warnings(bundle):
                log.warning(warning)
            key = self.publisher.key(bundle)
            names = self.publisher.names(bundle)
            new = [name for name in names if not site.keep(f"lessons/{slug}/{name}", key)]
            files = self.publisher.publish(bundle).files if new else {}
            for name in new:
                site.write(f"lessons/{slug}/{name}", key, files[name])
        self.cache.save()

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        server.watch(self.config.lessons)
        server.watch(self.config.captures)
        return server


class _Templates(FileSystemLoader):
    """The files of a theme but the hidden ones, which no site copies: Material has 14,000 icons, a quarter of a second."""

    def list_templates(self) -> list[str]:
        found: set[str] = set()
        for top in self.searchpath:
            for folder, folders, names in os.walk(top):
                folders[:] = [name for name in folders if not name.startswith(".")]
                found.update(os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/") for name in names)
        return sorted(found)


def _environment(make: Callable[[], Environment]) -> Environment:
    env = make()
    assert isinstance(env.loader, FileSystemLoader)
    env.loader = _Templates(env.loader.searchpath)
    return env


def _settings(config: MkDocsConfig) -> str:
    """A hash of the configuration as it was written, variables of the environment filled in."""
    with open(config.config_file_path, encoding="utf-8") as stream:
        written = yaml_load(stream)
    return digest(config.theme.name, re.sub(r" at 0x[0-9a-f]+", "", repr(written)))  # of functions that it names


def _search_entries(config: MkDocsConfig) -> list[dict[str, Any]]:
    """What Material's search plugin has found so far."""
    search: Any = config.plugins.get("material/search")
    return search.search_index.entries if search else []


def _lessons_nav(bundles: list[Bundle]) -> dict[str, Any]:
    modules: list[Any] = []
    for folder, group in render.by_folder(bundles).items():
        entries = [{b.lesson.header.title: f"lessons/{b.lesson.slug}.md"} for b in group]
        modules += [{folder: entries}] if folder else entries
    for number, name in MODULES.items():
        entries = [
            {f"{b.lesson.number:02} {b.lesson.header.title}": f"lessons/{b.lesson.slug}.md"}
            for b in bundles
            if b.lesson.header.module == number
        ]
        if entries:
            modules.append({name: entries})
    return {"Lessons": modules}
