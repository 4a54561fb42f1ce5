"""Where our blobs are."""

from hashlib import sha256
from uuid import UUID

from contracts.steps import Step

__all__ = ["piece_key", "pieces_digest", "scratch_folder", "survey_key", "transcript_folder"]


def transcript_folder(tenant_id: UUID, job_id: UUID, run: int) -> str:
    """What a run of a job gives."""
    return f"derived/{tenant_id}/{job_id}/{Step.TRANSCRIPT}-{run}/"


def scratch_folder(tenant_id: UUID, job_id: UUID) -> str:
    """What a job needs until its transcript is whole."""
    return f"scratch/{tenant_id}/{job_id}/{Step.TRANSCRIPT}/"


def survey_key(tenant_id: UUID, job_id: UUID, digest: str) -> str:
    """Where a recording may be cut."""
    return f"{scratch_folder(tenant_id, job_id)}{digest}/survey.json"


def piece_key(tenant_id: UUID, job_id: UUID, digest: str, index: int) -> str:
    """What was heard in one piece."""
    return f"{scratch_folder(tenant_id, job_id)}{digest}/piece-{index:05d}.json"


def pieces_digest(*decided: object) -> str:
    """The same for the same decisions: a run that is tried again finds the pieces that are heard already."""
    return sha256(repr(decided).encode()).hexdigest()[:16]
