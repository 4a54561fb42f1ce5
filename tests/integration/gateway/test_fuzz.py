"""Requests nobody thought of, made from the OpenAPI document: schemathesis, all checks, against a running gateway."""

import re
from pathlib import Path

import httpx
import pytest

from support.fuzzing import fuzz
from support.gateway_process import gateway_process

pytestmark = pytest.mark.servers

TIRELESS = {f"RATE_{name}": "10000000" for name in ("READS", "WRITES", "UPLOADS", "STREAMS", "SIGN_IN")}
"""One who asks everything within a minute: what is answered 429 has tried nothing."""
NEEDS_A_WORKER = re.compile(
    r"[A-Z]+ /v1/(videos/{video_id}/(media|poster|proxy|original)|jobs/{job_id}/results/.+"
    r"|(scenes|transcripts|alignments|watermarks|renditions)/.+)"
)
"""What is there only once other services have worked on a video or a job."""


@pytest.mark.timeout(900)  # a minute and a half of two cores, when it has them
def test_no_request_breaks_the_gateway_or_gets_an_answer_nobody_described(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    with gateway_process(postgres_url, redis_url, tmp_path, **TIRELESS) as gateway:
        fuzzed = fuzz(gateway, tmp_path, seed=20261123, examples=2)
        document = httpx.get(f"{gateway.url}/openapi.json", trust_env=False).json()
    log = gateway.log.read_text()

    assert fuzzed.clean, fuzzed.output[-20000:]
    assert "a request failed" not in log, next(line for line in log.splitlines() if "a request failed" in line)
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert described - fuzzed.skipped <= set(fuzzed.statuses), "each operation was asked"
    assert not {name for name, came in fuzzed.statuses.items() if any(status >= 500 for status in came)}
    arrived = {name for name, came in fuzzed.statuses.items() if any(status < 400 for status in came)}
    reachable = {name for name in described - fuzzed.skipped if not NEEDS_A_WORKER.fullmatch(name)}
    assert len(arrived & reachable) >= 0.7 * len(reachable), sorted(reachable - arrived)
