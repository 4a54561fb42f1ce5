"""A second video of the same bytes. They are stored once: ingest keeps originals by their SHA-256, within a tenant."""

from dataclasses import dataclass

from chassis.database import UnitOfWork
from gateway.domain.library import OnDuplicate, Rejection, Video
from gateway.domain.refusals import DuplicateVideo
from gateway.ports import Records

__all__ = ["Wish", "as_rejection", "twin_of", "welcome"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody says of a video to be."""

    title: str | None = None
    passthrough: str | None = None
    on_duplicate: OnDuplicate = "keep"


async def twin_of(work: UnitOfWork, records: Records, sha256: str, *, on_duplicate: OnDuplicate) -> Video | None:
    """The video that has these bytes already. Two that come at once wait for each other, so that one is the first.

    One that is to be named as an answer is locked: nobody erases it meanwhile.
    """
    await work.hold(f"bytes {sha256}")
    return await records.videos.twin(sha256, lock=on_duplicate != "keep")


async def welcome(work: UnitOfWork, records: Records, sha256: str, wish: Wish) -> tuple[Video | None, bool]:
    """The twin of a video to be, and whether it takes its place. Raises DuplicateVideo."""
    twin = await twin_of(work, records, sha256, on_duplicate=wish.on_duplicate)
    if twin is not None and wish.on_duplicate == "refuse":
        raise DuplicateVideo(_told(twin), duplicate_of=str(twin.id))
    return twin, twin is not None and wish.on_duplicate == "reuse"


def as_rejection(twin: Video) -> Rejection:
    """Why a video is turned away whose bytes were not known when it was asked for."""
    return Rejection("duplicate", _told(twin))


def _told(twin: Video) -> str:
    return f"the video {twin.id} has the same bytes"
