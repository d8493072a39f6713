"""What an author writes of a site beside lessons: its configuration, hand-written pages, assets and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course.pipeline.base import status
from course.pipeline.site import config
from course.pipeline.site.config import Config

CONFIG = Path("mkdocs.yml")


@dataclass(frozen=True)
class Written:
    """A hand-written page: its text, the file it is in, and that file's path in the repository for readers who edit it."""

    text: str
    path: Path
    editable: str = ""


@dataclass(frozen=True)
class Source:
    """The site's own files: pages and assets by their path below the folder of pages, templates below theirs.

    ``repository`` is the one whose library is offered as a wheel.
    """

    repository: Path
    config: Config
    pages: Mapping[str, Written]
    assets: Mapping[str, Path]
    templates: Mapping[str, Path] = field(default_factory=dict)


def of_repository(root: Path) -> Source:
    """The site of the repository at ``root``, configured by its ``mkdocs.yml``.

    Raises:
        CourseError: the configuration cannot be read.
    """
    found = config.read(root / CONFIG)
    docs, overrides = _below(found.docs), _below(found.overrides) if found.overrides else {}
    own = {name: path for name, path in docs.items() if path not in set(overrides.values())}
    return Source(
        root,
        found,
        {
            name: Written(path.read_text(encoding="utf-8"), path, path.relative_to(root).as_posix())
            for name, path in own.items()
            if name.endswith(".md")
        },
        {name: path for name, path in own.items() if not name.endswith(".md")},
        overrides,
    )


def _below(folder: Path) -> dict[str, Path]:
    names = sorted(path for path, _ in status.files([str(folder)]))
    return {Path(name).relative_to(folder).as_posix(): Path(name) for name in names}
