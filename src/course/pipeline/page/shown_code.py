"""Code of a lesson that shows what it records: calls of :mod:`course.record` become ``print`` and two small functions.

Only these calls change; everything else, comments and layout included, stays as it was written. What they are given is
still evaluated, in the same order, so a lesson computes and prints the same with and without recording.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

WIDTH = 84
"""Characters that a line of code should not exceed."""

FUNCTIONS = {
    "show_table": '''\
def show_table(rows, columns):
    """Print a table."""
    plain = [[cell.item() if hasattr(cell, "item") else cell for cell in row] for row in rows]
    cells = [[f"{c:g}" if isinstance(c, float) else str(c) for c in row] for row in plain]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [columns, ["-" * width for width in widths], *cells]:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())''',
    "show_figure": '''\
def show_figure(series, x_label, y_label):
    """Print the points of a figure, about ten a line."""
    print(f"{y_label}, by {x_label}:")
    for line in series:
        every = -(-len(line.x) // 10)
        places = [x if isinstance(x, str) else f"{x:.6g}" for x in line.x]
        points = list(zip(places, line.y, strict=True))[::every]
        print(f"  {line.name}:", *(f"({x}, {y:.4g})" for x, y in points))''',
}
"""The functions that shown code may call: name → source."""


def shown(cells: Sequence[str]) -> list[str]:
    """The code cells of one lesson, in order, without calls of ``record``.

    A call whose arguments are not written out (``record.table(*found)``) stays, and with it the import.

    Raises:
        SyntaxError: a cell that is not Python.
    """
    changed = [re.sub(r"^pass\n?", "", _rewritten(cell, _replacement), flags=re.M) for cell in cells]
    used = {node.id for cell in changed for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}

    def imports(node: ast.AST, text: _Text) -> str | None:
        return _import(node, used) if isinstance(node, ast.ImportFrom) and node.module == "course" else None

    return [_rewritten(cell, imports) for cell in changed]


def functions(cells: Sequence[str]) -> str:
    """The source of the functions that shown ``cells`` call; empty if there are none."""
    return "\n\n\n".join(source for name, source in FUNCTIONS.items() if any(f"{name}(" in cell for cell in cells))


def with_profile_argument(cell: str, about: str) -> str:
    """The parameters cell ``cell``, whose ``profile`` the command line may choose: ``python FILE --profile smoke``.

    Args:
        about: one line that the script's ``--help`` prints.
    """
    found = next((n for n in ast.parse(cell).body if isinstance(n, ast.Assign) and _sets(n, "profile")), None)
    if found is None:
        return cell
    lines = cell.split("\n")
    line = lines[found.lineno - 1]
    default, _, comment = line.partition("=")[2].strip().partition("#")
    lines[found.lineno - 1] = (
        "profile = options.parse_known_args()[0].profile  # an editor that runs cells has arguments of its own"
    )
    told = f"# {comment.strip()}\n" if comment else ""
    return (
        f"import argparse\n\noptions = argparse.ArgumentParser(description={about!r})\n{told}"
        f'options.add_argument("--profile", choices=["smoke", "laptop", "full"], default={default.strip()})\n'
        + "\n".join(lines)
    )


def _sets(node: ast.Assign, name: str) -> bool:
    return [ast.unparse(target) for target in node.targets] == [name]


class _Text:
    """The text of a cell's nodes, with replacements inside them."""

    def __init__(self, source: str, replace: Callable[[ast.AST, _Text], str | None]) -> None:
        self._source = source.encode()
        lines = self._source.split(b"\n")
        self._starts = [0, *(sum(map(len, lines[:n])) + n for n in range(1, len(lines)))]
        self._replace = replace

    def of(self, node: ast.AST) -> str:
        """The text of ``node``, which may be replaced itself."""
        found = self._replace(node, self)
        return self.between(node, self.start(node), self.end(node)) if found is None else found

    def between(self, node: ast.AST, start: int, end: int) -> str:
        """The text of the bytes from ``start`` to ``end``, with replacements of what stands there of ``node``."""
        out, at = b"", start
        for inner, text in self._inner(node):
            if start <= self.start(inner) and self.end(inner) <= end:
                out += self._source[at : self.start(inner)] + text.encode()
                at = self.end(inner)
        return (out + self._source[at:end]).decode()

    def whole(self, tree: ast.Module) -> str:
        return self.between(tree, 0, len(self._source))

    def start(self, node: Any) -> int:
        """The byte at which an expression, statement or argument begins."""
        return int(self._starts[node.lineno - 1] + node.col_offset)

    def end(self, node: Any) -> int:
        """The byte after an expression, statement or argument."""
        return int(self._starts[node.end_lineno - 1] + node.end_col_offset)

    def _inner(self, node: ast.AST) -> list[tuple[ast.AST, str]]:
        """The outermost nodes in ``node`` that are replaced, in the order of the text, each with its new text."""
        found: list[tuple[ast.AST, str]] = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.JoinedStr):  # Python 3.11 does not tell where its parts stand
                continue
            text = self._replace(child, self) if hasattr(child, "lineno") else None
            found += self._inner(child) if text is None else [(child, text)]
        return sorted(found, key=lambda pair: self.start(pair[0]))


