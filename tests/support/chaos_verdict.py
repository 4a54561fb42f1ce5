"""The properties: what must hold of the books when all has come to rest, whatever happened before."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from contracts.registry import HEARD_BY, SERVICES
from support.chaos_books import LOSABLE, Books, Letter, Said
from support.chaos_engines import TROUBLE, TYPED
from support.chaos_journal import AcceptedJob, Journal
from support.chaos_parts import kept_keys, parts_at_fault

__all__ = ["Verdict", "judge"]

_STEP_OF = {
    "scenes.detected.v1": "scenes",
    "watermarks.detected.v1": "watermarks",
    "transcript.ready.v1": "transcript",
    "alignment.ready.v1": "alignment",
    "video.upscaled.v1": "upscale",
}
_TABLE_OF = {
    "scenes": ("vision.scenes", "scenes"),
    "watermarks": ("vision.overlays", "marks"),
    "transcript": ("transcribe.transcripts", None),
    "alignment": ("align.alignments", None),
}
_ENGINE_OF = {"ingest": "ingest", "scenes": "look", "watermarks": "look", "transcript": "listen", "upscale": "upscale"}
_ANSWERING = set(SERVICES)
Run = tuple[UUID, str, int]
"""Job, step, run."""


@dataclass
class Verdict:
    """What does not hold, in words, by kind of fault."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Failures, refusals and dead letters that neither the script nor a customer asked for."""
    notes: Counter[str] = field(default_factory=Counter)
    """What is allowed and worth knowing."""

    @property
    def holds(self) -> bool:
        """Whether every property does."""
        return not (self.lost or self.doubled or self.stuck or self.orphans or self.unexplained)


def judge(journal: Journal, books: Books, *, stuck: list[str]) -> Verdict:
    """Hold what was promised against what is written."""
    verdict = Verdict(stuck=list(stuck))
    court = _Court(journal, books, verdict)
    court.check_accepted()
    court.check_jobs()
    court.check_heard()
    court.check_said_once()
    court.check_told()
    court.check_erased()
    court.check_parts()
    court.check_effects()
    court.check_blobs()
    return verdict


