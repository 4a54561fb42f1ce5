"""What each service is told through its environment."""

import os
from collections.abc import Mapping

from matchcut.launcher.folder import DataFolder

__all__ = ["BOOTSTRAP_EMAIL", "BOOTSTRAP_TENANT", "SERVICES", "inherited", "service_environment"]

SERVICES = ("gateway", "ingest", "vision", "transcribe", "align", "upscale")

BOOTSTRAP_TENANT = "local"
BOOTSTRAP_EMAIL = "you@matchcut.local"

_DEFAULTS = {
    "LOG_FORMAT": "console",
    "LEASE_S": "6",  # a worker that was killed is noticed after this long; on one machine a short lease costs nothing
    "GRACE_S": "8",
}
"""What an operator may set otherwise, by exporting the same variables."""


def service_environment(
    service: str, folder: DataFolder, *, postgres_url: str, redis_url: str, http_port: int
) -> dict[str, str]:
    """``TRANSCRIBE_DATABASE_URL=…`` and so on. Role and schema are named like the service; its password is kept."""
    address = postgres_url.rpartition("@")[2]
    told = {
        "DATABASE_URL": f"postgresql://{service}:{folder.secret(f'postgres-{service}')}@{address}",
        "ADMIN_DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "BLOBS_URL": folder.blobs.as_uri(),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(http_port),
        "CACHE_DIR": str(folder.cache / "models"),
    }
    if service == "gateway":
        told["SECRET"] = folder.secret("gateway-secret")
    if service == "upscale":
        told["RUNNER_SECRET"] = folder.secret("runner-secret")
    prefix = service.upper()
    tunable = {f"{prefix}_{name}": value for name, value in _DEFAULTS.items() if f"{prefix}_{name}" not in os.environ}
    return tunable | {f"{prefix}_{name}": value for name, value in told.items()}


def inherited(told: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with ``told`` on top, so that a stray variable cannot send a service elsewhere."""
    return {"PYTHONUNBUFFERED": "1", **os.environ, **told}
