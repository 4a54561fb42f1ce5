"""The court of the chaos suite convicts, or its acquittals would be worth nothing: one lie at a time in good books."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from contracts.registry import HEARD_BY, SERVICES
from gateway.domain.erasures import ANSWERING
from support.chaos_books import Books, Letter, Said
from support.chaos_journal import AcceptedJob, AcceptedVideo, Journal
from support.chaos_verdict import Verdict, judge

TENANT, VIDEO, UPLOAD, JOB, SCRIPT, USER = (uuid4() for _ in range(6))
POSTER, PROXY = f"derived/{TENANT}/{VIDEO}/poster.jpg", f"derived/{TENANT}/{VIDEO}/proxy.mp4"
DOCUMENT = f"derived/{TENANT}/{JOB}/scenes-1/scenes.json"
FRAME = f"derived/{TENANT}/{JOB}/scenes-1/keyframes/0000.jpg"


def honest() -> tuple[Journal, Books]:
    """One film, one job for its scenes, all well."""
    video = AcceptedVideo(VIDEO, TENANT, {"ingest": "ok", "look": "ok", "listen": "ok", "upscale": "ok"})
    journal = Journal({VIDEO: video}, {}, {JOB: AcceptedJob(JOB, video, ("scenes",), None)})
    books = Books()
    say(books, "gateway", "video.submitted.v1", None, {"video_id": str(VIDEO)})
    say(books, "ingest", "video.ingested.v1", None, {"video_id": str(VIDEO), "poster_key": POSTER})
    say(books, "gateway", "job.requested.v1", JOB, {"video_id": str(VIDEO), "steps": ["scenes"], "run": 1})
    say(books, "vision", "scenes.detected.v1", JOB, {"video_id": str(VIDEO), "run": 1, "scenes": 2, "key": DOCUMENT})
    books.heard = {service: set() for service in SERVICES}
    for said in books.said:
        for group in HEARD_BY[said.stream]:
            books.heard[group].add(said.id)
    steps = {name: {"step": name, "state": "succeeded", "reason": "", "detail": ""} for name in ("ingest", "scenes")}
    books.jobs[JOB] = {"id": JOB, "tenant_id": TENANT, "video_id": VIDEO, "run": 1, "steps": steps}
    books.videos[VIDEO] = {"id": VIDEO, "tenant_id": TENANT, "state": "ready", "upload_id": UPLOAD}
    tables = ("vision.scenes", "vision.overlays", "transcribe.transcripts", "align.alignments", "align.lines")
    books.rows = {table: Counter() for table in tables}
    books.rows["vision.scenes"][(JOB, 1)] = 2
    books.blobs = {POSTER, DOCUMENT}
    books.letters = [Letter("msg_1", "delivered", "job.finished", JOB, 1)]
    journal.letters["msg_1"] = 2
    return journal, books


def say(books: Books, service: str, stream: str, job: UUID | None, fact: dict[str, object]) -> None:
    books.said.append(Said(uuid4(), service, stream, TENANT, job, fact))


def say_again(books: Books, stream: str) -> None:
    said = replace(next(said for said in books.said if said.stream == stream), id=uuid4())
    books.said.append(said)
    for group in HEARD_BY[stream]:
        books.heard[group].add(said.id)


def unsay(books: Books, stream: str) -> None:
    books.said = [said for said in books.said if said.stream != stream]


def fail(books: Books, reason: str) -> None:
    books.jobs[JOB]["steps"]["scenes"] |= {"state": "failed", "reason": reason}
    unsay(books, "scenes.detected.v1")
    say(books, "vision", "step.failed.v1", JOB, {"video_id": str(VIDEO), "step": "scenes", "run": 1})
    for group in HEARD_BY["step.failed.v1"]:
        books.heard[group].add(books.said[-1].id)
    books.rows["vision.scenes"].clear()
    books.blobs.discard(DOCUMENT)


Doctor = Callable[[Journal, Books], object]
LIES: dict[str, tuple[str, Doctor]] = {
    "a job that is nowhere": ("lost", lambda j, b: b.jobs.clear()),
    "a job nobody asked for": ("doubled", lambda j, b: j.jobs.clear()),
    "a video that is nowhere": ("lost", lambda j, b: b.videos.clear()),
    "a step that is not over": ("stuck", lambda j, b: b.jobs[JOB]["steps"]["scenes"].update(state="running")),
    "a job cancelled by nobody": ("lost", lambda j, b: b.jobs[JOB]["steps"]["scenes"].update(state="cancelled")),
    "a job called off and done": ("lost", lambda j, b: setattr(j.jobs[JOB], "cancelled", True)),
    "a retry that was forgotten": ("lost", lambda j, b: setattr(j.jobs[JOB], "runs", 2)),
    "a fact unheard": ("lost", lambda j, b: b.heard["vision"].clear()),
    "a dead letter": ("unexplained", lambda j, b: b.buried.append(("vision", "video.ingested.v1", "x", "runtime"))),
    "a last word said twice": ("doubled", lambda j, b: say_again(b, "scenes.detected.v1")),
    "a video judged twice": ("doubled", lambda j, b: say_again(b, "video.ingested.v1")),
    "a step without a last word": ("lost", lambda j, b: unsay(b, "scenes.detected.v1")),
    "rows written twice": ("lost", lambda j, b: b.rows["vision.scenes"].update({(JOB, 1): 2})),
    "rows not written": ("lost", lambda j, b: b.rows["vision.scenes"].clear()),
    "a blob that is gone": ("lost", lambda j, b: b.blobs.discard(DOCUMENT)),
    "a blob without an owner": ("orphans", lambda j, b: b.blobs.add(f"derived/{TENANT}/{JOB}/scenes-2/scenes.json")),
    "an upload of a video taken in": ("orphans", lambda j, b: keep_upload(b)),
    "an end that nobody was told of": ("lost", lambda j, b: b.letters.clear()),
    "an end told twice": ("doubled", lambda j, b: tell(j, b, "msg_2", "job.failed")),
    "a message that never came": ("lost", lambda j, b: j.letters.clear()),
    "a message given up": ("lost", lambda j, b: b.letters.append(replace(b.letters.pop(), state="failed"))),
    "an erasure nobody asked for": ("lost", lambda j, b: erased(j, b, asked=False)),
    "an erasure that was forgotten": ("lost", lambda j, b: setattr(j.videos[VIDEO], "erased", True)),
    "an erasure without a receipt": ("stuck", lambda j, b: erased(j, b, proven=False)),
    "an erasure a service is silent on": ("stuck", lambda j, b: erased(j, b, answered=["gateway"])),
    "a job of an erased video": ("orphans", lambda j, b: erased(j, b, but="jobs")),
    "a row of an erased video": ("orphans", lambda j, b: erased(j, b, but="rows")),
    "a fact about an erased video": ("orphans", lambda j, b: erased(j, b, but="said")),
    "a blob of an erased video": ("orphans", lambda j, b: erased(j, b, but="blobs")),
    "a word of an erased video in Redis": ("orphans", lambda j, b: erased(j, b, mentioned=True)),
    "a script erased by nobody": ("lost", lambda j, b: b.parts.append(part("script", SCRIPT))),
    "a script whose erasure was forgotten": ("lost", lambda j, b: j.erased_scripts.add(SCRIPT)),
    "a fact about an erased script": ("orphans", lambda j, b: erased_script(j, b, spoken_of=True)),
    "a user erased without a receipt": ("stuck", lambda j, b: erased_user(j, b, proven=False)),
    "a row that names an erased user": ("orphans", lambda j, b: erased_user(j, b, tables={"gateway.sessions"})),
    "results deleted by nobody": ("lost", lambda j, b: deleted(j, b, asked=False)),
    "results that were to be deleted and were not": ("lost", lambda j, b: j.deleted.add((VIDEO, "results"))),
    "results deleted by a rule nobody made": ("lost", lambda j, b: deleted(j, b, asked=False, reason="retention")),
    "results on which a service is silent": ("stuck", lambda j, b: deleted(j, b, answered=["gateway", "align"])),
    "results deleted without a receipt": ("stuck", lambda j, b: deleted(j, b, proven=False)),
    "rows of deleted results": ("lost", lambda j, b: deleted(j, b, but="rows")),
    "a document of deleted results": ("orphans", lambda j, b: deleted(j, b, but="blobs")),
    "a key frame of deleted results": ("orphans", lambda j, b: deleted(j, b, but="frame")),
    "a proxy of deleted copies": ("orphans", lambda j, b: without_copies(j, b, but={PROXY})),
    "a failure of a film that is well": ("unexplained", lambda j, b: fail(b, "unreadable_video")),
    "a success of a hopeless film": ("unexplained", lambda j, b: j.videos[VIDEO].fates.update(look="hopeless")),
}


def erased(
    journal: Journal,
    books: Books,
    *,
    asked: bool = True,
    proven: bool = True,
    answered: Sequence[str] = SERVICES,
    but: str = "",
    mentioned: bool = False,
) -> None:
    """The video was erased; nothing is left of it ``but`` what is named."""
    journal.videos[VIDEO].erased = asked
    books.erasures[VIDEO] = {"state": "completed", "proven": proven, "answered": list(answered)}
    books.letters.clear()
    for kept in ("jobs", "videos", "said", "blobs"):
        if kept != but:
            getattr(books, kept).clear()
    if but != "rows":
        books.rows["vision.scenes"].clear()
    books.mentioned["Redis"] = {JOB} if mentioned else set()


def part(kind: str, subject: UUID, **said: object) -> dict[str, object]:
    """An erasure of something else than a video, as it should be."""
    answered = ["gateway", *ANSWERING[kind]]  # type: ignore[index]
    known = {"id": uuid4(), "tenant_id": TENANT, "kind": kind, "subject_id": subject, "reason": "asked"}
    return {**known, "state": "completed", "proven": True, "answered": answered, **said}


def erased_script(journal: Journal, books: Books, *, spoken_of: bool = False) -> None:
    """A script was erased, which perhaps a fact still names."""
    journal.erased_scripts.add(SCRIPT)
    books.parts.append(part("script", SCRIPT))
    if spoken_of:
        fact = {"video_id": str(VIDEO), "script_id": str(SCRIPT), "run": 1, "key": DOCUMENT}
        say(books, "align", "alignment.ready.v1", JOB, fact)
        books.heard["gateway"].add(books.said[-1].id)


def erased_user(journal: Journal, books: Books, *, tables: set[str] | None = None, **said: object) -> None:
    journal.erased_users.add(USER)
    books.parts.append(part("user", USER, **said))
    books.traces |= {USER: tables} if tables else {}


def deleted(journal: Journal, books: Books, *, asked: bool = True, but: str = "", **said: object) -> None:
    """The job's results were deleted; nothing is left of them ``but`` what is named."""
    if asked:
        journal.tried.add((VIDEO, "results"))
        journal.deleted.add((VIDEO, "results"))
    books.parts.append(part("results", VIDEO, **said))
    books.deleted[JOB, "scenes"] = "asked"
    if but != "rows":
        books.rows["vision.scenes"].clear()
    if but != "blobs":
        books.blobs.discard(DOCUMENT)
    if but == "frame":
        books.blobs.add(FRAME)


