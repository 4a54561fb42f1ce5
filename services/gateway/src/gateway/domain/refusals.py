"""Why we say no. Each class is a kind of problem a program can branch on; the text tells a person what to do."""

__all__ = [
    "BadTusHeader",
    "BudgetExhausted",
    "Busy",
    "ChangedMeanwhile",
    "ChecksumMismatch",
    "ChunkMismatch",
    "DirectUploadUnavailable",
    "DuplicateVideo",
    "EmailTaken",
    "ExportPending",
    "Forbidden",
    "Gone",
    "IdempotencyKeyReused",
    "InUse",
    "InvalidGrant",
    "InvalidRequest",
    "JobFinished",
    "LastOwner",
    "MinutesQuotaExceeded",
    "NameTaken",
    "NoPrices",
    "NotAcceptable",
    "NotFound",
    "NotReady",
    "NothingToRetry",
    "NothingToUndo",
    "PreconditionRequired",
    "QuotaExceeded",
    "RateLimited",
    "Refusal",
    "SignOnUnavailable",
    "StorageFull",
    "StorageQuotaExceeded",
    "TooLarge",
    "TooMany",
    "TooManyAttempts",
    "TooManyLogos",
    "TooManyProviders",
    "TooManyWebhooks",
    "TusVersionUnsupported",
    "Unauthenticated",
    "UnusablePicture",
    "UploadConflict",
    "UploadExpired",
    "UploadLocked",
    "VideoUnusable",
    "WebhookOff",
    "WrongOffset",
]


class Refusal(Exception):
    """A request that is not carried out, for a reason the caller can act on."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        """The request's field at fault, if it is one: ``video_id``, ``options.upscale.end``."""


class InvalidRequest(Refusal):
    """A value is not acceptable."""


class InvalidGrant(Refusal):
    """The name, password or refresh token is wrong, expired or used up; or the request for a token is ill-formed."""

    def __init__(self, detail: str, *, error: str = "invalid_grant", field: str | None = None) -> None:
        super().__init__(detail, field=field)
        self.error = error
        """What OAuth2 calls it (RFC 6749, section 5.2)."""


class Unauthenticated(Refusal):
    """No valid access token came with the request."""


class Forbidden(Refusal):
    """The caller is known, and may not do this."""


class NotFound(Refusal):
    """There is no such thing for this tenant; another tenant's things look the same."""


class NotReady(NotFound):
    """The thing may come into being later."""


class TooLarge(Refusal):
    """More bytes than allowed."""


class ChecksumMismatch(Refusal):
    """The bytes received are not those that were promised."""


class UploadConflict(Refusal):
    """The upload is not in the state this needs."""


class DirectUploadUnavailable(Refusal):
    """Here bytes cannot be sent to the bucket itself: send them by tus, or by PUT to the upload's ``content_url``."""


class BadTusHeader(Refusal):
    """A header of tus is missing or does not say what it should."""


class TusVersionUnsupported(Refusal):
    """The request speaks another version of tus than ours, or none: send ``Tus-Resumable: 1.0.0``."""


class WrongOffset(Refusal):
    """The bytes do not go on where the last ones ended. Ask by HEAD where that is, and send on from there."""


class ChunkMismatch(Refusal):
    """The bytes of this request are not those its ``Upload-Checksum`` tells of. They were dropped: send them again."""


class UploadExpired(Refusal):
    """The upload was left alone for too long. Make another one."""


class VideoUnusable(Refusal):
    """The video was rejected or erased."""


class DuplicateVideo(Refusal):
    """A video has the same bytes already (``duplicate_of``), and you asked that there be no second one."""

    def __init__(self, detail: str, *, duplicate_of: str) -> None:
        super().__init__(detail, field="on_duplicate")
        self.duplicate_of = duplicate_of


class EmailTaken(Refusal):
    """Somebody signs in with this address already."""


class NameTaken(Refusal):
    """Another tenant has this name."""


