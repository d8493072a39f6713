"""The site's configuration: what ``mkdocs.yml`` says, and the file that a site generator gets for the tree of pages.

The generator's file is the author's with a few entries replaced. It goes from text to text by way of YAML nodes, so that
tags which only a generator knows (``!ENV``, ``!!python/name:``) are neither understood nor lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml_env_tag import construct_env_tag

from course.pipeline.base.errors import CourseError

Nav = list[Any]
"""Entries of the navigation as MkDocs writes them: a page's path, or a title with a path or with entries."""


@dataclass(frozen=True)
class Config:
    """What our own steps need to know of a site.

    Attributes:
        text: the configuration as it was written.
        address: where the site will be, with a slash at its end; empty if that is not known.
        repository: where readers find the sources; empty if that is not known.
        styles: the style sheets of pages, below ``docs``.
        overrides: the folder of the theme's own templates; ``None`` if there is none.
        strict: whether a warning of the generator stops the build.
    """

    text: str
    name: str
    description: str
    address: str
    repository: str
    nav: Nav
    styles: tuple[str, ...]
    docs: Path
    overrides: Path | None
    features: tuple[str, ...]
    strict: bool


def read(path: Path) -> Config:
    """The configuration in the file ``path``.

    Raises:
        CourseError: the file cannot be read as YAML.
    """
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> Config:
    """The configuration that is written in ``text``, the content of ``path``; see :func:`read`."""
    try:
        found = yaml.load(text, _Loader)  # a SafeLoader: what it does not know becomes None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise CourseError("The site's configuration is not YAML.", path, None if line is None else line + 1) from error
    theme = found.get("theme", {})
    address = found.get("site_url") or ""
    return Config(
        text=text,
        name=found["site_name"],
        description=found.get("site_description") or "",
        address=f"{address.rstrip('/')}/" if address else "",
        repository=found.get("repo_url") or "",
        nav=found.get("nav") or [],
        styles=tuple(found.get("extra_css", ())),
        docs=path.parent / found.get("docs_dir", "docs"),
        overrides=path.parent / theme["custom_dir"] if "custom_dir" in theme else None,
        features=tuple(theme.get("features", ())),
        strict=bool(found.get("strict")),
    )


def replaced(text: str, entries: Mapping[tuple[str, ...], Any]) -> str:
    """The configuration ``text`` with ``entries`` in place of its own.

    Args:
        entries: the names that lead to an entry → its value; within a list, a name leads to the mapping that has it.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    for (*above, last), value in entries.items():
        node: Any = root
        for name in above:
            node = _child(node, name)
        node.value = [(key, child) for key, child in node.value if key.value != last]
        node.value.append((_node(last), _node(value)))
    return str(yaml.serialize(root, allow_unicode=True))


def _child(node: Any, name: str) -> Any:
    if isinstance(node, yaml.SequenceNode):
        mappings = [child for child in node.value if isinstance(child, yaml.MappingNode)]
        node = next(child for child in mappings if any(key.value == name for key, _ in child.value))
    return next(child for key, child in node.value if key.value == name)


def _node(value: Any) -> Any:
    return yaml.compose(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), yaml.SafeLoader)


class _Loader(yaml.SafeLoader):
    """Reads values that depend on the environment, and takes what else a generator knows for nothing."""


_Loader.add_constructor("!ENV", construct_env_tag)  # as the generator does
_Loader.add_multi_constructor("", lambda loader, tag, node: None)
