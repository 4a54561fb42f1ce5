"""What ``--export`` and ``--columns`` mean."""

from collections.abc import Sequence

from matchcut.exits import UsageFault

__all__ = ["EXPORTS", "columns_of", "exports_wanted"]

EXPORTS = {
    "srt": "script.srt",
    "vtt": "script.vtt",
    "otio": "timeline.otio",
    "ass": "script.ass",
    "ttml": "script.ttml",
    "csv": "ledger.csv",
    "resolve-csv": "markers.csv",
    "resolve-edl": "markers.edl",
    "textgrid": "script.TextGrid",
    "edl": "timeline.edl",
    "fcp7": "timeline.xml",
    "fcpxml": "timeline.fcpxml",
    "fountain": "annotated.fountain",
}
"""File names by format."""
_ALWAYS = ("srt", "vtt", "otio")
_ROLES = ("text", "speaker", "kind", "parenthetical", "action", "heading")


def exports_wanted(asked: Sequence[str]) -> frozenset[str]:
    """File names of the formats asked for, with commas or one by one, and of those that are always written."""
    chosen = [one.strip().lower() for some in asked for one in some.split(",") if one.strip()]
    if "all" in chosen:
        return frozenset(EXPORTS.values())
    if unknown := [one for one in chosen if one not in EXPORTS]:
        raise UsageFault(f"there is no export {unknown[0]!r}: choose from {', '.join(EXPORTS)}, all")
    return frozenset(EXPORTS[one] for one in (*_ALWAYS, *chosen))


def columns_of(told: str | None) -> dict[str, str] | None:
    """``text=Line,speaker=2`` as a mapping."""
    if told is None:
        return None
    pairs = [part.partition("=") for part in told.split(",") if part.strip()]
    columns = {role.strip(): name.strip() for role, _, name in pairs}
    if set(columns) - set(_ROLES) or not all(columns.values()) or "text" not in columns:
        raise UsageFault(f"--columns is like text=Line,speaker=2; it may name {', '.join(_ROLES)}, and must name text")
    return columns
