"""A typed, synchronous client of Matchcut's REST API.

    with Matchcut("http://127.0.0.1:8400", Credentials("me@example.org", "secret")) as matchcut:
        video = matchcut.add_video(Path("film.mp4"))
        job = matchcut.start_job(video.id, steps=["scenes", "transcript"])
        for job in matchcut.watch(job.id):
            print(job.state, job.fraction)

Calls raise ``ApiError`` (with the server's problem document) or ``Unreachable``. A gateway that is gone for a short
while, because it is being restarted, is waited for; so is one that says it has no place for more just now.
"""

from matchcut.client.api import Matchcut
from matchcut.client.compliance import AuditEntry, Erasure, Export, Retention, RetentionPreview, TenantErasure
from matchcut.client.errors import (
    ApiError,
    Changed,
    Conflict,
    Duplicate,
    Forbidden,
    Gone,
    Invalid,
    MatchcutError,
    NotFound,
    StorageFull,
    TooLarge,
    TooMany,
    TransferBroken,
    Unauthorised,
    Unreachable,
)
from matchcut.client.findings import Alignment, AlignmentItem, Item, Revision
from matchcut.client.held import Held, HeldClass, HeldKind
from matchcut.client.live import LiveEvent
from matchcut.client.logos import Logo
from matchcut.client.people import ApiKey, Invitation, NewApiKey, Session, Tenant, User, accept_invitation
from matchcut.client.receipts import BadReceipt, Receipt, verify_receipt
from matchcut.client.resources import DirectTarget, Job, Me, Rejection, ResultFile, Script, Upload, Video
from matchcut.client.runners import InvitedRunner, Runner, Runners
from matchcut.client.search import SearchHit, SearchPage
from matchcut.client.sign_on import IdentityProvider, SignOn, begin_sign_on
from matchcut.client.tokens import Credentials
from matchcut.client.usage import Budget, Estimate, Measures, Quota, Standing, Usage, UsageLine, UsageReport
from matchcut.client.webhooks import Delivery, Webhook, Webhooks

__all__ = [
    "Alignment",
    "AlignmentItem",
    "ApiError",
    "ApiKey",
    "AuditEntry",
    "BadReceipt",
    "Budget",
    "Changed",
    "Conflict",
    "Credentials",
    "Delivery",
    "DirectTarget",
    "Duplicate",
    "Erasure",
    "Estimate",
    "Export",
    "Forbidden",
    "Gone",
    "Held",
    "HeldClass",
    "HeldKind",
    "IdentityProvider",
    "Invalid",
    "Invitation",
    "InvitedRunner",
    "Item",
    "Job",
    "LiveEvent",
    "Logo",
    "Matchcut",
    "MatchcutError",
    "Me",
    "Measures",
    "NewApiKey",
    "NotFound",
    "Quota",
    "Receipt",
    "Rejection",
    "ResultFile",
    "Retention",
    "RetentionPreview",
    "Revision",
    "Runner",
    "Runners",
    "Script",
    "SearchHit",
    "SearchPage",
    "Session",
    "SignOn",
    "Standing",
    "StorageFull",
    "Tenant",
    "TenantErasure",
    "TooLarge",
    "TooMany",
    "TransferBroken",
    "Unauthorised",
    "Unreachable",
    "Upload",
    "Usage",
    "UsageLine",
    "UsageReport",
    "User",
    "Video",
    "Webhook",
    "Webhooks",
    "accept_invitation",
    "begin_sign_on",
    "verify_receipt",
]
