"""What a lesson's results depend on, as named hashes. Equal fingerprints mean equal results: nothing needs to run.

Counted: the lesson's code cells, the profile, every module of :mod:`course` the code imports (transitively), the locked
version of every library these import, and the weights' hashes. Comments, docstrings, prose, claims, quiz and display
tags are not. The machine is provenance, not an input.

Of a plain lesson also: the modules in its own folder and those above it up to the course's, and the files that its code
reads by name. Its libraries count if a file that locks them lies in the course's folder or above it, wherever the build
is started; else their versions are provenance alone.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

from course.pipeline.base import syntax
from course.pipeline.base.errors import CourseError
from course.pipeline.base.paths import LIBRARY, LOCK
from course.pipeline.lesson.model import Lesson
from course.provenance import version_of
from course.weights import SOURCES

# Where others keep their versions: lines with == count.
FOREIGN_LOCKS = (LOCK, Path("requirements.txt"))
# Draws what was captured; cannot change it. Anything else a lesson imports can.
PRESENTATION = frozenset({"course.draw"})
# Calls that read the file which their first argument names.
READER = re.compile(r"open|imread|(?:read|load|scan|from|genfrom)_?\w*")


def locks(root: Path | None) -> list[Path]:
    """Files that may lock versions, the first that exists does: ours, or of the plain course in ``root`` the nearest."""
    if root is None:
        return [LOCK]
    folders = (root.resolve(), *root.resolve().parents)
    return [folder / name for folder in folders for name in FOREIGN_LOCKS]


def inputs(lesson: Lesson, profile: str, lock: Path | None = None) -> dict[str, str]:
    """Everything the lesson's results depend on: a name and a hash (or version) each.

    Args:
        lock: the file that locks versions, if not the course's own.

    Raises:
        CourseError: the lesson imports a module of the course that does not exist.
    """
    code = "\n# %%\n".join(without_comments(cell.source) for cell in lesson.code_cells)
    found = {"code": digest(code)}
    if not lesson.is_plain or "profile" in lesson.parameters:
        found["profile"] = profile
    libraries: set[str] = set()
    sources = {lesson.path: code}
    pending = [(name, lesson.path) for name in _imports(code)]
    while pending:
        name, importer = pending.pop()
        path = _module_path(name, lesson.folders)
        if path is None:
            if name.split(".")[0] != "course":
                libraries.add(name.split(".")[0])
            elif name.count(".") == 1:
                raise lesson.error(f"The lesson imports {name}, which does not exist.", _import_line(lesson, name))
            continue
        if path in sources:
            continue
        sources[path] = ""
        if name in PRESENTATION:
            continue
        sources[path] = _read_module(path, importer)
        found[f"module {_module_name(path, lesson)}"] = digest(sources[path])
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        pending += [(inner, path) for inner in _imports(sources[path], package)]
    known = locks(lesson.root)
    lock = lock or next((path for path in known if path.is_file()), known[0])
    for library, version in _locked(libraries, lock, optional=lesson.is_plain):
        found[f"library {library}"] = version
    for name in lesson.header.weights:
        found[f"weights {name}"] = SOURCES[name].weights_sha256
    for name in lesson.header.data:
        try:
            with (lesson.path.parent / name).open("rb") as stream:
                found[f"data {name}"] = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
        except OSError as error:
            raise lesson.error(f"Cannot read the declared data {name}: {error.strerror}.", 1) from error
    if lesson.is_plain:
        found |= {f"file {name}": value for source in sources.values() for name, value in _files(source, lesson)}
    return dict(sorted(found.items()))


def libraries(lesson: Lesson) -> dict[str, str]:
    """Distribution → installed version of the libraries that a plain lesson's own cells import."""
    names = {name.split(".")[0] for cell in lesson.code_cells for name in _imports(cell.source)}
    own = {name for name in names if _module_path(name, lesson.folders)}
    found = {dist: version_of(dist) for name in names - own - sys.stdlib_module_names for dist in _installed(name)}
    return dict(sorted(found.items()))


