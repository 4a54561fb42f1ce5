"""Films on their way in: sent, in the way that suits them, or fetched for us."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel

from matchcut.client.errors import Conflict, Invalid, NotFound, TransferBroken
from matchcut.client.pieces import PIECES_FROM, send_in_pieces, when_checked
from matchcut.client.resources import Upload, Video
from matchcut.client.straight import Straight
from matchcut.client.tokens import TokenAuth
from matchcut.client.transfers import OnBytes, Outgoing
from matchcut.client.unfinished import Note, Unfinished

__all__ = ["Films", "given"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
OnDuplicate = Literal["keep", "reuse", "refuse"]
_NO_BUCKET = "/problems/direct-upload-unavailable"


class _Calls(Protocol):
    _http: httpx.Client
    _auth: TokenAuth
    _timeout_s: float
    _direct_offered: bool
    _unfinished: Unfinished
    _who: str
    url: str

    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _post(self, kind: type[M], path: str, body: Mapping[str, Any]) -> M: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...
    def _patiently(self, attempt: Callable[[], T]) -> T: ...


class Films:
    """What ``Matchcut`` can do to get films in."""

    def upload(self: _Calls, path: Path, *, filename: str | None = None, on_bytes: OnBytes | None = None) -> Upload:
        """Send a file; the gateway's checksum of it is compared with ours.

        A large one goes straight to the bucket, where the gateway offers that, else in pieces: whatever breaks, what
        arrived is not sent again, and each byte that arrives renews our patience.
        """
        note = _note(self, path)
        upload = _send(self, path, (filename or path.name)[-255:], on_bytes, note)
        note.forget()
        return upload

    def import_video(
        self: _Calls,
        url: str,
        *,
        access_token: str | None = None,
        filename: str | None = None,
        size_bytes: int | None = None,
        sha256: str | None = None,
        title: str | None = None,
        passthrough: str | None = None,
        on_duplicate: OnDuplicate | None = None,
    ) -> Video:
        """Have a file fetched and taken in: from its address on the web, ``gs://bucket/object``, or Google Drive
        (``drive://FILE_ID`` or its link, with an access token). What is given of size and checksum is held against it.
        """
        source = given(url=url, access_token=access_token, filename=filename, size_bytes=size_bytes, sha256=sha256)
        return self._post(
            Video, "/v1/videos", given(source=source, title=title, passthrough=passthrough, on_duplicate=on_duplicate)
        )

    def create_video(
        self: _Calls,
        upload_id: UUID,
        *,
        title: str | None = None,
        passthrough: str | None = None,
        on_duplicate: OnDuplicate | None = None,
    ) -> Video:
        """Have an upload taken in as a video. ``on_duplicate`` says what to do if a video has the same bytes already:
        ``keep`` both, ``reuse`` the first, which is returned, or ``refuse``, which raises Duplicate.
        """
        wanted = given(upload_id=upload_id, title=title, passthrough=passthrough, on_duplicate=on_duplicate)
        return self._post(Video, "/v1/videos", wanted)

    def add_video(self: _Calls, path: Path, *, title: str | None = None, on_bytes: OnBytes | None = None) -> Video:
        """Upload a file and have it taken in."""
        note = _note(self, path)
        upload = _send(self, path, path.name[-255:], on_bytes, note)
        video = self._post(Video, "/v1/videos", given(upload_id=upload.id, title=title))
        note.forget()
        return video


def _note(calls: _Calls, path: Path) -> Note:
    return calls._unfinished.of(path, url=calls.url, who=calls._who)


def _send(calls: _Calls, path: Path, name: str, on_bytes: OnBytes | None, note: Note) -> Upload:
    if path.stat().st_size < PIECES_FROM:
        return _send_at_once(calls, path, name, on_bytes)
    begun = note.read()
    upload = None if "place" in begun else _go_on_straight(calls, begun, path, on_bytes)
    if upload is not None:
        return upload
    announced = None if "place" in begun else _announce_direct(calls, path, name)
    if announced is None:
        return send_in_pieces(calls._http, calls._patiently, path, name, on_bytes, note)
    assert announced.direct is not None, "it was asked for"
    note.write(upload=announced.model_dump(mode="json"))
    with closing(Straight(announced.direct, path, on_bytes, timeout_s=calls._timeout_s)) as straight:
        return _send_straight(calls, straight, announced, path)


def _go_on_straight(calls: _Calls, begun: dict[str, Any], path: Path, on_bytes: OnBytes | None) -> Upload | None:
    """What another process began to send to the bucket; None if it leads nowhere any more."""
    try:
        upload = Upload.model_validate(begun["upload"])
        state = calls._get(Upload, f"/v1/uploads/{upload.id}").state
    except (KeyError, ValueError, NotFound):
        return None
    if upload.direct is None or state not in ("waiting", "checking", "received"):
        return None
    with closing(Straight(upload.direct, path, on_bytes, timeout_s=calls._timeout_s)) as straight:
        if not straight.goes_on(calls._patiently):
            return None
        return _send_straight(calls, straight, upload, path)


def _send_at_once(calls: _Calls, path: Path, name: str, on_bytes: OnBytes | None) -> Upload:
    upload = calls._post(Upload, "/v1/uploads", {"filename": name, "size_bytes": path.stat().st_size})
    if calls._auth.renews:
        calls._send("GET", "/v1/me")  # the body below can be sent only once, so let a worn-out token be renewed before
    outgoing = Outgoing(path, on_bytes)
    headers = {"Content-Length": str(outgoing.size), "Content-Type": "application/octet-stream"}
    place = upload.content_url or f"/v1/uploads/{upload.id}/content"
    try:
        received = Upload.model_validate_json(calls._send("PUT", place, content=outgoing, headers=headers).content)
    except Conflict:  # it had arrived, and only the answer was lost
        received = calls._get(Upload, f"/v1/uploads/{upload.id}")
    if received.sha256 and received.sha256 != outgoing.sha256:
        raise TransferBroken(f"{path} changed on its way to the gateway or while it was read: upload it again")
    return received


def _announce_direct(calls: _Calls, path: Path, name: str) -> Upload | None:
    """An upload to the bucket; None where the gateway offers none, which it is asked once."""
    if not calls._direct_offered:
        return None
    said = {"filename": name, "size_bytes": path.stat().st_size, "direct": True}
    try:
        return calls._post(Upload, "/v1/uploads", said)
    except (Conflict, Invalid) as refused:
        if refused.type != _NO_BUCKET and "direct" not in dict(refused.fields):  # or it is older than the question
            raise
    calls._direct_offered = False
    return None


def _send_straight(calls: _Calls, straight: Straight, upload: Upload, path: Path) -> Upload:
    straight.send(calls._patiently)
    calls._post(Upload, f"/v1/uploads/{upload.id}/complete", {})
    return when_checked(lambda: calls._get(Upload, f"/v1/uploads/{upload.id}"), path, sha256=straight.sha256)


def given(**fields: Any) -> dict[str, Any]:
    """Those that were given, as JSON takes them."""
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in fields.items() if value is not None
    }
