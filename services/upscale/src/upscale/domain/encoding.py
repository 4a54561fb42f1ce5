"""How the result is encoded and in what it is kept."""

from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from upscale.domain.refusals import UnsupportedVideo

__all__ = ["PRESETS", "Codec", "Container", "Encoding", "encoding_for", "require_encodable"]

Codec = Literal["h264", "h265", "av1", "ffv1"]
Container = Literal["mp4", "mkv"]
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""From quick to small, in the words of x264 and x265; SVT-AV1's numbers are taken for them, FFV1 has none."""
_CRF: dict[str, int] = {"h264": 18, "h265": 18, "av1": 30, "ffv1": 0}
"""Where nobody says: for H.264 and AV1 five better than their encoders' own 23 and 35; FFV1 loses nothing."""
_WORST_CRF: dict[str, int] = {"h264": 51, "h265": 51, "av1": 63, "ffv1": 0}
_NARROWEST_H265 = 50


class Encoding(BaseModel):
    """How every chunk is encoded; a joint of two chunks works because nothing here differs between them."""

    model_config = ConfigDict(frozen=True)

    codec: Codec = "h264"
    crf: int = 18
    preset: str = "faster"
    keyframe_frames: int = Field(default=48, ge=1)
    """Key frames at least this often, in frames."""
    container: Container = "mp4"
    """Of the finished film."""

    @property
    def tick(self) -> Fraction:
        """Seconds by which the container may round a time; 0 where it keeps the source's ticks."""
        return Fraction(0) if self.container == "mp4" else Fraction(1, 1000)

    @property
    def chunk_tick(self) -> Fraction:
        """Seconds by which a chunk's file may round a time, before it is joined: FFV1's lie in Matroska."""
        return Fraction(1, 1000) if self.codec == "ffv1" else Fraction(0)


def encoding_for(
    default: Encoding, *, codec: Codec | None, crf: int | None, preset: str | None, container: Container | None
) -> Encoding:
    """What a job asks for, and where it says nothing what the operator chose.

    Another codec than the operator's begins at that codec's own CRF. FFV1 goes into Matroska, for MP4 has no place for
    it.
    """
    chosen = codec or default.codec
    if crf is None:
        crf = default.crf if chosen == default.codec else _CRF[chosen]
    return Encoding(
        codec=chosen,
        crf=min(crf, _WORST_CRF[chosen]),
        preset=preset or default.preset,
        keyframe_frames=default.keyframe_frames,
        container="mkv" if chosen == "ffv1" else container or default.container,
    )


def require_encodable(encoding: Encoding, size: tuple[int, int], sample_aspect: Fraction) -> None:
    """Raises UnsupportedVideo for a result that could not be what it should, before hours are spent on it.

    x265 dies of pictures 33 to 48 pixels wide. AV1 and FFV1 leave the shape of pixels to the container, and what we
    write Matroska with does not say it there.
    """
    if encoding.codec == "h265" and size[0] < _NARROWEST_H265:
        raise UnsupportedVideo(
            f"the result would be {size[0]} pixels wide, and the encoder of H.265 needs {_NARROWEST_H265}; "
            "ask for another codec or a larger scale"
        )
    if encoding.codec in ("av1", "ffv1") and encoding.container == "mkv" and sample_aspect != 1:
        hint = "h264 or h265" + (", or for av1 in mp4" if encoding.codec == "av1" else "")
        raise UnsupportedVideo(
            f"the pixels of this film are not square but {sample_aspect} wide, which {encoding.codec} in mkv would "
            f"lose; ask for {hint}"
        )