def without_copies(journal: Journal, books: Books, *, but: Collection[str] = ()) -> None:
    books.blobs |= set(but)
    journal.tried.add((VIDEO, "copies"))
    books.parts.append(part("copies", VIDEO))
    books.videos[VIDEO]["copies_deleted_at"] = "long ago"


def keep_upload(books: Books) -> None:
    books.uploads[UPLOAD] = "received"
    books.blobs.add(f"scratch/{TENANT}/uploads/{UPLOAD}/content")


def tell(journal: Journal, books: Books, id_: str, type_: str) -> None:
    journal.letters[id_] = 1
    books.letters.append(Letter(id_, "delivered", type_, JOB, 1))


def test_honest_books_are_acquitted() -> None:
    verdict = judge(*honest(), stuck=[])

    assert verdict == Verdict(notes=verdict.notes)
    assert verdict.holds


def test_what_was_erased_as_asked_is_no_loss() -> None:
    journal, books = honest()

    erased(journal, books)

    assert judge(journal, books, stuck=[]).holds


def test_what_was_deleted_as_asked_or_by_a_rule_is_no_loss() -> None:
    journal, books = honest()
    other, others = honest()

    for erase in (erased_script, erased_user, deleted, without_copies):
        erase(journal, books)
    deleted(other, others, asked=False, reason="retention")
    other.keepers[TENANT] = {"results"}

    assert judge(journal, books, stuck=[]).holds
    assert judge(other, others, stuck=[]).holds


@pytest.mark.parametrize(("kind", "doctor"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_found(kind: str, doctor: Doctor) -> None:
    journal, books = honest()

    doctor(journal, books)
    verdict = judge(journal, books, stuck=[])

    assert getattr(verdict, kind)
    assert not verdict.holds


@pytest.mark.parametrize(("fate", "reason"), [("hopeless", "unreadable_video"), ("flaky", "scripted_trouble")])
def test_a_failure_that_the_film_explains_is_no_fault(fate: str, reason: str) -> None:
    journal, books = honest()
    journal.videos[VIDEO].fates["look"] = fate

    fail(books, reason)

    assert judge(journal, books, stuck=[]).holds