class _Court:
    def __init__(self, journal: Journal, books: Books, verdict: Verdict) -> None:
        self._journal = journal
        self._books = books
        self._verdict = verdict
        self._erased = set(books.erasures)
        self._jobs_erased = {id_ for id_, job in journal.jobs.items() if job.video.id in self._erased}
        self._scriptless = {one.id for one in journal.jobs.values() if one.script in journal.erased_scripts}
        self._taken_in = {video["upload_id"] for video in books.videos.values() if video["state"] == "ready"}
        self._done: dict[Run, list[Said]] = defaultdict(list)
        self._failed: dict[Run, list[Said]] = defaultdict(list)
        for said in books.said:
            if said.job is not None and said.stream in _STEP_OF:
                self._done[(said.job, _STEP_OF[said.stream], said.data["run"])].append(said)
            elif said.job is not None and said.stream == "step.failed.v1":
                self._failed[(said.job, said.data["step"], said.data["run"])].append(said)

    def check_accepted(self) -> None:
        """What got a 2xx is there, and nothing is there that did not."""
        pairs = (
            ("job", set(self._journal.jobs) - self._jobs_erased, set(self._books.jobs)),
            ("video", set(self._journal.videos) - self._erased, set(self._books.videos)),
            ("script", set(self._journal.scripts) - self._journal.erased_scripts, set(self._books.scripts)),
        )
        for what, accepted, there in pairs:
            self._verdict.lost += [f"{what} {one} was accepted and is nowhere" for one in accepted - there]
            self._verdict.doubled += [f"{what} {one} was made and no answer told of it" for one in there - accepted]

    def check_jobs(self) -> None:
        """Every job is over, in a way its script or its customer asked for."""
        for id_, row in self._books.jobs.items():
            job = self._journal.jobs.get(id_)
            if job is None:
                continue
            states = {step["state"] for step in row["steps"].values()}
            if states - {"succeeded", "failed", "cancelled"}:
                self._verdict.stuck.append(f"job {id_} has steps that are {sorted(states)}")
            if "cancelled" in states and not job.cancelled:
                self._verdict.lost.append(f"job {id_} is cancelled, and nobody called it off")
            if job.cancelled and "cancelled" not in states:
                self._verdict.lost.append(f"job {id_} was called off with a 2xx and is {sorted(states)}")
            if job.runs != row["run"]:
                self._verdict.lost.append(f"job {id_} is in run {row['run']}; {job.runs} were accepted")
            self._explain(job, row["steps"])

    def _explain(self, job: AcceptedJob, steps: dict[str, dict[str, str]]) -> None:
        """Whether each step ended as its film or script says that it may."""
        allowed = _explained(job, "ingest") if steps["ingest"]["state"] == "failed" else set()
        for name, step in steps.items():
            if step["state"] == "failed":
                reason = step["reason"]
                self._verdict.notes[f"steps failed: {reason}"] += 1
                lost = {"script_erased"} if name == "alignment" and job.id in self._scriptless else set()
                if reason not in _explained(job, name) | allowed | lost:
                    what = f"step {name} of job {job.id} failed: {reason}: {step['detail']}"
                    self._verdict.unexplained.append(what[:300])
            elif step["state"] == "succeeded" and _fate(job, name) == "hopeless":
                self._verdict.unexplained.append(f"step {name} of job {job.id} succeeded, and nothing could come of it")

    def check_heard(self) -> None:
        """Every fact had its effect in every service that hears it, or lies in the dead letters; none was invented."""
        buried = {(group, event) for group, _, event, _ in self._books.buried}
        known = {said.id for said in self._books.said}
        for said in self._books.said:
            for group in HEARD_BY[said.stream]:
                if said.id not in self._books.heard[group] and (group, str(said.id)) not in buried:
                    self._verdict.lost.append(f"{said.stream} {said.id} of {said.service} was not heard by {group}")
        for group, stream, event, reason in self._books.buried:
            if stream not in LOSABLE:
                self._verdict.unexplained.append(f"dead letter of {group}: {stream} {event}: {reason}")
        losable = sum(len(heard - known) for heard in self._books.heard.values())
        self._verdict.notes["losable facts heard"] = losable

    def check_said_once(self) -> None:
        """One last word per job, step and run that was asked for; one chunk per index."""
        for run, facts in self._done.items():
            words = len(facts) + len(self._failed.get(run, ()))
            if words != 1:
                self._verdict.doubled.append(f"{run} has {words} last words")
        for run, failures in self._failed.items():
            if len(failures) > 1:
                self._verdict.doubled.append(f"{run} failed {len(failures)} times")
        chunks = Counter(
            (said.job, said.data["run"], said.data["index"])
            for said in self._books.said
            if said.stream == "chunk.ready.v1"
        )
        self._verdict.doubled += [f"chunk {chunk} was announced {n} times" for chunk, n in chunks.items() if n > 1]
        verdicts = Counter(
            said.data["video_id"]
            for said in self._books.said
            if said.stream in ("video.ingested.v1", "video.rejected.v1")
        )
        self._verdict.doubled += [f"video {video} was judged {n} times" for video, n in verdicts.items() if n > 1]
        for said in self._books.said:
            if said.stream == "job.requested.v1" and said.job is not None:
                self._check_answered(said)

    def _check_answered(self, said: Said) -> None:
        job = self._books.jobs.get(said.job) if said.job else None
        if job is None or said.job is None:
            return
        states = {step["state"] for step in job["steps"].values()}
        if "cancelled" in states or job["steps"]["ingest"]["state"] != "succeeded":
            return
        for step in said.data["steps"]:
            run = (said.job, step, said.data["run"])
            gone = step == "alignment" and said.job in self._scriptless
            if not gone and not self._done.get(run) and not self._failed.get(run):
                self._verdict.lost.append(f"{run} was asked for and has no last word")

    def check_told(self) -> None:
        """The end of every run of every job was told to its tenant's webhook: one message, that arrived."""
        told: dict[tuple[UUID, int], list[Letter]] = defaultdict(list)
        for letter in self._books.letters:
            told[letter.job, letter.run].append(letter)
            if letter.state != "delivered":
                self._verdict.lost.append(f"message {letter.id} ({letter.type}) is {letter.state}")
            elif not self._journal.letters[letter.id]:
                self._verdict.lost.append(f"message {letter.id} ({letter.type}) is said to be delivered and never came")
        for id_, row in self._books.jobs.items():
            for run in range(1, row["run"] + 1):
                ends = [letter.type for letter in told[id_, run]]
                if not ends and id_ not in self._scriptless:  # a message that named a script went with it
                    self._verdict.lost.append(f"nobody was told how run {run} of job {id_} ended")
                elif len(ends) > 1:
                    self._verdict.doubled.append(f"the end of run {run} of job {id_} was told as {ends}")
        again = sum(count - 1 for count in self._journal.letters.values())
        self._verdict.notes["messages to webhooks that came again"] = again

    def check_erased(self) -> None:
        """Whatever a customer erased, and nothing else, is gone without a trace; every service said so."""
        for video in self._journal.videos.values():
            if video.erased != (video.id in self._erased):
                asked = "no erasure was written down" if video.erased else "no customer asked for it"
                self._verdict.lost.append(f"video {video.id} and its erasure: {asked}")
        for id_, erasure in self._books.erasures.items():
            silent = _ANSWERING - set(erasure["answered"] or ())
            if erasure["state"] != "completed" or not erasure["proven"] or silent:
                self._verdict.stuck.append(f"erasure of video {id_} is {erasure['state']}; silent: {sorted(silent)}")
        gone = self._erased | self._jobs_erased
        traces = [
            f"row of {kind} {one}" for kind in ("jobs", "videos") for one in gone & set(getattr(self._books, kind))
        ]
        traces += [f"{table} of {job}" for table, rows in self._books.rows.items() for job, _ in rows if job in gone]
        traces += [f"{one} in {where}" for where, found in self._books.mentioned.items() for one in gone & found]
        traces += [
            f"{said.stream} of {said.service} about {said.job or said.data.get('video_id')}"
            for said in self._books.said
            if said.job in gone or str(said.data.get("video_id")) in {str(one) for one in self._erased}
        ]
        self._verdict.orphans += [f"trace of an erased video: {trace}" for trace in traces]

    def check_parts(self) -> None:
        """Scripts, users and parts of videos: gone as was asked for, or as a rule says; proven, and without a trace."""
        for kind, what in parts_at_fault(self._journal, self._books):
            getattr(self._verdict, kind).append(what)

    def check_effects(self) -> None:
        """What was announced is there, in rows and in blobs; and once."""
        for (job, step, number), facts in self._done.items():
            fact = facts[0].data
            if UUID(fact["video_id"]) in self._erased or step not in _TABLE_OF:
                continue
            table, counted = _TABLE_OF[step]
            expected = 0 if (job, step) in self._books.deleted else fact[counted] if counted else 1
            found = self._books.rows[table][(job, number)]
            if found != expected:
                self._verdict.lost.append(f"{table} has {found} rows for {step} {number} of job {job}, not {expected}")
        for key, why in self._needed():
            if key not in self._books.blobs:
                self._verdict.lost.append(f"blob {key} is gone: {why}")

    def _needed(self) -> Iterator[tuple[str, str]]:
        """Every blob that must be there, and why."""
        for said in self._books.said:
            if said.stream == "script.submitted.v1":
                yield said.data["key"], "a script"
            elif "video_id" in said.data and UUID(said.data["video_id"]) not in self._erased:
                if said.stream == "video.ingested.v1":
                    kept = kept_keys(self._books, UUID(said.data["video_id"]))
                    yield from ((said.data[name], "ingested") for name in kept if said.data.get(name))
                elif (said.job, _STEP_OF.get(said.stream)) in self._books.deleted:
                    continue
                elif said.stream in _STEP_OF:
                    names = ("key", "rendition_key", "qc_key", "page_key")
                    yield from ((said.data[name], said.stream) for name in names if said.data.get(name))
                    yield from ((key, "an export") for key in said.data.get("exports", {}).values())

    def check_blobs(self) -> None:
        """No blob without an owner."""
        needed = {key for key, _ in self._needed()}
        for key in sorted(self._books.blobs - needed):
            why = self._why_orphan(key)
            if why:
                self._verdict.orphans.append(f"{key}: {why}")
        self._verdict.notes["temporary files of killed writers"] = self._books.half_written

    def _why_orphan(self, key: str) -> str | None:
        """Why nobody owns it; None when somebody does."""
        lifecycle, _, owner, *rest = key.split("/")
        if key in self._books.announced_scripts.values():
            self._verdict.notes["texts of scripts that were not recorded, left to the sweep"] += 1
            return None
        if lifecycle == "scratch" and owner == "uploads":
            if UUID(rest[0]) not in self._books.uploads:
                return "no such upload"
            if UUID(rest[0]) in self._taken_in:
                return "its video was taken in"
            self._verdict.notes[f"uploads kept, {self._books.uploads[UUID(rest[0])]}"] += 1
            return None
        if lifecycle == "scratch":
            job = self._books.jobs.get(UUID(owner))
            if job is not None and job["steps"].get("upscale", {}).get("state") == "failed":
                self._verdict.notes["blobs kept for a retried upscale"] += 1
                return None
            return "scratch of a job that needs none"
        if lifecycle == "derived" and rest[0].startswith("scenes-"):
            number = int(rest[0].removeprefix("scenes-"))
            facts = self._done.get((UUID(owner), "scenes", number))
            there = (UUID(owner), "scenes") not in self._books.deleted
            if facts and there and UUID(facts[0].data["video_id"]) not in self._erased:
                return None  # a key frame: named in the document, not in the fact
        if lifecycle == "derived" and self._erased & {UUID(owner), self._video_of(UUID(owner))}:
            return "its video was erased"
        return "no fact and no row speaks of it"

    def _video_of(self, job: UUID) -> UUID:
        return self._journal.jobs[job].video.id if job in self._journal.jobs else job


def _fate(job: AcceptedJob, step: str) -> str | None:
    """What the film says of a step, or the script of the alignment."""
    return job.align_fate if step == "alignment" else job.video.fates[_ENGINE_OF[step]]


def _explained(job: AcceptedJob, step: str) -> set[str]:
    """Reasons this step of this job may fail for."""
    by_fate = {"flaky": {TROUBLE}, "moody": {TYPED[step]}, "hopeless": {TYPED[step]}}
    reasons = set(by_fate.get(_fate(job, step) or "ok", set()))
    if step == "alignment" and job.video.fates["listen"] in by_fate:
        reasons.add("transcript_failed")
    return reasons
