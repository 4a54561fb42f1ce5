"""Where things are kept, by blob key."""

from uuid import UUID

__all__ = ["chunk_key", "lease_key", "plan_key", "results", "scratch"]


def results(tenant_id: UUID, job_id: UUID, run: int) -> str:
    """Folder of what a run leaves behind."""
    return f"derived/{tenant_id}/{job_id}/upscale-{run}/"


def scratch(tenant_id: UUID, job_id: UUID) -> str:
    """Folder of what is only needed until the job is done; all runs share it."""
    return f"scratch/{tenant_id}/{job_id}/upscale/"


def plan_key(tenant_id: UUID, job_id: UUID, manifest_sha256: str) -> str:
    """A plan and manifest."""
    return f"{scratch(tenant_id, job_id)}{manifest_sha256}/plan.json"


def chunk_key(tenant_id: UUID, job_id: UUID, manifest_sha256: str, index: int) -> str:
    """A chunk. The order of chunks comes from the plan; the padded index is for people."""
    return f"{scratch(tenant_id, job_id)}{manifest_sha256}/{index:06d}.mp4"


def lease_key(tenant_id: UUID, job_id: UUID, manifest_sha256: str, index: int, token: int) -> str:
    """A chunk as the holder of one lease hands it in: nobody writes over what another did."""
    return f"{scratch(tenant_id, job_id)}{manifest_sha256}/{index:06d}.{token}.mp4"
