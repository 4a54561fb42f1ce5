"""TTML2 in the text profile of IMSC 1.1: captions in a region at the foot of the picture, speakers as agents."""

import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from align.domain.captions import Caption, clock
from align.domain.exports.film import on_one_row
from align.domain.exports.xml_text import element, written

__all__ = ["ttml"]

_PROFILE = "http://www.w3.org/ns/ttml/profile/imsc1.1/text"


def ttml(captions: Sequence[Caption], *, title: str, language: str | None) -> str:
    """One paragraph for each caption. Times are media times, so that no frame rate enters into them."""
    root = element(
        None, "tt",
        **{
            "xmlns": "http://www.w3.org/ns/ttml", "xmlns:ttp": "http://www.w3.org/ns/ttml#parameter",
            "xmlns:tts": "http://www.w3.org/ns/ttml#styling", "xmlns:ttm": "http://www.w3.org/ns/ttml#metadata",
            "xml:lang": language or "", "xml:space": "preserve", "ttp:timeBase": "media",
            "ttp:contentProfiles": _PROFILE,
        },
    )  # fmt: skip
    speakers = list(dict.fromkeys(on_one_row(one.speaker) for one in captions if one.speaker))
    _head(root, title, speakers)
    div = element(element(root, "body", style="s1", region="r1"), "div")
    names = {speaker: f"agent{number}" for number, speaker in enumerate(speakers, 1)}
    for number, caption in enumerate(captions, 1):
        _paragraph(div, number, caption, names)
    return written(root, indented=False)


def _head(root: ET.Element, title: str, speakers: Sequence[str]) -> None:
    head = element(root, "head")
    metadata = element(head, "metadata")
    element(metadata, "ttm:title", on_one_row(title))
    for number, speaker in enumerate(speakers, 1):
        agent = element(metadata, "ttm:agent", **{"xml:id": f"agent{number}", "type": "character"})
        element(agent, "ttm:name", speaker, type="full")
    styling = element(head, "styling")
    element(
        styling, "style",
        **{
            "xml:id": "s1", "tts:color": "white", "tts:backgroundColor": "rgba(0,0,0,192)", "tts:textAlign": "center",
            "tts:fontFamily": "proportionalSansSerif", "tts:fontSize": "100%",
        },
    )  # fmt: skip
    layout = element(head, "layout")
    element(
        layout, "region",
        **{"xml:id": "r1", "tts:origin": "10% 80%", "tts:extent": "80% 15%", "tts:displayAlign": "after"},
    )  # fmt: skip


def _paragraph(div: ET.Element, number: int, caption: Caption, names: dict[str, str]) -> None:
    about = {"xml:id": f"c{number}", "begin": clock(caption.start, "."), "end": clock(caption.end, ".")}
    if caption.speaker:
        about["ttm:agent"] = names[on_one_row(caption.speaker)]
    rows = caption.rows
    if _is_right_to_left(" ".join(rows)):
        about |= {"tts:direction": "rtl", "tts:unicodeBidi": "embed"}
    paragraph = element(div, "p", **about)
    for at, row in enumerate(rows):
        if at:
            element(paragraph, "br").tail = on_one_row(row)
        else:
            paragraph.text = on_one_row(row)


def _is_right_to_left(text: str) -> bool:
    """By the first letter that has a direction, as browsers take it."""
    strong = (unicodedata.bidirectional(char) for char in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)
