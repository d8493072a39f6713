"""A build divided over machines that share nothing: divide the lessons, run the parts anywhere, join the captures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import write_atomic
from course.pipeline.results import capture
from course.pipeline.results.bundle import Bundle


def merge(parts: Sequence[Path], bundles: Sequence[Bundle], captures: Path, profile: str) -> list[str]:
    """Copy the captures below ``parts`` to ``captures`` and return the lessons they are of; all or none.

    Raises:
        CourseError: a capture that cannot be read or was edited, is of no lesson here, was made from other inputs than
            those here, or differs from another part's of the same lesson.
    """
    by_slug = {bundle.lesson.slug: bundle for bundle in bundles}
    found: dict[str, Path] = {}
    for part in parts:
        paths = sorted(part.glob(f"*/{profile}/capture.json"))
        if not paths:
            raise CourseError(f"There are no captures of the profile {profile}.", part)
        for path in paths:
            slug = path.parts[-3]
            _check(path, by_slug.get(slug))
            if slug in found and found[slug].read_bytes() != path.read_bytes():
                raise CourseError(f"Another capture of this lesson is in {found[slug]}.", path, hint="Keep one.")
            found[slug] = path
    for slug, path in found.items():
        write_atomic(capture.path_of(captures, slug, profile), path.read_bytes())
    return sorted(found)


def _check(path: Path, bundle: Bundle | None) -> None:
    made = capture.load(path)
    if made is None:
        raise CourseError("This capture cannot be read.", path, hint="Run its lesson again.")
    if bundle is None:
        raise CourseError("There is no lesson of this name here.", path, hint="Check out the commit it was made from.")
    if made.edited:
        raise CourseError("This capture was edited after its run.", path, hint="Run its lesson again.")
    if changed := bundle.changes(made.provenance):
        hint = f"It differs in: {', '.join(changed)}. Join parts of one commit, the one that is checked out here."
        raise CourseError("This capture was made from other inputs than those here.", path, hint=hint)
