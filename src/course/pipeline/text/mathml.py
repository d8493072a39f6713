r"""What texmath writes becomes the MathML that browsers lay out as TeX would and that screen readers read well.

Browsers implement MathML Core: they ignore attributes for the style of letters and the alignment of columns (for which
texmath also writes such letters and styles of cells), and know nothing of functions, words and long numbers. The TeX
is not repeated in an annotation: nobody sees or hears it, formulas weigh a third less without, and each download has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import normalize
from xml.etree.ElementTree import Element, tostring

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_APPLY = "\N{FUNCTION APPLICATION}"
_THIN = "0.167em"
_ROWS = frozenset({"math", "mrow", "mtd", "mstyle", "msqrt", "mphantom"})
"""Elements whose children stand in a row."""
_SCRIPTS = frozenset({"msub", "msup", "msubsup", "munder", "mover", "munderover"})
_KEPT = frozenset({
    "accent", "accentunder", "display", "displaystyle", "form", "linethickness", "maxsize", "minsize", "stretchy", "width",
})  # fmt: skip
"""Attributes that browsers know, beside ``style`` and the one letter style that is not in the letter itself."""
_BRACKETS = frozenset("()[]{}⌊⌋⌈⌉⟨⟩")
"""Operators that a browser knows to open or to close, and to stretch."""
_WORDS = frozenset({"normal", "bold-sans-serif", "italic", "monospace", "sans-serif"})
r"""Styles in which TeX sets several letters as a word: ``\mathrm``, ``\mathbf``, ``\mathit`` …"""
_SIGNS = frozenset("−+±∓")
_GROWS = re.compile(r"\\left\s*\\(?:\||[lr]?Vert\b)")
_ROWS_OF_EQUATIONS = re.compile(r"\s*\\begin\{(?:gather|multline)")
_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)")
_UPRIGHT = {
    **{0x1D5D4 + i: 0x1D400 + i for i in range(52)},
    **{0x1D756 + i: 0x1D6A8 + i for i in range(58)},
    **{0x1D7EC + i: 0x1D7CE + i for i in range(10)},
}
"""Bold letters and digits without serifs → those with."""
_ACCENTS = {"\u0302": "ˆ", "\u0303": "˜", "\u0304": "¯", "\u0307": "˙", "\u0308": "¨", "\u203e": "¯"}
"""Marks of texmath → those that stand alone over a letter and keep their size."""


def lean(math: Element, tex: str) -> str:
    """The element ``math``, as texmath writes it for ``tex``, as HTML."""
    semantics = math[0]
    content = semantics[0]
    block = math.get("display") == "block"
    math.clear()
    if block:
        math.set("display", "block")
    if tex.lstrip().startswith(r"\displaystyle"):
        math.set("displaystyle", "true")
    if _ROWS_OF_EQUATIONS.match(tex):
        content.set("displaystyle", "true")
    math.append(content)
    for element in math.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
        element.tail = None
    grows = _GROWS.search(tex) is not None
    numbers = {number.replace("{", "").replace("}", "") for number in _NUMBER.findall(tex)}
    for element in list(math.iter()):
        if element.tag in _ROWS:
            _numbers(element, numbers)
            _signs(element)
            _functions(element)
        if element.tag in ("mover", "munder"):
            _accent(element)
        if element.tag == "mo":
            _norm(element, grows)
        if element.tag == "mtable":
            _table(element)
    for element in math.iter():
        _letters(element)  # now that no word can be taken for the name of a function
        _attributes(element)
    if content.tag == "mrow" and len(content) == 1:
        math[:] = list(content)
    for element in list(math.iter()):
        _upright(element)
    return tostring(math, encoding="unicode").replace(" />", "/>")


def _numbers(row: Element, numbers: set[str]) -> None:
    """``1,234`` is one number, not a list of two, where TeX has it without a space."""
    place = 0
    while place < len(row):
        end, text = place, row[place].text or ""
        if row[place].tag == "mn":
            joined = text
            while _tags(row[end + 1 : end + 3]) == ["mo", "mn"] and row[end + 1].text == ",":
                joined += f",{row[end + 2].text}"
                end += 2
                if joined in numbers:
                    row[place].text = joined
                    row[place + 1 : end + 1] = []
                    end = place
        place += 1


def _tags(elements: Sequence[Element]) -> list[str]:
    return [element.tag for element in elements]


def _signs(row: Element) -> None:
    """A minus before something is an operator, not a letter."""
    for element in row:
        if element.tag == "mi" and element.text in _SIGNS:
            element.tag = "mo"
            element.set("form", "prefix")


def _functions(row: Element) -> None:
    """A function's name stands apart from its neighbors, and is applied to what follows, as a whole: sin² and then x."""
    made: list[Element] = []
    children = list(row)
    for place, element in enumerate(children):
        if _is_name(element):
            if made and _is_operand(made[-1]):
                made.append(Element("mspace", width=_THIN))
            made.append(element)
            following = children[place + 1] if place + 1 < len(children) else None
            if following is not None and (following.tag != "mo" or following.get("form") == "prefix"):
                apply = Element("mo")
                apply.text = _APPLY
                made.append(apply)
                if following.tag != "mspace" and not _is_fence(following):
                    made.append(Element("mspace", width=_THIN))
        else:
            made.append(element)
    row[:] = made


