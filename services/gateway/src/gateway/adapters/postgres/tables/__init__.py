"""The gateway's tables, as the newest migration leaves them."""

from gateway.adapters.postgres.tables._columns import TENANT
from gateway.adapters.postgres.tables.events import event_heads, events
from gateway.adapters.postgres.tables.findings import corrections, findings, ledger_revisions, logos
from gateway.adapters.postgres.tables.library import job_counts, jobs, scripts, uploads, videos
from gateway.adapters.postgres.tables.people import (
    api_keys,
    departed_tenants,
    idempotency_keys,
    refresh_tokens,
    revocations,
    sessions,
    sign_in_attempts,
    signing_keys,
    tenants,
    users,
)
from gateway.adapters.postgres.tables.runners import runners
from gateway.adapters.postgres.tables.search import (
    search_documents,
    search_passages,
    search_queue,
    search_spellings,
    search_words,
)
from gateway.adapters.postgres.tables.transfers import transfers
from gateway.adapters.postgres.tables.usage import (
    budgets,
    storage_counts,
    storage_days,
    tenant_quotas,
    usage_entries,
    work_samples,
)
from gateway.adapters.postgres.tables.webhooks import webhook_deliveries, webhook_lanes, webhook_queue, webhooks

__all__ = [
    "TENANT",
    "api_keys",
    "budgets",
    "corrections",
    "departed_tenants",
    "event_heads",
    "events",
    "findings",
    "idempotency_keys",
    "job_counts",
    "jobs",
    "ledger_revisions",
    "logos",
    "refresh_tokens",
    "revocations",
    "runners",
    "scripts",
    "search_documents",
    "search_passages",
    "search_queue",
    "search_spellings",
    "search_words",
    "sessions",
    "sign_in_attempts",
    "signing_keys",
    "storage_counts",
    "storage_days",
    "tenant_quotas",
    "tenants",
    "transfers",
    "uploads",
    "usage_entries",
    "users",
    "videos",
    "webhook_deliveries",
    "webhook_lanes",
    "webhook_queue",
    "webhooks",
    "work_samples",
]
