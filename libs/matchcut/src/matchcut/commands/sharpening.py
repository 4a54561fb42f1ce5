"""What ``--upscale`` may be told more of, and what the API is told then."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from matchcut.exits import UsageFault
from matchcut.ranges import BadRange, parse_numbers, parse_ranges, parse_scale

__all__ = [
    "Codec",
    "Container",
    "Crf",
    "Deinterlace",
    "Dispatch",
    "Lines",
    "Network",
    "Only",
    "Preset",
    "Range",
    "Scenes",
    "Sharpening",
    "Upscale",
    "one_of",
]

_CODECS = ("h264", "h265", "av1", "ffv1")
_CONTAINERS = ("mp4", "mkv")
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_POOLS = ("gpu", "colab", "auto")

Upscale = Annotated[str | None, typer.Option(help="Also upscale: x2, x3 or x4.", metavar="xN")]
Range = Annotated[
    str | None,
    typer.Option("--range", help="Sharpen this, and enlarge the rest plainly: 3-5,1:02-1:30,10-.", metavar="FROM-TO"),
]
Scenes = Annotated[str | None, typer.Option(help="Sharpen these scenes: 2,5 or 3-7.", metavar="N,N")]
Lines = Annotated[str | None, typer.Option(help="Sharpen where these lines are spoken: 3-7.", metavar="N-N")]
Only = Annotated[bool, typer.Option("--only", help="Leave out what lies before and behind what is sharpened.")]
Deinterlace = Annotated[bool, typer.Option("--deinterlace", help="Make whole pictures of interlaced ones first.")]
Codec = Annotated[
    str | None, typer.Option(help="Of the rendition: h264, h265, av1 or ffv1 (lossless).", show_default="h264")
]
Crf = Annotated[
    int | None, typer.Option(help="Quality of the rendition: 0 is best.", min=0, max=63, show_default="18; av1: 30")
]
Preset = Annotated[str | None, typer.Option(help="Of the encoder: ultrafast to veryslow.", show_default="faster")]
Container = Annotated[str | None, typer.Option(help="Of the rendition: mp4 or mkv.", show_default="mp4; ffv1: mkv")]
Network = Annotated[
    str | None,
    typer.Option(
        "--model", help="Network that sharpens; others need a GPU or torch.", show_default="realesr-animevideov3"
    ),
]
Dispatch = Annotated[str, typer.Option(help="Who makes chunks: gpu (workers), colab (runners), auto.")]


@dataclass(frozen=True)
class Sharpening:
    """The words of the command line."""

    upscale: str | None = None
    range_: str | None = None
    scenes: str | None = None
    lines: str | None = None
    only: bool = False
    deinterlace: bool = False
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    container: str | None = None
    dispatch: str = "gpu"
    model: str | None = None

    def options(self, *, script: bool) -> dict[str, Any] | None:
        """What the API is told; None when nothing is to be upscaled. Raises UsageFault."""
        if self.upscale is None:
            self._idle()
            return None
        try:
            chosen = {
                "scale": parse_scale(self.upscale),
                "ranges": parse_ranges(self.range_) if self.range_ else None,
                "scenes": parse_numbers(self.scenes, "--scenes") if self.scenes else None,
                "lines": parse_numbers(self.lines, "--lines") if self.lines else None,
            }
        except BadRange as fault:
            raise UsageFault(str(fault)) from fault
        if self.lines and not script:
            raise UsageFault("--lines are lines of the script: add --script")
        if self.only and not (self.range_ or self.scenes or self.lines):
            raise UsageFault("--only leaves out what is not chosen: add --range, --scenes or --lines")
        if self.codec == "ffv1" and self.container == "mp4":
            raise UsageFault("--codec ffv1 needs --container mkv: MP4 has no place for it")
        how = {
            "only": self.only or None,
            "deinterlace": self.deinterlace or None,
            "codec": one_of(self.codec, _CODECS, "--codec"),
            "crf": self.crf,
            "preset": one_of(self.preset, _PRESETS, "--preset"),
            "container": one_of(self.container, _CONTAINERS, "--container"),
            "dispatch": one_of(self.dispatch, _POOLS, "--dispatch"),
            "model": self.model,
        }
        return {name: value for name, value in {**chosen, **how}.items() if value is not None}

    def _idle(self) -> None:
        """Words that say how to upscale mean nothing without --upscale; the codec and its like are only not needed."""
        said = {"--range": self.range_, "--scenes": self.scenes, "--lines": self.lines, "--only": self.only}
        for option, value in said.items():
            if value:
                raise UsageFault(f"{option} says what to upscale: add --upscale x2")


def one_of(value: str | None, allowed: tuple[str, ...], option: str) -> str | None:
    """The word, if it is among those allowed. Raises UsageFault."""
    if value is not None and value not in allowed:
        raise UsageFault(f"{option} is one of {', '.join(allowed)}, not {value!r}")
    return value
