"""XML from strangers: no entities, no document types, no more than it says it is."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from align.domain.script import SAVE_AS, UnreadableScript

__all__ = ["local_name", "parsed", "within"]


def parsed(raw: bytes, what: str) -> ET.Element:
    """The root of a document. Raises UnreadableScript for what is broken, and for what tries to grow."""
    try:
        root: ET.Element = fromstring(raw, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise UnreadableScript(f"The script is no {what} that can be read ({said}). {SAVE_AS}") from error
    return root


def local_name(one: ET.Element) -> str:
    """The name of an element without its namespace."""
    return one.tag.rpartition("}")[2] if isinstance(one.tag, str) else ""


def within(root: ET.Element, *, but: frozenset[str] = frozenset()) -> Iterator[ET.Element]:
    """An element and all below it in the order of the document, without elements of some names and what is in them.

    However deep it goes: it does not call itself.
    """
    waiting = [root]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for child in reversed(one) if local_name(child) not in but]
