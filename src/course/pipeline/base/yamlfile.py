"""YAML with line numbers: typed access to a document whose every error names its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from course.pipeline.base.errors import CourseError

T = TypeVar("T", str, int, float, bool)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C seven times as fast, where it was built


@dataclass(frozen=True)
class Node:
    """A YAML node of the file ``path``; ``offset`` is added to its line (for YAML inside another file)."""

    yaml: yaml.Node
    path: Path
    offset: int = 0

    @property
    def line(self) -> int:
        return int(self.yaml.start_mark.line) + 1 + self.offset

    def error(self, message: str, hint: str = "") -> CourseError:
        return CourseError(message, self.path, self.line, hint)

    def _plain(self) -> object:
        """The scalar's value; ``None`` if it has none, such as a date in month 13 or a tag of another language."""
        try:
            return yaml.SafeLoader("").construct_object(self.yaml, deep=True)
        except (yaml.YAMLError, ValueError, LookupError, ArithmeticError):
            return None

    def scalar(self, kind: type[T], what: str) -> T:
        """The node as a ``kind``; a whole number passes for a ``float``, any number for a ``str``."""
        found = self._plain() if isinstance(self.yaml, yaml.ScalarNode) else None
        if kind is str and isinstance(found, (int, float)) and not isinstance(found, bool):
            found = self.yaml.value
        if kind is float and isinstance(found, int) and not isinstance(found, bool):
            found = float(found)
        if kind is float and isinstance(found, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", found):
            found = float(found)  # YAML 1.1 takes 1e-3 for text
        if not isinstance(found, kind) or (kind is not bool and isinstance(found, bool)):
            names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
            hint = "Put it in quotes." if kind is str and isinstance(self.yaml, yaml.ScalarNode) else ""
            raise self.error(f"{what} must be {names[kind]}.", hint)
        return found

    def items(self, what: str) -> Iterator[Node]:
        if not isinstance(self.yaml, yaml.SequenceNode):
            raise self.error(f"{what} must be a list.", "Start each entry on its own line with a dash.")
        return (Node(child, self.path, self.offset) for child in self.yaml.value)

    def pairs(self, what: str) -> Iterator[tuple[Node, Node]]:
        if not isinstance(self.yaml, yaml.MappingNode):
            raise self.error(f"{what} must be a mapping of names to values.", "Write a line 'name: value' for each.")
        return (
            (Node(key, self.path, self.offset), Node(child, self.path, self.offset)) for key, child in self.yaml.value
        )

    def fields(self, what: str, allowed: set[str]) -> Fields:
        """The node as a mapping with no key outside ``allowed`` and none twice."""
        found: dict[str, Node] = {}
        for key, child in self.pairs(what):
            name = str(key.yaml.value)
            if name not in allowed:
                raise key.error(f"{what} has an unknown field {name!r}.", f"Allowed: {', '.join(sorted(allowed))}.")
            if name in found:
                raise key.error(f"{what} has the field {name!r} twice.")
            found[name] = child
        return Fields(self, what, found)


@dataclass(frozen=True)
class Fields:
    """The fields of a mapping node."""

    node: Node
    what: str
    found: dict[str, Node]

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def need(self, name: str) -> Node:
        if name not in self.found:
            raise self.node.error(f"{self.what} lacks the field {name!r}.")
        return self.found[name]

    def get(self, name: str, kind: type[T], default: T | None = None) -> T:
        """Field ``name`` as ``kind``; without ``default`` it is required."""
        if name not in self.found and default is not None:
            return default
        return self.need(name).scalar(kind, f"{self.what}: {name}")

    def list(self, name: str, read: Callable[[Node], T]) -> tuple[T, ...]:
        """Field ``name`` as a list, empty when absent."""
        return tuple(map(read, self.found[name].items(f"{self.what}: {name}"))) if name in self.found else ()


def parse(text: str, path: Path, offset: int = 0) -> Node:
    """The root node of a YAML document.

    Raises:
        CourseError: the text is not YAML, or is empty.
    """
    try:
        root = yaml.compose(text, _LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        line = min(line, text.count("\n")) + 1 + offset  # the end of a text counts as a line more
        raise CourseError(f"Not valid YAML: {error.problem}.", path, line, "Check indentation and quotes.") from error
    except yaml.YAMLError as error:
        raise CourseError(f"Not valid YAML: {error}.", path, 1 + offset) from error
    if root is None:
        raise CourseError("The file is empty.", path, 1 + offset)
    return Node(root, path, offset)
