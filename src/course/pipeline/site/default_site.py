"""The site of a folder of lessons that has no configuration of its own.

Everything it is made of comes from here and from the theme's assets: whoever hands a folder over cannot put anything into
the site but lessons and their results.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from course.pipeline.base import paths
from course.pipeline.base.errors import CourseError
from course.pipeline.base.paths import LIBRARY
from course.pipeline.base.status import OUTPUT
from course.pipeline.site import config
from course.pipeline.site.source import Source, Written
from course.pipeline.text import clean

ASSETS = LIBRARY.parent / "docs" / "assets"
EXTENSIONS = [
    "admonition", "attr_list", "footnotes", "md_in_html", "tables", {"toc": {"permalink": True}},
    "pymdownx.details", {"pymdownx.highlight": {"anchor_linenums": False}}, "pymdownx.superfences",
    "course.pipeline.text.mathematics", "course.pipeline.text.verbatim", "course.pipeline.text.cleaned",
    "course.pipeline.text.lean",
]  # fmt: skip
MODULES = ("theme", "quiz", "progress")
FEATURES = [
    "content.code.copy",
    "content.lazy",
    "navigation.footer",
    "navigation.top",
    "search.highlight",
    "toc.follow",
]

PROGRESS = """# Your progress

What you read and answered, kept by your browser alone.

<div class="yours" markdown>

## Due for review

<div data-course="due"></div>

## Lessons

<!-- progress -->

## Keep it, move it, forget it

<div data-course="file"></div>

</div>
"""


def root_of(lessons: Path, own: Path) -> Path:
    """Where a site is made: the current folder for the repository's ``own`` lessons, else a folder among the lessons."""
    return Path() if lessons.resolve() == own.resolve() else lessons / OUTPUT


def captures_of(lessons: Path, own: Path) -> Path:
    """Where the captures of ``lessons`` are kept unless said otherwise: a foreign folder's stay in that folder."""
    return paths.ROOT if lessons.resolve() == own.resolve() else lessons / OUTPUT / "captures"


def checked(lessons: Path) -> Path:
    """``lessons``, if what is in its folder of results could be ours, which lies in a folder that others may have made.

    Raises:
        CourseError: a link, through which a build would write elsewhere, or what is neither a file nor a folder.
    """
    pending = [entry for entry in os.scandir(lessons) if entry.name == OUTPUT]
    while pending:
        entry = pending.pop()
        if entry.is_dir(follow_symlinks=False):
            pending += os.scandir(entry.path)
        elif not entry.is_file(follow_symlinks=False):
            kind = "a link" if entry.is_symlink() else "neither a file nor a folder"
            hint = f"No build makes such a thing. Remove it, or all of {lessons / OUTPUT}, which is made anew."
            raise CourseError(f"This is {kind}, in the folder of results.", Path(entry.path), hint=hint)
    return lessons


def source(lessons: Path) -> Source:
    """The site of the lessons in the folder ``lessons``. Nothing of it is read from that folder."""
    name = re.sub(r"[-_]", " ", clean.plain(lessons.resolve().name)).strip().capitalize() or "Lessons"
    text = yaml.safe_dump(_config(name), sort_keys=False, allow_unicode=True)
    pages = {
        "index.md": f'# {name}\n\n<div data-course="continue"></div>\n\n<!-- lessons -->\n',
        "progress.md": PROGRESS,
    }
    here = Path(__file__)
    return Source(
        LIBRARY.parent,
        config.parse(text, here),
        {uri: Written(page, here) for uri, page in pages.items()},
        {f"assets/{asset}": ASSETS / asset for asset in _assets()},
    )


def _assets() -> list[str]:
    """Files of the theme that pages without calculators need."""
    return [
        "site.css",
        "print.css",
        "favicon.svg",
        *sorted(f"learn/{path.name}" for path in (ASSETS / "learn").iterdir()),
    ]


def _config(name: str) -> dict[str, Any]:
    palette = [
        {"media": f"(prefers-color-scheme: {media})", "scheme": scheme, "primary": "custom", "accent": "custom"}
        for media, scheme in (("light", "default"), ("dark", "slate"))
    ]
    return {
        "site_name": name,
        "site_url": os.environ.get("SITE_URL", ""),
        "theme": {
            "name": "material", "font": False, "favicon": "assets/favicon.svg", "features": FEATURES, "palette": palette,
        },
        "nav": [{"Home": "index.md"}, {"Lessons": "lessons/"}, {"Your progress": "progress.md"}],
        "plugins": ["search"],
        "markdown_extensions": EXTENSIONS,
        "extra_css": [f"assets/{name}.css" for name in ("site", "learn/learn", "print")],
        "extra_javascript": [{"path": f"assets/learn/{name}.js", "type": "module"} for name in MODULES],
    }  # fmt: skip
