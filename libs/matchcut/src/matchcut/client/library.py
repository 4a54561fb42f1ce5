"""Scripts, uploads and the files of videos and jobs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel

from contracts.documents import Media
from matchcut.client.resources import Script, Upload

__all__ = ["Library"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_TUS = {"Tus-Resumable": "1.0.0"}


class _Calls(Protocol):
    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...
    def _patiently(self, attempt: Callable[[], T]) -> T: ...
    def download(self, url: str, target: Path) -> Path: ...


class Library:
    """What ``Matchcut`` can fetch of what was handed in and made."""

    def scripts(self: _Calls) -> Iterator[Script]:
        """All scripts, newest first."""
        return self._pages(Script, "/v1/scripts")

    def script(self: _Calls, script_id: UUID) -> Script:
        """One script."""
        return self._get(Script, f"/v1/scripts/{script_id}")

    def script_text(self: _Calls, script_id: UUID) -> str:
        """The text of one that was handed in as UTF-8 text."""
        return self._send("GET", f"/v1/scripts/{script_id}/content").content.decode()

    def script_content(self: _Calls, script_id: UUID) -> bytes:
        """A script of any format, as it was handed in."""
        return self._send("GET", f"/v1/scripts/{script_id}/content").content

    def upload_state(self: _Calls, upload_id: UUID) -> Upload:
        """An upload as it stands."""
        return self._get(Upload, f"/v1/uploads/{upload_id}")

    def discard_upload(self: _Calls, upload_id: UUID) -> None:
        """Give up an upload of which no video was made, with the bytes that are there."""
        self._send("DELETE", f"/v1/uploads/{upload_id}")

    def end_upload(self: _Calls, upload_id: UUID) -> None:
        """The same by tus, for those that came in pieces and are not whole yet."""
        self._send("DELETE", f"/v1/uploads/tus/{upload_id}", headers=_TUS)

    def media(self: _Calls, video_id: UUID) -> Media:
        """All measures of a video."""
        return self._get(Media, f"/v1/videos/{video_id}/media")

    def download_original(self: _Calls, video_id: UUID, target: Path) -> Path:
        """A video as it was handed in."""
        return self.download(f"/v1/videos/{video_id}/original", target)

    def download_proxy(self: _Calls, video_id: UUID, target: Path) -> Path:
        """A video as every browser plays it."""
        return self.download(f"/v1/videos/{video_id}/proxy", target)

    def poster(self: _Calls, video_id: UUID) -> bytes:
        """A still picture of a video."""
        return self._send("GET", f"/v1/videos/{video_id}/poster").content

    def keyframe(self: _Calls, scenes_id: UUID, number: int) -> bytes:
        """A still picture of a shot, by its number; ``scenes_id`` may be the job's."""
        return self._send("GET", f"/v1/scenes/{scenes_id}/keyframes/{number:04d}.jpg").content

    def download_result(self: _Calls, job_id: UUID, name: str, target: Path) -> Path:
        """A file of a job, by the name that ``results`` gives it."""
        return self.download(f"/v1/jobs/{job_id}/results/{name}", target)

    def download_export(self: _Calls, export_id: UUID, target: Path) -> Path:
        """An export that is ready."""
        return self.download(f"/v1/exports/{export_id}/content", target)

    def token_keys(self: _Calls) -> dict[str, Any]:
        """The keys that verify the gateway's access tokens, as a JSON Web Key Set."""
        keys: dict[str, Any] = self._send("GET", "/.well-known/jwks.json").json()
        return keys
