"""A plan to change and compare."""

from fractions import Fraction
from typing import Any

from upscale.domain.color import Color
from upscale.domain.geometry import Orientation
from upscale.domain.plan import Encoding, KeyFrame, Plan, cut_into_chunks


def a_plan(**changes: Any) -> Plan:
    """Three frames of a film, with these changes."""
    values: dict[str, Any] = {
        "source_sha256": "5" * 64,
        "model": "net",
        "model_sha256": "a" * 64,
        "scale": 2,
        "encoding": Encoding(),
        "stream": 0,
        "width": 640,
        "height": 360,
        "orientation": Orientation(),
        "sample_aspect": Fraction(4, 3),
        "color": Color(False, 1, 1, 1, "left", 8),
        "time_base": Fraction(1, 90000),
        "frame_rate": Fraction(30000, 1001),
        "origin": 7,
        "first": 10,
        "pts": (100, 200, 350),
        "end_pts": 400,
        "checks": (1, 2, 3),
        "key_frames": (KeyFrame(number=0, pts=7, check=9), KeyFrame(number=11, pts=200, check=2)),
        "to_the_end": False,
        "chunks": cut_into_chunks(10, 13, longest=2),
    }
    return Plan(**{**values, **changes})
