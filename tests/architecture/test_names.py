"""One name everywhere: nobody looks up what belongs to what."""

import importlib
import tomllib
from pathlib import Path

import pytest
import yaml

from contracts.registry import SERVICES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
TOP_LEVEL = {
    "services", "libs", "deploy", "colab", "tests", "docs", "requirements",
    "docker-compose.yml", "Makefile", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE",
}  # fmt: skip


def test_the_top_level_holds_what_the_design_names_and_nothing_else() -> None:
    tracked = (
        __import__("subprocess")
        .run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        .stdout.splitlines()
    )

    top = {path.split("/")[0] for path in tracked}

    assert tracked
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_there_are_six_services() -> None:
    folders = {path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file()}

    assert folders == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_folder_distribution_and_package_agree(service: str) -> None:
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]

    assert project["name"] == f"matchcut-{service}"
    assert (ROOT / "services" / service / "src" / service / "main.py").is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_read_under_the_service_s_own_prefix(service: str) -> None:
    settings = importlib.import_module(f"{service}.settings").Settings

    assert settings.model_config["env_prefix"] == f"{service.upper()}_"
    assert settings.model_config["frozen"]


@pytest.mark.parametrize("service", SERVICES)
def test_compose_runs_the_service_under_its_name_with_settings_it_has(service: str) -> None:
    part = COMPOSE["services"][service]
    settings = importlib.import_module(f"{service}.settings").Settings
    prefix = f"{service.upper()}_"

    variables = {name for name in part["environment"] if name.startswith(prefix)}

    assert part["build"]["dockerfile"] == f"services/{service}/Dockerfile"
    assert part["image"].split(":")[0].endswith(f"/{service}")
    assert {name.removeprefix(prefix).lower() for name in variables} <= set(settings.model_fields)
    assert {
        f"{prefix}{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()
    } <= variables


@pytest.mark.parametrize("service", SERVICES)
def test_kubernetes_runs_the_service_under_its_name_with_settings_it_has(service: str) -> None:
    documents = [d for d in yaml.safe_load_all((ROOT / "deploy/k8s/base" / f"{service}.yaml").read_text()) if d]
    deployment = next(d for d in documents if d["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    settings = importlib.import_module(f"{service}.settings").Settings
    prefix = f"{service.upper()}_"
    variables = {entry["name"] for entry in container["env"] if entry["name"].startswith(prefix)}

    assert deployment["metadata"]["name"] == container["name"] == service
    assert container["image"].split(":")[0] == COMPOSE["services"][service]["image"].split(":")[0]
    assert {name.removeprefix(prefix).lower() for name in variables} <= set(settings.model_fields)
    assert {
        f"{prefix}{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()
    } <= variables
    port = next(entry["value"] for entry in container["env"] if entry["name"] == f"{prefix}HTTP_PORT")
    assert container["ports"][0]["containerPort"] == int(port)
    assert int(port) == int(COMPOSE["services"][service]["environment"][f"{prefix}HTTP_PORT"])


@pytest.mark.parametrize("service", SERVICES)
def test_the_dockerfile_starts_the_service_and_asks_its_own_health(service: str) -> None:
    text = (ROOT / "services" / service / "Dockerfile").read_text()

    assert f'"{service}.main"' in text
    assert "HEALTHCHECK" in text
    assert "USER " in text


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_explains_itself_on_one_page(service: str) -> None:
    lines = (ROOT / "services" / service / "README.md").read_text().splitlines()

    text = "\n".join(lines).lower()
    assert 5 < len(lines) <= 40
    for word in ("listens to", "announces", "owns"):
        assert word in text, f"services/{service}/README.md does not say what it {word}"
