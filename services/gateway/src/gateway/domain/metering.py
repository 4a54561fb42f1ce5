"""What work is counted in, and what follows from it: quantities by kind, prices, amounts.

Everything here is decimal. A quantity is rounded once, when it is measured; an amount is a quantity times a price and
never rounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from contracts.event import Fact
from contracts.gateway import JobOptions
from contracts.steps import Step
from contracts.upscale import UpscalePool, VideoUpscaled
from gateway.domain.jobs import Job

__all__ = [
    "HOURS_OF",
    "MINUTES_OF",
    "Metered",
    "Price",
    "PriceList",
    "UsageKind",
    "hours_of",
    "megapixels",
    "metered_egress",
    "metered_rendition",
    "metered_step",
    "metered_storage",
    "metered_video",
    "minutes",
    "variant_of",
    "written",
]

_PLACES = Decimal("0.000001")
_DAY_S = 86_400
_GIB = 2**30


class UsageKind(StrEnum):
    """What is counted; the name says the unit."""

    INGESTED_MINUTES = "ingested_minutes"
    SCENES_MINUTES = "scenes_minutes"
    WATERMARKS_MINUTES = "watermarks_minutes"
    TRANSCRIPT_MINUTES = "transcript_minutes"
    ALIGNMENT_MINUTES = "alignment_minutes"
    UPSCALED_FRAMES = "upscaled_frames"
    UPSCALED_MEGAPIXELS = "upscaled_megapixels"
    """Of the rendition: its width times its height times its frames."""
    GPU_HOURS = "gpu_hours"
    """Hours that workers with a GPU were at a rendition."""
    COLAB_HOURS = "colab_hours"
    """The same of runners."""
    LOCAL_HOURS = "local_hours"
    """And of workers without a GPU."""
    STORED_GIB_DAYS = "stored_gib_days"
    """What was handed in and not erased, by the second, when the day is over."""
    SENT_GIGABYTES = "sent_gigabytes"
    """Bytes of films, pictures, exports and other results that were sent: 10^9 of them, exactly."""


MINUTES_OF: dict[Step, UsageKind] = {
    Step.SCENES: UsageKind.SCENES_MINUTES,
    Step.WATERMARKS: UsageKind.WATERMARKS_MINUTES,
    Step.TRANSCRIPT: UsageKind.TRANSCRIPT_MINUTES,
    Step.ALIGNMENT: UsageKind.ALIGNMENT_MINUTES,
}
"""Steps that are counted by the length of the video."""


HOURS_OF: dict[UpscalePool, UsageKind] = {
    "gpu": UsageKind.GPU_HOURS,
    "colab": UsageKind.COLAB_HOURS,
    "local": UsageKind.LOCAL_HOURS,
}
"""What the time of each kind of machine is counted as."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one of a kind costs."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class PriceList:
    """The operator's prices. What has none costs nothing and has no amount."""

    currency: str | None = None
    prices: Mapping[UsageKind, Decimal] | None = None

    def of(self, kind: UsageKind) -> Price | None:
        """The price of a kind today; it is kept with what is counted, so that a new price changes no past month."""
        amount = (self.prices or {}).get(kind)
        return None if amount is None or self.currency is None else Price(amount, self.currency)

    def cost(self, quantities: Mapping[UsageKind, Decimal]) -> Decimal | None:
        """What these cost together; None if none of them has a price."""
        found = [(quantity, self.of(kind)) for kind, quantity in quantities.items()]
        amounts = [quantity * price.amount for quantity, price in found if price is not None]
        return sum(amounts, Decimal(0)) if amounts else None


@dataclass(frozen=True, slots=True)
class Metered:
    """Something counted once: ``key`` is the same whenever the same work is looked at again."""

    key: str
    kind: UsageKind
    quantity: Decimal
    video_id: UUID | None = None
    job_id: UUID | None = None
    seconds: float | None = None
    """How long the work took."""
    pace_units: Decimal | None = None
    """How much work it was, in what time is proportional to: minutes, or megapixels read."""
    variant: str = ""