class LastOwner(Refusal):
    """The tenant would be left without an owner who can sign in. Make somebody else an owner first."""


class JobFinished(Refusal):
    """The job is over; there is nothing to cancel."""


class NothingToRetry(Refusal):
    """No step of the job failed, or doing it again would not help."""


class IdempotencyKeyReused(Refusal):
    """The key was used for another request."""


class TooMany(Refusal):
    """There is no place for more at the moment."""

    def __init__(self, detail: str, *, retry_after_s: int, field: str | None = None) -> None:
        super().__init__(detail, field=field)
        self.retry_after_s = retry_after_s
        """Seconds after which it makes sense to ask again."""


class QuotaExceeded(TooMany):
    """The tenant has as many unfinished jobs as it may have. Nothing was done: ask again after ``Retry-After``."""


class StorageQuotaExceeded(Refusal):
    """The tenant would have more bytes here than it may. Waiting does not help: erase something, or ask for more."""


class MinutesQuotaExceeded(Refusal):
    """The tenant has handed in as many minutes of video this month as it may. The next month begins at 0 (UTC)."""


class BudgetExhausted(Refusal):
    """The tenant's own budget for this month is spent, and hard: no new jobs. What was asked for before is done."""


class BudgetTooSmall(Refusal):
    """What is left of the tenant's hard budget does not pay for this job, as far as can be told beforehand. Nothing was
    done: ask for less of it, or raise the budget."""


class NoPrices(Refusal):
    """The operator has set no prices, so nothing costs anything and there is nothing to budget."""


class Busy(TooMany):
    """All tenants together have as many unfinished jobs as the operator allows: ask again after ``Retry-After``."""


class RateLimited(TooMany):
    """More requests in a minute, or more event streams at once, than a caller, an address or a tenant may have.

    Nothing was done: ask again after ``Retry-After``.
    """


class TooManyAttempts(TooMany):
    """Too many wrong passwords for this account or from this address.

    Attempts before ``Retry-After`` are not looked at, and do not make it longer.
    """


class UploadLocked(TooMany):
    """Another request sends bytes for this upload, or took over from this one. Ask by HEAD how far it is."""


class StorageFull(Refusal):
    """No room is left for the bytes."""


class ChangedMeanwhile(Refusal):
    """Somebody changed it since you read it: read it again, and send its new ETag as ``If-Match``."""


class TooManyWebhooks(Refusal):
    """The tenant has as many webhooks as it may have: remove one first."""


class TooManyProviders(Refusal):
    """The tenant has as many identity providers as it may have: remove one first."""


class SignOnUnavailable(Refusal):
    """The identity provider does not answer, or not in a way that can be trusted."""


class WebhookOff(Refusal):
    """The webhook is disabled: enable it first."""


class PreconditionRequired(Refusal):
    """Others may be editing this too: read it first, and send its ETag as ``If-Match``."""


class NothingToUndo(Refusal):
    """No change is left that was not taken back."""


class ExportPending(TooMany):
    """Corrections are being written into the exports. Ask again after ``Retry-After``; it takes seconds."""


class NotAcceptable(Refusal):
    """None of the media types in ``Accept`` can be had."""


class UnusablePicture(Refusal):
    """The bytes are no picture we can decode, or one of too many pixels."""


class TooManyLogos(Refusal):
    """The tenant has as many logos as it may have: remove one first."""


class Gone(Refusal):
    """It was there and was deleted: by hand, or because its retention was over. ``deleted_at`` and ``rule`` say so."""

    def __init__(self, detail: str, *, deleted_at: str, rule: str, erasure: str) -> None:
        super().__init__(detail)
        self.deleted_at = deleted_at
        self.rule = rule
        """``asked``, or the retention that was over: ``retention/transcripts``."""
        self.erasure = erasure
        """Where it says what was deleted where."""


class InUse(Refusal):
    """A job of this video is not over and may need it: wait for it, or call it off."""
