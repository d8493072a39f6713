"""Recording: what is displayed, what is refused, and that values come back unchanged."""

from __future__ import annotations

import json
import sys
import types
from typing import Any

import pytest

from course import record
from course.record import MIME, Figure, Series


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a notebook would be shown, bundle by bundle."""
    import IPython
    import IPython.display

    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "publish_display_data", bundles.append)
    monkeypatch.delenv("COURSE_WEIGHTS", raising=False)
    return bundles


FIGURE = Figure("line", [Series("q", [1, 2], [0.5, 0.25])], "rank", "loss", "It falls.", "Loss falls.")


class Scalar:
    """A number of a library, as torch and NumPy have them."""

    def __init__(self, found: object) -> None:
        self.found = found

    def item(self) -> object:
        return self.found


@pytest.mark.parametrize(
    ("given", "kind", "value", "kept"),
    [
        (5, "relative", 5, "exact"),
        (5, "band", 5, "band"),
        (True, "relative", True, "exact"),
        ("q only", "relative", "q only", "exact"),
        (0.5, "relative", 0.5, "relative"),
        (0.5, "exact", 0.5, "exact"),
        (2.5, "band", 2.5, "band"),
        (0.123456789, "relative", 0.1234568, "relative"),
        (1 / 3e9, "relative", 3.333333e-10, "relative"),
        (Scalar(5), "relative", 5, "exact"),
        (Scalar(0.1 + 0.2), "relative", 0.3, "relative"),
        (Scalar(True), "relative", True, "exact"),
    ],
)
def test_value(shown: list[dict[str, Any]], given: Any, kind: record.Kind, value: object, kept: str) -> None:
    assert record.value("lora.r8", given, kind) is given
    assert shown == [{MIME: {"type": "value", "key": "lora.r8", "value": value, "kind": kept}}]
    assert type(shown[0][MIME]["value"]) is type(value)
    json.dumps(shown)


def test_values(shown: list[dict[str, Any]]) -> None:
    record.values("loss", {"before": 2.5, "steps": 10}, kind="band")
    assert [(b[MIME]["key"], b[MIME]["kind"]) for b in shown] == [("loss.before", "band"), ("loss.steps", "band")]


@pytest.mark.parametrize(
    "key", ["", "Lora", "lora.", ".lora", "lora..r", "lora r", "lora-r", "8.r", "lora.8", "lora.lambda", "é", "a\n"]
)
def test_keys_that_prose_could_not_name_are_refused(shown: list[dict[str, Any]], key: str) -> None:
    with pytest.raises(ValueError, match="Bad key"):
        record.value(key, 1)
    assert shown == []


@pytest.mark.parametrize("key", ["a", "lora.r8", "lora_2.q_only", "lora._x"])
def test_keys_that_expressions_can_read(shown: list[dict[str, Any]], key: str) -> None:
    from course.pipeline.text.expressions import evaluate

    record.value(key, 5)
    assert evaluate(key, {shown[0][MIME]["key"]: 5}) == 5


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (float("nan"), ValueError), (float("inf"), ValueError), (Scalar(float("nan")), ValueError),
        (None, TypeError), ([1], TypeError), (1j, TypeError), (b"x", TypeError),
    ],
)  # fmt: skip
def test_what_is_no_finite_scalar_is_refused(shown: list[dict[str, Any]], given: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"'lora\.r8'"):
        record.value("lora.r8", given)
    assert shown == []


def test_an_unknown_kind_is_refused(shown: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="Bad kind 'bands'"):
        record.value("a", 1.0, kind="bands")  # type: ignore[arg-type]  # wrong on purpose
    assert shown == []


def test_table(shown: list[dict[str, Any]]) -> None:
    record.table("grid.t", [[8, Scalar(0.123456789)], [16, "none"]], ["rank", "loss"], "Losses.")
    (bundle,) = shown
    assert bundle[MIME] == {
        "type": "table", "key": "grid.t", "columns": ["rank", "loss"], "rows": [[8, 0.1234568], [16, "none"]],
        "caption": "Losses.", "kind": "relative",
    }  # fmt: skip
    assert bundle["text/plain"].split("\n") == ["rank  loss", "----  --------", "8     0.123457", "16    none"]


def test_a_table_with_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells for 2 columns"):
        record.table("t", [[1, 2], [3]], ["a", "b"], "Caption.")


def test_a_table_without_rows(shown: list[dict[str, Any]]) -> None:
    record.table("t", [], ["a"], "None.")
    assert shown[0][MIME]["rows"] == []


def test_curve(shown: list[dict[str, Any]]) -> None:
    losses: list[Any] = [Scalar(1.0), 0.5, 0.25]
    record.curve("train.loss", range(3), losses, kind="band")
    data = {"type": "curve", "key": "train.loss", "kind": "band", "x": [0, 1, 2], "y": [1.0, 0.5, 0.25]}
    assert shown == [{MIME: data}]
    with pytest.raises(ValueError, match="2 x values for 1 y values"):
        record.curve("c", [1, 2], [1])


def test_figure(shown: list[dict[str, Any]]) -> None:
    record.figure("grid.f", FIGURE)
    (bundle,) = shown
    data = bundle[MIME]
    assert (data["type"], data["key"], data["kind"]) == ("figure", "grid.f", "relative")
    assert data["figure"]["series"] == [{"name": "q", "x": [1, 2], "y": [0.5, 0.25], "low": [], "high": []}]
    assert json.loads(json.dumps(data)) == data
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == "[figure] It falls."


def test_the_build_gets_no_drawing(shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_WEIGHTS", "")
    record.figure("grid.f", FIGURE)
    assert set(shown[0]) == {MIME, "text/plain"}


@pytest.mark.parametrize(
    ("kind", "series", "message"),
    [
        ("line", [], "no series"),
        ("line", [Series("q", [1, 2], [1])], "'q' differ in length"),
        ("line", [Series("q", [1, 2], [1, 2], [0], [3])], "'q' differ in length"),
        ("line", [Series("q", [1, 2], [1, 2], [0, 1])], "'q' differ in length"),
        ("line", [Series("q", [], [])], "'q' has no points"),
        ("bar", [Series("q", [1, 2], [1, 2]), Series("k", [1], [1])], "'k' has other columns than 'q'"),
        ("heatmap", [Series("q", [1, 2], [1, 2]), Series("k", [1], [1])], "'k' has other columns than 'q'"),
        ("bar", [Series("q", [1], [1], [2], [3])], "is not between low and high"),
    ],
)
def test_figures_that_could_not_be_drawn_are_refused(kind: Any, series: list[Series], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record.figure("f", Figure(kind, series, "x", "y", "Caption.", "Alt."))


def test_lines_may_have_points_of_their_own(shown: list[dict[str, Any]]) -> None:
    record.figure("f", Figure("line", [Series("q", [1, 2], [1, 2]), Series("k", [1], [1])], "x", "y", "C.", "A."))
    assert len(shown) == 1


@pytest.mark.parametrize("ipython", [None, types.SimpleNamespace(get_ipython=lambda: None)])
def test_a_script_prints_tables_and_captions_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ipython: object
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert record.value("n", 5) == 5
    record.curve("c", [1], [2])
    assert capsys.readouterr().out == ""
    record.table("t", [[8, 0.5]], ["rank", "loss"], "Losses.")
    record.figure("f", FIGURE)
    assert capsys.readouterr().out == "rank  loss\n----  ----\n8     0.5\n[figure] It falls.\n"
