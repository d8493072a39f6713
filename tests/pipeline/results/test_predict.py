"""Predictions: read from their cells with lines, joined with what the run gave, on the page and in the downloads."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import parse
from course.pipeline.lesson.model import Lesson
from course.pipeline.page import downloads, evidence, fragments, write_page
from course.pipeline.page.document import document
from course.pipeline.results import anchors, predict, quiz
from course.pipeline.results.bundle import Bundle, Results
from course.pipeline.results.capture import Capture, ItemShown, Text
from course.pipeline.text.bind import Bound

from ..samples import PATH, PROVENANCE, capture, figure, line_of, quiz_text, source, value

NUMBER = """
id: half
ask: How *many* of {{ lora.trainable | int }}?
number: lora.trainable / 2
format: int
unit: parameters
"""
CHOICES = """
id: size
ask: Is it large?
choices:
  - text: Small, below {{ lora.rank | int }}.
    right: lora.trainable < 100
  - text: Large.
    right: lora.trainable >= 100
"""
CURVE = """
id: falls
ask: Sketch it.
curve: loss.plot
series: q only
"""
REVEAL = '# %% tags=["reveal"]\nprint(1)'
CAPTURED = capture(
    value("lora.trainable", 9216), value("lora.rank", 8), figure("loss.plot", 2),
    outputs=[[], [], [Text("the output"), ItemShown("loss.plot")]],
)  # fmt: skip


def cell(text: str) -> str:
    return "\n".join(['# %% [markdown] tags=["predict"]', *(f"# {line}" for line in text.strip().split("\n"))])


def written(*cells: str) -> str:
    return source("# %%\nx = 1", *cells)


def lesson(*cells: str) -> Lesson:
    return parse(written(*cells), PATH)


def bundle(*cells: str, captured: Capture = CAPTURED) -> Bundle:
    made = lesson(*cells)
    return Bundle(made, (), {}, {}, Results.of(captured), predictions=predict.read(made))


def asked(text: str, captured: Capture = CAPTURED) -> predict.Asked:
    (found,) = bundle(cell(text), REVEAL, captured=captured).predicted.values()
    return found


def page(*cells: str) -> str:
    return write_page.page(document(bundle(*cells)), {}, []).markdown


def section(text: str) -> ElementTree.Element:
    found = re.search(r'<section class="predict".*?</section>', page(cell(text), REVEAL), re.S)
    assert found
    return ElementTree.fromstring(found[0])


def test_a_number() -> None:
    made = asked(NUMBER)
    assert (made.kind, made.answer, made.result, made.unit) == ("number", 4608.0, "4,608 parameters", "parameters")
    assert made.ask == "How *many* of 9,216?"
    assert asked(NUMBER.replace("unit: parameters", "unit: ×")).result == "4,608×"
    assert asked(NUMBER.replace("unit: parameters", "")).result == "4,608"


@pytest.mark.parametrize(("trainable", "right"), [(9216, 1.0), (99, 0.0)])
def test_which_choice_is_right_follows_the_run(trainable: int, right: float) -> None:
    made = asked(CHOICES, capture(value("lora.trainable", trainable), value("lora.rank", 8), cells=3))
    assert (made.kind, made.answer) == ("choice", right)
    assert made.choices == ("Small, below 8.", "Large.")


def test_a_choice_may_be_right_whatever_comes_out() -> None:
    made = asked(CHOICES.replace("    right: lora.trainable < 100\n", "").replace("lora.trainable >= 100", "true"))
    assert made.answer == 1.0


def test_a_curve_has_the_points_of_the_figure() -> None:
    sketch = asked(CURVE).sketch
    assert sketch is not None
    assert (sketch.x, sketch.y, sketch.span) == ((1, 2, 4), (3.0, 2.0, 1.5), (1.5, 3.0))
    assert (sketch.x_log, sketch.y_log, sketch.x_label, sketch.y_label) == (True, False, "rank", "loss")


def test_the_hash_tells_whether_a_guess_is_still_one_of_this() -> None:
    again = capture(value("lora.trainable", 9218), value("lora.rank", 8), figure("loss.plot", 2), cells=3)
    same = [asked(text).hash == asked(text).hash for text in (NUMBER, CHOICES, CURVE)]
    other_run = [asked(text).hash == asked(text, again).hash for text in (NUMBER, CURVE)]
    reworded = [asked(text).hash == asked(text.replace("ask: ", "ask: So ")).hash for text in (NUMBER, CHOICES, CURVE)]
    assert (same, other_run, reworded) == ([True] * 3, [False, True], [False] * 3)


def test_outputs_wait_for_all_predictions_above_them() -> None:
    code, tagged = "# %%\ny = 2", '# %% tags=["reveal", "hide-code"]\nprint(2)'
    made = lesson(cell(NUMBER), cell(CHOICES), code, REVEAL, tagged, code, REVEAL, cell(CURVE), REVEAL)
    assert [found.cells for found in predict.read(made).values()] == [(3, 4), (3, 4), (7,)]


BROKEN = [
    (NUMBER, "id: half", "id: Half!", "id: Half!", "is not an id"),
    (NUMBER, "number: lora.trainable / 2", "number: lora.trainble / 2", "id: half", "did you mean 'lora.trainable'"),
    (NUMBER, "number: lora.trainable / 2", "number: lora.trainable / 0", "id: half", "cannot compute"),
    (NUMBER, "format: int", "format: pct1", "format: pct1", "not what a reader would type"),
    (NUMBER, "format: int\n", "", "id: half", "lacks the field 'format'"),
    (NUMBER, "number: lora.trainable / 2\nformat: int\nunit: parameters\n", "", "id: half", "not none of them"),
    (NUMBER, "unit: parameters", "curve: loss.plot", "id: half", "not number and curve"),
    (NUMBER, "unit: parameters", "series: q only", "series: q only", "has no 'series'"),
    (NUMBER, "unit: parameters", "units: parameters", "units:", "unknown field 'units'"),
    (NUMBER, "{{ lora.trainable | int }}", "{{ lora.trainable }}", "id: half", "has no format"),
    (CHOICES, "lora.trainable < 100", "lora.trainable > 100", "id: size", "2 choices are right, not one"),
    (CHOICES, "lora.trainable >= 100", "lora.trainable == 0", "id: size", "0 choices are right, not one"),
    (CHOICES, "lora.trainable < 100", "lora.trainable <", "id: size", "is not an expression"),
    (CHOICES, "lora.trainable < 100", "[1]", "[1]", "right must be text"),
    (CHOICES, "  - text: Large.\n    right: lora.trainable >= 100\n", "", "text: Small", "two to six choices, not 1"),
    (CURVE, "loss.plot", "loss.plt", "id: falls", "no recorded figure has the key 'loss.plt' (figures: loss.plot)"),
    (CURVE, "q only", "k only", "id: falls", "has no series 'k only' (it has q only)"),
    (CURVE, "ask: Sketch it.\n", "", "id: falls", "lacks the field 'ask'"),
]


@pytest.mark.parametrize(("text", "old", "new", "needle", "message"), BROKEN)
def test_a_broken_prediction_names_file_and_line(text: str, old: str, new: str, needle: str, message: str) -> None:
    changed = text.replace(old, new)
    assert changed != text
    whole = written(cell(changed), REVEAL)
    with pytest.raises(CourseError, match=re.escape(message)) as caught:
        bundle(cell(changed), REVEAL).predicted  # noqa: B018  # looks up what the run gave
    assert (caught.value.path, caught.value.line) == (PATH, line_of(whole, needle))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell(NUMBER), "# %%\ny = 2"], "No result waits for this prediction"),
        ([REVEAL, cell(NUMBER)], "No result waits for this prediction"),
        ([cell(NUMBER), "# %% [markdown]\n# ## Another section", REVEAL], "No result waits for this prediction"),
        ([cell(CHOICES), cell(NUMBER.replace("half", "size")), REVEAL], "'size' is used twice"),
    ],
)
def test_predictions_without_a_result_or_a_name(cells: list[str], message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        bundle(*cells)
    needle = "id: half" if "id: half" in written(*cells) else "ask: How"
    assert caught.value.line == line_of(written(*cells), needle) - (needle == "ask: How")


@pytest.mark.parametrize("changed", [{"kind": "bar"}, {"series": [{"name": "q only", "x": [1, 2], "y": [3.0, 2.0]}]}])
def test_only_a_line_of_a_few_points_can_be_sketched(changed: dict[str, Any]) -> None:
    with pytest.raises(CourseError, match="a sketch needs a line through 3 numbers"):
        asked(CURVE, capture(figure("loss.plot", 2, **changed), cells=3))


def test_problems_of_predictions_are_told_by_the_check() -> None:
    (problem,) = bundle(cell(NUMBER.replace("lora.trainable /", "zebra /")), REVEAL).problems()
    assert "no captured value has the key 'zebra'" in problem.message


def test_the_page_has_the_question_and_the_folded_result() -> None:
    text = page(cell(NUMBER), REVEAL)
    assert text.count("lora.trainable / 2") == 1  # in the result: the expression is half of the answer
    made = section(NUMBER)
    assert made.get("id") == "predict-half"
    assert made.get("data-key") == f"07_sample/half:{asked(NUMBER).hash}"
    assert (made.get("data-kind"), made.get("data-answer"), made.get("data-cells")) == ("number", "4608", "2")
    folded = re.search(r'<details class="reveal" id="reveal-2">.*?</details>', text, re.S)
    assert folded
    number = fragments.as_data(Bound("4,608", "lora.trainable / 2", 4608.0))
    run = f'Result: <strong class="predict-run">{number} parameters</strong>'
    assert folded[0].index("<summary>") < folded[0].index(run) < folded[0].index("the output")


def test_the_page_has_choices_and_the_points_of_a_curve() -> None:
    choices = section(CHOICES)
    assert ["".join(item.itertext()).strip() for item in choices.iter("li")] == ["Small, below 8.", "Large."]
    assert choices.get("data-answer") == "1"
    assert '<strong class="predict-run">B</strong>: Large.' in page(cell(CHOICES), REVEAL)
    (data,) = section(CURVE).iter("script")
    assert json.loads(data.text or "")["y"] == [3.0, 2.0, 1.5]
    text = page(cell(CURVE), REVEAL)
    assert 'the line <a href="#loss.plot">q only</a> of the figure' in text
    assert 'id="loss.plot"' in text


def test_a_result_that_shows_nothing_still_answers() -> None:
    silent = capture(*CAPTURED.items.values(), cells=3)
    made = write_page.page(document(bundle(cell(NUMBER), REVEAL, captured=silent)), {}, [])
    assert 'id="reveal-2"><summary>Reveal the result</summary><p class="predict-result"' in made.markdown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NUMBER, "Write down a number (parameters) before you go on."),
        (CHOICES, "- **A** Small, below 8.\n> - **B** Large."),
        (CURVE, "Sketch the line *q only* on paper: loss over rank."),
    ],
)
def test_downloads_have_the_question_and_no_yaml(text: str, said: str) -> None:
    whole = bundle(cell(text), REVEAL)
    made = downloads.files(document(whole), {7: "07_sample"}, "course.whl", "")
    notebook = nbformat.reads(made["07_sample.ipynb"], as_version=4)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for shown in (prose, made["07_sample.md"]):
        assert "> **Predict**" in shown
        assert said in shown
        assert "\nid:" not in shown
        assert not re.search(r"\b(number|choices|curve|right):", shown)


def test_evidence_groups_keys_by_cell_and_kind() -> None:
    captured = capture(
        value("b", 2, cell=3), value("a", 1, cell=3), value("time", 2.5, cell=3, kind="band"), value("c", 1.5, cell=1)
    )
    found = evidence.facts(captured, {"a", "b", "time", "c"}, "../x/")
    assert found["cells"] == [[1, "relative", ["c"]], [3, "band", ["time"]], [3, "exact", ["a", "b"]]]
    assert found["page"] == "../x/"
    assert PROVENANCE.date in found["run"]
    block = evidence.block({"07": found})
    data = json.loads(re.sub(r"</?script[^>]*>", "", block))
    assert data["runs"]["07"] == found
    assert set(data["kinds"]) == {"relative", "band", "exact"}
    assert evidence.block({"07": evidence.facts(captured, set(), "")}) == ""


def test_a_page_names_the_cells_of_all_numbers_that_it_shows() -> None:
    text = page("# %% [markdown]\n# It is {{ lora.trainable / lora.rank | int }}.", cell(NUMBER), REVEAL)
    block = re.search(r'<script type="application/json" class="evidence">(.*?)</script>', text)
    assert block
    assert json.loads(block[1])["runs"]["07"]["cells"] == [[1, "exact", ["lora.rank", "lora.trainable"]]]


ANCHORED = [
    "# %% [markdown]\n# ## What's *new*?\n#\n# ```text\n# ## not a heading\n# ```\n#\n# ### At $d = 4$ and 70B",
    "# %% [markdown]\n# ## What's *new*?",
]


def test_anchors_are_those_of_the_page() -> None:
    assert anchors.anchors(lesson(*ANCHORED)) == {"a-sample", "whats-new", "whats-new_1", "at-d4-and-70b"}


@pytest.mark.parametrize(
    ("why", "message"),
    [
        ("It is not.", "The reason against 'That.' links to no section"),
        ("It is not, see [here](https://example.org/#a-sample).", "links to no section"),
        ("See [there](#no-such-section).", "links to #no-such-section, which is not on the page"),
    ],
)
def test_a_reason_against_a_wrong_option_leads_to_its_section(tmp_path: Any, why: str, message: str) -> None:
    linked = quiz_text().replace("It is not.", "See [there](#whats-new).")
    file = tmp_path / "07_sample.quiz.yml"
    for text, expected in ((linked, 0), (linked.replace("See [there](#whats-new).", why, 1), 1)):
        file.write_text(text, encoding="utf-8")
        made = Bundle(lesson(*ANCHORED), quiz.read(file), {}, {}, Results.of(capture()))
        problems = made.problems()
        assert len(problems) == expected
    assert message in problems[0].message
    assert (problems[0].path, problems[0].line) == (file, 2)
