"""Schemathesis against a running gateway: requests made from its OpenAPI document, good, bad and in chains.

``python -m support.fuzzing --seconds 600 --seed 7`` (``make fuzz``) goes on for longer than the suite may.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from matchcut.client import Credentials, Matchcut
from matchcut.servers import private_servers
from support.gateway_process import GatewayProcess, gateway_process

__all__ = ["Fuzzed", "fuzz"]

_STREAMS = "text/event-stream"
_CONFIG = """
seed = {seed}
hooks = "support.fuzz_hooks"
continue-on-failure = true
request-timeout = 20
cache.enabled = false
warnings = false
base-url = "{url}"

[generation]
mode = "all"
max-examples = {examples}

[phases.coverage]
unexpected-methods = ["PATCH"]

[phases.stateful]
max-steps = 8
generation.max-examples = {chains}

# What a schema cannot say, we say in words: an upload that is not there yet, an address inside our network, a right
# that the caller lacks, a form that we do not write, bytes behind the last one. Such a request fits the schema and is
# refused all the same.
[checks.positive_data_acceptance]
expected-statuses = [
    "2xx", "3xx", "400", "401", "403", "404", "406", "409", "410", "412", "413", "415", "416", "422", "429",
    "460",
]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "428", "429"]

[auth.openapi.ApiKey]
bearer = "{token}"
"""
_STUMBLES = "ignored_auth"
"""It asks once more without a token, and ``schemathesis fuzz`` 4.32 stumbles over the request it did not expect
("dictionary changed size during iteration"). The phases of ``run``, in the suite, have it."""
_SKIPPED = """
[[operations]]
include-operation-id = "{}"
enabled = false
"""


@dataclass(frozen=True)
class Fuzzed:
    """How it went."""

    clean: bool
    output: str
    statuses: dict[str, Counter[int]]
    """By operation (``GET /v1/jobs``), how often each status came."""
    skipped: frozenset[str]
    """Operations whose answers do not end by themselves, as ``GET /v1/jobs/{job_id}/events``."""


def fuzz(gateway: GatewayProcess, folder: Path, *, seed: int, examples: int = 10, seconds: int | None = None) -> Fuzzed:
    """Run all phases with all checks, on a tenant that has something; with ``seconds`` go on for so long instead."""
    _furnish(gateway, folder)
    document = httpx.get(f"{gateway.url}/openapi.json", trust_env=False).json()
    streams = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if any(_STREAMS in answer.get("content", {}) for answer in operation["responses"].values())
    }
    config, report = folder / "schemathesis.toml", folder / "events.ndjson"
    config.write_text(
        _CONFIG.format(
            seed=seed,
            examples=examples,
            chains=examples * 5,
            url=gateway.url,
            token=gateway.token,
        )
        + "".join(_SKIPPED.format(name) for name in streams)
    )
    command = [str(Path(sys.executable).with_name("schemathesis")), "--no-color", "--config-file", str(config)]
    command += ["run"] if seconds is None else ["fuzz", "--max-time", str(seconds), "--exclude-checks", _STUMBLES]
    command += [f"{gateway.url}/openapi.json", "--report-ndjson-path", str(report)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True, check=False)
    return Fuzzed(run.returncode == 0, run.stdout + run.stderr, _statuses(report), frozenset(streams.values()))


def _furnish(gateway: GatewayProcess, folder: Path) -> None:
    """One of each thing that takes more than one request."""
    film, script = folder / "film.mp4", folder / "script.txt"
    film.write_bytes(b"a film")
    script.write_text("Hello.\n")
    with Matchcut(gateway.url, Credentials(token=gateway.token)) as matchcut:
        video, text = matchcut.add_video(film), matchcut.add_script(script)
        matchcut.start_job(video.id, steps=["scenes", "alignment"], script_id=text.id)


def _statuses(report: Path) -> dict[str, Counter[int]]:
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            _count(json.loads(line), found)
    return dict(found)


def _count(event: Any, found: defaultdict[str, Counter[int]]) -> None:
    finished = event.get("ScenarioFinished") or event.get("FuzzScenarioFinished") or {}
    recorder = finished.get("recorder", {})
    cases = recorder.get("cases", {})
    for case_id, interaction in recorder.get("interactions", {}).items():
        case, response = cases[case_id]["value"], interaction["response"]
        if response is not None:
            found[f"{case['method']} {case['path']}"][response["status_code"]] += 1


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m support.fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="how long to go on")
    parser.add_argument("--seed", type=int, default=0, help="where to begin; the same seed makes the same requests")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="matchcut-fuzz-", ignore_cleanup_errors=True) as name,
        private_servers(Path(name) / "servers", durable=False, keep=False) as servers,
    ):
        folder = Path(name) / "gateway"
        folder.mkdir()
        with gateway_process(servers.postgres_url, servers.redis_url, folder) as gateway:
            fuzzed = fuzz(gateway, folder, seed=asked.seed, seconds=asked.seconds)
    print(fuzzed.output)
    print(f"{sum(sum(each.values()) for each in fuzzed.statuses.values())} requests")
    return 0 if fuzzed.clean else 1


if __name__ == "__main__":
    sys.exit(_main())
