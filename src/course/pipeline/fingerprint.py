"""What a lesson's results depend on, as named hashes. Equal fingerprints mean equal results: nothing needs to run.

Counted: the lesson's code cells, the profile, every module of :mod:`course` the code imports (transitively), the locked
version of every library these import, the declared data, and the weights' hashes. Comments, docstrings, prose, claims,
quiz and display tags are not. The machine is provenance, not an input.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

from course.pipeline import syntax
from course.pipeline.errors import CourseError
from course.pipeline.lesson import Lesson
from course.weights import SOURCES

LIBRARY = Path(__file__).parents[2]  # the folder that holds the package "course"
LOCK = Path("requirements/lock.txt")
# Draws what was captured; cannot change it. Anything else a lesson imports can.
PRESENTATION = frozenset({"course.draw"})


def inputs(lesson: Lesson, profile: str, lock: Path = LOCK) -> dict[str, str]:
    """Everything the lesson's results depend on: a name and a hash (or version) each.

    Raises:
        CourseError: the lesson imports a module of the course that does not exist.
    """
    code = "\n# %%\n".join(without_comments(cell.source) for cell in lesson.code_cells)
    found = {"code": digest(code), "profile": profile}
    libraries: set[str] = set()
    pending, seen = [*_imports(code)], set[str]()
    while pending:
        name = pending.pop()
        top = name.split(".")[0]
        if top != "course":
            libraries.add(top)
            continue
        path = _module_path(name)
        if path is None or path in seen:
            if path is None and name.count(".") == 1:
                raise lesson.error(f"The lesson imports {name}, which does not exist.", _import_line(lesson, name))
            continue
        seen.add(path)
        if name in PRESENTATION:
            continue
        source = _read(Path(path))
        found[f"module {Path(path).relative_to(LIBRARY).as_posix()}"] = digest(source)
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        pending += _imports(source, package)
    locked = versions(lock)
    for library in sorted(libraries - set(sys.stdlib_module_names)):
        for distribution in _distributions(library, lock):
            if distribution in locked:
                found[f"library {distribution}"] = locked[distribution]
    for name in lesson.header.weights:
        found[f"weights {name}"] = SOURCES[name].weights_sha256
    for name in lesson.header.data:
        with (lesson.path.parent / name).open("rb") as stream:
            found[f"data {name}"] = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    return dict(sorted(found.items()))


def fingerprint(found: dict[str, str]) -> str:
    """One hash of all inputs."""
    return digest("\n".join(f"{name}={value}" for name, value in found.items()))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_comments(source: str, module: bool = False) -> str:
    """``source`` without comments and docstrings, which cannot change results. Everything else stays to the letter.

    In a ``module``, texts that document an attribute go too; in a notebook's cell such a text is shown.
    """
    lines = source.split("\n")
    literal: set[int] = set()  # rows that begin inside a string
    fstrings: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        if name == "COMMENT":
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif name == "STRING":
            literal.update(range(token.start[0], token.end[0]))
        elif name == "FSTRING_START":  # since Python 3.12 an f-string is several tokens
            fstrings.append(token.start[0])
        elif name == "FSTRING_END":
            literal.update(range(fstrings.pop(), token.end[0]))
    for node in ast.walk(syntax.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            alone = len(node.body) == 1 and not isinstance(node, ast.Module)
            for text in _documentation(node, attributes=module):
                literal -= _remove(lines, text, alone)
    return "\n".join(line for row, line in enumerate(lines) if line.strip() or row in literal)


def _documentation(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, attributes: bool
) -> Iterator[ast.stmt]:
    """The docstring of ``node``, and with ``attributes`` the texts below assignments of a module or class."""
    if ast.get_docstring(node, clean=False) is not None:
        yield node.body[0]
    if attributes and isinstance(node, (ast.Module, ast.ClassDef)):
        for before, after in pairwise(node.body):
            text = after.value if isinstance(after, ast.Expr) else None
            is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
            if is_text and isinstance(before, (ast.Assign, ast.AnnAssign)):
                yield after


def _remove(lines: list[str], docstring: ast.stmt, alone: bool) -> set[int]:
    """Blank the rows of ``docstring`` and return them; a statement stays where Python needs one."""
    assert docstring.end_lineno is not None
    first, last = docstring.lineno - 1, docstring.end_lineno - 1
    before = lines[first].encode()[: docstring.col_offset].decode()  # ast counts bytes
    after = lines[last].encode()[docstring.end_col_offset :].decode()
    lines[first : last + 1] = [""] * (last + 1 - first)
    lines[first] = f"{before}pass{after}" if alone or before.strip() or after.strip() else ""
    return set(range(first, last + 1))


@functools.cache
def _read(path: Path) -> str:
    return without_comments(path.read_text(encoding="utf-8"), module=True)


def _imports(source: str, package: str = "") -> set[str]:
    """Dotted names of every module that ``source`` may import, ``from`` targets included."""
    names: set[str] = set()
    for node in ast.walk(syntax.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: 1 - node.level or None]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names if module.startswith("course")}
    # a package's own __init__ runs when one of its modules is imported
    parts = [name.split(".") for name in names if name.startswith("course.")]
    return names | {".".join(name[:end]) for name in parts for end in range(1, len(name))}


def _module_path(name: str) -> str | None:
    base = LIBRARY / Path(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return str(path)
    return None


def _import_line(lesson: Lesson, name: str) -> int | None:
    short = name.split(".")[-1]
    for cell in lesson.code_cells:
        for offset, line in enumerate(cell.source.split("\n")):
            if "import" in line and short in line:
                return cell.line + offset
    return None


@functools.cache
def versions(lock: Path) -> dict[str, str]:
    """Distribution name → version, as locked.

    Raises:
        CourseError: there is no lock file.
    """
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(
            "The lock file is missing.", lock, hint="Run the build from the repository's root."
        ) from error
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9-]*)==([^\s;\\]+)", text, re.M):
        found.setdefault(name, version)
    return found


@functools.cache
def _distributions(module: str, lock: Path) -> tuple[str, ...]:
    """Names of the distributions that provide a top-level module, as the lock file writes them."""
    usual = module.lower().replace("_", "-")
    if usual in versions(lock):
        return (usual,)
    return tuple(re.sub(r"[-_.]+", "-", name).lower() for name in _by_module().get(module, ()))


@functools.cache
def _by_module() -> dict[str, list[str]]:
    return dict(packages_distributions())