def _is_name(element: Element) -> bool:
    """Whether ``element`` is a function's name, maybe with scripts; the sign of its application is taken out of it."""
    if element.tag in _SCRIPTS and len(element):
        if element[0].tag == "mrow" and (name := _applied(element[0])) is not None:
            element[0] = name
        return _is_name(element[0])
    if (name := _applied(element)) is not None:
        element.tag, element.text = "mi", name.text
        element[:] = []
        return True
    return element.tag == "mi" and len(element.text or "") > 1


def _applied(element: Element) -> Element | None:
    if element.tag == "mrow" and _tags(list(element)) == ["mi", "mo"] and element[1].text == _APPLY:
        return element[0]
    return None


def _is_operand(element: Element) -> bool:
    return element.tag not in ("mo", "mspace") or element.get("form") == "postfix"


def _is_fence(element: Element) -> bool:
    """Whether ``element`` opens, or is in, parentheses."""
    if element.tag == "mrow" and len(element):
        return _is_fence(element[0])
    return element.tag == "mo" and element.get("form") == "prefix" and element.text not in _SIGNS


def _norm(bar: Element, grows: bool) -> None:
    r"""``\|`` is no sign between two things that are parallel, and grows with what is between two of it only if told to."""
    if bar.text == "∥" and "form" in bar.attrib:
        bar.text = "‖"
    if bar.text == "‖" and "minsize" not in bar.attrib and not grows:
        bar.set("stretchy", "false")


def _accent(element: Element) -> None:
    mark = element[1]
    if mark.tag == "mo" and mark.get("accent") == "true":
        del mark.attrib["accent"]
        element.set("accent" if element.tag == "mover" else "accentunder", "true")
        if mark.text == "¯":
            mark.text = "‾"  # which stretches
        elif mark.text in _ACCENTS and len(element[0]) == 0:
            mark.text = _ACCENTS[mark.text]
            mark.set("stretchy", "false")


def _table(table: Element) -> None:
    """Equations below each other, which are aligned without a space, are as large as one alone."""
    if any("padding" in cell.get("style", "") for cell in table.iter("mtd")):
        table.set("displaystyle", "true")


def _letters(element: Element) -> None:
    r"""Bold letters are upright, and ``\mathrm{model}`` is one word: else it is read letter by letter."""
    styles = {child.get("mathvariant") for child in element}
    if element.tag == "mrow" and len(styles) == 1 and styles <= _WORDS and all(map(_is_letter, element)):
        element.tag, element.text = "mi", "".join(child.text or "" for child in element)
        element.set("mathvariant", styles.pop() or "")
        element[:] = []
    if element.tag == "mtext" and element.text:
        element.text = element.text.strip()  # texmath writes spaces at its ends as elements too
    if "sans-serif" in element.get("mathvariant", ""):
        element.text = (element.text or "").translate(_UPRIGHT)


def _upright(parent: Element) -> None:
    """Firefox takes each upright letter for the name of a function and puts space around it, unless it is in a box."""
    for place, child in enumerate(parent):
        is_upright = child.tag == "mi" and (len(child.text or "") > 1 or "mathvariant" in child.attrib)
        if is_upright and ((parent.tag in _ROWS and len(parent) > 1) or (parent.tag in _SCRIPTS and place == 0)):
            parent[place] = box = Element("mpadded")
            box.append(child)


def _is_letter(element: Element) -> bool:
    text = normalize("NFKC", element.text or "")
    return element.tag == "mi" and len(text) == 1 and text.isascii() and text.isalpha()


def _attributes(element: Element) -> None:
    """Only what a browser knows and does not take for granted."""
    kept = {name: value for name, value in element.attrib.items() if name in _KEPT}
    if element.text in _BRACKETS:
        kept.pop("form", None)
        if kept.get("stretchy") == "true":
            del kept["stretchy"]
    style = re.sub(r"\s", "", element.get("style", ""))
    if style not in ("", "text-align:center"):
        kept["style"] = style.replace("text-align:right", "text-align:right;justify-items:end")  # as Chromium has it
    if element.tag == "mi" and (
        element.text == "∇" or (element.get("mathvariant") == "normal" and len(element.text or "") == 1)
    ):
        kept["mathvariant"] = "normal"
    element.attrib.clear()
    element.attrib.update(kept)
