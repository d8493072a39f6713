"""Everything the site serves of one lesson: the page's Markdown, the files beside it, and the notebook view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from course.pipeline.base.hashes import digest
from course.pipeline.page import downloads, run_panel, wheel
from course.pipeline.page.document import document
from course.pipeline.page.notebook_view import View, view
from course.pipeline.page.run_panel import Hosting
from course.pipeline.page.worksheet import worksheet
from course.pipeline.page.write_page import Page, page
from course.pipeline.results.bundle import Bundle


@dataclass(frozen=True)
class Published:
    """The page of a lesson, its worksheet as Markdown and, by name, the files to be served beside it."""

    page: Page
    worksheet: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Publisher:
    """Makes what is served of a lesson once for each version of it.

    Attributes:
        lessons: lesson number → slug, for links.
        site: address of the site with a slash at its end, or empty.
        hosting: where readers find sources and notebooks.
    """

    lessons: Mapping[int, str]
    site: str
    hosting: Hosting

    def key(self, bundle: Bundle) -> str:
        """A hash of everything that :meth:`publish` and :meth:`view` depend on."""
        return digest(bundle.key, self._surroundings())

    def publish(self, bundle: Bundle) -> Published:
        """The page and its files.

        Raises:
            CourseError: a binding or link that cannot be resolved.
        """
        return bundle.recall("published", self._surroundings(), lambda: self._publish(bundle), Published)

    def names(self, bundle: Bundle) -> tuple[str, ...]:
        """The names of the files, without reading them."""
        return bundle.recall("names", self._surroundings(), lambda: tuple(self.publish(bundle).files), tuple[str, ...])

    def warnings(self, bundle: Bundle) -> list[str]:
        """What a reader of the page should know of its author's links."""
        return bundle.recall(
            "warnings", self._surroundings(), lambda: list(map(str, self.publish(bundle).page.warnings)), list[str]
        )

    def view(self, bundle: Bundle) -> View:
        """The notebook view."""
        notebook = self.publish(bundle).files[f"{bundle.lesson.slug}.executed.ipynb"].decode()
        kept = bundle.cache
        return kept.recall("view", digest(notebook), lambda: view(notebook), View) if kept else view(notebook)

    def bundled(self, bundle: Bundle, others: Mapping[str, bytes]) -> bytes:
        """The zip of all that a reader needs to run the lesson: its script, its notebook, and ``others``."""
        slug, files = bundle.lesson.slug, self.publish(bundle).files
        own = {name: files[name] for name in (f"{slug}.py", f"{slug}.ipynb")}
        return run_panel.bundle(slug, {**own, **others})

    def _publish(self, bundle: Bundle) -> Published:
        whole = document(bundle)
        run = whole.bundle.captured.provenance
        panel = "" if bundle.lesson.is_plain else run_panel.panel(bundle.lesson, run, wheel.NAME, self.hosting)
        made = page(whole, self.lessons, downloads.offered(bundle.lesson, wheel.NAME), panel)
        offered = downloads.files(whole, self.lessons, wheel.NAME, self.site)
        paper = "" if bundle.lesson.is_plain else worksheet(whole)
        return Published(made, paper, {**{name: text.encode() for name, text in offered.items()}, **made.files})

    def _surroundings(self) -> str:
        numbered = (part for item in sorted(self.lessons.items()) for part in item)
        return digest(wheel.NAME, self.site, *astuple(self.hosting), *numbered)
