"""The MkDocs plugin: lesson pages, downloads and the ledger are generated, so ``mkdocs serve`` and mike just work."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin, CombinedEvent, event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc
from mkdocs.utils import meta
from mkdocs.utils.templates import TemplateContext
from mkdocs.utils.yaml import yaml_load

from course.pipeline import widgets
from course.pipeline.base import cache
from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import CourseError
from course.pipeline.base.hashes import digest
from course.pipeline.base.paths import LESSONS, ROOT
from course.pipeline.lesson.model import MODULES
from course.pipeline.page import glossary, listings, notebook_view, progress_marks, render, wheel
from course.pipeline.page.glossary import Glossary
from course.pipeline.page.publish import Publisher
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.site import styles, whole_site
from course.pipeline.site.finish import finish
from course.pipeline.site.incremental import KEPT, Outputs, Pages
from course.pipeline.site.policy import lifted
from course.pipeline.site.search_text import searched
from course.pipeline.text import markup

log = logging.getLogger("mkdocs.plugins.course")
LISTINGS: dict[str, Callable[[Sequence[Bundle], str], str]] = {
    "<!-- facts -->": listings.facts,
    "<!-- lessons -->": listings.lesson_list,
    "<!-- outcomes -->": listings.outcomes,
    "<!-- tally -->": listings.tally,
    "<!-- ledger -->": listings.ledger,
    "<!-- progress -->": progress_marks.overview,
    "<!-- my gpu -->": progress_marks.card,
}
"""What a hand-written page may show of all lessons, by the line that asks for it."""
FIGURE = re.compile(r"^<!-- figure (?P<lesson>\d\d) (?P<key>[\w.-]+) -->$", re.M)
"""The line that shows a lesson's recorded figure on a hand-written page."""
LONG = 60
"""With more lessons than this the sidebar unfolds the present module only; else every page would list every lesson."""

Convert = Callable[[MkDocsConfig, Files], None]


