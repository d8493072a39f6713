"""Figures: deterministic, themed, accessible, valid XML whatever is written on them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args, get_type_hints
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.draw import SENTINELS, svg
from course.figures import Figure, Series

KINDS = get_args(get_type_hints(Figure)["kind"])
LINE = Figure(
    kind="line",
    series=(
        Series("q only", (1, 2, 4, 8), (3.0, 2.0, 1.5, 1.4), (2.9, 1.9, 1.4, 1.3), (3.1, 2.1, 1.6, 1.5)),
        Series("all linear", (1, 2, 4, 8), (2.5, 1.5, 1.0, 0.9)),
    ),
    x_label="rank",
    y_label="loss",
    caption="It falls.",
    alt="Loss falls with rank.",
)


def of_kind(kind: Any) -> Figure:
    return replace(LINE, kind=kind)


def text_of(drawn: str) -> list[str]:
    return [
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(drawn).iter()
        if element.tag.endswith("}text")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_its_labels_and_series(kind: str) -> None:
    drawn = svg(of_kind(kind))
    root = ElementTree.fromstring(drawn)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Loss falls with rank."
    assert root.get("viewBox")
    assert root.get("width") is None
    assert {"rank", "loss", "q only", "all linear", "1", "8"} <= set(text_of(drawn))


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_is_deterministic_and_leaves_no_settings_behind(kind: str) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    assert svg(of_kind(kind)) == svg(of_kind(kind))
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("kind", KINDS)
def test_colors_are_the_theme_s(kind: str) -> None:
    drawn = svg(of_kind(kind))
    assert "var(--figure-1, #0072b2)" in drawn
    assert ("var(--figure-2, #d55e00)" in drawn) == (kind != "heatmap")
    assert "var(--figure-ink, " in drawn
    for color in re.findall(r"#[0-9a-f]{6}(?![0-9a-f-])", re.sub(r"var\([^)]*\)", "", drawn)):
        pytest.fail(f"{color} is not themed")
    assert not any(sentinel in drawn for sentinel in SENTINELS)


def test_ids_are_unique_on_a_page_and_references_resolve() -> None:
    figures = [*map(of_kind, KINDS), replace(LINE, alt="Another."), replace(LINE, guides=(("start", 2.0),))]
    page = "".join(map(svg, figures))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)) <= {
        pair for name in ids for pair in ((name, ""), ("", name))
    }


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_matplotlib_s_stays(kind: str) -> None:
    drawn = svg(of_kind(kind))
    assert drawn.startswith("<svg ")
    assert drawn.endswith("</svg>")
    for left in ("<metadata", "<?xml", "<!DOCTYPE", "<!--", "<style", "matplotlib", "font-family", "DejaVu", "xlink"):
        assert left not in drawn


def test_guides_and_logarithmic_axes() -> None:
    drawn = svg(replace(LINE, x_log=True, y_log=True, guides=(("before training", 2.2),)))
    texts = text_of(drawn)
    assert "before training" in texts
    assert {"1", "2", "4", "8"} <= set(texts)


def test_a_single_value_and_equal_values() -> None:
    for kind in KINDS:
        flat = (Series("one", ("a",), (0.5,)),)
        ElementTree.fromstring(svg(replace(LINE, kind=kind, series=flat)))


def test_more_series_than_colors() -> None:
    many = tuple(Series(f"series {n}", (1, 2), (n, n + 1)) for n in range(8))
    assert {f"series {n}" for n in range(8)} <= set(text_of(svg(replace(LINE, series=many))))


SPECIAL = ["<b>", "a & b", '"quoted"', "it's", "<!-- x -->", "--", "é→×₂", "]]>", "$5", "$5 to $10", "$x_1$", "\\alpha",
           "#010301", 'id="x"', "url(#x)", "<metadata>x</metadata>", "a\nb", "font-family: x; y"]  # fmt: skip


@pytest.mark.parametrize("text", SPECIAL)
def test_special_characters_stay_what_they_are(text: str) -> None:
    first = replace(LINE.series[0], name=text)
    figure = replace(LINE, series=(first, LINE.series[1]), x_label=text, alt=text, guides=((text, 2.0),))
    drawn = svg(figure)
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label") == text.replace("\n", " ")
    if "\n" not in text:
        assert text_of(drawn).count(text) == 3


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="ab <>&\"'-#$_{}\\^%=:;()[]/!?.", max_size=12), st.sampled_from(KINDS))
def test_any_text_gives_valid_xml(text: str, kind: str) -> None:
    series = (replace(LINE.series[0], name=text or "a"), LINE.series[1])
    drawn = svg(replace(of_kind(kind), series=series, alt=text, x_label=text, y_label=text))
    assert ElementTree.fromstring(drawn).get("aria-label") == text


@pytest.mark.parametrize("kind", ["line", "scatter", "bar", "stacked"])
@pytest.mark.parametrize("count", [2, 5, 8])
def test_no_line_runs_through_the_legend(kind: str, count: int) -> None:
    names = [f"what the series {n} shows" for n in range(count)]
    series = tuple(Series(name, (1, 2), (n, n + 1)) for n, name in enumerate(names))
    root = ElementTree.fromstring(svg(replace(of_kind(kind), series=series)))
    legend = [float(text.attrib["y"]) for text in root.iter() if "".join(text.itertext()) in names and text.get("y")]
    (chart,) = (rect for clip in root.iter() if clip.tag.endswith("}clipPath") for rect in clip)
    assert len(legend) == count
    assert max(legend) < float(chart.attrib["y"]), "the chart, with its grid, begins below the legend"


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e4), st.sampled_from(["x", "y"]))
def test_a_logarithmic_axis_has_at_least_two_numbers(low: float, factor: float, axis: str) -> None:
    many = tuple(low * factor ** (n / 9) for n in range(10))  # too many to be labeled one by one
    series = Series("one", many, (1.0,) * 10) if axis == "x" else Series("one", ("a", "b"), (low, low * factor))
    kind = "line" if axis == "x" else "bar"
    texts = text_of(svg(replace(of_kind(kind), series=(series,), x_log=axis == "x", y_log=axis == "y")))
    assert len({text for text in texts if re.fullmatch(r"[\d.]+(e[-+]?\d+)?", text)} - {"1.0"}) >= 2, texts


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_is_a_negative_zero(kind: str) -> None:
    values = (-0.0, 0.0, -0.0, -1.0)
    series = tuple(Series(name, (-1, 0, 1, 2), values) for name in ("one", "two"))
    assert not [
        text for text in text_of(svg(replace(of_kind(kind), series=series))) if re.fullmatch(r"[-−]0(\.0+)?", text)
    ]
