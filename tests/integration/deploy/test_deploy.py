"""Do the deployment files say what the real tools accept?"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from contracts.registry import SERVICES

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
COMPOSE = Path(sysconfig.get_path("purelib")) / "compose" / "docker-compose"


def output_of(*command: str | Path, **environment: str) -> str:
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_compose_accepts_its_file() -> None:
    services = output_of(COMPOSE, "config", "--services", MATCHCUT_PASSWORD="x").split()

    assert {*SERVICES, "postgres", "redis"} <= set(services)


def test_compose_will_not_start_without_a_password() -> None:
    run = subprocess.run(
        [COMPOSE, "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={key: value for key, value in os.environ.items() if key != "MATCHCUT_PASSWORD"},
    )  # fmt: skip

    assert run.returncode != 0
    assert "put a password into .env" in run.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_dockerfile_passes_the_linter(service: str) -> None:
    output_of(BIN / "hadolint", f"services/{service}/Dockerfile")


def test_kubernetes_accepts_what_kustomize_builds(tmp_path: Path) -> None:
    manifests = tmp_path / "matchcut.yaml"
    manifests.write_text(output_of(BIN / "kubectl", "kustomize", "deploy/k8s/base"))

    said = output_of(BIN / "kubernetes-validate", "--strict", manifests)

    assert all(f"deployment/{service}" in said for service in SERVICES)
