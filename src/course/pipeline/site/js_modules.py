"""Our ES modules joined into one classic script, because a page opened from a disk may load no module.

Each module becomes a function that runs when it is first asked for, as the browser would run it, and returns what it
exports. Only the forms that our modules are written in are known; any other is an error, never a guess.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from course.pipeline.base.errors import CourseError

_IMPORT = re.compile(
    r'^import\s+(?:(?:(?P<names>\{[^}]*\})|\*\s+as\s+(?P<all>\w+))\s+from\s+)?"(?P<path>\.[^"]*)";', re.M
)
_DECLARED = re.compile(r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const|let)\s+(?P<name>\w+))", re.M)
_LISTED = re.compile(r"^export\s*\{(?P<names>[^}]*)\};$", re.M)
_UNKNOWN = re.compile(r"^(?:import|export|await|for await)\b(?!\().*", re.M)


def join(modules: Mapping[str, str]) -> str:
    """The modules, by their path in the site, as one JavaScript object from path to function.

    A function takes ``load`` (path in the site → exports), ``later`` (path relative to the module → promise of exports)
    and ``here`` (the module's address).

    Raises:
        CourseError: an import of what is not there, modules that import each other, or a form that is not known.
    """
    needs: dict[str, set[str]] = {}
    parts = []
    for path, source in sorted(modules.items()):
        body, needs[path] = _function(path, source)
        for missing in sorted(needs[path] - modules.keys()):
            raise CourseError(f"The module imports {missing}, which the site does not have.", Path(path))
        parts.append(f'"{path}": (load, later, here) => {{\n{body}}},\n')
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise CourseError(f"Modules import each other: {' → '.join(error.args[1])}.") from error
    return f"{{\n{''.join(parts)}}}"


def _function(path: str, source: str) -> tuple[str, set[str]]:
    """The body of a module's function, and the modules it imports before it runs."""
    needs: set[str] = set()
    exported: dict[str, str] = {}

    def imported(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match["path"]))
        needs.add(target)
        names = match["all"] or re.sub(r"\bas\b", ":", match["names"] or "")
        return f'const {names} = load("{target}");' if names else f'load("{target}");'

    def declared(match: re.Match[str]) -> str:
        exported[match["name"]] = match["name"]
        return ""

    def listed(match: re.Match[str]) -> str:
        for entry in filter(None, (part.strip() for part in match["names"].split(","))):
            name, _, public = entry.partition(" as ")
            exported[public.strip() or name] = name
        return ""

    body = _LISTED.sub(listed, _DECLARED.sub(declared, _IMPORT.sub(imported, source)))
    if unknown := _UNKNOWN.search(body):
        raise CourseError(f"This form of a module cannot be joined: {unknown[0]}", Path(path))
    body = re.sub(r"\bimport\(", "later(", body).replace("import.meta.url", "here")
    # A variable that changes later is seen to change by those who imported it, hence the getters.
    getters = ", ".join(f"get {public}() {{ return {name}; }}" for public, name in exported.items())
    return f"{body.rstrip()}\nreturn {{ {getters} }};\n", needs
