"""The demo clip as files: the film, its script, and the truth about both."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from matchcut.demo.edit import FPS, HEIGHT, LINES, MARK, SHOTS, SPEECH, TITLE, VERSION, WIDTH
from matchcut.demo.mark import mark_box
from matchcut.demo.picture import compose_picture
from matchcut.demo.sound import RATE, Placed, Samples, compose_sound

__all__ = ["DemoClip", "clip_in", "script_text", "truth_of"]

OnFrame = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoClip:
    """Where the three files are."""

    film: Path
    script: Path
    truth: Path


def clip_in(cache: Path, on_frame: OnFrame = lambda _done, _all: None) -> DemoClip:
    """The clip from ``cache``, composed there on first use; ``on_frame`` hears how many frames of how many are done."""
    folder = cache / f"demo-{VERSION}"
    clip = DemoClip(folder / "two_cities.mp4", folder / "two_cities.txt", folder / "two_cities.truth.json")
    if folder.exists():
        return clip
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".demo-") as scratch:
        new = Path(scratch) / "clip"
        new.mkdir()
        frames = sum(shot.frames for shot in SHOTS)
        sound, placed = compose_sound(frames)
        _encode(new / clip.film.name, sound, frames, on_frame)
        (new / clip.script.name).write_text(script_text(), encoding="utf-8")
        (new / clip.truth.name).write_text(json.dumps(truth_of(placed, clip), indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    return clip


def script_text() -> str:
    """The script as its author wrote it: one line a paragraph, with a heading and a remark that nobody speaks."""
    return (
        "\n\n".join([TITLE, "[A reader at a table. The microphone is tested first.]", *(line.text for line in LINES)])
        + "\n"
    )


def truth_of(placed: list[Placed], clip: DemoClip) -> dict[str, Any]:
    """What is in the film, in the layout of the evaluation sets: frames 0-based, times in seconds, boxes x y w h."""
    frames = sum(shot.frames for shot in SHOTS)
    starts = np.cumsum([0, *(shot.frames for shot in SHOTS)]).tolist()
    return {
        "file": clip.film.name,
        "fps": FPS,
        "width": WIDTH,
        "height": HEIGHT,
        "n_frames": frames,
        "duration": frames / FPS,
        "transitions": [{"type": "hard", "frame": frame} for frame in starts[1:-1]],
        "shots": [
            {"shot": index, "source": shot.source.path, "first_frame": start, "end_frame": start + shot.frames}
            for index, (shot, start) in enumerate(zip(SHOTS, starts, strict=False))
        ],
        "watermarks": [
            {
                "id": "wm1",
                "kind": "logo",
                "where": "top-right corner",
                "box": list(mark_box()),
                "opacity": MARK.opacity,
                "start_frame": MARK.start_frame,
                "end_frame": MARK.end_frame,
                "moving": False,
            }
        ],
        "watermark_free_intervals_frames": [[0, MARK.start_frame], [MARK.end_frame, frames]],
        "speech": {
            "script_file": clip.script.name,
            "language": "en",
            "text": " ".join(utterance.text for utterance in SPEECH),
            "lines": [_line_truth(line.number, placed) for line in LINES],
            "adlibs": [
                {"start": round(spoken.start, 3), "end": round(spoken.end, 3), "text": spoken.utterance.text}
                for spoken in placed
                if spoken.utterance.line is None
            ],
            "segments": [_segment_truth(index, spoken) for index, spoken in enumerate(placed)],
        },
    }


def _line_truth(number: int, placed: list[Placed]) -> dict[str, Any]:
    line = LINES[number - 1]
    takes = [spoken for spoken in placed if spoken.utterance.line == number]
    whole = [index for index, spoken in enumerate(takes, 1) if spoken.utterance.complete]
    return {
        "id": f"L{number:02}",
        "number": number,
        "text": line.text,
        "status": line.status,
        "takes": [
            {
                "take": index,
                "start": round(spoken.start, 3),
                "end": round(spoken.end, 3),
                "complete": spoken.utterance.complete,
                "spoken_text": spoken.utterance.text,
            }
            for index, spoken in enumerate(takes, 1)
        ],
        "best_take": whole[-1] if whole else (len(takes) or None),
    }


def _segment_truth(index: int, spoken: Placed) -> dict[str, Any]:
    line = spoken.utterance.line
    return {
        "segment": index,
        "start": round(spoken.start, 3),
        "end": round(spoken.end, 3),
        "clip_start": round(spoken.clip_start, 3),
        "clip_end": round(spoken.clip_end, 3),
        "text": spoken.utterance.text,
        "line": f"L{line:02}" if line else None,
        "complete": spoken.utterance.complete,
        "source": spoken.utterance.source.path,
    }


def _encode(target: Path, sound: Samples, frames: int, on_frame: OnFrame) -> None:
    """H.264 and AAC in MP4; two threads always, because x264's output depends on their number."""
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "17", "preset": "veryfast", "threads": "2"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = 2 * FPS
        context = video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709, as the conversion below
        context.color_range = ColorRange.MPEG
        voice = container.add_stream("aac", rate=RATE, layout="mono")
        voice.bit_rate = 128_000
        per_frame = RATE // FPS
        for number, picture in enumerate(compose_picture()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
            piece = av.AudioFrame.from_ndarray(
                sound[None, number * per_frame : (number + 1) * per_frame], format="fltp", layout="mono"
            )
            piece.sample_rate, piece.pts, piece.time_base = RATE, number * per_frame, Fraction(1, RATE)
            container.mux(voice.encode(piece))
            on_frame(number + 1, frames)
        container.mux(video.encode(None))
        container.mux(voice.encode(None))
