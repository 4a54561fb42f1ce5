"""Taking in one file: verify, sniff, watch, derive. ``take_in`` is what the child process runs."""

import hashlib
from collections.abc import Callable

import av

from chassis import child
from contracts.documents import Media
from contracts.ingest import RejectionReason
from ingest.adapters.confinement import OutOfTime, confine
from ingest.adapters.ffmpeg_proxy import find_ffmpeg, make_proxy, proxy_command
from ingest.adapters.reel import sniff
from ingest.adapters.screening import screen, survey
from ingest.domain.keys import AUDIO, MEDIA, POSTER, PROXY, THUMBNAILS
from ingest.domain.observation import describe, judge
from ingest.domain.proxy import plan_proxy
from ingest.domain.refusal import Refused
from ingest.ports import Order

__all__ = ["examine", "take_in"]

Report = Callable[[float, str], None]


def take_in(order: Order) -> Media:
    """``examine`` under the bounds of ``order``; for a process that does nothing else, for they cannot be lifted."""
    confine(order.terms.allowance)
    try:
        return examine(order, child.progress)
    except MemoryError:
        raise Refused(
            RejectionReason.UNSUPPORTED,
            f"Decoding it needs more than the {order.terms.allowance.memory_mib} MiB of memory a file may use. "
            "Export it smaller, or as H.264.",
        ) from None
    except OutOfTime:
        raise Refused(
            RejectionReason.UNSUPPORTED,
            f"Decoding it takes more than the {order.terms.allowance.cpu_s} s of computing a file may use. "
            "Cut it into parts, or export it smaller.",
        ) from None


def examine(order: Order, report: Report) -> Media:
    """Take in a file: everything derived is in the folder afterwards. Raises Refused for one that is turned away."""
    # What FFmpeg would print about strangers' files belongs in no log.
    av.logging.set_level(None)
    limits, folder = order.terms.limits, order.folder
    size_bytes = order.source.stat().st_size
    limits.check_size(size_bytes)
    report(0.0, "checking the file")
    _verify(order)
    content = sniff(order.source)
    report(0.05, "reading the file")
    found = survey(order.source, content, limits)
    film = screen(
        order.source,
        content,
        limits,
        found=found,
        audio=folder / AUDIO,
        poster=folder / POSTER,
        thumbnails=folder / THUMBNAILS,
        longest=order.terms.proxy_longest,
        report=_part(report, 0.1, 0.5),
    )
    timing = judge(film)
    media = describe(film, timing, sha256=order.sha256, size_bytes=size_bytes)
    if film.sound is None:
        (folder / AUDIO).unlink()
    plan = plan_proxy(film, timing, media, longest=order.terms.proxy_longest)
    command = proxy_command(
        order.source,
        folder / PROXY,
        content,
        film,
        timing,
        plan,
        limits=limits,
        executable=find_ffmpeg(),
    )
    make_proxy(command, folder / "ffmpeg.log", seconds=media.duration, report=_part(report, 0.5, 1.0))
    (folder / MEDIA).write_text(media.model_dump_json(indent=1))
    return media


def _verify(order: Order) -> None:
    with order.source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != order.sha256:
        raise Refused(
            RejectionReason.CHECKSUM_MISMATCH,
            f"The bytes that arrived are not those that were sent: their sha256 begins with {digest[:12]}, not with "
            f"{order.sha256[:12]}. Upload the file again.",
        )


def _part(report: Report, start: float, end: float) -> Report:
    """The same report for a part of the work: its 0 to 1 is ``start`` to ``end`` of the whole."""
    return lambda fraction, message: report(start + fraction * (end - start), message)
