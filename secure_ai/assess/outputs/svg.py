"""Drawings as they may stand in the report: parsed, and only what draws is kept."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Tree

SVG = "http://www.w3.org/2000/svg"
ELEMENTS = {
    "svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "text", "tspan", "use", "symbol", "marker", "pattern", "clipPath", "mask", "linearGradient",
    "radialGradient", "stop",
}  # fmt: skip
# How something looks; the same names as attributes and inside style.
LOOKS = {
    "clip-path", "clip-rule", "fill", "fill-opacity", "fill-rule", "font", "font-family", "font-size",
    "font-style", "font-variant", "font-weight", "font-stretch", "marker-end", "marker-mid", "marker-start",
    "mask", "opacity", "stop-color", "stop-opacity", "stroke", "stroke-dasharray", "stroke-dashoffset",
    "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor",
    "visibility",
}  # fmt: skip
# Where it is drawn; nothing that runs, loads, takes the focus or leaves the page.
PLACES = {
    "clipPathUnits", "cx", "cy", "d", "dx", "dy", "fx", "fy", "gradientTransform", "gradientUnits", "height",
    "markerHeight", "markerUnits", "markerWidth", "maskUnits", "offset", "orient", "pathLength",
    "patternContentUnits", "patternTransform", "patternUnits", "points", "preserveAspectRatio", "r", "refX",
    "refY", "rotate", "rx", "ry", "textLength", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1",
    "y2",
}  # fmt: skip
# What comes from the style sheet of the page.
CLASSES = {"key"}
INSIDE = re.compile(r"#[A-Za-z0-9_.:-]+")
URL = re.compile(r"url\(\s*(['\"]?)(.*?)\1\s*\)", re.IGNORECASE | re.DOTALL)
ACTIVE = re.compile(r"[@\\<]|expression|javascript:|data:|image\(|image-set\(|src\(", re.IGNORECASE)
MOST_CHARACTERS = 5_000_000
DEEPEST = 100
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def safe_svg(svg: str, title: str, prefix: str) -> str | None:
    """Return a drawing that can be put into a page, or None if it is none.

    Only elements and attributes that draw are kept: scripts, foreign content, event handlers, style sheets
    and references to anything outside the drawing are left out. Identifiers get a prefix, so that no two
    drawings share one. To screen readers the drawing is an image whose name is ``title``.

    Args:
        svg: the drawing as XML, without a document type: entities could make it huge or read files.
        title: one sentence that says what it shows.
        prefix: unique in the page.
    """
    if len(svg) > MOST_CHARACTERS or "<!doctype" in svg.lower():
        return None
    try:
        drawn = Tree.fromstring(svg)
        if _local(drawn.tag) != "svg":
            return None
        known = {name for one in drawn.iter() if (name := one.get("id"))}
        kept = _kept(drawn, prefix, known, 0)
        description = next((one for one in kept if one.tag == "desc"), None)
        for child in [one for one in kept if one.tag in {"title", "desc"}]:
            kept.remove(child)
        _name(kept, title, "" if description is None else description.text or "", prefix)
        _let_shrink(kept)
        return Tree.tostring(kept, encoding="unicode", short_empty_elements=False)
    except (Tree.ParseError, ValueError, RecursionError):
        return None


def _kept(element: Tree.Element, prefix: str, known: set[str], depth: int) -> Tree.Element:
    if depth > DEEPEST:
        raise ValueError("It is nested deeper than any drawing.")
    # Without namespaces: the HTML parser knows what an svg is, and a prefix would hide its elements.
    kept = Tree.Element(_local(element.tag))
    kept.tail = _printable(element.tail or "")
    if kept.tag in {"title", "desc"}:
        # HTML is parsed inside these two: words only.
        kept.text = _printable("".join(element.itertext()))
        return kept
    kept.text = _printable(element.text or "")
    for name, value in element.attrib.items():
        shown = _attribute(kept.tag, name, value, prefix, known)
        if shown is not None:
            kept.set(_local(name), shown)
    kept.extend([_kept(child, prefix, known, depth + 1) for child in element if _draws(child)])
    return kept


def _draws(element: Tree.Element) -> bool:
    # A comment or an instruction has a function for a tag.
    if not isinstance(element.tag, str):
        return False
    namespace, _, local = element.tag.rpartition("}")
    return namespace in {"", "{" + SVG} and local in ELEMENTS


def _attribute(tag: str, name: str, value: str, prefix: str, known: set[str]) -> str | None:
    """Return an attribute's value as it may stand, or None if the attribute is left out."""
    if _local(name) == "href":
        inside = tag == "use" and INSIDE.fullmatch(value) and value[1:] in known
        return f"#{prefix}-{value[1:]}" if inside else None
    if name == "id":
        return f"{prefix}-" + re.sub(r"[^A-Za-z0-9_.:-]", "_", value)
    if name == "class":
        return " ".join(word for word in value.split() if word in CLASSES) or None
    if name == "style":
        return _style(value, prefix) or None
    return _references(_printable(value), prefix) if name in LOOKS | PLACES else None


def _style(value: str, prefix: str) -> str:
    """Return the declarations of a style that only change looks: none can lay the drawing over the page."""
    kept = []
    for declaration in value.split(";"):
        name, _, looks = declaration.partition(":")
        safe = _references(_printable(looks.strip()), prefix)
        if name.strip() in LOOKS and safe:
            kept.append(f"{name.strip()}: {safe}")
    return "; ".join(kept)


def _references(value: str, prefix: str) -> str | None:
    """Return a value with its references inside the drawing renamed; None if it reaches outside."""
    targets = [found[2].strip() for found in URL.finditer(value)]
    outside = not all(INSIDE.fullmatch(target) for target in targets)
    if ACTIVE.search(value) or outside or value.lower().count("url(") != len(targets):
        return None
    return URL.sub(lambda found: f"url(#{prefix}-{found[2].strip()[1:]})", value)


def _name(svg: Tree.Element, title: str, description: str, prefix: str) -> None:
    """Make the drawing an image with a name, and a description if it has one."""
    svg.set("class", "chart")
    svg.set("role", "img")
    svg.set("aria-labelledby", f"{prefix}-title")
    for place, (name, words) in enumerate((("title", title), ("desc", description))):
        if words:
            part = Tree.Element(name, {"id": f"{prefix}-{name}"})
            part.text = _printable(words)
            svg.insert(place, part)
    if description:
        svg.set("aria-describedby", f"{prefix}-desc")


def _let_shrink(svg: Tree.Element) -> None:
    """Let the drawing shrink with the page: its size becomes its proportion."""
    sizes = [re.match(r"\s*[0-9.]+", svg.get(name, "")) for name in ("width", "height")]
    if "viewBox" not in svg.attrib and sizes[0] and sizes[1]:
        svg.set("viewBox", f"0 0 {sizes[0][0].strip()} {sizes[1][0].strip()}")
    # matplotlib states these two in a style sheet, which would reach beyond the drawing.
    svg.set("stroke-linejoin", "round")
    svg.set("stroke-linecap", "butt")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _printable(text: str) -> str:
    return UNPRINTABLE.sub(" ", text)
