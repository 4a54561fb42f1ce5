"""The proxy, made by ffmpeg: H.264 and AAC in MP4, index first, time 0 at the first frame. Runs in the child."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import ffmpeg

from contracts.ingest import RejectionReason
from ingest.adapters.confinement import threads
from ingest.domain.content import Content
from ingest.domain.observation import Film
from ingest.domain.proxy import ProxyPlan
from ingest.domain.refusal import Limits, Refused
from ingest.domain.timing import Timing

__all__ = ["ProxyFailed", "find_ffmpeg", "make_proxy", "proxy_command"]

_KEY_FRAME_EVERY_S = 2
_SOUND_RATE = 48_000
_TICKS = 90_000
"""Of the proxy's clock, a second: every usual frame rate and sound rate lands on it."""
_QUIETLY = ("-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-progress", "pipe:1", "-y")
_TO_SDR = (
    ("zscale", {"t": "linear", "npl": 203}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"p": "bt709"}),
    ("tonemap", {"tonemap": "mobius", "desat": 0}),
    ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
)


class ProxyFailed(RuntimeError):
    """ffmpeg could not make the proxy of a film that PyAV had decoded."""

    reason = "proxy_failed"


def find_ffmpeg() -> str:
    """The system's ffmpeg if there is one, else the one imageio-ffmpeg brings."""
    system = shutil.which("ffmpeg")
    if system is not None:
        return system
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def proxy_command(
    source: Path,
    target: Path,
    content: Content,
    film: Film,
    timing: Timing,
    plan: ProxyPlan,
    *,
    limits: Limits,
    executable: str,
) -> list[str]:
    """Arguments for ffmpeg. The source is opened by one demuxer and one protocol, as everywhere else."""
    original = ffmpeg.input(
        f"file:{source}", f=content.demuxer, protocol_whitelist="file", max_pixels=limits.max_pixels, threads=threads()
    )
    picture = original[str(film.picture.index)]
    streams = [picture if plan.copy else _picture(picture, plan)]
    if film.sound is not None:
        sound = original[str(film.sound.track.index)]
        streams.append(sound if plan.copy else _sound(sound, timing))
    options: dict[str, object] = {"f": "mp4", "movflags": "+faststart", "map_metadata": -1, "map_chapters": -1}
    options |= {"c": "copy"} if plan.copy else _coding(film)
    command = ffmpeg.output(*streams, f"file:{target}", **options).global_args(*_QUIETLY)
    if not plan.copy:
        # The container's own clock reaches the filters, which set it to the first frame.
        command = command.global_args("-copyts", "-filter_complex_threads", str(threads()))
    return [str(argument) for argument in command.compile(cmd=executable)]


def make_proxy(command: list[str], log: Path, *, frames: int, report: Callable[[float, str], None]) -> None:
    """Run ffmpeg. Raises ProxyFailed with its last words, or Refused when it ran into a limit of this process.

    A full disk is no fault of the file: it comes out as the OSError that it is, and the file is tried again.
    """
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True) as run,
    ):
        assert run.stdout is not None
        for line in run.stdout:
            name, _, value = line.strip().partition("=")
            if name == "frame" and value.isdigit():
                report(min(1.0, int(value) / frames), f"proxy: {value} of {frames} frames")
    code = run.returncode
    if code == 0:
        return
    if code == -signal.SIGXCPU:
        raise Refused(RejectionReason.UNSUPPORTED, "Making its proxy takes longer than allowed. Cut it into parts.")
    words = " / ".join(log.read_text(errors="replace").splitlines()[-5:])
    # Its last words may have found no room either; newer versions end with the error's number.
    if code == 256 - errno.ENOSPC or os.strerror(errno.ENOSPC) in words:
        raise OSError(errno.ENOSPC, f"no room is left to make the proxy: {words[:1000]}")
    raise ProxyFailed(f"ffmpeg ended with {code} while it made the proxy: {words[:1000]}")


def _picture(stream: ffmpeg.nodes.FilterableStream, plan: ProxyPlan) -> ffmpeg.nodes.FilterableStream:
    # ffmpeg itself turns the picture upright before the first filter.
    stream = stream.filter("setpts", "PTS-STARTPTS")
    if plan.deinterlace:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    if plan.hdr:
        for name, options in _TO_SDR:
            stream = stream.filter(name, **options)
    stream = stream.filter("scale", plan.size.width, plan.size.height, out_range="tv").filter("setsar", "1")
    return stream.filter("format", "yuv420p")


def _sound(stream: ffmpeg.nodes.FilterableStream, timing: Timing) -> ffmpeg.nodes.FilterableStream:
    first = f"{timing.start.numerator}/{timing.start.denominator}"
    stream = stream.filter("asetpts", f"PTS-({first})/TB")
    # first_pts pads with silence, or cuts, up to the first frame; async fills what is missing on the way.
    stream = stream.filter("aresample", _SOUND_RATE, **{"async": 1, "first_pts": 0})
    return stream.filter("aformat", channel_layouts="stereo")


def _coding(film: Film) -> dict[str, object]:
    options: dict[str, object] = {
        "c:v": "libx264",
        "preset": "superfast",
        "threads:v": threads(),
        "crf": 24,
        "profile:v": "high",
        "force_key_frames": f"expr:gte(t,n_forced*{_KEY_FRAME_EVERY_S})",
        "fps_mode": "vfr",
        "enc_time_base:v": f"1:{_TICKS}",
        "video_track_timescale": _TICKS,
        # A damaged film is decoded to its end, whatever share of it fails.
        "max_error_rate": 1,
    }
    if film.sound is not None:
        options |= {"c:a": "aac", "b:a": "128k"}
    return options
