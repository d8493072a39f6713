"""Rules of the standard: each refuses what it is there for, and lets the whole form pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import Lesson
from course.pipeline.lesson.old_standard import OLD_STANDARD
from course.pipeline.results import claims, quiz, standard
from course.pipeline.results.capture import Item
from course.pipeline.results.material import Material

from ..samples import capture, claim, claims_cell, lesson, line_of, source, table, value

ESTIMATE = [
    *(value(f"lora.{name}", found) for name, found in {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 5}.items()),
    value("lora.anchor.constant_answer", 0.17), value("lora.anchor.prompted", 0.25),
]  # fmt: skip
BUDGET = [value(f"budget.{name}", 5) for name in ("steps", "batch", "examples", "held_out", "seeds")]
SEARCH = [
    value("search.rate", 0.002), value("search.data", "72 validation tickets"),
    table("search.trials", columns=["rate", "steps"], rows=[["0.0005", 36], ["0.002", 36]]),
]  # fmt: skip
WHOLE = (
    "LoRA is right for {{ lora.mean | pct0 }} ({{ lora.low | pct0 }} to {{ lora.high | pct0 }}, {{ lora.n | int }} seeds; "
    "prompted {{ lora.anchor.prompted | pct0 }})."
)
SPENT = """\
- steps: {{ budget.steps | int }} × {{ budget.batch | int }}
- examples: {{ budget.examples | int }}
- held out: {{ budget.held_out | int }} tickets
- seeds: {{ budget.seeds | int }}
- learning rate: searched on {{ search.data | text }}"""
OLD = Path(f"{min(OLD_STANDARD)}.py")
TRAINS = "# %%\nloss.backward()"


def prose(text: str, tags: str = "") -> str:
    marker = f"# %% [markdown]{tags}"
    return "\n".join([marker, *(f"# {line}".rstrip() for line in text.split("\n"))])


def budget(text: str) -> str:
    return prose(text, ' tags=["budget"]')


def problems(made: Lesson, *items: Item, questions: tuple[quiz.Question, ...] = ()) -> list[CourseError]:
    return standard.problems(Material(made, questions, claims.read(made), {}, capture(*items)))


def messages(*cells: str, items: list[Item]) -> list[str]:
    return [problem.message for problem in problems(lesson(*cells), *items)]


def test_a_tested_claim_needs_what_would_refute_it() -> None:
    whole = source(claims_cell(claim(3, against="")))
    (found,) = problems(lesson(claims_cell(claim(3, against=""))))
    assert (found.message, found.line) == ("Claim 3 has no expression against it.", line_of(whole, "number: 3"))
    assert not problems(lesson(claims_cell(claim(3))))
    assert not problems(lesson(claims_cell(claim(3, **{"for": "", "against": "", "note": "It needs a cluster."}))))


def test_a_condition_is_named() -> None:
    partly = claims_cell(claim(3, partly="1 > 2"))
    assert messages(partly, items=[]) == ["Claim 3 may hold with a condition, and names none."]
    assert not messages(claims_cell(claim(3, partly="1 > 2", condition="At night")), items=[])


@pytest.mark.parametrize("left_out", ["lora.low", "lora.high", "lora.n", "lora.anchor.prompted"])
def test_a_headline_has_n_interval_and_anchor_in_its_sentence(left_out: str) -> None:
    assert not messages(prose(WHOLE), items=ESTIMATE)
    (found,) = problems(lesson(prose(WHOLE.replace(f"{{{{ {left_out} |", "{{ 1 |"))), *ESTIMATE)
    assert found.message == "The headline number 'lora' stands without its n, interval or anchor."
    assert left_out in found.hint


def test_a_sentence_does_not_borrow_from_the_next() -> None:
    text = WHOLE.replace("LoRA is right for {{ lora.mean | pct0 }} (", "It is {{ lora.mean | pct0 }}.\nThe rest (")
    cells = prose(f"Hello.\n\n{text}")
    found = problems(lesson(cells), *ESTIMATE)
    assert found[0].line == line_of(source(cells), "It is")


def test_a_measured_number_without_n_is_no_headline() -> None:
    text = prose("It takes {{ step.seconds | s1 }} for {{ lora.share | pct1 }} of the parameters.")
    items = [value("step.seconds", 0.5, kind="band"), value("lora.share", 0.01, kind="exact")]
    assert messages(text, items=items) == ["The headline number 'step.seconds' has no n and no interval."]


def test_what_hangs_on_one_seed_is_no_headline() -> None:
    gap = "{{ gap.mean | f2 }} ({{ gap.low | f2 }} to {{ gap.high | f2 }}, n = {{ gap.n | int }})."
    items = [value(f"gap.{name}", found) for name, found in {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 5}.items()]
    items.append(value("gap.anchor.none", 0))
    assert messages(prose(gap), items=[*items, value("gap.survives", False)]) == [
        "The headline 'gap' hangs on one seed."
    ]
    assert not messages(prose(gap), items=[*items, value("gap.survives", True)])


def test_only_the_opening_and_its_first_section_are_headlines() -> None:
    bare = "It is {{ lora.mean | pct0 }}."
    later = prose(f"## The idea\n\nText.\n\n## The run\n\n{bare}")
    assert not messages(later, items=ESTIMATE)
    assert len(messages(prose(f"## The idea\n\n{bare}\n\n## The run"), items=ESTIMATE)) == 1


def test_claims_and_answers_of_the_quiz_are_headlines() -> None:
    assert len(messages(claims_cell(claim(3, value="{{ lora.mean | pct0 }}")), items=ESTIMATE)) == 1
    asked = quiz.Question("a-b", "How many?", Path("q.yml"), 3, answer="100 * lora.mean", why="So it is.")
    (found,) = problems(lesson("# %%\nx = 1"), *ESTIMATE, questions=(asked,))
    assert (found.path, found.line) == (Path("q.yml"), 3)
    assert not problems(lesson("# %%\nx = 1"), *ESTIMATE, questions=(replace(asked, why=WHOLE),))


def test_a_lesson_that_trains_has_one_budget_line() -> None:
    assert messages(TRAINS, items=[]) == ["The lesson trains, and has no budget line."]
    assert not messages("# %%\nmodel.train()", items=[])
    assert not messages(budget(SPENT), TRAINS, items=[*BUDGET, *SEARCH])
    twice = messages(budget(SPENT), budget(SPENT), TRAINS, items=[*BUDGET, *SEARCH])
    assert twice == ["The lesson has a second budget line."]


def test_a_budget_line_types_nothing() -> None:
    cell = budget(SPENT.replace("{{ budget.seeds | int }}", "five"))
    (found,) = problems(lesson(cell, TRAINS), *BUDGET, *SEARCH)
    assert (found.message, found.line) == ("'Seeds' of the budget is typed.", line_of(source(cell), "five"))


def test_a_budget_line_says_what_chose_the_rate() -> None:
    unsaid = SPENT.replace("{{ search.data | text }}", "something")
    assert messages(budget(unsaid), TRAINS, items=[*BUDGET, *SEARCH]) == [
        "The budget does not say what chose the learning rate."
    ]
    linked = f"{unsaid}: [TRL's](https://huggingface.co/docs/trl)."
    assert not messages(budget(linked), TRAINS, items=BUDGET)


@pytest.mark.parametrize(
    "code",
    [
        "rate = 1e-3", "RATES = [0.002, 1e-3]", "x = AdamW(p, lr=1e-3)", "Config(learning_rate=1e-3)",
        "x = {'learning_rate': 1e-3}", "halving([1e-3, 2e-3], [4], run)",
    ],
)  # fmt: skip
def test_a_rate_from_off_the_page_is_refused(code: str) -> None:
    cell = f"# %%\nfirst = 1\n{code}"
    found = problems(lesson(budget(SPENT), cell), *BUDGET, *SEARCH)
    assert [problem.message for problem in found] == ["The learning rate 0.001 comes from nowhere on this page."]
    assert found[0].line == line_of(source(budget(SPENT), cell), code)
    for reason in ("by hand", "https://arxiv.org/abs/2106.09685"):
        assert not messages(budget(SPENT), f"{cell}  # {reason}", items=[*BUDGET, *SEARCH])


def test_rates_that_were_searched_and_other_numbers_pass() -> None:
    code = "# %%\nrate = 2e-3\nlow = Recipe(rate=5e-4, steps=4)\ndecay = 0.1"
    assert not messages(budget(SPENT), code, items=[*BUDGET, *SEARCH])


def test_a_lesson_on_the_old_standard_is_excused() -> None:
    made = lesson(TRAINS)
    assert problems(made)
    assert not problems(replace(made, path=OLD))


def test_a_lesson_that_keeps_the_standard_leaves_the_list() -> None:
    (found,) = problems(replace(lesson(budget(SPENT), TRAINS), path=OLD), *BUDGET, *SEARCH)
    assert found.message == "This lesson keeps the standard and is still excused from it."
