"""The font of mathematics, which the site serves itself: without one, brackets stay small and roots do not fit.

It is STIX Two Math, under the SIL Open Font License, from the package ``ziamath``. Of its 6,757 glyphs the site gets those
that its formulas show, and the larger forms and pieces that stretch them.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import decomposition

from course.pipeline.base import status
from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import CourseError
from course.pipeline.base.hashes import digest

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

FILE = "assets/math.woff2"
"""Relative to the site; ``docs/assets/site.css`` names it."""
_MATH = re.compile(r"<math\b.*?</math>", re.S)
_TAG = re.compile(r"<[^<>]*>")
_ITALIC = {
    **{
        chr(int(decomposition(chr(c)).split()[1], 16)): chr(c)
        for c in (*range(0x1D434, 0x1D455), *range(0x1D456, 0x1D468))
    },
    **{chr(int(decomposition(chr(c)).split()[1], 16)): chr(c) for c in range(0x1D6E2, 0x1D71C)},
    "h": "\N{PLANCK CONSTANT}",
}
"""Letters → those that a browser shows for them where they stand for a variable."""
_NAMES = (0, 1, 2, 5, 6, 13, 14)
"""Entries of its name table that stay, the copyright and the license among them."""


def write(site: Path, made: Mapping[str, str], cache: Cache) -> None:
    """Write the font for all formulas of the ``site``; none for a site without.

    Args:
        made: a hash of what a file was made of, by path in the site, where that is known: such files are read once.

    Raises:
        CourseError: the package with the font is not installed.
    """
    signs = set[str]()
    for path, _ in sorted(status.files([str(site)])):
        if path.endswith(".html"):
            key = made.get(path.removeprefix(f"{site}/"))
            shown = partial(_shown, Path(path))
            signs.update(cache.recall("signs", key, shown, str) if key else shown())
    if signs:
        text = "".join(sorted(signs))
        target = site / FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cache.recall("font", digest(text), partial(build, text), bytes))


def _shown(page: Path) -> str:
    return "".join(sorted(characters(page.read_text(encoding="utf-8"))))


def characters(page: str) -> set[str]:
    """The characters that the formulas of a page show."""
    formulas = "".join(_MATH.findall(page))
    found = set(html.unescape(_TAG.sub("", formulas)))
    if re.search(r"<m(?:sq|ro)", formulas):
        found.add("√")
    return found | {_ITALIC[letter] for letter in found if letter in _ITALIC}


def build(characters: Iterable[str]) -> bytes:
    """The font for formulas of these characters as WOFF2, the same bytes each time.

    Raises:
        CourseError: the package with the font is not installed.
    """
    from fontTools import subset  # here, because most builds have the font already
    from fontTools.ttLib import TTFont

    package = find_spec("ziamath")
    if package is None or not package.submodule_search_locations:
        raise CourseError("The font of mathematics is not installed.", hint="Install its package: pip install ziamath")
    folder = Path(package.submodule_search_locations[0])
    options = subset.Options(
        drop_tables=["DSIG", "GDEF", "GPOS", "GSUB"], layout_features=[], hinting=False, name_IDs=list(_NAMES),
        notdef_outline=True, glyph_names=False,
    )  # fmt: skip
    with TTFont(folder / "fonts" / "STIXTwoMath-Regular.ttf", recalcTimestamp=False) as font:
        _raise_primes(font)
        _narrow_roots(font)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=map(ord, characters))
        subsetter.subset(font)
        font.flavor = "woff2"
        packed = io.BytesIO()
        font.save(packed, reorderTables=False)
    return packed.getvalue()


def _raise_primes(font: TTFont) -> None:
    """Primes as they are drawn for exponents, where they always stand: the others, made small, would be far too small.

    A font offers them as a feature of layout, which not every browser asks for.
    """
    table = font["GSUB"].table
    wanted = {i for r in table.FeatureList.FeatureRecord if r.FeatureTag == "ssty" for i in r.Feature.LookupListIndex}
    forms = {
        glyph: found[0]
        for i in wanted
        for s in table.LookupList.Lookup[i].SubTable
        for glyph, found in s.alternates.items()
    }
    glyphs = font.getBestCmap()
    primes = {ord(sign): forms[glyphs[ord(sign)]] for sign in "′″‴"}
    for encoding in font["cmap"].tables:
        encoding.cmap.update({code: glyph for code, glyph in primes.items() if code in encoding.cmap})


def _narrow_roots(font: TTFont) -> None:
    """Roots of any height as wide as the lowest: Chromium leaves room for the widest after each, half an em here."""
    variants, widths = font["MATH"].table.MathVariants, font["hmtx"]
    root = font.getBestCmap()[ord("√")]
    found = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(root)]
    larger = {record.VariantGlyph for record in found.MathGlyphVariantRecord} - {root}
    for glyph in sorted(larger | {part.glyph for part in found.GlyphAssembly.PartRecords}):
        (wanted, _), (width, left) = widths[root], widths[glyph]
        font["glyf"][glyph].coordinates.scale((wanted / width, 1))
        font["glyf"][glyph].coordinates.toInt()
        font["glyf"][glyph].recalcBounds(font["glyf"])
        widths[glyph] = (wanted, round(left * wanted / width))
