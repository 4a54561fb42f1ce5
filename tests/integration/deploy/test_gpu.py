"""The overlay for GPU nodes: what it builds, and that it and the code mean the same stream."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.run import Service
from upscale.main import build
from upscale.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def built() -> dict[tuple[str, str], dict[str, Any]]:
    """What `kubectl apply -k deploy/k8s/gpu` applies, by kind and name."""
    command = [str(BIN / "kubectl"), "kustomize", "deploy/k8s/gpu"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    documents = [document for document in yaml.safe_load_all(run.stdout) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def environment(deployment: dict[str, Any]) -> dict[str, Any]:
    """What its container is told."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


@asynccontextmanager
async def in_role(role: str, folder: Path) -> AsyncIterator[Service]:
    """The service in a role; nothing is connected."""
    settings = Settings.model_validate(
        {
            "database_url": "postgresql://upscale:x@localhost/matchcut",
            "redis_url": "redis://localhost",
            "blobs_url": f"file://{folder}",
            "http_port": 0,
            "role": role,
            "runner_secret": "a secret of the test",
        }
    )
    service = build(settings)
    try:
        yield service
    finally:
        await service.close()


def test_kubernetes_accepts_all_but_what_is_keda_s(
    built: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    manifests = tmp_path / "gpu.yaml"
    own = [document for (kind, _), document in built.items() if kind not in ("ScaledObject", "TriggerAuthentication")]
    manifests.write_text(yaml.safe_dump_all(own))

    command = [str(BIN / "kubernetes-validate"), "--strict", str(manifests)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "deployment/upscale-worker" in run.stdout


def test_workers_do_chunks_on_gpu_nodes_alone_and_the_service_does_all_else(
    built: dict[tuple[str, str], dict[str, Any]],
) -> None:
    worker, service = built["Deployment", "upscale-worker"], built["Deployment", "upscale"]
    spec = worker["spec"]["template"]["spec"]
    told = environment(worker)

    assert environment(service)["UPSCALE_ROLE"] == "control"
    assert told["UPSCALE_ROLE"] == "worker"
    assert {name.removeprefix("UPSCALE_").lower() for name in told} <= set(Settings.model_fields)
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["nvidia.com/gpu"]


def test_a_worker_that_must_go_has_the_time_to_end_a_chunk(built: dict[tuple[str, str], dict[str, Any]]) -> None:
    worker = built["Deployment", "upscale-worker"]
    spec, grace_s = worker["spec"]["template"]["spec"], float(environment(worker)["UPSCALE_GRACE_S"])

    assert grace_s > Settings.model_fields["target_chunk_seconds"].default
    assert spec["terminationGracePeriodSeconds"] > grace_s + 5  # what tidying up takes
    assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "1"]


async def test_workers_are_scaled_by_the_stream_they_read(
    built: dict[tuple[str, str], dict[str, Any]], tmp_path: Path
) -> None:
    scaled = built["ScaledObject", "upscale-worker"]["spec"]
    (trigger,) = scaled["triggers"]
    names = {}
    for role in ("all", "control", "worker"):
        async with in_role(role, tmp_path) as service:
            work = service.work
            assert work is not None
            names[role] = {lane.name: (work._stream(lane).name, lane.workers) for lane in work._lanes}

    assert scaled["scaleTargetRef"]["name"] == "upscale-worker"
    assert (scaled["minReplicaCount"], trigger["type"]) == (0, "redis-streams")
    assert trigger["metadata"]["stream"] == names["worker"]["chunks"][0] == names["control"]["chunks"][0]
    assert names["all"] == {"": ("work.upscale", 1)}
    assert [names[role][lane][1] for role in ("control", "worker") for lane in ("", "chunks")] == [1, 0, 0, 1]
    assert built["Service", "redis"]["metadata"]["name"] == trigger["metadata"]["address"].partition(".")[0]


async def test_runners_do_not_come_to_a_worker(tmp_path: Path) -> None:
    async with in_role("worker", tmp_path) as worker, in_role("control", tmp_path) as control:
        assert worker.app is None
        assert control.app is not None
