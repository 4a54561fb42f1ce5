"""The gateway's rows in PostgreSQL."""

from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.audit import PostgresAudit
from gateway.adapters.postgres.deliveries import PostgresDeliveries
from gateway.adapters.postgres.erasures import PostgresErasures
from gateway.adapters.postgres.events import PostgresEvents
from gateway.adapters.postgres.exports import PostgresExports
from gateway.adapters.postgres.findings import PostgresFindings
from gateway.adapters.postgres.held import PostgresHeld
from gateway.adapters.postgres.jobs import PostgresJobs
from gateway.adapters.postgres.keys import PostgresApiKeys, PostgresAttempts
from gateway.adapters.postgres.library import PostgresScripts, PostgresUploads, PostgresVideos
from gateway.adapters.postgres.logos import PostgresLogos
from gateway.adapters.postgres.people import PostgresPeople, PostgresReplies
from gateway.adapters.postgres.quotas import PostgresQuotas
from gateway.adapters.postgres.retention import PostgresRetentions
from gateway.adapters.postgres.reviews import PostgresReviews
from gateway.adapters.postgres.runners import PostgresRunners
from gateway.adapters.postgres.seals import PostgresSeals
from gateway.adapters.postgres.search import PostgresSearchIndex
from gateway.adapters.postgres.sessions import PostgresRefreshTokens, PostgresSessions
from gateway.adapters.postgres.transfers import PostgresTransfers
from gateway.adapters.postgres.usage import PostgresUsage
from gateway.adapters.postgres.webhooks import PostgresWebhooks

__all__ = ["PostgresRecords"]


class PostgresRecords:
    """All rows of the gateway, through one connection and thus of one tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @cached_property
    def people(self) -> PostgresPeople:
        """Tenants and users."""
        return PostgresPeople(self._connection)

    @cached_property
    def refresh_tokens(self) -> PostgresRefreshTokens:
        """Refresh tokens."""
        return PostgresRefreshTokens(self._connection)

    @cached_property
    def sessions(self) -> PostgresSessions:
        """Sign-ins."""
        return PostgresSessions(self._connection)

    @cached_property
    def api_keys(self) -> PostgresApiKeys:
        """API keys."""
        return PostgresApiKeys(self._connection)

    @cached_property
    def attempts(self) -> PostgresAttempts:
        """Failed sign-ins, of all tenants."""
        return PostgresAttempts(self._connection)

    @cached_property
    def uploads(self) -> PostgresUploads:
        """Uploads."""
        return PostgresUploads(self._connection)

    @cached_property
    def transfers(self) -> PostgresTransfers:
        """How uploads get here."""
        return PostgresTransfers(self._connection)

    @cached_property
    def videos(self) -> PostgresVideos:
        """Videos."""
        return PostgresVideos(self._connection)

    @cached_property
    def scripts(self) -> PostgresScripts:
        """Scripts."""
        return PostgresScripts(self._connection)

    @cached_property
    def jobs(self) -> PostgresJobs:
        """Jobs."""
        return PostgresJobs(self._connection)

    @cached_property
    def replies(self) -> PostgresReplies:
        """First answers to requests with an Idempotency-Key."""
        return PostgresReplies(self._connection)

    @cached_property
    def events(self) -> PostgresEvents:
        """The log of events."""
        return PostgresEvents(self._connection)

    @cached_property
    def search(self) -> PostgresSearchIndex:
        """The search index."""
        return PostgresSearchIndex(self._connection)

    @cached_property
    def webhooks(self) -> PostgresWebhooks:
        """Webhooks."""
        return PostgresWebhooks(self._connection)

    @cached_property
    def deliveries(self) -> PostgresDeliveries:
        """Messages to webhooks."""
        return PostgresDeliveries(self._connection)

    @cached_property
    def audit(self) -> PostgresAudit:
        """Who did what."""
        return PostgresAudit(self._connection)

    @cached_property
    def seals(self) -> PostgresSeals:
        """What proves that the audit is whole."""
        return PostgresSeals(self._connection)

    @cached_property
    def findings(self) -> PostgresFindings:
        """What jobs found."""
        return PostgresFindings(self._connection)

    @cached_property
    def reviews(self) -> PostgresReviews:
        """What people say of lines."""
        return PostgresReviews(self._connection)

    @cached_property
    def logos(self) -> PostgresLogos:
        """Reference pictures."""
        return PostgresLogos(self._connection)

    @cached_property
    def erasures(self) -> PostgresErasures:
        """Erasures."""
        return PostgresErasures(self._connection)

    @cached_property
    def held(self) -> PostgresHeld:
        """What there is of videos, class by class."""
        return PostgresHeld(self._connection)

    @cached_property
    def retentions(self) -> PostgresRetentions:
        """How long what is kept."""
        return PostgresRetentions(self._connection)

    @cached_property
    def exports(self) -> PostgresExports:
        """Exports."""
        return PostgresExports(self._connection)

    @cached_property
    def usage(self) -> PostgresUsage:
        """What was used."""
        return PostgresUsage(self._connection)

    @cached_property
    def quotas(self) -> PostgresQuotas:
        """How much there may be, and is."""
        return PostgresQuotas(self._connection)

    @cached_property
    def runners(self) -> PostgresRunners:
        """Machines that take chunks to upscale."""
        return PostgresRunners(self._connection)
