"""All formats of a ledger, by the name that people ask for them."""

import re

from align.adapters.timeline import timeline_of
from align.domain.captions import captions_of, srt, vtt
from align.domain.exports.ass import ass
from align.domain.exports.edit_lists import edl, resolve_edl
from align.domain.exports.fcp7 import fcp7
from align.domain.exports.fcpxml import fcpxml
from align.domain.exports.film import Source, film_of, marks_of
from align.domain.exports.fountain_notes import annotated_fountain
from align.domain.exports.tables import resolve_table, table
from align.domain.exports.textgrid import textgrid
from align.domain.exports.ttml import ttml
from contracts.documents import Ledger, Scenes

__all__ = ["exports_of"]

_ENDING = re.compile(r"\.(?:txt|text|md|markdown|fountain|spmd|fdx|docx|srt|vtt|csv|tsv)$", re.IGNORECASE)


def exports_of(ledger: Ledger, scenes: Scenes | None, source: Source, *, title: str) -> dict[str, tuple[str, bytes]]:
    """File name and content by export name. ``title`` is what people call the script: a title, or its file's name."""
    title = _ENDING.sub("", title) or title
    film = film_of(scenes, source, title=title)
    marks, captions = marks_of(ledger, film), captions_of(ledger)
    duration = max(source.duration, float(film.frames / film.rate))
    written = {
        "srt": ("script.srt", srt(captions)),
        "vtt": ("script.vtt", vtt(captions)),
        "ass": ("script.ass", ass(captions, title=title, width=source.width, height=source.height)),
        "ttml": ("script.ttml", ttml(captions, title=title, language=source.language)),
        "csv": ("ledger.csv", table(film, ledger)),
        "resolve-csv": ("markers.csv", resolve_table(film, marks)),
        "resolve-edl": ("markers.edl", resolve_edl(film, marks)),
        "textgrid": ("script.TextGrid", textgrid(ledger, duration)),
        "edl": ("timeline.edl", edl(film, marks)),
        "fcp7": ("timeline.xml", fcp7(film, marks)),
        "fcpxml": ("timeline.fcpxml", fcpxml(film, marks)),
        "otio": ("timeline.otio", timeline_of(film, marks)),
        "fountain": ("annotated.fountain", annotated_fountain(film, ledger)),
    }
    return {kind: (name, text.encode("utf-8", "replace")) for kind, (name, text) in written.items()}
