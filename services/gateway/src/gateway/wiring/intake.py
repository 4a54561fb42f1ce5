"""How bytes get here: sent in one request or in pieces, or fetched."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from chassis.blobs import BlobNotFound, Blobs, ForeignObjects
from chassis.database import Database
from chassis.work import Workbench
from gateway.adapters.buckets import BucketFetch
from gateway.adapters.changes import RedisChanges
from gateway.adapters.drive import DriveFetch
from gateway.adapters.fetching import GuardedFetch
from gateway.adapters.fetching_anywhere import FetchAnywhere
from gateway.adapters.outbound import Outbound
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.sealing import FernetSeal
from gateway.domain.sources import BucketRules
from gateway.ports.transfers import SourceRefused
from gateway.settings import Settings
from gateway.usecases.arrivals import Arrivals
from gateway.usecases.conclude import CONCLUDE, BytesMismatch, Conclude
from gateway.usecases.direct_uploads import DirectUploads
from gateway.usecases.imports import IMPORT, Imports
from gateway.usecases.notify import Notify
from gateway.usecases.tus import Tus
from gateway.usecases.uploads import Uploads
from gateway.wiring.limits import admission_of

__all__ = ["Intake", "intake_of", "work_on"]

_IMPORT_TRIES = 8
"""Without a byte in between: with the waits between them, a source may be away for some ten minutes."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The use cases that take bytes in."""

    uploads: Uploads
    tus: Tus
    imports: Imports
    conclude: Conclude
    direct: DirectUploads
    objects: ForeignObjects
    """Holds connections."""


def intake_of(
    settings: Settings, database: Database, blobs: Blobs, changes: RedisChanges, outbound: Outbound
) -> Intake:
    """All of them, on one store."""
    admission = admission_of(settings)
    uploads = Uploads(
        database,
        blobs,
        PostgresRecords,
        admission,
        max_bytes=settings.max_upload_bytes,
        min_free_bytes=settings.min_free_bytes,
    )
    arrivals = Arrivals(PostgresRecords, changes, Notify(PostgresRecords, changes))
    seal = FernetSeal(settings.secret.get_secret_value())
    lifetime_s, objects = settings.upload_lifetime_s, ForeignObjects()
    return Intake(
        uploads=uploads,
        tus=Tus(database, blobs, PostgresRecords, uploads, lifetime_s=lifetime_s),
        imports=Imports(
            database,
            blobs,
            PostgresRecords,
            fetch=_fetch(settings, outbound, objects),
            seal=seal,
            uploads=uploads,
            arrivals=arrivals,
            admission=admission,
        ),
        conclude=Conclude(database, blobs, PostgresRecords, arrivals),
        direct=DirectUploads(database, blobs, PostgresRecords, uploads, seal, lifetime_s=lifetime_s),
        objects=objects,
    )


def _fetch(settings: Settings, outbound: Outbound, objects: ForeignObjects) -> FetchAnywhere:
    idle_s, store = settings.import_idle_s, urlsplit(settings.blobs_url)
    rules = BucketRules(settings.import_buckets, ours=store.netloc if store.scheme == "gs" else None)
    key = settings.drive_key.get_secret_value() if settings.drive_key else None
    return FetchAnywhere(
        web=GuardedFetch(outbound, idle_s=idle_s),
        bucket=BucketFetch(objects, rules, idle_s=idle_s),
        drive=DriveFetch(outbound, idle_s=idle_s, url=settings.drive_url, key=key),
    )


def work_on(work: Workbench, intake: Intake) -> Workbench:
    """The same workbench, which now also does what takes longer than a request."""
    imports, conclude = intake.imports, intake.conclude
    work.does(IMPORT, gives_up_on=(SourceRefused,), on_failure=imports.give_up, tries=_IMPORT_TRIES)(imports)
    work.does(CONCLUDE, gives_up_on=(BytesMismatch, BlobNotFound), on_failure=conclude.give_up)(conclude)
    return work
