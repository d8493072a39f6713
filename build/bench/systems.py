"""The systems that are compared: how each wants a course laid out, and the command that builds it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthetic import Synthetic, as_gallery, as_notebook, as_percent

SCRATCH = Path(__file__).parents[1] / "scratch"
PEERS = SCRATCH / "venv" / "bin"
SECONDS = 3600  # the longest that one build may take


@dataclass(frozen=True)
class System:
    """One way to build a course.

    ``setup`` maps the names of files to their content; ``commands`` are run one after the other in the course's folder.
    """

    name: str
    shown: str
    lessons: str
    suffix: str
    write: Callable[[Synthetic], str]
    commands: Callable[[Path, Sequence[Synthetic]], list[list[str]]]
    setup: Callable[[Sequence[Synthetic]], dict[str, str]] = lambda lessons: {}
    built: str = ""
    sizes: tuple[int, ...] = (10, 50)

    @property
    def is_incremental(self) -> bool:
        """Whether it makes pages, and so has something to keep from one build to the next."""
        return bool(self.built)


def peer(name: str) -> str:
    """A program of the peers' environment."""
    return str(PEERS / name)


def _series(program: Callable[[Synthetic], list[str]]) -> Callable[[Path, Sequence[Synthetic]], list[list[str]]]:
    return lambda folder, lessons: [program(lesson) for lesson in lessons]


def _once(*command: str) -> Callable[[Path, Sequence[Synthetic]], list[list[str]]]:
    return lambda folder, lessons: [[part.replace("FOLDER", str(folder)) for part in command]]


def _mkdocs(plugin: Mapping[str, Any], **more: Any) -> str:
    settings = {"site_name": "Bench", "theme": {"name": "material"}, "plugins": ["search", plugin], **more}
    return json.dumps(settings)  # YAML too


def _index(lessons: Sequence[Synthetic]) -> str:
    return "# Home\n\n" + "\n".join(f"- {lesson.title}" for lesson in lessons) + "\n"


def _sphinx_gallery(parallel: str) -> str:
    return (
        "project = 'Bench'\nextensions = ['sphinx_gallery.gen_gallery']\nsphinx_gallery_conf = {\n"
        "    'examples_dirs': 'examples', 'gallery_dirs': 'gallery', 'filename_pattern': '/lesson_',\n"
        f"    'ignore_pattern': 'shared', 'download_all_examples': False, 'parallel': {parallel},\n}}\n"
    )


def _gallery_files(parallel: str) -> Callable[[Sequence[Synthetic]], dict[str, str]]:
    return lambda lessons: {
        "conf.py": _sphinx_gallery(parallel),
        "index.rst": "Bench\n=====\n\n.. toctree::\n\n   gallery/index\n",
        "examples/GALLERY_HEADER.rst": "Gallery\n=======\n",
    }


SYSTEMS = {
    system.name: system
    for system in (
        System(
            "scripts", "`python lesson.py` in series (no pages)", ".", ".py", as_percent,
            _series(lambda lesson: [peer("python"), f"{lesson.name}.py"]),
        ),
        System(
            "papermill", "papermill's command line in series (no pages)", ".", ".ipynb", as_notebook,
            _series(lambda lesson: [peer("papermill"), "--no-progress-bar", f"{lesson.name}.ipynb", f"out_{lesson.name}.ipynb"]),
        ),
        System(
            "mkdocs-jupyter", "mkdocs-jupyter executing", "docs", ".py", as_percent,
            _once(peer("python"), "-m", "mkdocs", "build", "--quiet"),
            lambda lessons: {
                "mkdocs.yml": _mkdocs({"mkdocs-jupyter": {
                    "execute": True, "allow_errors": False, "include": ["lesson_*.py"]}}),
                "docs/index.md": _index(lessons),
            },
            "site",
        ),
        System(
            "jupyter-book", "jupyter-book 1 with jupyter-cache", ".", ".py", as_percent,
            _once(peer("jupyter-book"), "build", ".", "--quiet"),
            lambda lessons: {
                "_config.yml": json.dumps({
                    "title": "Bench",
                    "execute": {"execute_notebooks": "cache", "timeout": SECONDS},
                    "sphinx": {"config": {"nb_custom_formats": {".py": ["jupytext.reads", {"fmt": "py:percent"}]}}},
                    "only_build_toc_files": True,
                }),
                "_toc.yml": json.dumps({
                    "format": "jb-book", "root": "index",
                    "chapters": [{"file": f"{lesson.name}.py"} for lesson in lessons]}),
                "index.md": _index(lessons),
            },
            "_build/html",
        ),
        System(
            "sphinx-gallery", "sphinx-gallery", "examples", ".py", as_gallery,
            _once(peer("sphinx-build"), "-q", "-b", "html", ".", "html"),
            _gallery_files("False"), "html",
        ),
        System(
            "sphinx-gallery-2", "sphinx-gallery, two processes", "examples", ".py", as_gallery,
            _once(peer("sphinx-build"), "-q", "-j", "2", "-b", "html", ".", "html"),
            _gallery_files("2"), "html", (50,),
        ),
        System(
            "mkdocs-gallery", "mkdocs-gallery", "docs/examples", ".py", as_gallery,
            _once(peer("python"), "-m", "mkdocs", "build", "--quiet"),
            lambda lessons: {
                "mkdocs.yml": _mkdocs({"gallery": {
                    "examples_dirs": "docs/examples", "gallery_dirs": "docs/gallery", "filename_pattern": "/lesson_",
                    "ignore_pattern": "shared", "download_all_examples": False}},
                    nav=[{"Home": "index.md"}, {"Gallery": "gallery"}]),  # it must be told where its pages belong
                "docs/index.md": _index(lessons),
                "docs/examples/README.md": "# Gallery\n",
            },
            "site",
        ),
        System(
            "ours", "`course build`", ".", ".py", as_percent,
            _once(str(Path(sys.executable).with_name("course")), "build", "--lessons", "FOLDER"),
            built="_build/site", sizes=(10, 50, 500),
        ),
    )
}  # fmt: skip