def metered_video(video_id: UUID, duration_s: float, seconds: float | None) -> Metered:
    """A video that was taken in."""
    length = minutes(duration_s)
    kind = UsageKind.INGESTED_MINUTES
    return Metered(f"{kind}/{video_id}", kind, length, video_id, None, seconds, length, variant_of(Step.INGEST, None))


def metered_step(job: Job, step: Step, duration_s: float) -> Metered | None:
    """A step that has succeeded and is counted by the length of the video; None for the others."""
    status, kind = job.steps.get(step), MINUTES_OF.get(step)
    if status is None or kind is None or status.state != "succeeded":
        return None
    length, key = minutes(duration_s), f"{kind}/{job.id}/{status.run}"
    return Metered(key, kind, length, job.video_id, job.id, status.seconds, length, variant_of(step, job.options))


def metered_rendition(job: Job, fact: Fact) -> list[Metered]:
    """A video that was upscaled: frames that were sharpened, the pixels in them, and the hours of machines.

    Nothing for any other fact.
    """
    if not isinstance(fact, VideoUpscaled):
        return []
    scale = job.options.upscale.scale
    sharpened = fact.frames if fact.sharpened_frames is None else fact.sharpened_frames
    seconds = fact.seconds if fact.sharpened_seconds is None else fact.sharpened_seconds
    made = megapixels(fact.width, fact.height, sharpened)
    end, variant = f"{job.id}/{fact.run}", variant_of(Step.UPSCALE, job.options)
    frames, pixels = UsageKind.UPSCALED_FRAMES, UsageKind.UPSCALED_MEGAPIXELS
    read = (made / (scale * scale)).quantize(_PLACES)
    counted = [
        Metered(f"{frames}/{end}", frames, Decimal(sharpened), job.video_id, job.id),
        Metered(f"{pixels}/{end}", pixels, made, job.video_id, job.id, seconds, read, variant),
    ]
    for share in fact.pools:
        kind = HOURS_OF[share.pool]
        its = (Decimal(str(share.megapixels)) / (scale * scale)).quantize(_PLACES)
        hours, how = hours_of(share.seconds), f"{variant}/{share.pool}"
        counted.append(Metered(f"{kind}/{end}", kind, hours, job.video_id, job.id, share.seconds, its, how))
    return counted


def metered_storage(day: date, byte_seconds: Decimal) -> Metered:
    """What was stored on a day that is over."""
    kind = UsageKind.STORED_GIB_DAYS
    return Metered(f"{kind}/{day.isoformat()}", kind, (byte_seconds / _DAY_S / _GIB).quantize(_PLACES))


def metered_egress(replica: str, day: date, sent: int) -> Metered:
    """What a replica has sent on a day so far."""
    kind = UsageKind.SENT_GIGABYTES
    return Metered(f"{kind}/{replica}/{day.isoformat()}", kind, Decimal(sent).scaleb(-9))


def variant_of(step: Step, options: JobOptions | None) -> str:
    """What makes the work of a step fast or slow: the step, and the engine that was asked for."""
    if options is None:
        return step.value
    chosen = {
        Step.TRANSCRIPT: options.recognizer,
        Step.ALIGNMENT: options.recognizer,
        Step.SCENES: options.scene_detector,
        Step.UPSCALE: options.upscale.model,
    }.get(step)
    return step.value if chosen is None else f"{step.value}/{chosen}"


def minutes(duration_s: float) -> Decimal:
    """Seconds as minutes, to a millionth."""
    return (Decimal(str(duration_s)) / 60).quantize(_PLACES)


def hours_of(seconds: float) -> Decimal:
    """Seconds as hours, to a millionth."""
    return (Decimal(str(seconds)) / 3600).quantize(_PLACES)


def megapixels(width: int, height: int, frames: int) -> Decimal:
    """Pixels of so many frames, in millions: exact."""
    return Decimal(width * height * frames).scaleb(-6)


def written(amount: Decimal) -> str:
    """A number as people write it: no exponent, no superfluous zeros, two places at least."""
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    return f"{short.quantize(Decimal('0.01')) if isinstance(exponent, int) and exponent > -2 else short:f}"
