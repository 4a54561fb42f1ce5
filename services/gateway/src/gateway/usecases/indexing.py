"""Indexing: what was said and written is noted with the fact that it is there, and indexed a moment later.

The fact's transaction only notes that a document waits. Each replica has an indexer that takes what waits: it reads the
document from the blobs, cuts it, and replaces what was indexed of it in one commit. A replica that dies with a document
in its hands loses the lease, and another one takes it. What cannot be read is put back for a while, longer each time,
and given up in the end with its reason; nothing waits behind it.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from pydantic import ValidationError

from chassis.blobs import BlobNotFound, Blobs, InvalidKey
from chassis.database import Database, UnitOfWork
from chassis.telemetry import bound, get_logger
from contracts.documents import Transcript
from gateway.domain.search.language import language_of
from gateway.domain.search.passages import Passage, passages_of_script, passages_of_transcript
from gateway.domain.search.script_text import UnreadableText, text_of_script
from gateway.ports import Records, RecordsOn
from gateway.ports.search import Claimed, Content, Indexed, IndexQueue

__all__ = ["Indexer", "NoteDocuments", "forget"]

_log = get_logger(__name__)
_TRIES = 8
_FIRST_WAIT_S = 2.0
_LEASE_S = 120.0
_LARGEST = 64 * 2**20
"""Bytes: ten times the transcript of a day."""
_UNREADABLE = (ValidationError, UnreadableText, InvalidKey)
"""What no other try will cure."""


class NoteDocuments:
    """Notes what is to be indexed, in the transaction that makes it so."""

    def __init__(self, records_on: RecordsOn) -> None:
        self._records_on = records_on

    async def transcript(self, work: UnitOfWork, *, job_id: UUID, key: str) -> None:
        """A transcript is ready. One that its job did not wait for, or whose video is erased, is nobody's result."""
        records = self._records_on(work.connection)
        job = await records.jobs.get(job_id)
        if job is None or job.results.get("transcript.json") != key:
            return
        video = await records.videos.get(job.video_id)
        if video is not None and video.state != "erased":
            await records.search.note_transcript(video_id=video.id, job_id=job.id, run=job.run, key=key)

    async def script(self, work: UnitOfWork, *, script_id: UUID, key: str) -> None:
        """A script was handed in."""
        await self._records_on(work.connection).search.note_script(script_id=script_id, key=key)


async def forget(records: Records, *, video_id: UUID | None = None, script_id: UUID | None = None) -> int:
    """Make a video's transcript, or a script, unfindable with this commit, also while it is being indexed.

    Returns how many documents were in the index, or on their way into it. For whoever erases.
    """
    return await records.search.forget(video_id=video_id, script_id=script_id)


class Indexer:
    """Takes what waits, one document at a time, as long as the service lives."""

    def __init__(
        self, database: Database, blobs: Blobs, records_on: RecordsOn, queue: IndexQueue, *, poll_s: float
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._queue = queue
        self._poll_s = poll_s

    async def run(self) -> None:
        """Index until cancelled."""
        while True:
            try:
                found = await self.round()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                _log.warning("indexing waits", error=repr(error))
                found = False
            if not found:
                await asyncio.sleep(self._poll_s)

    async def round(self) -> bool:
        """Take one document, if one is due; False if none was."""
        async with self._database.begin_untenanted() as connection:
            claim = await self._queue.claim(connection, lease_s=_LEASE_S)
        if claim is None:
            return False
        with bound(document=claim.document_id, tenant=claim.tenant_id):
            try:
                await self._index(claim)
            except _UNREADABLE as error:
                await self._give_up(claim, error)
            except Exception as error:  # noqa: BLE001 (the boundary: one document must not end the others)
                await self._put_back(claim, error)
        return True

    async def _index(self, claim: Claimed) -> None:
        async with self._database.read(claim.tenant_id) as connection:
            document = await self._records_on(connection).search.claimed(claim)
        if document is None:
            return  # forgotten meanwhile, or noted anew
        size = (await self._blobs.stat(document.key)).size
        if size > _LARGEST:
            raise InvalidKey(f"a document of {size} bytes is too large to be indexed")
        content = await self._content(claim.tenant_id, document, await self._blobs.get_bytes(document.key))
        async with self._database.begin(claim.tenant_id) as work:
            if await self._records_on(work.connection).search.replace(claim, document, content):
                _log.info("indexed", kind=document.kind, language=content.language, passages=len(content.passages))

    async def _content(self, tenant_id: UUID, document: Indexed, stored: bytes) -> Content:
        cut: Callable[[bytes], tuple[str, Sequence[Passage]]]
        cut = _transcript if document.kind == "transcript" else _script
        language, passages = await asyncio.to_thread(cut, stored)
        words = sorted({word for passage in passages for word in (*passage.words, *passage.ahead)})
        async with self._database.read(tenant_id) as connection:
            search = self._records_on(connection).search
            stems = await search.stems([language], words)
            small = await search.small([language], words, paired=False)
        of_words = {word: stem for (_, word), stem in stems.items()}
        return Content(language, passages, of_words, frozenset(word for _, word in small))

    async def _put_back(self, claim: Claimed, error: Exception) -> None:
        if claim.attempts >= _TRIES:
            await self._give_up(claim, error)
            return
        wait_s = _FIRST_WAIT_S * 2 ** (claim.attempts - 1)
        missing = isinstance(error, BlobNotFound)
        _log.warning("a document will be indexed later", wait_s=wait_s, missing=missing, error=repr(error))
        async with self._database.begin_untenanted() as connection:
            await self._queue.later(connection, claim, after_s=wait_s)

    async def _give_up(self, claim: Claimed, error: Exception) -> None:
        _log.error("a document cannot be indexed", exc_info=error)
        reason = f"{type(error).__name__}: {error}"[:500].replace("\x00", "")
        async with self._database.begin(claim.tenant_id) as work:
            await self._records_on(work.connection).search.give_up(claim, reason)


def _transcript(stored: bytes) -> tuple[str, Sequence[Passage]]:
    transcript = Transcript.model_validate_json(stored)
    return transcript.language or "", passages_of_transcript(transcript)


def _script(stored: bytes) -> tuple[str, Sequence[Passage]]:
    passages = passages_of_script(text_of_script(stored))
    return language_of(word for passage in passages for word in passage.words), passages
