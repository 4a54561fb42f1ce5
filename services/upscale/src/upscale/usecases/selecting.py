"""Finds out which seconds of the film somebody means who chose scenes or lines of the script."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from contracts.documents import Ledger, Scenes
from contracts.gateway import JobRequested, TimeRange, UpscaleOptions
from contracts.steps import Step
from upscale.domain.chosen import Times, times_of_lines, times_of_scenes
from upscale.domain.refusals import EmptyRange, SelectionUnknown
from upscale.ports import Records

__all__ = ["chosen_in", "what_to_choose_from"]


async def what_to_choose_from(
    records: Records, job_id: UUID, request: JobRequested, runs: Sequence[JobRequested]
) -> dict[str, Any] | None:
    """Keys of the documents that tell the times of what a run chose; None while one of them is awaited.

    What the job itself looks for counts, in any of its runs; else what the gateway knew from an earlier job. Where
    there is neither, ``refused`` says so.
    """
    chosen, keys = request.options.upscale, dict[str, Any]()
    for step, wanted, name in (
        (Step.SCENES, chosen.scenes, "scenes_key"),
        (Step.ALIGNMENT, chosen.lines, "ledger_key"),
    ):
        if not wanted:
            continue
        found = await records.finding(job_id, step)
        newest = max((run.run for run in runs if step in run.steps), default=0)
        key = found.key or getattr(request.options, name)
        if key is None and newest > found.failed_run:
            return None
        if key is None:
            keys["refused"] = _refusal(step, failed=newest > 0)
        keys[name] = key
    return keys


async def chosen_in(blobs: Blobs, payload: dict[str, Any]) -> tuple[UpscaleOptions, tuple[str, ...]]:
    """A task's options with all that was chosen as times, and what could not be found of it.

    Raises SelectionUnknown, and EmptyRange when nothing of what was chosen is in the film.
    """
    if payload.get("refused"):
        raise SelectionUnknown(payload["refused"])
    options = UpscaleOptions.model_validate(payload["options"])
    times = []
    if options.scenes:
        scenes = Scenes.model_validate_json(await _read(blobs, payload["scenes_key"]))
        times.append(times_of_scenes(scenes, options.scenes))
    if options.lines:
        ledger = Ledger.model_validate_json(await _read(blobs, payload["ledger_key"]))
        times.append(times_of_lines(ledger, options.lines))
    found = tuple(TimeRange(start=start, end=end) for part in times for start, end in part.stretches)
    missing = _sentences(times)
    if times and not found and not options.stretches:
        raise EmptyRange("; ".join(missing) or "nothing of what was chosen is in the film")
    return options.model_copy(update={"ranges": (*options.ranges, *found)}), missing


def _sentences(times: Sequence[Times]) -> tuple[str, ...]:
    return tuple(sentence for part in times for sentence in part.missing)


def _refusal(step: Step, *, failed: bool) -> str:
    what = "scenes" if step is Step.SCENES else "lines of the script"
    if failed:
        return f"{what} were chosen, but the step {step.value} of this job has failed; see why, and retry the job"
    return f"{what} were chosen, but none are known of this video; ask for the step {step.value} too"


async def _read(blobs: Blobs, key: str) -> bytes:
    try:
        return await blobs.get_bytes(key)
    except BlobNotFound as lost:
        raise SelectionUnknown(
            "what was found in the film is not stored any more; ask for its scenes or its alignment once more"
        ) from lost
