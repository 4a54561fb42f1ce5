"""What jobs found, what people say of it, and what jobs look for."""

from chassis.blobs import Blobs
from chassis.database import Database
from gateway.adapters.pictures import PillowPictures
from gateway.adapters.postgres import PostgresRecords
from gateway.api import Library
from gateway.settings import Settings
from gateway.usecases.findings import Findings
from gateway.usecases.logos import Logos
from gateway.usecases.results import Results
from gateway.usecases.reviews import Reviews
from gateway.wiring.limits import admission_of

__all__ = ["library_of"]


def library_of(settings: Settings, database: Database, blobs: Blobs, results: Results) -> Library:
    """Findings, reviews and logos."""
    findings = Findings(database, blobs, PostgresRecords)
    return Library(
        findings=findings,
        reviews=Reviews(database, blobs, PostgresRecords, findings, results),
        logos=Logos(
            database,
            blobs,
            PostgresRecords,
            PillowPictures(max_pixels=settings.max_logo_pixels),
            admission_of(settings),
            max_bytes=settings.max_logo_bytes,
            most=settings.max_logos,
        ),
    )
