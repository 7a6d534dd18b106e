"""What a cell of a notebook has to be: well-formed, escaped, bounded, names of its own, nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

__all__ = ["HOSTILE_NAME", "cell", "texts"]

HOSTILE_NAME = "<script>alert(1)</script>&\"'\x1b[2J\x00"
LARGEST = 1_000_000
_ELSEWHERE = re.compile(r"""(?:src|href|url\()\s*=?\s*["'(]?\s*(?:https?:)?//""")
_TAGS = {"script", "iframe", "object", "embed", "link", "base", "form", "foreignObject"}


def cell(*things: Any) -> ElementTree.Element:
    """The HTML of things that stand on one page, checked; `texts` has what a person reads of it."""
    html = "".join(thing._repr_html_() for thing in things)
    assert all(type(thing._repr_html_()) is str for thing in things)
    assert len(html) < LARGEST * len(things)
    root = ElementTree.fromstring(f"<body>{html}</body>")
    elements = list(root.iter())
    assert not _TAGS & {element.tag.rpartition("}")[2] for element in elements}
    assert not any(name.lower().startswith("on") for element in elements for name in element.attrib)
    assert not _ELSEWHERE.search(html)
    _names_are_its_own(root)
    return root


def _names_are_its_own(root: ElementTree.Element) -> None:
    """No name stands twice, every reference has its target in the same picture, no style is about what is outside."""
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for picture in root.iter("{http://www.w3.org/2000/svg}svg"):
        own = {element.attrib["id"] for element in picture.iter() if "id" in element.attrib}
        values = " ".join(value for element in picture.iter() for value in element.attrib.values())
        hrefs = [value for element in picture.iter() for key, value in element.attrib.items() if key.endswith("href")]
        assert {*re.findall(r"url\(#([^)]+)\)", values), *(value.removeprefix("#") for value in hrefs)} <= own
        assert "max-width" in picture.attrib["style"]
        for style in picture.iter("{http://www.w3.org/2000/svg}style"):
            selectors = re.findall(r"([^{}]+)\{", style.text or "")
            assert selectors
            assert all(selector.strip().startswith(f"#{picture.attrib['id']}") for selector in selectors)


def texts(root: ElementTree.Element) -> str:
    """All that can be read, pictures included."""
    return " ".join(" ".join(root.itertext()).split())
