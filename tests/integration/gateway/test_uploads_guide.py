"""What docs/uploads.md tells people to do, done by a shell."""

import hashlib
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from gateway.settings import Settings
from support.killable_gateway import a_gateway_process

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "uploads.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
FETCHING = ("adapters/fetching.py", "adapters/buckets.py", "adapters/drive.py", "usecases/imports.py")
ELSEWHERE = "https://media.example"


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A plain web server of a folder, and its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_commands_of_the_guide_do_what_it_says(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(7).randbytes(300_000))
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    with serving(tmp_path) as port:
        allowed = {"outbound_http": "true", "outbound_ports": f"[{port}]", "outbound_networks": '["127.0.0.0/8"]'}
        with a_gateway_process(postgres_url, redis_url, tmp_path / "blobs", **allowed) as gateway:
            with gateway.client() as client:
                scopes = ["uploads:read", "uploads:write", "videos:read", "videos:write"]
                key = client.post("/v1/api-keys", json={"name": "guide", "scopes": scopes}).json()["secret"]
            script = "\n".join(SHELL).replace(ELSEWHERE, f"http://127.0.0.1:{port}")
            environ = {"PATH": "/usr/bin:/bin", "MATCHCUT_URL": gateway.url, "KEY": key}

            run = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True
            )

            said = run.stdout.split()
            with gateway.client() as client:
                until = time.monotonic() + 60
                while True:
                    videos = client.get("/v1/videos").json()["items"]
                    if "importing" not in {video["state"] for video in videos} or time.monotonic() > until:
                        break
                    time.sleep(0.05)
    assert run.returncode == 0, run.stderr
    assert (said[0] in {"importing", "ingesting"}, said[2]) == (True, "received")
    assert [(video["state"], video["sha256"]) for video in videos] == [("ingesting", digest)] * 2
    assert [video["title"] for video in videos] == ["Scene 12", "film"]


def test_the_guide_names_settings_and_states_that_exist() -> None:
    named = {name.lower() for name in re.findall(r"`GATEWAY_([A-Z_]+[A-Z])`", GUIDE)}

    assert named <= set(Settings.model_fields)
    assert named


def test_the_guide_names_every_reason_a_source_can_be_refused_for() -> None:
    sources = [ROOT / "services/gateway/src/gateway" / name for name in FETCHING]
    sources.append(ROOT / "services/gateway/src/gateway/ports/transfers.py")
    raised = {reason for path in sources for reason in re.findall(r'"(source_[a-z_]+)"', path.read_text())}

    told = set(re.findall(r"`(source_[a-z_]+)`", GUIDE))

    assert told == raised
