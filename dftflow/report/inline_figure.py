"""A figure inside somebody else's page: an SVG that shares no name with another one and styles nothing but itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from uuid import uuid4
from xml.etree import ElementTree

from markupsafe import Markup

from dftflow.errors import DftflowError
from dftflow.figures.drawing import Drawing
from dftflow.model.printable import brief
from dftflow.report.markup import plain_html

__all__ = ["LARGEST_SVG_BYTES", "inline_figure", "no_figure"]

LARGEST_SVG_BYTES = 400_000
"""A larger one (thousands of bands or atoms) is a picture of points instead: a notebook keeps all that it shows."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
_WIDEST = "44em"
_NO_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that a name on a figure may hold, and no XML."""


def inline_figure(drawing: Drawing, styles: Sequence[str] = ()) -> Markup:
    """The figure as HTML, or the reason why there is none; `styles` as for `Drawing.render`."""
    try:
        files = drawing.render("svg", styles=styles)
    except DftflowError as error:
        return no_figure(error.sentence)
    if not files:
        return no_figure(drawing.missing)
    if len(files["svg"]) > LARGEST_SVG_BYTES:
        return _image(drawing.render("png", styles=styles)["png"], drawing)
    return _inline(files["svg"], drawing)


def no_figure(reason: str) -> Markup:
    """What stands in the place of a figure."""
    return Markup("<p>No figure: {}</p>").format(plain_html(reason))


def _image(png: bytes, drawing: Drawing) -> Markup:
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return Markup('<img src="{}" alt="{}" style="max-width:min(100%,{});height:auto"/>').format(
        uri, brief(drawing.caption), _WIDEST
    )


def _inline(svg: bytes, drawing: Drawing) -> Markup:
    """What matplotlib wrote, without its head and its metadata, with names and a style of its own."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(_NO_XML.sub(b"", svg))
    own = f"dftflow-{uuid4().hex}"
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        _rename(element, own)
    width = root.attrib.pop("width", "")
    root.attrib.pop("height", None)
    root.attrib |= {
        "id": own,
        "role": "img",
        "aria-label": brief(drawing.caption),
        "style": f"display:block;width:{width or '100%'};max-width:min(100%,{_WIDEST});height:auto",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _rename(element: ElementTree.Element, own: str) -> None:
    """Put `own` before each name that the element has or points to, and before what its style is about."""
    for key, value in element.attrib.items():
        if key == "id":
            element.set(key, f"{own}-{value}")
        elif key == _HREF and value.startswith("#"):
            element.set(key, f"#{own}-{value[1:]}")
        else:
            element.set(key, re.sub(r"url\(#", f"url(#{own}-", value))
    if element.tag == f"{{{_SVG}}}style" and element.text:
        element.text = re.sub(r"(?m)^\s*\*", f"#{own} *", element.text)
