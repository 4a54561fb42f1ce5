"""The harness that services are tested with."""

from uuid import uuid4

import pytest

from chassis.testing import Harness, harness
from contracts.steps import StepFailed, StepProgressed
from support.chassis_play import Hopeless
from support.chassis_toy import VERSIONS, Noted, Poked, Settings, build

pytestmark = pytest.mark.servers
SUBJECT = "11111111-1111-4111-8111-111111111111"


async def test_a_service_hears_works_and_announces_without_redis(postgres_url: str) -> None:
    job = uuid4()
    async with harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as h:
        heard = await h.hear(Poked(note="n", work={"run": 1}), subject=SUBJECT, job_id=job)
        runs = await h.work_off()

        assert heard
        assert runs == 1
        assert h.facts(Noted) == [Noted(note="n"), Noted(note="n")]
        assert {event.jobid for event in h.announced} == {job}
        assert [event.data.fraction for event in h.told if isinstance(event.data, StepProgressed)][-1] == 1.0
        assert [row["state"] for row in await h.tasks()] == ["done"]


async def test_a_redelivery_is_recognised_and_a_failing_handler_is_heard_of(postgres_url: str) -> None:
    event_id = uuid4()
    async with harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as h:
        first = await h.hear(Poked(note="n"), subject=SUBJECT, event_id=event_id)
        second = await h.hear(Poked(note="n"), subject=SUBJECT, event_id=event_id)
        with pytest.raises(Hopeless):
            await h.hear(Poked(note="hopeless"), subject=SUBJECT)

        assert (first, second) == (True, False)
        assert len(h.announced) == 1


async def test_retries_are_worked_off_without_their_waits(postgres_url: str) -> None:
    async with harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as h:
        await h.hear(Poked(note="n", work={"run": 4, "fails": 9}), subject=SUBJECT)

        runs = await h.work_off()

        assert runs == 3
        assert [(fact.run, fact.attempts, fact.reason) for fact in h.facts(StepFailed)] == [(4, 3, "runtime")]


async def test_each_harness_has_its_own_rows(postgres_url: str) -> None:
    async def count(h: Harness) -> int:
        await h.hear(Poked(note="n", work={"run": 1}), subject=SUBJECT)
        return len(await h.tasks())

    async with (
        harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as one,
        harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as two,
    ):
        assert (await count(one), await count(two)) == (1, 1)
