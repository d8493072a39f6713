"""A course as a whole: where its lessons, results and site are, and how they are brought up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from course.pipeline.base.lock import exclusive
from course.pipeline.base.paths import LESSONS
from course.pipeline.results import fingerprint
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.site import default_site, generator
from course.pipeline.site.build import TICK, Look, Site, inputs

Run = Callable[[Sequence[Bundle], Callable[[Bundle], object]], None]
"""Runs lessons and calls its second argument with each as soon as its new results are kept."""


@dataclass(frozen=True)
class Course:
    """The lessons in a folder with their captures of one profile; ``generator`` makes the site."""

    lessons: Path
    captures: Path
    profile: str
    generator: str = "mkdocs"

    @cached_property
    def root(self) -> Path:
        """Where the site is made, and what can be computed again is kept."""
        return default_site.root_of(self.lessons, LESSONS)

    @property
    def _foreign(self) -> Path | None:
        return None if self.root == Path() else self.lessons

    @contextmanager
    def alone(self, wait: Callable[[], None]) -> Iterator[None]:
        """Nobody else writes results or the site meanwhile; ``wait`` is called if somebody does."""
        with exclusive(self.captures, wait), exclusive(self.root / "build", wait):
            yield

    def load(self) -> list[Bundle]:
        """Every lesson with its results.

        Raises:
            CourseError: the first malformed lesson or quiz.
        """
        return load_all(self.lessons, self.captures, self.profile, self.root)

    def sources(self) -> list[str]:
        """Files and folders that results and the site depend on, beside the library."""
        paths = (self.lessons, self.captures, *fingerprint.locks(None), *fingerprint.locks(self.lessons))
        return [*map(str, paths), *inputs(self.root, self._foreign)]

    def site(self, bundles: Sequence[Bundle]) -> Site:
        return Site(self.root, bundles, self._foreign, self.generator)

    def look(self) -> Look:
        return Look(self.root, self.sources())

    def run(self, site: Site, stale: Sequence[Bundle], run: Run) -> tuple[Look, Site]:
        """Run the ``stale`` ones of the lessons of ``site``, and make their pages while others run.

        Returns a look at all sources, and the site of what was loaded after it.

        Raises:
            CourseError: a lesson that failed; what finished before is kept.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="pages") as pages:
            warmed = pages.submit(generator.warm_up, self.generator)
            prepared = []
            run(stale, lambda done: prepared.append(pages.submit(site.prepare, done)))
        for future in (warmed, *prepared):
            future.result()
        time.sleep(TICK)
        look = self.look()
        return look, self.site(self.load())
