"""What a job's choices rest on: scenes and lines can be chosen once somebody looks for them, or has."""

from collections.abc import Collection
from uuid import UUID

from contracts.gateway import JobOptions
from contracts.steps import Step
from gateway.domain.findings import Kind, Narrowed
from gateway.domain.refusals import InvalidRequest
from gateway.ports import Records

__all__ = ["with_what_is_known"]

_MOST_SCRIPTS = 100
"""Alignments of one video that are looked through for that of the script that was named."""


async def with_what_is_known(
    records: Records, options: JobOptions, steps: Collection[Step], *, video_id: UUID, script_id: UUID | None
) -> JobOptions:
    """The options with where to look up the scenes and lines that upscaling is to sharpen.

    A job that looks for them itself waits for what it finds; any other takes the newest that is known of the video,
    and for lines of its script where it names one. Raises InvalidRequest where nothing is known.
    """
    chosen, known = options.upscale, {}
    if Step.UPSCALE not in steps:
        return options
    if chosen.scenes and Step.SCENES not in steps:
        known["scenes_key"] = await _newest(records, "scenes", video_id, None, field="scenes", step=Step.SCENES)
    if chosen.lines and Step.ALIGNMENT not in steps:
        known["ledger_key"] = await _newest(
            records, "alignment", video_id, script_id, field="lines", step=Step.ALIGNMENT
        )
    return options.model_copy(update=known)


async def _newest(
    records: Records, kind: Kind, video_id: UUID, script_id: UUID | None, *, field: str, step: Step
) -> str:
    page = await records.findings.page(kind, Narrowed(video_id=video_id), before=None, limit=_MOST_SCRIPTS)
    found = [finding for finding in page if script_id in (None, finding.script_id)]
    if not found:
        raise InvalidRequest(
            f"{field} can be chosen once they are known: ask for the step {step.value} in this job, or in one before",
            field=f"options.upscale.{field}",
        )
    return found[0].files.get("json") or found[0].key
