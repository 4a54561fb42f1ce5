"""How long a tenant keeps what: in days, or for ever; and what the operator says to that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from gateway.domain.refusals import InvalidRequest

__all__ = ["ANYTHING", "KINDS", "WHAT_GOES", "Kind", "Over", "Policy", "Retention", "SaidRetention", "VideoKind"]

Kind = Literal[
    "videos",
    "originals",
    "copies",
    "intermediates",
    "results",
    "transcripts",
    "renditions",
    "scripts",
    "events",
    "usage",
    "audit",
    "webhook_deliveries",
    "exports",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
VideoKind = Literal["videos", "originals", "copies", "intermediates"]
"""Kinds that go video by video, all at once."""
SaidRetention = Mapping[str, int | None]
"""What a tenant has said, by kind. Of what is absent it has said nothing."""

WHAT_GOES: Mapping[Kind, str] = {
    "videos": "The video with its original, jobs, results, transcripts and renditions, in every service. Scripts stay.",
    "originals": "What a video came as. Proxy, results, transcripts and renditions stay; scenes, watermarks and "
    "upscaling cannot be asked for any more.",
    "copies": "What was made of a video to work with it: sound, proxy, thumbnails. The original and what was found "
    "stay; transcripts and alignments cannot be asked for any more.",
    "intermediates": "What jobs left that failed or were called off: pieces heard, chunks of films, key frames no "
    "result names. Nothing that anybody can fetch; such a job begins anew when it is asked for again.",
    "results": "Scenes with their key frames, watermarks, and ledgers with their exports. What people said of lines "
    "holds for the next alignment.",
    "transcripts": "What was said, and that it is found by searching. A ledger quotes it, which is one of the results.",
    "renditions": "Upscaled films with their quality reports.",
    "scripts": "The script with every alignment made of it, in every service. Transcripts, scenes and renditions stay.",
    "events": "What live streams can be told that come back. Webhooks and the state of jobs are not touched.",
    "usage": "Lines of the usage report and the bytes stored on those days. Nothing else is made of them by then.",
    "audit": "Lines of the audit. Its seals stay, and say how many lines there were.",
    "webhook_deliveries": "Messages that arrived or failed, which can then not be sent again. Webhooks stay.",
    "exports": "The file. Another one can be made.",
}


@dataclass(frozen=True, slots=True)
class Retention:
    """Days since something was made; None is for ever."""

    videos: int | None = None
    """With everything made of them: jobs, results, renditions."""
    originals: int | None = None
    """What videos came as; they stay, with everything made of them."""
    copies: int | None = None
    """Counted from when a job last ended for the video."""
    intermediates: int | None = 30
    """Counted from when a job last ended for the video; nobody but a job that is asked for again would miss them."""
    results: int | None = None
    """Of a job, counted from the last of them."""
    transcripts: int | None = None
    renditions: int | None = None
    scripts: int | None = None
    """With everything aligned with them."""
    events: int | None = None
    """The operator keeps them for a week, unless told otherwise."""
    usage: int | None = None
    audit: int | None = None
    webhook_deliveries: int | None = 30
    """The operator may keep them for less."""
    exports: int | None = 7


@dataclass(frozen=True, slots=True)
class Over:
    """What is over its time, of one kind."""

    kind: Kind
    days: int
    count: int
    oldest_at: datetime | None
    ids: tuple[UUID, ...] = ()
    """Some of them, the oldest first, where they have ids of their own."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator says: what holds for who says nothing, and how short and how long anybody may keep things."""

    defaults: Mapping[str, int | None] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)

    def rules(self, said: SaidRetention) -> Retention:
        """What holds for a tenant. An operator who changes their mind changes it for everybody, at once."""
        wanted: dict[str, int | None] = {**asdict(Retention()), **self.defaults, **said}
        return Retention(**{kind: self._within(kind, wanted[kind]) for kind in KINDS})

    def check(self, wanted: Retention) -> None:
        """Raise InvalidRequest for days that the operator does not allow. None is as long as may be."""
        for kind in KINDS:
            days: int | None = getattr(wanted, kind)
            if days is not None and days != self._within(kind, days):
                least, most = self.least.get(kind, 1), self.most.get(kind)
                bounds = f"at least {least}" if most is None else f"from {least} to {most}"
                raise InvalidRequest(f"here {kind} are kept for {bounds} days", field=kind)

    def _within(self, kind: Kind, days: int | None) -> int | None:
        most = self.most.get(kind)
        if days is None:
            return most
        days = max(days, self.least.get(kind, 1))
        return days if most is None else min(days, most)


ANYTHING = Policy()
"""An operator who says nothing."""
