"""How numbers mean colours: the code points of ITU-T H.273 by FFmpeg's names."""

from collections.abc import Mapping

from contracts.documents import Color

__all__ = ["name_colour"]

_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100",
              10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12",
              16: "smpte2084", 17: "smpte428", 18: "arib-std-b67"}  # fmt: skip
_MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
             10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp"}  # fmt: skip
_RANGES = {1: "tv", 2: "pc"}


def name_colour(
    *, pixel_format: str, bit_depth: int, colour_range: int, primaries: int, transfer: int, matrix: int
) -> Color:
    """Names for the code points of the first frame; ``unknown`` for what the file does not say (code point 2)."""
    return Color(
        pixel_format=pixel_format,
        bit_depth=bit_depth,
        range=_name(_RANGES, colour_range),
        primaries=_name(_PRIMARIES, primaries),
        transfer=_name(_TRANSFERS, transfer),
        matrix=_name(_MATRICES, matrix),
        hdr="pq" if transfer == 16 else "hlg" if transfer == 18 else None,
    )


def _name(names: Mapping[int, str], code: int) -> str:
    return names.get(code, "unknown")
