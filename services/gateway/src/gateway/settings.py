"""What an operator may tune."""

from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from uuid import UUID

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings
from gateway.domain.metering import UsageKind
from gateway.domain.retention import Kind

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """Read once, in ``main``, from ``GATEWAY_…``."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    secret: SecretStr = Field(min_length=16)
    """Seals what must not be readable in the database alone, as the keys that sign tokens. ``openssl rand -hex 32``."""
    issuer: str = "matchcut"
    """Who our tokens say they are from; installations that share nothing should not share this."""
    access_token_s: PositiveInt = 900
    refresh_token_s: PositiveInt = 30 * 24 * 3600
    """Seconds until somebody who does nothing must sign in again."""
    signing_key_s: PositiveInt = 30 * 24 * 3600
    """How long one key signs access tokens until the next one does."""
    signing_key_notice_s: PositiveInt = 3600
    """How long a key is published before it signs: longer than others keep our key set."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")
    """Where browsers find us, such as ``https://matchcut.example``: identity providers send them back to it."""
    invitation_s: PositiveInt = 7 * 24 * 3600
    """How long an invitation is good."""
    max_upload_bytes: PositiveInt = 20 * 2**30
    max_script_bytes: PositiveInt = 2 * 2**20
    max_body_bytes: PositiveInt = 8 * 2**20
    """Of any request but the bytes of an upload."""
    max_logos: PositiveInt = 50
    """Of one tenant; a job looks for at most so many."""
    max_logo_bytes: PositiveInt = 2 * 2**20
    max_logo_pixels: PositiveInt = 16_000_000
    cors_origins: tuple[str, ...] = ()
    """Browser origins that may call us from their pages, as JSON: ``["https://studio.example"]``. None by default."""
    max_unfinished_jobs: PositiveInt = 1000
    """Of one tenant; whoever asks for more is answered 429 and told when to ask again."""
    max_unfinished_jobs_of_all: PositiveInt = 20_000
    """Of all tenants together: what the machines behind us can work off in the time people are willing to wait."""
    max_storage_bytes: PositiveInt | None = None
    """Of one tenant: uploads, videos and scripts as they were handed in. No bound when absent."""
    max_video_minutes: PositiveInt | None = None
    """Minutes of video that one tenant may hand in within a month (UTC). No bound when absent."""
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    """Of the prices: ``EUR``."""
    prices: dict[UsageKind, Annotated[Decimal, Field(ge=0, decimal_places=8)]] = Field(default_factory=dict)
    """What one of a kind costs, as JSON: ``{"transcript_minutes": "0.02"}``. They hold for work from now on."""
    books_s: PositiveFloat = 10
    """How often budgets are looked at, and what was sent is entered."""
    retry_after_s: PositiveInt = 10
    """What those who are refused are told to wait at least; up to twice that, so that they do not come as one wave."""
    upload_lifetime_s: PositiveInt = 24 * 3600
    """Uploads that no video was made of by then are forgotten, with their bytes."""
    workers: PositiveInt = 4
    """Files fetched, joined or added up at once in this replica."""
    import_idle_s: PositiveFloat = 60
    """How long the address a film is fetched from may be silent."""
    import_buckets: tuple[str, ...] = ()
    """Buckets, or folders of them, that films may be fetched from with our credentials, as JSON:
    ``["inbox", "clients/{tenant}/films"]``, where ``{tenant}`` is the id of who asks. None by default."""
    drive_url: str = Field(default="https://www.googleapis.com", pattern=r"^https?://[^/?#\s]+$")
    """Where Google Drive's API is."""
    drive_key: SecretStr | None = None
    """Google's API key, for files of Drive that are public. Without it, each import brings a token."""
    sweep_s: PositiveFloat = 300
    """How often uploads and first answers that have expired are looked for."""
    erasure_patience_s: PositiveFloat = 600
    """A service that has not answered an erasure for so long is asked again."""
    retention_defaults: dict[Kind, PositiveInt | None] = Field(default_factory=dict)
    """Days for which tenants that say nothing keep things, by kind, as JSON; null is for ever."""
    retention_least: dict[Kind, PositiveInt] = Field(default_factory=dict)
    """Days for which everybody keeps things at least, by kind."""
    retention_most: dict[Kind, PositiveInt] = Field(default_factory=dict)
    """Days for which anybody keeps things at most, by kind."""
    search_poll_s: PositiveFloat = 1
    """How often documents that wait to be indexed are looked for."""
    events_keep_s: PositiveFloat = 7 * 24 * 3600
    """For how long events can be told to those who come back."""
    max_events: PositiveInt = 100_000
    """Events that are kept of one tenant at most."""
    heartbeat_s: PositiveFloat = 15
    """Silence on a stream of events after which we say that we are still there."""
    poll_s: PositiveFloat = 2
    """How often watched jobs are looked up while Redis is away."""
    rate_reads: PositiveInt = 3000
    """Requests a minute that read, of one user or one API key."""
    rate_writes: PositiveInt = 600
    """Those that change something."""
    rate_uploads: PositiveInt = 1200
    """Those that bring the bytes of uploads."""
    rate_runners: PositiveInt = 3000
    """What runners ask, from one address, and the pieces of chunks that they hand in."""
    rate_streams: PositiveInt = 300
    """How often event streams are opened in a minute."""
    max_streams: PositiveInt = 100
    """Event streams that one user or one API key may have open, over all replicas."""
    max_tenant_streams: PositiveInt = 1000
    """Event streams that all of a tenant may have open together, over all replicas."""
    rate_address_factor: PositiveInt = 4
    """How many times as much an address may have, since many users may share it."""
    rate_sign_in: PositiveInt = 120
    """Requests for tokens a minute, from one address."""
    outbound_http: bool = False
    """Whether addresses that customers name (webhooks) may be plain http."""
    outbound_ports: frozenset[int] = frozenset({443, 8443})
    """Ports such addresses may have, as JSON."""
    outbound_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks they may be in though these are not public, as JSON: ``["10.1.0.0/16"]``. None by default."""
    upscale_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+$")
    """Where the upscale service answers, such as ``http://upscale:8005``: runners are passed on to it."""
    pool_tenant: UUID | None = None
    """The tenant whose people may invite machines that work for all tenants, and so see everybody's films."""
    max_webhooks: PositiveInt = 50
    """Of one tenant."""
    webhook_timeout_s: PositiveFloat = 15
    """What a receiver has to take a message and answer."""
    webhook_slots: PositiveInt = 64
    """Messages on their way at once, in one replica; those to webhooks that fail have half of them."""
    webhook_concurrency: PositiveInt = 2
    """Messages on their way at once to one webhook, over all replicas."""
    webhook_poll_s: PositiveFloat = 0.5
    """How often messages that are due are looked for."""
    webhook_disable_after_s: PositiveFloat = 3 * 24 * 3600
    """A webhook that nothing has reached for so long is disabled."""
    webhook_keep_s: PositiveFloat = 30 * 24 * 3600
    """How long messages that arrived or failed can be read and sent again."""
