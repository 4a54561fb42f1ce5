"""A realistic mix of requests: mostly looking, some asking for work. Run by ``support.load_play``.

Programs know nothing of each other, so each asks at random moments (a Poisson process of its own, as the arrivals of
independent clients are); an answer that is late does not put off what is asked next, it only makes it wait its turn.
With locust's ``constant_throughput`` all of them ask at the same instant, four times a second, and what is measured is
how long the last of fifty stands in that queue.

``LOAD_PLAN`` is a JSON file that says whose tokens there are, which videos and jobs, and how many requests a second
each user makes. What came of it is written to ``LOAD_REPORT``: how often, how long, what failed.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from locust import FastHttpUser, events, task
from typing_extensions import override

PLAN: dict[str, Any] = json.loads(Path(os.environ["LOAD_PLAN"]).read_text())
times_ms: dict[str, list[float]] = {}
failures: list[str] = []


def noted(name: str, response_time: float, exception: Exception | None, **_: Any) -> None:
    times_ms.setdefault(name, []).append(response_time)
    if exception is not None:
        failures.append(f"{name}: {exception!r}"[:200])


def told(**_: Any) -> None:
    report = {"times_ms": times_ms, "failures": failures[:20], "failed": len(failures)}
    Path(os.environ["LOAD_REPORT"]).write_text(json.dumps(report))


events.request.add_listener(noted)  # type: ignore[no-untyped-call] # locust has no types here
events.quitting.add_listener(told)  # type: ignore[no-untyped-call]


class Somebody(FastHttpUser):
    """One program with one token, which keeps its connection."""

    @override
    def wait_time(self) -> float:
        self.due += random.expovariate(PLAN["rate_per_user"])
        return max(0.0, self.due - time.monotonic())

    @override
    def on_start(self) -> None:
        self.due = time.monotonic()
        time.sleep(self.wait_time())  # locust has made it one that lets others run
        whose = random.choice(PLAN["tenants"])
        self.things = whose
        self.tags: dict[str, str] = {}
        self.headers = {"Authorization": f"Bearer {random.choice(whose['tokens'])}"}

    @task(30)
    def read_video(self) -> None:
        self._get(f"/v1/videos/{random.choice(self.things['videos'])}", "read: a video")

    @task(25)
    def read_job(self) -> None:
        self._get(f"/v1/jobs/{random.choice(self.things['jobs'])}", "read: a job")

    @task(8)
    def read_job_again(self) -> None:
        path = f"/v1/jobs/{self.things['jobs'][0]}"
        known = {"If-None-Match": self.tags[path]} if path in self.tags else {}
        answer = self._get(path, "read: a job that has not changed", **known)
        self.tags[path] = answer.headers.get("etag", "")

    @task(10)
    def list_jobs(self) -> None:
        self._get("/v1/jobs?state=succeeded&limit=20", "read: jobs by state")

    @task(10)
    def list_videos(self) -> None:
        self._get("/v1/videos?limit=20", "read: a page of videos")

    @task(5)
    def read_me(self) -> None:
        self._get("/v1/me", "read: me")

    @task(5)
    def list_transcripts(self) -> None:
        self._get(f"/v1/transcripts?video_id={self.things['videos'][0]}", "read: transcripts of a video")

    @task(3)
    def read_transcript(self) -> None:
        self._get(f"/v1/transcripts/{random.choice(self.things['jobs'])}", "read and write down: a transcript")

    @task(2)
    def announce_upload(self) -> None:
        made = self._post("/v1/uploads", {"filename": "clip.mp4"}, "write: an upload")
        if made:
            self.client.delete(f"/v1/uploads/{made['id']}", headers=self.headers, name="write: an upload taken back")

    @task(2)
    def ask_for_work(self) -> None:
        wanted = {"video_id": random.choice(self.things["videos"]), "steps": ["scenes", "transcript"]}
        made = self._post("/v1/jobs", wanted, "write: a job")
        if made:
            self._post(f"/v1/jobs/{made['id']}/cancel", {}, "write: a job called off")

    def _get(self, path: str, name: str, **headers: str) -> Any:
        return self.client.get(path, headers=self.headers | headers, name=name)

    def _post(self, path: str, body: dict[str, Any], name: str) -> dict[str, Any] | None:
        headers = self.headers | {"Idempotency-Key": str(uuid4())}
        answer = self.client.post(path, json=body, headers=headers, name=name)
        return dict(answer.json()) if answer.status_code < 300 else None