def _rewritten(cell: str, replace: Callable[[ast.AST, _Text], str | None]) -> str:
    return _Text(cell, replace).whole(ast.parse(cell)).strip("\n")


def _replacement(node: ast.AST, text: _Text) -> str | None:
    """What stands in the place of ``node``; ``None`` if it stays."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        if inner := _recorded_value(node.value):
            before = text.between(node, text.start(node), text.start(node.value))
            return before + _enclosed(inner, text, needed=False) + _print_of(node, node.value, text)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _statement(node, node.value, text)
    elif isinstance(node, ast.Call):
        if inner := _recorded_value(node):
            return _enclosed(inner, text, needed=True)
    elif isinstance(node, ast.Attribute) and _name(node) in ("Series", "Figure"):
        return node.attr
    return None


def _statement(node: ast.Expr, call: ast.Call, text: _Text) -> str | None:
    """A call of ``record`` that stands alone."""
    name = _name(call.func)
    if not name or not _is_written_out(call):
        return None
    given = {word.arg: word for word in call.keywords}
    match name:
        case "value" | "values" if len(call.args) >= 2:
            # From the key to the value: what stands between them, comments too, is kept.
            arguments = text.between(call, text.start(call.args[0]), text.end(call.args[1]))
            return (
                f"print({_moved(arguments, node.col_offset + len(f'record.{name}('), node.col_offset + len('print('))})"
            )
        case "curve":  # no page shows it
            return "pass"
        case "table" if len(call.args) >= 2:
            rest: list[ast.expr | ast.keyword] = [*call.args[1:3], *([given["columns"]] if "columns" in given else [])]
            return _call("show_table", rest, node, text)
        case "figure" if len(call.args) >= 2 and isinstance(drawn := call.args[1], ast.Call):
            words = [word for word in drawn.keywords if word.arg in ("series", "x_label", "y_label")]
            if _name(drawn.func) == "Figure" and _is_written_out(drawn) and len(words) == 3:
                return _call("show_figure", words, node, text)
    return None


def _call(name: str, arguments: Sequence[ast.expr | ast.keyword], node: ast.Expr, text: _Text) -> str:
    """A call, on one line if it has room there."""
    shown, indent = [text.of(argument) for argument in arguments], " " * node.col_offset
    line = f"{name}({', '.join(shown)})"
    if "\n" not in line and len(indent + line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"{indent}    {argument},\n" for argument in shown) + f"{indent})"


def _moved(code: str, column: int, to: int) -> str:
    """``code``, which began at ``column`` and begins at ``to`` now: lines that stood below its beginning still do."""
    if '"""' in code or "'''" in code:
        return code
    first, *others = code.split("\n")
    return "\n".join([first, *(line[column - to :] if line[:column].isspace() else line for line in others)])


def _recorded_value(call: ast.Call) -> ast.expr | None:
    """What ``record.value`` gives back."""
    is_value = _name(call.func) == "value" and _is_written_out(call) and len(call.args) >= 2
    return call.args[1] if is_value else None


def _print_of(node: ast.Assign, call: ast.Call, text: _Text) -> str:
    """A line after the assignment that prints what was recorded, if that has one name."""
    match node.targets:
        case [ast.Name(id=name)]:
            return f"\n{' ' * node.col_offset}print({text.of(call.args[0])}, {name})"
    return ""


def _enclosed(node: ast.expr, text: _Text, needed: bool) -> str:
    """``node`` where a call stood: in parentheses if it could fall apart there."""
    found = text.of(node)
    atomic = isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant)) or not needed
    return found if atomic and "\n" not in found else f"({found})"


def _name(node: ast.expr) -> str:
    """``x`` of ``record.x``; empty for anything else."""
    of_record = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "record"
    return node.attr if of_record and isinstance(node, ast.Attribute) else ""


def _is_written_out(call: ast.Call) -> bool:
    return not any(isinstance(arg, ast.Starred) for arg in call.args) and all(word.arg for word in call.keywords)


def _import(node: ast.ImportFrom, used: set[str]) -> str | None:
    """An import of ``record`` as the import of what shown code still uses of it."""
    if not any(alias.name == "record" for alias in node.names) or "record" in used:
        return None
    others = ", ".join(ast.unparse(alias) for alias in node.names if alias.name != "record")
    figures = ", ".join(name for name in ("Figure", "Series") if name in used)
    lines = [f"from course import {others}"] if others else []
    return "\n".join([*lines, *([f"from course.figures import {figures}"] if figures else [])])
