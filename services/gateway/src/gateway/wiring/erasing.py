"""Erasures: who asks, who answers, who concludes."""

from chassis.blobs import blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, Task, Workbench
from contracts.registry import ANNOUNCED_BY
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.receipts import SignedReceipts
from gateway.adapters.revocations import RedisRevocations
from gateway.adapters.signing_keys import KeyRing
from gateway.api import Accounts, Erasing, UseCases
from gateway.domain.retention import Policy
from gateway.ports import Changes
from gateway.settings import Settings
from gateway.usecases.conclude_erasure import ConcludeErasure
from gateway.usecases.erase_script import EraseScript
from gateway.usecases.erase_tenant import EraseTenant
from gateway.usecases.erasures import CONCLUDE, Erasures
from gateway.usecases.exports import EXPORT, Exports
from gateway.usecases.held import HeldThings
from gateway.usecases.notify import Notify
from gateway.usecases.retention import KeepRetention, Retentions
from gateway.usecases.upkeep import Chore, Upkeep
from gateway.wiring.exports import exporter_of

__all__ = ["erasing_of", "policy_of", "upkeep_of", "workbench_of"]


def policy_of(settings: Settings) -> Policy:
    """What the operator says of retention."""
    return Policy(
        defaults={str(kind): days for kind, days in settings.retention_defaults.items()},
        least={str(kind): days for kind, days in settings.retention_least.items()},
        most={str(kind): days for kind, days in settings.retention_most.items()},
    )


def erasing_of(
    settings: Settings,
    database: Database,
    keys: KeyRing,
    accounts: Accounts,
    revocations: RedisRevocations,
    changes: Changes,
) -> Erasing:
    """What people do about erasures."""
    receipts = SignedReceipts(keys, database, issuer=settings.issuer)
    return Erasing(
        erasures=Erasures(database, PostgresRecords, receipts, patience_s=settings.erasure_patience_s),
        script=EraseScript(database, PostgresRecords, changes, Notify(PostgresRecords, changes)),
        tenant=EraseTenant(database, PostgresRecords, accounts.sessions, revocations),
        retention=Retentions(database, PostgresRecords, policy_of(settings)),
        held=HeldThings(database, PostgresRecords, changes, policy_of(settings)),
        exports=Exports(database, blobs_at(settings.blobs_url), PostgresRecords),
    )


def upkeep_of(settings: Settings, database: Database, given: UseCases) -> Upkeep:
    """What has to be looked after without being asked."""
    blobs, erasing = blobs_at(settings.blobs_url), given.erasing
    keep = KeepRetention(
        database, blobs, PostgresRecords, given.videos, erasing.script, erasing.held, policy_of(settings)
    )
    chores: list[Chore] = [given.audit_seals.seal, erasing.erasures.ask_again, keep]
    return Upkeep(database, PostgresRecords, chores, every_s=settings.sweep_s)


def workbench_of(settings: Settings, database: Database, bus: Bus, given: UseCases, changes: Changes) -> Workbench:
    """Who does what takes longer than a request."""
    work = Workbench(bus, database, workers=settings.workers, lease_s=settings.lease_s, tenant_cap=settings.tenant_cap)
    conclude = ConcludeErasure(
        database=database,
        blobs=blobs_at(settings.blobs_url),
        records_on=PostgresRecords,
        purger=bus,
        receipts=given.erasing.erasures.receipts,
        announced=[fact.stream for fact in ANNOUNCED_BY["gateway"]],
        changes=changes,
        farewell=given.erasing.tenant.end_everything,
    )
    work.does(CONCLUDE, on_failure=_keep_quiet)(conclude)
    export = exporter_of(database, blobs_at(settings.blobs_url), given)
    work.does(EXPORT, on_failure=export.fail)(export)
    return work


async def _keep_quiet(_task: Task, _failure: Failure, _work: UnitOfWork) -> None:
    """No job waits for it. It is seen among the failed tasks, and an erasure is concluded again in a while."""