class CourseConfig(Config):
    lessons = config_options.Type(str, default=str(LESSONS))
    captures = config_options.Type(str, default=str(ROOT))
    profile = config_options.Type(str, default="laptop")
    zip = config_options.Type(bool, default=False)


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
    glossary = Glossary()

    @event_priority(100)  # other plugins ask for the theme's environment
    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        self.root = Path(config.config_file_path).parent
        bundles = self._read() if self.given is None else self.given
        self.cache = cache.opened(self.root.resolve())
        self.bundles = {bundle.lesson.slug: bundle for bundle in bundles}
        slugs = {bundle.lesson.number: bundle.lesson.slug for bundle in bundles if not bundle.lesson.is_plain}
        self.publisher = Publisher(slugs, config.site_url or "")
        self.fragments: dict[str, render.Page] = {}
        self.settings = _settings(config)
        terms = Path(config.docs_dir) / glossary.FILE
        self.glossary = self._checked(
            lambda: self.cache.recall("glossary", self.cache.index.hash(terms), lambda: glossary.read(terms))
        )
        if not config.repo_url:
            config.edit_uri = None  # MkDocs warns of an address that it cannot make whole
        for bundle in bundles:
            self._checked(partial(glossary.check_tags, bundle.lesson, self.glossary))
        self.date = max((b.capture.provenance.date for b in bundles if b.capture), default="1980-01-01")
        config.theme.get_env = partial(_environment, config.theme.get_env, self.cache)  # type: ignore[method-assign]  # made faster
        if config.nav:
            lessons = _lessons_nav(bundles, Path(config.docs_dir))
            config.nav = [lessons if entry == {"Lessons": "lessons/"} else entry for entry in config.nav]
        if "MIKE_DOCS_VERSION" in os.environ:  # mike builds one version among others
            config.extra["version"] = {"provider": "mike"}
        features = config.theme["features"]
        if len(bundles) > LONG and "navigation.expand" in features:
            features[features.index("navigation.expand")] = "navigation.prune"
        return config

    def _read(self) -> list[Bundle]:
        lessons = Path(os.path.normpath(self.root / self.config.lessons))
        try:
            bundles = load_all(lessons, self.root / self.config.captures, self.config.profile, self.root)
        except CourseError as error:
            raise PluginError(str(error)) from error
        if problems := [str(problem) for bundle in bundles for problem in bundle.problems()]:
            raise PluginError("\n".join(problems))
        return bundles

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        styles.join(config, files)
        if self.publisher.lessons:
            packed = self.cache.recall("wheel", wheel.key(self.root, self.cache.index), lambda: wheel.build(self.root))
            sheet = self.cache.recall("notebook styles", "", notebook_view.styles)
            files.append(File.generated(config, f"downloads/{wheel.NAME}", content=packed))
            files.append(File.generated(config, notebook_view.STYLES, content=sheet))
        if self.glossary.terms:
            hash = self.cache.index.hash(Path(config.docs_dir) / glossary.FILE)
            module = self._checked(lambda: self.cache.recall("definitions", hash, self.glossary.module))
            files.append(File.generated(config, glossary.DEFINITIONS, content=module))
        for bundle in self.bundles.values():
            for uri in self.uris(bundle):
                file = File.generated(config, uri, content="")
                file.edit_uri = Path(os.path.relpath(bundle.lesson.path, config.docs_dir)).as_posix()
                files.append(file)
        return files

    def uris(self, bundle: Bundle) -> list[str]:
        """The lesson's pages: its own, and the notebook view unless the lesson is plain."""
        own = f"lessons/{bundle.lesson.slug}.md"
        return [own] if bundle.lesson.is_plain else [own, f"lessons/{bundle.lesson.slug}/notebook.md"]

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        self.nav = nav
        targets = (f"{file.src_uri} {file.url} {file.inclusion}" for file in files)
        self.pages = Pages(self.cache, digest(self.settings, self.glossary.key, *targets), self.outputs)
        return nav

    def on_pre_page(self, page: Page, *, config: MkDocsConfig, files: Files) -> Page:
        if "SOURCE_DATE_EPOCH" not in os.environ:  # not today: the same input makes the same site
            page.update_date = self.date
        page.render = partial(self._render, page, page.render)  # type: ignore[method-assign]  # found in the cache
        return page

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        up = "../" * page.url.rstrip("/").count("/") + ("../" if page.url.strip("./") else "")
        markdown = markdown.replace(whole_site.ZIP, whole_site.zip_link(up, config) if self.config.zip else "")
        made = render.Page("")
        for marker, make in LISTINGS.items():
            if marker in markdown:
                token = f"fragment-{make.__name__}-end"
                made.fragments[token] = self._checked(partial(make, list(self.bundles.values()), f"{up}lessons/"))
                markdown = markdown.replace(marker, token)
        lessons = [bundle.lesson for bundle in self.bundles.values()]
        for marker, show in ((glossary.MARKER, self.glossary.page), (glossary.TOPICS, self.glossary.topics)):
            if marker in markdown:
                markdown = markdown.replace(marker, show(lessons))
        return self._placed(markdown, page, made, f"{up}lessons/")

    def _placed(self, markdown: str, page: Page, made: render.Page, prefix: str) -> str:
        """A hand-written page with its figures and interactive pieces; those of lessons are in place already."""

        def show(placed: widgets.Placed) -> str:
            token = f"fragment-widget-{placed.piece.name}-end"
            made.fragments[token] = placed.html()
            return token

        def fail(message: str, line: int, hint: str) -> CourseError:
            above = page.file.content_string.count("\n") - markdown.count("\n")  # the front matter
            return CourseError(message, Path(page.file.abs_src_path or ""), above + line + 1, hint)

        def figure(match: re.Match[str]) -> str:
            lesson = next((b for b in self.bundles.values() if b.lesson.label == match["lesson"]), None)
            shown = lesson and listings.figure(lesson, match["key"], prefix)
            if not shown:
                line = markdown.count("\n", 0, match.start())
                raise fail(
                    f"Lesson {match['lesson']} has no figure {match['key']!r}.", line, "Name one that it records."
                )
            token = f"fragment-figure-{match['lesson']}-{match['key']}-end"
            made.fragments[token] = shown
            return token

        try:
            markdown = widgets.place(FIGURE.sub(figure, markdown), show, fail, set())
        except CourseError as error:
            raise PluginError(str(error)) from error
        if made.fragments:
            self.fragments[page.file.src_uri] = made
        return markdown

    def _render(self, page: Page, convert: Convert, config: MkDocsConfig, files: Files) -> None:
        """In place of MkDocs's conversion of a page, which it calls for a text that is new."""
        uri, bundle = page.file.src_uri, self._bundle(page)
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
                self._fill(page, made, lambda: self._convert(page, lambda: convert(config, files), files))

            self.pages.convert(page, self.publisher.key(bundle), make, files)

    def _bundle(self, page: Page) -> Bundle | None:
        """The lesson that a page shows, if it is one's page or notebook view."""
        uri = page.file.src_uri
        return self.bundles.get(uri.removeprefix("lessons/").removesuffix(".md").removesuffix("/notebook"))

    def _convert(self, page: Page, convert: Callable[[], None], files: Files) -> None:
        """Convert a lesson's prose and mark the terms in it."""
        convert()
        assert page.content is not None
        if target := files.get_file_from_path(glossary.PAGE):
            page.content = self.glossary.mark(page.content, target.url_relative_to(page.file))

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
        env.loader = ChoiceLoader([env.loader, DictLoader({KEPT: ""})])
        pages = [file.page for file in files.documentation_pages() if file.page is not None]
        own = Path(config.theme.custom_dir or "")
        templates = [path for path in sorted(own.rglob("*")) if path.is_file()] if config.theme.custom_dir else []
        shown = (
            f"{page.url} {page.title} {page.meta.get('icon')} {page.meta.get('status')} {page.file.edit_uri}"
            for page in self.nav.pages
        )
        features = config.theme["features"]
        theme = digest(self.settings, features, config.extra, self.nav, *shown, self.cache.index.of(templates))
        self.pages.choose(pages, theme)
        return env

    @event_priority(100)
    def _before_search(
        self, context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        """Let the search plugin, which comes next, see what it should index."""
        self.pages.before_search(page, _search_entries(config))
        self._content = page.content
        if not (page.meta.get("search") or {}).get("exclude"):
            page.content = searched(page.content or "", self._bundle(page) is not None)
        return context

    @event_priority(-100)
    def _after_search(
        self, context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation
    ) -> TemplateContext:
        page.content = self._content
        return context

    on_page_context = CombinedEvent(_before_search, _after_search)

    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str:
        self.pages.after_search(page, _search_entries(config))
        return finish(output)

    def on_post_template(self, output: str, *, template_name: str, config: MkDocsConfig) -> str:
        if template_name == "sitemap.xml" and not config.site_url:
            return ""  # it may name whole addresses only, so there is none
        return finish(output) if template_name.endswith(".html") else output

    def on_template_context(
        self, context: TemplateContext, *, template_name: str, config: MkDocsConfig
    ) -> TemplateContext:
        if template_name == "sitemap.xml":  # a notebook view says what its lesson says
            context["pages"] = [file for file in context["pages"] if not file.src_uri.endswith("/notebook.md")]
        return context

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
        bundles, pages = list(self.bundles.values()), self.nav.pages
        self._checked(lambda: whole_site.write(site, config, bundles, pages, self.publisher, self.cache))
        if self.config.zip:
            self._checked(lambda: whole_site.pack(site.fresh, config))
        self.cache.save()

    def on_serve(self, server: Any, *, config: MkDocsConfig, builder: Any) -> Any:
        server.watch(self.config.lessons)
        server.watch(self.config.captures)
        server.set_app(lifted(server.get_app()))
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


def _environment(make: Callable[[], Environment], cache: Cache) -> Environment:
    env = make()
    env.bytecode_cache = cache
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


def _lessons_nav(bundles: list[Bundle], docs: Path) -> dict[str, Any]:
    overview = "lessons/index.md"
    modules: list[Any] = [overview] if (docs / overview).is_file() else []
    for folder, group in listings.by_folder(bundles).items():
        entries = [{b.lesson.header.title: f"lessons/{b.lesson.slug}.md"} for b in group]
        modules += [{folder: entries}] if folder else entries
    for module, group in listings.by_module(bundles).items():
        entries = [{f"{b.lesson.number:02} {b.lesson.header.title}": f"lessons/{b.lesson.slug}.md"} for b in group]
        modules.append({MODULES[module]: entries})
    return {"Lessons": modules}
