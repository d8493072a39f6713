"""HTML and SVG of a lesson, its author or a capture, without anything that could run, load or take over a page.

Each function keeps what it knows to be harmless; what it does not know goes. Cleaning twice is cleaning once.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import nh3

_MATH = frozenset(re.findall(r"\w+", """
    math annotation mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub
    msubsup msup mtable mtd mtext mtr munder munderover semantics
"""))  # fmt: skip
_OUTPUT = _MATH | frozenset(re.findall(r"\w+", """
    a abbr b blockquote br caption code col colgroup dd details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p pre s
    samp small span strong sub summary sup table tbody td tfoot th thead tr u ul
"""))  # fmt: skip
_PROSE = _OUTPUT | frozenset(re.findall(r"\w+", """
    article aside cite data del dfn figcaption figure footer header img input ins label q section time var wbr
"""))  # fmt: skip
_CELL = {"colspan", "rowspan", "align"}
_FORMULA = set(re.findall(r"\w+", """
    accent accentunder columnalign columnlines columnspacing depth display displaystyle encoding fence form height largeop
    linethickness lspace mathvariant maxsize minsize movablelimits rowlines rowspacing rspace scriptlevel separator stretchy
    symmetric voffset width xmlns
"""))  # fmt: skip
_OUTPUT_ATTRIBUTES = {
    "*": {"title"}, "a": {"href"}, "td": _CELL, "th": _CELL | {"scope"}, **dict.fromkeys(_MATH, _FORMULA),
}  # fmt: skip
_PROSE_ATTRIBUTES = {
    "*": {"class", "dir", "id", "lang", "role", "style", "tabindex", "title"},
    "a": {"href", "rel", "target", "download"}, "img": {"src", "alt", "width", "height", "loading"},
    "input": {"disabled", "checked"}, "label": {"for"}, "ol": {"start", "type"}, "details": {"open"},
    "data": {"value"}, "td": _CELL, "th": _CELL | {"scope"}, "li": {"value"}, **dict.fromkeys(_MATH, _FORMULA),
}  # fmt: skip
_CONTENT = {"script", "style", "template", "svg", "iframe", "noscript", "object", "textarea", "title", "xmp"}
"""Elements that go with all that is in them; of others only the tags go."""
_SCHEMES = {"http", "https", "mailto"}
_OTHER = str.maketrans('<>"', "‹›”")
_STYLES = {"text-align", "width", "height", "color", "background-color", "font-weight", "font-style", "vertical-align"}


def output(text: str) -> str:
    """HTML that a cell displayed: text, tables, links and formulas."""
    made = nh3.clean(
        text,
        tags=set(_OUTPUT),
        attributes=_OUTPUT_ATTRIBUTES,
        clean_content_tags=_CONTENT,
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    return "\n".join(line.strip() for line in made.split("\n") if line.strip())


def prose(text: str) -> str:
    """HTML made of an author's prose, which may show images and have names, classes and marks for the page's scripts."""
    return nh3.clean(
        text,
        tags=set(_PROSE),
        attributes=_PROSE_ATTRIBUTES,
        tag_attribute_values={"input": {"type": {"checkbox"}}},
        generic_attribute_prefixes={"aria-", "data-"},
        filter_style_properties=_STYLES,
        clean_content_tags=_CONTENT,
        url_schemes=_SCHEMES | {"data"},  # of images: no browser follows a link to one
        link_rel=None,
    )


def plain(text: str) -> str:
    """A title or name as the theme's templates can put it, as it is, into a text, an attribute or the page's own title.

    The last undoes one escaping, so what is left of ``<`` and ``>`` becomes other signs.
    """
    return re.sub(r"<[^>]*>", "", text).replace("&", "&amp;").translate(_OTHER)


_NAMESPACES = {"": "http://www.w3.org/2000/svg", "xlink": "http://www.w3.org/1999/xlink"}
_SHAPES = frozenset(re.findall(r"\w+", """
    circle clipPath defs desc ellipse g image line linearGradient marker mask path pattern polygon polyline radialGradient
    rect stop style svg switch symbol text textPath title tspan use
"""))  # fmt: skip
_LOADS = re.compile(r"@|\\|url\s*\(\s*(?![\"']?#)", re.I)
_HERE = re.compile(r"\s*(?:#|data:image/(?:png|jpeg|gif|webp);base64,)")
for _prefix, _address in _NAMESPACES.items():
    ElementTree.register_namespace(_prefix, _address)


def svg(text: str) -> str:
    """A drawing without scripts, events, animations and foreign content, which loads nothing; empty if ``text`` is none."""
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        root = ElementTree.Element("none")
    if _local(root.tag) != "svg":
        return f'<svg xmlns="{_NAMESPACES[""]}" />'
    return ElementTree.tostring(_drawing(root), encoding="unicode")


def _drawing(element: ElementTree.Element) -> ElementTree.Element:
    made = ElementTree.Element(f"{{{_NAMESPACES['']}}}{_local(element.tag)}")
    made.text, made.tail = element.text, element.tail
    for name, value in element.attrib.items():
        local = _local(name)
        if local == "href":
            harmless = bool(_HERE.match(value))
        else:
            harmless = not local.startswith("on") and (local.startswith("aria-") or not _LOADS.search(value))
        if local and harmless:
            made.set(name, value)
    if _local(element.tag) == "style":
        made.text = None if _LOADS.search(element.text or "") else element.text
        return made
    made.extend(_drawing(child) for child in element if _local(child.tag) in _SHAPES)
    return made


def _local(name: object) -> str:
    """The name of an element or attribute of SVG without its namespace; empty for those of other languages."""
    space, _, local = name[1:].rpartition("}") if isinstance(name, str) and name[0] == "{" else ("", "", str(name))
    return local if space in {"", *_NAMESPACES.values()} else ""
