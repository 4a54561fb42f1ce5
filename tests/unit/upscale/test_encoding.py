"""What a job leaves open about its encoder is the operator's choice."""

from typing import Any

import pytest

from upscale.domain.encoding import Encoding, encoding_for

OPERATOR = Encoding(codec="h265", crf=22, preset="slow", keyframe_frames=96, container="mkv")
NOTHING: dict[str, Any] = {"codec": None, "crf": None, "preset": None, "container": None}


def test_a_job_that_says_nothing_is_encoded_as_the_operator_chose() -> None:
    assert encoding_for(OPERATOR, **NOTHING) == OPERATOR


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"codec": "h264"}, ("h264", 18, "slow", "mkv")),
        ({"codec": "av1"}, ("av1", 30, "slow", "mkv")),
        ({"codec": "av1", "crf": 60, "preset": "fast"}, ("av1", 60, "fast", "mkv")),
        ({"crf": 60}, ("h265", 51, "slow", "mkv")),
        ({"container": "mp4"}, ("h265", 22, "slow", "mp4")),
        ({"codec": "ffv1", "container": "mp4"}, ("ffv1", 0, "slow", "mkv")),
    ],
)
def test_what_a_job_says_counts_and_the_rest_fits_it(
    asked: dict[str, Any], expected: tuple[str, int, str, str]
) -> None:
    found = encoding_for(OPERATOR, **{**NOTHING, **asked})

    assert (found.codec, found.crf, found.preset, found.container) == expected
    assert found.keyframe_frames == 96
