"""Taking in one file: verify, sniff, watch, derive. ``take_in`` is what the child process runs."""

import hashlib
from collections.abc import Callable

import av

from chassis import child
from contracts.documents import Media
from contracts.ingest import RejectionReason
from ingest.adapters.confinement import OutOfTime, confine, is_cramped
from ingest.adapters.ffmpeg_proxy import find_ffmpeg, make_proxy, proxy_command
from ingest.adapters.reel import sniff
from ingest.adapters.screening import Survey, screen, survey
from ingest.domain.content import Content
from ingest.domain.keys import AUDIO, MEDIA, POSTER, PROXY, THUMBNAILS
from ingest.domain.observation import Film, describe, is_hurt, judge
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
    except MemoryError as error:
        raise _too_much_memory(order) from error
    except OSError as error:  # what the writer of pictures says when it gets no memory
        if is_cramped(0):
            raise _too_much_memory(order) from error
        raise
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
    film = _screen(order, content, found, _part(report, 0.1, 0.5), threaded=True)
    if is_hurt(film):
        _blame_memory(film)
        film = _screen(order, content, found, _part(report, 0.3, 0.5), threaded=False)
        _blame_memory(film)
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
    make_proxy(command, folder / "ffmpeg.log", frames=media.frames, report=_part(report, 0.5, 1.0))
    (folder / MEDIA).write_text(media.model_dump_json(indent=1))
    return media


def _too_much_memory(order: Order) -> Refused:
    return Refused(
        RejectionReason.UNSUPPORTED,
        f"Decoding it needs more than the {order.terms.allowance.memory_mib} MiB of memory a file may use. "
        "Export it smaller, or as H.264.",
    )


def _blame_memory(film: Film) -> None:
    """Raise MemoryError when a film that looks damaged may only have lacked memory."""
    if film.picture.damaged and is_cramped(film.picture.sizes[0].pixels):
        raise MemoryError


def _screen(order: Order, content: Content, found: Survey, report: Report, *, threaded: bool) -> Film:
    return screen(
        order.source,
        content,
        order.terms.limits,
        found=found,
        audio=order.folder / AUDIO,
        poster=order.folder / POSTER,
        thumbnails=order.folder / THUMBNAILS,
        longest=order.terms.proxy_longest,
        threaded=threaded,
        report=report,
    )


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
