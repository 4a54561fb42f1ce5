"""A bucket's own addresses for reading: signed where we have a key for it, none where we have not."""

from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from google.oauth2.service_account import Credentials

from chassis.blobs import Blobs
from chassis.blobs._gcs import GcsBlobs
from chassis.testing._memory_blobs import MemoryBlobs


def a_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


async def test_with_a_key_a_blob_has_an_address_that_is_good_for_a_while() -> None:
    told = {"client_email": "a@b.example", "token_uri": "https://b.example/token", "private_key": a_key()}
    client = Client(project="p", credentials=Credentials.from_service_account_info(told))  # type: ignore[no-untyped-call]
    blobs = GcsBlobs(client.bucket("films"), "house/")

    address = await blobs.direct_download("original/t/film", lifetime_s=600)

    parts = urlsplit(address or "")
    said = parse_qs(parts.query)
    assert parts.path == "/films/house/original/t/film"
    assert said["X-Goog-Expires"] == ["600"]
    assert len(said["X-Goog-Signature"][0]) == 512


async def test_without_a_key_there_is_none_and_somebody_else_serves_the_bytes() -> None:
    client = Client(project="p", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    stores: list[Blobs] = [GcsBlobs(client.bucket("films")), MemoryBlobs()]

    addresses = [await blobs.direct_download("original/t/film", lifetime_s=600) for blobs in stores]

    assert addresses == [None, None]
