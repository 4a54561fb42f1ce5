"""Webhooks, and the way out of the house."""

from datetime import timedelta

from chassis.database import Database
from gateway.adapters.messenger import GuardedDestinations, SigningMessenger
from gateway.adapters.outbound import Outbound
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.delivery_queue import PostgresDeliveryQueue
from gateway.adapters.sealing import FernetSeal
from gateway.adapters.signatures import SealedKeys
from gateway.domain.destinations import OutboundRules
from gateway.ports import Changes
from gateway.settings import Settings
from gateway.usecases.courier import Courier, CourierTerms
from gateway.usecases.notify import Notify
from gateway.usecases.webhooks import Webhooks

__all__ = ["courier_of", "rules_of", "webhooks_of"]


def rules_of(settings: Settings) -> OutboundRules:
    """Where we may connect to for customers."""
    return OutboundRules(
        ports=settings.outbound_ports, allow_http=settings.outbound_http, networks=settings.outbound_networks
    )


def webhooks_of(settings: Settings, database: Database, outbound: Outbound) -> Webhooks:
    """What customers do with their webhooks."""
    return Webhooks(
        database, PostgresRecords, GuardedDestinations(outbound), _keys(settings), most=settings.max_webhooks
    )


def courier_of(settings: Settings, database: Database, outbound: Outbound, changes: Changes) -> Courier:
    """Who carries messages to webhooks."""
    return Courier(
        database,
        PostgresRecords,
        PostgresDeliveryQueue(slots=settings.webhook_slots),
        SigningMessenger(outbound, _keys(settings), timeout_s=settings.webhook_timeout_s),
        Notify(PostgresRecords, changes),
        CourierTerms(
            slots=settings.webhook_slots,
            per_webhook=settings.webhook_concurrency,
            lease_s=settings.webhook_timeout_s + settings.lease_s,
            poll_s=settings.webhook_poll_s,
            disable_after=timedelta(seconds=settings.webhook_disable_after_s),
        ),
    )


def _keys(settings: Settings) -> SealedKeys:
    return SealedKeys(FernetSeal(settings.secret.get_secret_value()))
