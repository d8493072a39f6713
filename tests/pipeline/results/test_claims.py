"""Claims are read from their cells with lines, and decided by captured values."""

from __future__ import annotations

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import parse
from course.pipeline.results.bundle import load_all
from course.pipeline.results.claims import VERDICTS, Decided, decide, read

from ..samples import PATH, claim, claims_cell, lesson, line_of, quiz_text, source

VALUES = {"lora.trainable": 9216, "lora.ratio": 256.0}


def decided(entry: str) -> Decided:
    made = lesson("# %%\nfirst = 1", claims_cell(entry))
    ((registered,),) = read(made).values()
    return decide(registered, VALUES, made)


YES, NO = "lora.trainable == 9216", "lora.trainable > 9216"


@pytest.mark.parametrize(
    ("in_favor", "against", "partly", "verdict"),
    [
        (YES, NO, "", "holds"),
        (YES, NO, "lora.ratio > 1", "holds"),
        (NO, YES, "", "wrong"),
        (NO, YES, "lora.ratio < 1", "wrong"),
        (NO, NO, "lora.ratio > 1", "conditions"),
        (NO, NO, "lora.ratio < 1", "open"),
        (NO, NO, "", "open"),
        (NO, "", "", "open"),  # nothing lies against it
        ("", "", "", "untested"),
    ],
)
def test_verdicts(in_favor: str, against: str, partly: str, verdict: str) -> None:
    tests = {"for": in_favor, "against": against, "partly": partly}
    made = decided(claim(3, **tests, condition="At {{ lora.ratio | x0 }}", note="{{ lora.ratio | x0 }} fewer."))
    assert made.verdict == verdict
    assert verdict in VERDICTS
    assert (made.claim.number, made.anchor, made.claim.in_favor) == (3, "claim-3", in_favor)
    assert (made.found, made.note) == ("9,216", "256× fewer.")
    assert made.condition == ("At 256×" if verdict == "conditions" else "")


@pytest.mark.parametrize("partly", ["", YES])
def test_a_claim_is_not_both_right_and_wrong(partly: str) -> None:
    in_favor = NO if partly else YES
    with pytest.raises(CourseError, match="Claim 3 comes out both ways"):
        decided(claim(3, **{"for": in_favor, "against": YES, "partly": partly}))


def test_claims_are_found_by_cell_and_know_their_lines() -> None:
    text = source(claims_cell(claim(7), claim(2)), "# %%\nx = 1", claims_cell("#", claim(30)))
    found = read(parse(text, PATH))
    assert [[(c.number, c.line) for c in claims] for claims in found.values()] == [
        [(7, line_of(text, "number: 7")), (2, line_of(text, "number: 2"))],
        [(30, line_of(text, "number: 30"))],
    ]
    assert list(found) == [1, 3]  # the parameters cell is the first


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("for", "lora.trainble == 1"),
        ("against", "lora.trainable ="),
        ("value", "{{ lora.trainable }}"),
        ("value", "{{ lora.trainable | int"),
        ("note", "{{ zebra | int }}"),
    ],
)
def test_what_cannot_be_decided_names_claim_and_line(field: str, text: str) -> None:
    whole = source("# %%\nfirst = 1", claims_cell(claim(3, **{field: text})))
    made = parse(whole, PATH)
    ((registered,),) = read(made).values()
    with pytest.raises(CourseError, match="Claim 3: ") as caught:
        decide(registered, VALUES, made)
    assert (caught.value.path, caught.value.line) == (PATH, line_of(whole, "number: 3"))


def test_a_broken_condition_is_found() -> None:
    with pytest.raises(CourseError, match="'zebra'"):
        decided(claim(3, **{"for": "lora.ratio < 1"}, partly="zebra > 1"))


@pytest.mark.parametrize(
    ("entries", "message", "at"),
    [
        (["# number: 3"], "must be a list", "number: 3"),
        (["# - number: three"], "a whole number", "three"),
        (["# - number: 3", "#   verdict: holds"], "unknown field 'verdict'", "verdict"),
        (["# - number: 3", "#   text: It is."], "lacks the field 'source'", "number: 3"),
        (["# - number: [3"], "Not valid YAML", None),
        ([claim(3, **{"for": ""}, note="Why not.")], "no expression for it", "number: 3"),
        ([claim(3, **{"for": "", "against": ""})], "no expression for it", "number: 3"),
    ],
)
def test_malformed_claims_name_file_and_line(entries: list[str], message: str, at: str | None) -> None:
    text = source("# %%\nfirst = 1", claims_cell(*entries))
    with pytest.raises(CourseError, match=message) as caught:
        read(parse(text, PATH))
    assert caught.value.path == PATH
    assert at is None or caught.value.line == line_of(text, at)


def test_claims_in_a_code_cell_are_refused() -> None:
    with pytest.raises(CourseError, match="A cell tagged 'claims' is not code") as caught:
        lesson('# %% tags=["claims"]\nx = 1')
    assert "[markdown]" in caught.value.hint


def test_a_number_is_registered_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("lessons")
    for name, number in (("01_first", 4), ("02_second", 5), ("03_third", 4)):
        (folder / f"{name}.py").write_text(source(claims_cell(claim(number))))
        (folder / f"{name}.quiz.yml").write_text(quiz_text().replace("sample-", f"{name[3:]}-"))
    with pytest.raises(CourseError, match="Claim 4 is already registered by 01_first") as caught:
        load_all(folder, folder / "captures")
    assert caught.value.path == folder / "03_third.py"
