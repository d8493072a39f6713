r"""Formulas in TeX become MathML, by pandoc's texmath: many in one call, because most of a call is starting it.

What pandoc cannot convert it only warns of and leaves as TeX. Here each formula is followed to its own result, so that
one that failed is known, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from course.pipeline.base.errors import CourseError
from course.pipeline.text import mathml

API = [1, 23, 1]
"""The version of pandoc's document model that :func:`_document` writes."""
_BOLD = re.compile(r"\\mathbf(?![A-Za-z])")
_BETWEEN_CELLS = re.compile(r"\\(?:begin|end)\{[^{}]*\}|\\\\|&")
_TEXT = re.compile(r"\\(?:text\w*|mbox)\s*\{[^{}]*\}")
_ESCAPED = re.compile(r"(\\[&%$#_]) ")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_LOOKAHEAD = re.compile(r"\n?\s*expecting .*", re.S)


@dataclass(frozen=True)
class Formula:
    """A formula in TeX, without its dollars; a block stands on lines of its own."""

    tex: str
    is_block: bool = False


@dataclass(frozen=True)
class Refused:
    """Why a formula cannot be converted."""

    reason: str


def convert(formulas: Sequence[Formula]) -> list[str | Refused]:
    """Each formula as a ``<math>`` element, or why it is none.

    Raises:
        CourseError: pandoc is not there or does not work.
    """
    return [
        _explained(formula, made) if isinstance(made, Refused) else made
        for formula, made in zip(formulas, _convert(formulas), strict=True)
    ]


def _explained(formula: Formula, refused: Refused) -> Refused:
    """The reason that is in one cell of a table: of the whole, texmath says only that a row is not as expected."""
    cells = [Formula(cell) for cell in _BETWEEN_CELLS.split(formula.tex) if cell.strip()]
    reasons = [made.reason for made in _convert(cells) if isinstance(made, Refused)] if len(cells) > 1 else []
    return next((Refused(reason) for reason in reasons if "\\" in reason), refused)


def _convert(formulas: Sequence[Formula]) -> list[str | Refused]:
    if not formulas:
        return []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.json"
        page = _run(json.dumps(_document(formulas)), log)
        reasons = {
            entry["contents"]: entry["message"] for entry in json.loads(log.read_text("utf-8")) if "message" in entry
        }
    made: list[str | Refused] = []
    for formula, box in zip(formulas, ElementTree.fromstring(f"<page>{page}</page>"), strict=True):
        found = box.find(f".//{mathml.NAMESPACE}math")
        if found is None:
            made.append(Refused(_reason(reasons.get(_prepared(formula.tex), ""))))
        elif found.find(f".//{mathml.NAMESPACE}menclose") is not None:
            made.append(Refused("browsers draw no frames and no strokes across a formula"))
        else:
            made.append(mathml.lean(found, formula.tex))
    return made


def _document(formulas: Sequence[Formula]) -> dict[str, object]:
    """A document of one box for each formula, as pandoc keeps it: nothing in a formula can be taken for markup."""
    boxes = []
    for formula in formulas:
        kind = {"t": "DisplayMath" if formula.is_block else "InlineMath"}
        inner = {"t": "Plain", "c": [{"t": "Math", "c": [kind, _prepared(formula.tex)]}]}
        boxes.append({"t": "Div", "c": [["", [], []], [inner]]})
    return {"pandoc-api-version": API, "meta": {}, "blocks": boxes}


def _prepared(tex: str) -> str:
    r"""What texmath is given, which has two mistakes.

    It makes ``\mathbf`` italic, so it gets bold sans serif, which :mod:`mathml` makes upright; and it loses the space after
    a sign such as ``\%`` in text.
    """
    tex = _TEXT.sub(lambda text: _ESCAPED.sub(r"\1{} ", text[0]), tex)
    return _BOLD.sub(r"\\mathbfsfup ", _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", tex.strip()))


def _run(document: str, log: Path) -> str:
    command = [
        str(_pandoc()),
        "--from=json",
        "--to=html",
        "--mathml",
        "--wrap=none",
        "--sandbox",
        "--quiet",
        f"--log={log}",
    ]
    try:
        done = subprocess.run(command, input=document, capture_output=True, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"Cannot run pandoc, which converts formulas: {error.strerror}.", hint=_INSTALL) from error
    if done.returncode:
        raise CourseError(f"Pandoc, which converts formulas, failed: {done.stderr.strip()}", hint=_INSTALL)
    return done.stdout


_INSTALL = "Install it again: pip install --force-reinstall pypandoc-binary"


def _pandoc() -> Path:
    """The pandoc of the locked package, not whichever is installed beside it: the same sources make the same page."""
    package = find_spec("pypandoc")
    folders = package.submodule_search_locations if package else None
    return Path(*(folders or [])) / "files" / ("pandoc.exe" if os.name == "nt" else "pandoc")


def _reason(message: str) -> str:
    """The last line of what texmath says that tells something: ``unexpected control sequence \\foo``."""
    said = _LOOKAHEAD.sub("", message).strip().splitlines()
    return said[-1].strip() if said else "it is no mathematics that texmath knows"
