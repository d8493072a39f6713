"""The files a learner takes away: notebooks, script and Markdown, each able to run alone."""

from __future__ import annotations

from collections.abc import Mapping

from course.pipeline.lesson.model import Lesson
from course.pipeline.page.document import Document
from course.pipeline.page.portable import File, Install
from course.pipeline.page.write_markdown import markdown
from course.pipeline.page.write_notebook import notebooks
from course.pipeline.page.write_script import script

INSTALL = """\
# Installs the course's library if it is missing: from the wheel beside this file, else from the site.
import importlib.util, pathlib, subprocess, sys

wheel, site = {wheel!r}, {site!r}
found = importlib.util.find_spec("course")
folders = found.submodule_search_locations or [] if found else []
if not any(pathlib.Path(folder, "record.py").exists() for folder in folders):
    if found and found.origin:
        sys.exit(f"{{found.origin}} has the name of the course's library. Rename it, and run again.")
    if not (pathlib.Path(wheel).exists() or site):
        sys.exit(f"Download {{wheel}} from the lesson's page, put it beside this file, and run again.")
    source = wheel if pathlib.Path(wheel).exists() else site + "downloads/" + wheel
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
    importlib.invalidate_caches()"""


def files(document: Document, lessons: Mapping[int, str], wheel: str, site: str) -> dict[str, str]:
    """File name → content of everything offered beside the page of one lesson.

    Args:
        lessons: lesson number → slug, for links.
        wheel: file name of the course's wheel.
        site: address of the site with a slash at its end, or empty.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    lesson = document.bundle.lesson
    install = None if lesson.is_plain else Install("install", INSTALL.format(wheel=wheel, site=site))

    def file(suffix: str) -> File:
        return File(document, lessons, suffix, install)

    fresh, executed = notebooks(file(".ipynb"))
    made = {f"{lesson.slug}.ipynb": fresh, f"{lesson.slug}.executed.ipynb": executed}
    if lesson.is_plain:
        return {**made, f"{lesson.slug}.py": lesson.path.read_text(encoding="utf-8")}
    return {**made, f"{lesson.slug}.py": script(file(".py")), f"{lesson.slug}.md": markdown(file(".md"))}


def offered(lesson: Lesson, wheel: str) -> list[tuple[str, str]]:
    """``(label, address relative to the page)`` of the downloads, in the order shown."""
    slug = lesson.slug
    if lesson.is_plain:
        return [
            ("Notebook", f"{slug}.ipynb"),
            ("Notebook with outputs", f"{slug}.executed.ipynb"),
            ("Script", f"{slug}.py"),
        ]
    return [
        ("Notebook", f"{slug}.ipynb"),
        ("Notebook with outputs", f"{slug}.executed.ipynb"),
        ("Notebook view", "notebook/"),
        ("Script", f"{slug}.py"),
        ("Markdown", f"{slug}.md"),
        ("Library (wheel)", f"../../downloads/{wheel}"),
    ]
