"""What must hold of erasures of scripts, users and parts of videos: each asked for, proven, and without a trace."""

from uuid import UUID

from gateway.domain.erasures import ANSWERING
from gateway.domain.held import ERASURE_OF, HELD
from support.chaos_books import Books
from support.chaos_journal import Journal

__all__ = ["NEEDED_OF_A_VIDEO", "kept_keys", "parts_at_fault"]

NEEDED_OF_A_VIDEO = ("original_key", "media_key", "audio_key", "proxy_key", "poster_key", "thumbnails_key")
_COPIES = {"audio_key", "proxy_key", "thumbnails_key"}
_CLASS_OF = {ERASURE_OF[held]: held for held in HELD}


def kept_keys(books: Books, video: UUID) -> list[str]:
    """Fields of ``video.ingested`` whose blobs must be there."""
    deleted = books.videos.get(video, {}).get("copies_deleted_at") is not None
    return [name for name in NEEDED_OF_A_VIDEO if not (deleted and name in _COPIES)]


def parts_at_fault(journal: Journal, books: Books) -> list[tuple[str, str]]:
    """What does not hold, in words, each with the kind of fault."""
    found = []
    for erasure in books.parts:
        what = f"erasure of {erasure['kind']} {erasure['subject_id']}"
        silent = {*ANSWERING[erasure["kind"]], "gateway"} - set(erasure["answered"] or ())
        if erasure["state"] != "completed" or not erasure["proven"] or silent:
            found.append(("stuck", f"{what} is {erasure['state']}; silent: {sorted(silent)}"))
        if not _was_wanted(journal, erasure):
            found.append(("lost", f"{what} was asked for by nobody, and by no rule ({erasure['reason']})"))
    proven = {(erasure["kind"], erasure["subject_id"]) for erasure in books.parts}
    wanted = {("script", one) for one in journal.erased_scripts} | {("user", one) for one in journal.erased_users}
    wanted |= {(ERASURE_OF[kind], video) for video, kind in journal.deleted}  # type: ignore[index]
    found += [("lost", f"erasure of {kind} {one} was accepted and is nowhere") for kind, one in wanted - proven]
    for one, tables in books.traces.items():
        found.append(("orphans", f"trace of an erased script or user, {one}: in {', '.join(sorted(tables))}"))
    said = [one for one in books.said if one.data.get("script_id") and one.stream != "job.requested.v1"]
    for fact in said:  # what asks for the other steps of a job gets through
        if UUID(fact.data["script_id"]) in journal.erased_scripts:
            found.append(("orphans", f"trace of an erased script: {fact.stream} of {fact.service}"))
    return found


def _was_wanted(journal: Journal, erasure: dict[str, object]) -> bool:
    kind, subject = erasure["kind"], erasure["subject_id"]
    if kind == "script":
        return subject in journal.erased_scripts
    if kind == "user":
        return subject in journal.erased_users
    held = _CLASS_OF[kind]  # type: ignore[index]
    if erasure["reason"] == "asked":
        return (subject, held) in journal.tried
    return held in journal.keepers.get(erasure["tenant_id"], ())  # type: ignore[call-overload]