def _locked(libraries: set[str], lock: Path, optional: bool) -> Iterator[tuple[str, str]]:
    """``(distribution, version)`` of every library that the lock names; none if the lock is missing and ``optional``."""
    if optional and not lock.is_file():
        return
    locked = versions(lock)
    for library in sorted(libraries - set(sys.stdlib_module_names)):
        yield from ((name, locked[name]) for name in _distributions(library, lock) if name in locked)


def _files(source: str, lesson: Lesson) -> Iterator[tuple[str, str]]:
    """``(name, hash)`` of the files of the course that a reading call in ``source`` names: ``read_csv("data.csv")``."""
    calls = (
        node for node in ast.walk(syntax.parse(source)) if isinstance(node, ast.Call) and READER.fullmatch(_name(node))
    )
    for text in {arg.value for call in calls for arg in call.args[:1] if isinstance(arg, ast.Constant)}:
        path = lesson.path.parent / text if isinstance(text, str) and text.isprintable() and len(text) < 256 else None
        if path and path.is_file() and path.resolve().is_relative_to(lesson.folders[-1].resolve()):
            yield str(text), hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _name(call: ast.Call) -> str:
    """What is called, without what it belongs to; ``open`` for writing is called ``write``."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    writes = any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
    return "write" if name == "open" and writes else name


def _module_name(path: Path, lesson: Lesson) -> str:
    root = LIBRARY if path.is_relative_to(LIBRARY) or not lesson.folders else lesson.folders[-1]
    return path.relative_to(root).as_posix()


def fingerprint(found: dict[str, str]) -> str:
    """One hash of all inputs."""
    return digest("\n".join(f"{name}={value}" for name, value in found.items()))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
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


def _read_module(path: Path, importer: Path) -> str:
    try:
        return _module(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        hint = f"Fix the syntax error; {importer.name} imports this module."
        raise CourseError(f"Invalid Python: {error.msg}.", path, error.lineno, hint) from error


def _module(text: str) -> str:
    syntax.parse(text)  # tells the line of an error, which a tokenizer does not
    return without_comments(text, module=True)


@functools.cache
def _imports(source: str, package: str = "") -> frozenset[str]:
    """Dotted names of every module that ``source`` may import, ``from`` targets included."""
    names: set[str] = set()
    for node in ast.walk(syntax.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: 1 - node.level or None]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            names |= {module or package} | {f"{module}.{alias.name}".lstrip(".") for alias in node.names}
    names.discard("")
    # a package's own __init__ runs when one of its modules is imported
    parts = [name.split(".") for name in names]
    return frozenset(names | {".".join(name[:end]) for name in parts for end in range(1, len(name))})


def _module_path(name: str, folders: Sequence[Path]) -> Path | None:
    """The source of a module of the course, or of one in ``folders``; ``None`` for any other name."""
    for folder in (LIBRARY,) if name.split(".")[0] == "course" else folders:
        base = folder.joinpath(*name.split("."))
        for path in (base / "__init__.py", base.parent / f"{base.name}.py"):
            if path.is_file():
                return path
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
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w, .-]*\])?\s*==\s*([^\s;\\]+)", text, re.M):
        found.setdefault(_normal(name), version)
    return found


@functools.cache
def _distributions(module: str, lock: Path) -> tuple[str, ...]:
    """Names of the distributions that provide a top-level module, as the lock file writes them."""
    usual = module.lower().replace("_", "-")
    if usual in versions(lock):
        return (usual,)
    return tuple(map(_normal, _by_module().get(module, ())))


def _normal(distribution: str) -> str:
    """A distribution's name as lock files write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _installed(module: str) -> Sequence[str]:
    """Names of the installed distributions that provide a top-level module."""
    return (module,) if version_of(module) else _by_module().get(module, ())


@functools.cache
def _by_module() -> dict[str, list[str]]:
    return dict(packages_distributions())
