"""The built-in site of a folder of lessons that has no MkDocs configuration of its own.

It is an ordinary one, written into ``_build`` inside the folder: ``mkdocs serve -f DIR/_build/mkdocs.yml`` works too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from course.pipeline.base import paths
from course.pipeline.base.files import write_atomic
from course.pipeline.base.paths import LIBRARY
from course.pipeline.base.status import OUTPUT

ASSETS = LIBRARY.parent / "docs" / "assets"
EXTENSIONS = [
    "admonition", "attr_list", "footnotes", "md_in_html", "tables", {"toc": {"permalink": True}},
    {"pymdownx.arithmatex": {"generic": True}}, "pymdownx.details", {"pymdownx.highlight": {"anchor_linenums": False}},
    "pymdownx.superfences",
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
    """The folder with the site's configuration: the current one for the repository's ``own`` lessons."""
    return Path() if lessons.resolve() == own.resolve() else lessons / OUTPUT


def captures_of(lessons: Path, own: Path) -> Path:
    """Where the captures of ``lessons`` are kept unless said otherwise: a foreign folder's stay in that folder."""
    return paths.ROOT if lessons.resolve() == own.resolve() else lessons / OUTPUT / "captures"


def prepare(lessons: Path, captures: Path, profile: str) -> Path:
    """Write the configuration, home page and styles for ``lessons``; return the folder they are in.

    A file that is already right stays untouched, so that a build with nothing to do changes nothing.
    """
    root = lessons / OUTPUT
    name = lessons.resolve().name.replace("-", " ").replace("_", " ").strip().capitalize() or "Lessons"
    files: dict[str, str | bytes] = {
        "mkdocs.yml": yaml.safe_dump(_config(name, root, captures, profile), sort_keys=False, allow_unicode=True),
        "docs/index.md": f'# {name}\n\n<div data-course="continue"></div>\n\n<!-- lessons -->\n',
        "docs/progress.md": PROGRESS,
        **{f"docs/assets/{asset}": (ASSETS / asset).read_bytes() for asset in _assets()},
    }
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        if not (root / path).is_file() or (root / path).read_bytes() != data:
            write_atomic(root / path, data)
    return root


def _assets() -> list[str]:
    """Files of the theme that pages without calculators need."""
    return [
        "site.css",
        "print.css",
        "favicon.svg",
        *sorted(f"learn/{path.name}" for path in (ASSETS / "learn").iterdir()),
    ]


def _config(name: str, root: Path, captures: Path, profile: str) -> dict[str, Any]:
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
        "plugins": [
            "search",
            {"course": {"lessons": "..", "captures": os.path.relpath(captures, root), "profile": profile}},
        ],
        "markdown_extensions": EXTENSIONS,
        "extra_css": [f"assets/{name}.css" for name in ("site", "learn/learn", "print")],
        "extra_javascript": [{"path": f"assets/learn/{name}.js", "type": "module"} for name in MODULES],
    }  # fmt: skip
