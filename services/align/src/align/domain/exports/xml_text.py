"""XML as text, indented, with its declaration."""

import xml.etree.ElementTree as ET

from align.domain.exports.film import sayable

__all__ = ["element", "written"]


def element(parent: ET.Element | None, tag: str, text: object = None, **attributes: object) -> ET.Element:
    """A new element, under a parent if there is one; what XML cannot hold is left out of its text."""
    named = {name: sayable(str(value)) for name, value in attributes.items()}
    one = ET.Element(tag, named) if parent is None else ET.SubElement(parent, tag, named)
    if text is not None:
        one.text = sayable(str(text))
    return one


def written(root: ET.Element, *, doctype: str | None = None, indented: bool = True) -> str:
    """The document of an element."""
    if indented:
        ET.indent(root, " ")
    kind = f"<!DOCTYPE {doctype}>\n" if doctype else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{kind}{ET.tostring(root, encoding="unicode")}\n'
