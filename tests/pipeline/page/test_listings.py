"""Lists of all lessons: counts and times that nobody typed, modules that exist, a figure away from its lesson."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from course.pipeline.lesson.model import MODULES
from course.pipeline.page import listings
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import Item
from course.pipeline.results.quiz import read

from ..samples import HEADER, bundle, capture, claim, claims_cell, figure, lesson, quiz_text, value

LORA = value("lora.trainable", 9216)


def made(number: int, module: int, *items: Item, cells: tuple[str, ...] = (), questions: Any = ()) -> Bundle:
    """Lesson ``number``, which takes 5 minutes to read and ran for 12 seconds."""
    header = HEADER.replace("module: 4", f"module: {module}").replace("A sample", f"Sample {number} & more")
    prose = "# %% [markdown]\n# " + "word " * 1000
    parsed = lesson("# %%\nx = 1", prose, *cells, header=header, path=Path(f"{number:02}_sample.py"))
    return bundle(parsed, capture(LORA, *items), questions)


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_facts_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "02_sample.quiz.yml"
    path.write_text(quiz_text(), encoding="utf-8")
    bundles = [made(2, 1, questions=read(path)), made(7, 4, cells=(claims_cell(claim(1), claim(2)),))]
    found = words(listings.facts(bundles, ""))
    assert found == (
        "2 lessons 10 min of reading 24 s of runs on a laptop 2 claims tested 5 questions, every answer explained"
    )


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0.4, "24 s"), (59, "59 min"), (60, "1 h"), (60.4, "1 h"), (114.3, "1 h 54 min")]
)
def test_times_are_in_the_unit_that_a_reader_wants(minutes: float, shown: str) -> None:
    assert listings._hours(minutes) == shown


def test_lessons_stand_in_their_modules_with_the_time_of_all() -> None:
    found = listings.lesson_list([made(7, 4), made(8, 4), made(2, 1)], "lessons/")
    assert re.findall(r'<h3 id="module-(\d)">([^<]+)</h3>', found) == [
        ("1", "Foundations"),
        ("4", "Parameter-efficient fine-tuning"),
    ]
    assert re.findall(r'<p class="module-times">([^<]+)</p>', found.replace("\N{NO-BREAK SPACE}", " ")) == [
        "1 lesson · read 5 min · run 12 s",
        "2 lessons · read 10 min · run 24 s",
    ]
    assert re.findall(r'<a href="([^"]+)">', found) == [f"lessons/{n:02}_sample/" for n in (2, 7, 8)]
    assert "Sample 7 &amp; more" in found


def test_outcomes_are_the_objectives_and_modules_without_lessons_are_to_come() -> None:
    found = listings.outcomes([made(7, 4)], "")
    assert "<li>predict <math" in found
    assert found.count("<h2") == 1
    (coming,) = re.findall(r'<p class="coming" id="planned">([^<]+)</p>', found)
    assert "Foundations" in coming
    assert "Parameter-efficient" not in coming
    everything = [made(module, module) for module in MODULES]
    assert "coming" not in listings.outcomes(everything, "")


def test_a_figure_elsewhere_keeps_its_caption_bound_and_leads_to_its_place() -> None:
    one = made(7, 4, figure("loss.plot", caption="It trains {{ lora.trainable | int }}."))
    found = listings.figure(one, "loss.plot", "../lessons/")
    assert "It trains 9,216 ." in words(found)
    assert 'href="../lessons/07_sample/#loss.plot"' in found
    assert "From lesson 07, Sample 7 &amp; more" in found
    assert listings.figure(one, "lora.trainable", "") == ""
    assert listings.figure(one, "nothing", "") == ""


def test_the_tally_counts_verdicts() -> None:
    cells = (claims_cell(claim(1), claim(2, **{"for": "1 > 2", "against": "2 > 1"}), claim(3)),)
    found = words(listings.tally([made(7, 4, cells=cells), made(8, 4)], ""))
    assert found == "3 claims 2 hold 1 wrong"
