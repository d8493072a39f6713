"""The font of mathematics has what formulas show, and not much more."""

from __future__ import annotations

import io

import pytest
from fontTools.ttLib import TTFont

from course.pipeline.base.errors import CourseError
from course.pipeline.site import math_font
from course.pipeline.text.markup import to_html

FORMULAS = r"$h = \frac{\partial L}{\partial x} < 0$ and $$\left(\sqrt{\frac{a}{b}}\right)' = \mathbf{W}$$"


def opened(font: bytes) -> TTFont:
    return TTFont(io.BytesIO(font))


def test_characters_are_those_of_formulas_with_the_italic_ones_that_browsers_show() -> None:
    found = math_font.characters(f"<p>é</p>{to_html(FORMULAS)}")
    assert found == set("hLxab=<0()′∂√𝐖ℎ𝐿𝑥𝑎𝑏𝜕")


def test_the_font_has_them_and_their_larger_forms() -> None:
    characters = math_font.characters(to_html(FORMULAS))
    font = opened(math_font.build(characters))
    assert {chr(code) for code in font.getBestCmap()} >= characters
    variants = font["MATH"].table.MathVariants
    stretched = dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))
    for sign in "()√":
        found = stretched[font.getBestCmap()[ord(sign)]]
        assert len(found.MathGlyphVariantRecord) > 3
        assert found.GlyphAssembly.PartRecords


def test_it_is_the_same_each_time_and_carries_its_license() -> None:
    made = math_font.build("x+")
    assert made == math_font.build("+x")
    told = [str(name) for name in opened(made)["name"].names]
    assert any("STIX Fonts Project Authors" in text for text in told)
    assert any("SIL Open Font License" in text for text in told)


def test_roots_are_as_wide_as_the_lowest() -> None:
    font = opened(math_font.build("√"))
    assert {font["hmtx"][glyph][0] for glyph in font.getGlyphOrder() if glyph != ".notdef"} == {794}


def test_a_package_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_font, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="not installed") as caught:
        math_font.build("x")
    assert "pip install ziamath" in caught.value.hint
