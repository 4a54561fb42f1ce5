"""Where the documents of an alignment are."""

from uuid import UUID

from contracts.steps import Step

__all__ = ["folder_of", "revision_folder"]


def folder_of(tenant_id: UUID, job_id: UUID, run: int) -> str:
    """All of a run, with everything that people's corrections made of it."""
    return f"derived/{tenant_id}/{job_id}/{Step.ALIGNMENT}-{run}/"


def revision_folder(tenant_id: UUID, job_id: UUID, run: int, revision: int) -> str:
    """What was written with the corrections up to ``revision``."""
    return f"{folder_of(tenant_id, job_id, run)}revision-{revision}/"
