"""Sealing the audit, a while after it was written, and holding it against its seals."""

from collections.abc import Sequence
from uuid import UUID

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.audit import Entry
from gateway.domain.retention import ANYTHING, Policy
from gateway.domain.seals import GENESIS, Integrity, Seal, content_of, digest_of
from gateway.ports import RecordsOn

__all__ = ["AuditSeals"]

_WINDOW = 1000
"""Lines of one window, about: what is read at once."""
_PAGE = 100


class AuditSeals:
    """Chains what was written, tenant by tenant; whoever writes never waits for it."""

    def __init__(self, database: Database, records_on: RecordsOn, policy: Policy = ANYTHING) -> None:
        self._database = database
        self._records_on = records_on
        self._policy = policy

    async def seal(self, tenant_id: UUID) -> int:
        """Seal what is not sealed yet; returns how many lines."""
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                await work.hold("audit seals")  # two replicas must not make two seals of one position
                seals = self._records_on(work.connection).seals
                last = await seals.last()
                begin = last.to_xact if last else 0
                end = await seals.end_of_window(begin, await seals.horizon(), lines=_WINDOW)
                lines = await seals.lines(begin, end)
                if not lines:
                    return total
                await seals.add(_sealed(last, begin, end, lines))
            total += len(lines)

    async def verify(self, caller: Caller) -> Integrity:
        """Hold what is there against its seals."""
        before, position, lines, forgotten = GENESIS, 0, 0, 0
        while True:
            async with self._database.read(caller.tenant_id) as connection:
                records = self._records_on(connection)
                days = self._policy.rules(await records.retentions.said()).audit
                found = await records.seals.page(after=position, limit=_PAGE)
                for seal in found:
                    held, count = content_of(await records.seals.lines(seal.from_xact, seal.to_xact))
                    if seal.position != position + 1 or seal.digest != _digest(seal, before):
                        return Integrity("broken", position, lines, forgotten, before, position + 1)
                    if (held, count) == (seal.content, seal.lines):
                        lines += count
                    elif count < seal.lines and await records.seals.may_be_gone(seal, days=days):
                        forgotten += 1
                    else:
                        return Integrity("broken", position, lines, forgotten, before, seal.position)
                    before, position = seal.digest, seal.position
            if len(found) < _PAGE:
                return Integrity("whole", position, lines, forgotten, before)


def _sealed(last: Seal | None, begin: int, end: int, lines: Sequence[Entry]) -> Seal:
    content, count = content_of(lines)
    before = last.digest if last else GENESIS
    digest = digest_of(before, from_xact=begin, to_xact=end, lines=count, content=content)
    newest = max(entry.at for entry in lines if entry.at is not None)
    return Seal(last.position + 1 if last else 1, begin, end, count, newest, content, digest)


def _digest(seal: Seal, before: str) -> str:
    return digest_of(before, from_xact=seal.from_xact, to_xact=seal.to_xact, lines=seal.lines, content=seal.content)
