"""The files a learner takes away: notebooks, script and Markdown, each able to run alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import nbformat

from course.pipeline import widgets
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.page import predictions
from course.pipeline.page.parts import QUIZ_MARKER, drawing, fails, link_lessons
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import (
    Chart,
    Html,
    ImageShown,
    ItemShown,
    Output,
    Provenance,
    Stderr,
    Table,
    Text,
)
from course.pipeline.results.claims import VERDICTS
from course.pipeline.text import markup
from course.pipeline.text.bind import bind
from course.pipeline.text.displayed import IMAGES
from course.quiz import Quiz

INSTALL = """\
# Installs the course's library if it is missing: from the wheel beside this file, else from the site.
import importlib.util, pathlib, subprocess, sys

wheel, site = {wheel!r}, {site!r}
found = importlib.util.find_spec("course")
folders = found.submodule_search_locations or [] if found else []
if not any(pathlib.Path(folder, "record.py").exists() for folder in folders):
    if found and found.origin:
        sys.exit(f"{{found.origin}} has the name of the course's library. Rename it, and run again.")
    if not (pathlib.Path(wheel).exists() or site):
        sys.exit(f"Download {{wheel}} from the lesson's page, put it beside this file, and run again.")
    source = wheel if pathlib.Path(wheel).exists() else site + "downloads/" + wheel
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
    importlib.invalidate_caches()"""


def files(bundle: Bundle, lessons: Mapping[int, str], wheel: str, site: str) -> dict[str, str]:
    """File name → content of everything offered beside the page of one lesson.

    Args:
        lessons: lesson number → slug, for links.
        wheel: file name of the course's wheel.
        site: address of the site with a slash at its end, or empty.
    """
    slug = bundle.lesson.slug
    if bundle.lesson.is_plain:
        plain = _PlainMaker(bundle, lessons, "")
        return {
            f"{slug}.ipynb": plain.notebook(outputs=False),
            f"{slug}.executed.ipynb": plain.notebook(outputs=True),
            f"{slug}.py": bundle.lesson.path.read_text(encoding="utf-8"),
        }
    maker = _Maker(bundle, lessons, INSTALL.format(wheel=wheel, site=site))
    return {
        f"{slug}.ipynb": maker.notebook(outputs=False),
        f"{slug}.executed.ipynb": maker.notebook(outputs=True),
        f"{slug}.py": maker.script(),
        f"{slug}.md": maker.markdown(),
    }


def offered(lesson: Lesson, wheel: str) -> list[tuple[str, str]]:
    """``(label, address relative to the page)`` of the downloads, in the order shown."""
    slug = lesson.slug
    if lesson.is_plain:
        return [
            ("Notebook", f"{slug}.ipynb"),
            ("Notebook with outputs", f"{slug}.executed.ipynb"),
            ("Script", f"{slug}.py"),
        ]
    return [
        ("Notebook", f"{slug}.ipynb"),
        ("Notebook with outputs", f"{slug}.executed.ipynb"),
        ("Notebook view", "notebook/"),
        ("Script", f"{slug}.py"),
        ("Markdown", f"{slug}.md"),
        ("Library (wheel)", f"../../downloads/{wheel}"),
    ]


class _Maker:
    def __init__(self, bundle: Bundle, lessons: Mapping[int, str], install: str) -> None:
        self.bundle, self.lessons, self.install = bundle, lessons, install
        self.lesson, self.capture = bundle.lesson, bundle.captured

    def notebook(self, outputs: bool) -> str:
        cells = [_text_cell("title", self._title(".ipynb"))]
        if self.install:
            cells.append(self._code_cell("install", self.install, Cell("code", "", frozenset(), 0)))
        index = 0
        for place, cell in enumerate(self.lesson.cells):
            if "claims" in cell.tags:
                cells.append(_text_cell(f"claims-{place}", self._claims(place)))
                continue
            if "predict" in cell.tags:
                cells.append(_text_cell(f"predict-{place}", predictions.markdown(self.bundle.predicted[place])))
                continue
            if not cell.is_code:
                cells += self._prose_cells(cell, place)
                continue
            node = self._code_cell(f"cell-{index}", cell.source, cell)
            if outputs:
                node["execution_count"] = index + 1
                node["outputs"] = [self._notebook_output(output) for output in self.capture.outputs[index]]
            cells.append(node)
            index += 1
        cells.append(_text_cell("provenance", _provenance(self.capture.provenance)))
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "course": asdict(self.capture.provenance),
        }
        document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        nbformat.validate(document)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _code_cell(self, name: str, source: str, cell: Cell) -> dict[str, Any]:
        folded = {}
        if cell.tags & {"hide-code", "solution"} or name == "install":
            folded["source_hidden"] = True
        if "reveal" in cell.tags:
            folded["outputs_hidden"] = True
        return _code_cell(name, source, {"tags": sorted(cell.tags), **({"jupyter": folded} if folded else {})})

    def _prose_cells(self, cell: Cell, place: int) -> list[dict[str, Any]]:
        text = self._prose(cell, ".ipynb")
        before, marker, after = text.partition(QUIZ_MARKER)
        if not marker:
            return [_text_cell(f"prose-{place}", text)]
        questions = [
            {**asdict(asked), "options": [asdict(option) for option in asked.options]} for asked in self.bundle.asked
        ]
        setup = f'from course.quiz import Quiz\n\nquiz = Quiz.decode("{Quiz(questions).encode()}")\nquiz.ask()'
        how = 'Answer with `quiz.answer(1, "B")` or, for a number, `quiz.answer(4, 1536)`; then `quiz.score()`.'
        nodes = [_text_cell(f"prose-{place}", f"{before.strip()}\n\n{how}")]
        nodes += [_code_cell("quiz", setup, {}), _code_cell("quiz-score", "quiz.score()", {})]
        if after.strip():
            nodes.append(_text_cell(f"prose-{place}-after", after.strip()))
        return nodes

    def _notebook_output(self, output: Output) -> dict[str, Any]:
        if isinstance(output, (Text, Stderr)):
            name = "stdout" if isinstance(output, Text) else "stderr"
            return {"output_type": "stream", "name": name, "text": output.text + "\n"}
        if isinstance(output, Html):
            return _display({"text/html": output.html})
        if isinstance(output, ImageShown):
            kind = next(kind for kind, suffix in IMAGES.items() if output.name.endswith(suffix))
            return _display({kind: self.capture.images[output.name]})
        item = self.capture.items[output.key]
        assert isinstance(item, (Table, Chart))
        if isinstance(item, Table):
            caption = markup.inline_html(bind(item.caption, self.capture.values))
            data = {"text/html": markup.table(item.columns, item.rows, caption)}
        else:
            data = {
                "image/svg+xml": drawing(item.figure, self.bundle.cache),
                "text/plain": bind(item.figure.caption, self.capture.values),
            }
        return _display(data)

    def script(self) -> str:
        """The lesson as a plain script: prose as comments, numbers bound, cells in percent format."""
        parts = [_comment(self._title(".py")), f"# %%\n{self.install}"]
        for place, cell in enumerate(self.lesson.cells):
            if cell.is_code:
                parts.append(f"# %%\n{cell.source}")
            elif "claims" in cell.tags:
                parts.append(f"# %% [markdown]\n{_comment(self._claims(place))}")
            elif "predict" in cell.tags:
                parts.append(f"# %% [markdown]\n{_comment(predictions.markdown(self.bundle.predicted[place]))}")
            else:
                text = self._prose(cell, ".py").replace(QUIZ_MARKER, "The quiz is on the page and in the notebook.")
                parts.append(f"# %% [markdown]\n{_comment(text)}")
        parts.append(_comment(_provenance(self.capture.provenance)))
        return "\n\n".join(parts) + "\n"

    def markdown(self) -> str:
        """The lesson with its results as plain Markdown."""
        parts = [self._title(".md"), f"```python\n{self.install}\n```"]
        index = 0
        for place, cell in enumerate(self.lesson.cells):
            if cell.is_code:
                parts.append(markup.fence(cell.source, "python"))
                parts += [self._markdown_output(output) for output in self.capture.outputs[index]]
                index += 1
            elif "claims" in cell.tags:
                parts.append(self._claims(place))
            elif "predict" in cell.tags:
                parts.append(predictions.markdown(self.bundle.predicted[place]))
            else:
                parts.append(self._prose(cell, ".md").replace(QUIZ_MARKER, self._markdown_quiz()))
        parts.append(_provenance(self.capture.provenance))
        return "\n\n".join(parts) + "\n"

    def _markdown_output(self, output: Output) -> str:
        if isinstance(output, Text):
            return markup.fence(output.text, "text")
        assert isinstance(output, ItemShown)  # the rest is of plain lessons
        item = self.capture.items[output.key]
        assert isinstance(item, (Table, Chart))
        if isinstance(item, Chart):
            return f"**Figure.** {bind(item.figure.caption, self.capture.values)} *{item.figure.alt}*"
        rows = [item.columns, ["---"] * len(item.columns), *[[markup.number(c) for c in row] for row in item.rows]]
        lines = ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in rows]
        return f"**Table.** {bind(item.caption, self.capture.values)}\n\n" + "\n".join(lines)

    def _claims(self, place: int) -> str:
        return "\n\n".join(
            f"> **Claim {decided.claim.number}.** {decided.claim.text} ({decided.claim.source})\n>\n"
            f"> **{VERDICTS[decided.verdict]}** · found here: {decided.found}. {decided.note}".rstrip()
            for decided in self.bundle.claims[place]
        )

    def _markdown_quiz(self) -> str:
        parts = []
        for place, asked in enumerate(self.bundle.asked, 1):
            options = "\n".join(
                f"   - **{letter}** {o.text.strip()}" for letter, o in zip("ABCDEF", asked.options, strict=False)
            )
            if asked.options:
                whys = (
                    f"- **{letter}** {'Right. ' if o.right else 'Not this. '}{o.why.strip()}"
                    for letter, o in zip("ABCDEF", asked.options, strict=False)
                )
                answer = "\n".join(whys)
            else:
                answer = f"**{asked.number_text}.** {asked.why}"
            parts.append(
                f"{place}. {asked.ask.strip()}\n\n{options}\n\n"
                f"<details><summary>Answer</summary>\n\n{answer}\n\n</details>"
            )
        return "\n\n".join(parts)

    def _title(self, suffix: str) -> str:
        header = self.lesson.header
        goals = "\n".join(f"- {goal}" for goal in header.objectives)
        return f"# {header.title}\n\n{header.summary}\n\nAfter this lesson you can\n\n{goals}"

    def _prose(self, cell: Cell, suffix: str) -> str:
        text = widgets.place(cell.source, widgets.Placed.markdown, fails(self.lesson, cell), set())
        linked = link_lessons(text, self.lessons, self.lesson, cell.line, lambda slug: f"{slug}{suffix}")
        return portable(bind(linked, self.capture.values))


class _PlainMaker(_Maker):
    def _title(self, suffix: str) -> str:
        return f"# {self.lesson.header.title}"

    def _prose(self, cell: Cell, suffix: str) -> str:
        return cell.source


# Cells and outputs as a notebook's file has them. nbformat would check each, and then all of them again as a notebook.


def _text_cell(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code_cell(name: str, source: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {**empty, "id": name, "metadata": metadata, "source": source}


def _display(data: Mapping[str, str]) -> dict[str, Any]:
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def _provenance(run: Provenance) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in run.libraries.items())
    return (
        f"*Where these numbers come from: source commit {run.commit}, fingerprint {run.fingerprint}, "
        f"profile {run.profile}, seed {run.seed}, {run.device} ({run.processor}, {run.threads} threads), "
        f"{run.dtype}, Python {run.python}, "
        f"{libraries}; {run.seconds} s on {run.date}.*"
    )


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))


_ADMONITION = re.compile(
    r'^(?P<mark>!!!|\?\?\?\+?) (?P<type>[\w-]+)(?: "(?P<title>[^"]*)")?\n(?P<body>(?:(?: {4}.*)?(?:\n|\Z))+)', re.M
)


def portable(text: str) -> str:
    """Markdown of the site as Markdown of anywhere: admonitions become quotations, folded ones ``<details>``."""

    def replace(match: re.Match[str]) -> str:
        title = match["title"] if match["title"] is not None else match["type"].capitalize()
        body = "\n".join(line.removeprefix("    ") for line in match["body"].strip("\n").split("\n"))
        if match["mark"].startswith("???"):
            return f"<details><summary>{title}</summary>\n\n{portable(body)}\n\n</details>\n\n"
        quoted = "\n".join(f"> {line}".rstrip() for line in body.split("\n"))
        return f"> **{title}**\n>\n{quoted}\n\n"

    return _ADMONITION.sub(replace, text).rstrip("\n")
