"""What a serving process does to the garbage collector."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
SERVING = """
import gc, sys
import chassis.run._serve as serving

async def serve(service):
    print(gc.get_freeze_count())
    return 0

serving.serve = serve
sys.argv = ["toy", "serve"]
from support.chassis_toy_main import build, Settings
from chassis.run import run
run(Settings, build)
"""


def test_a_serving_process_keeps_what_it_is_made_of_out_of_full_collections(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(TESTS),
        "TOY_DATABASE_URL": "postgresql://toy@127.0.0.1:1/toy",
        "TOY_REDIS_URL": "redis://127.0.0.1:1/0",
        "TOY_BLOBS_URL": f"file://{tmp_path}",
        "TOY_HTTP_PORT": "1",
        "TOY_SCRATCH_DIR": str(tmp_path),
    }

    done = subprocess.run([sys.executable, "-c", SERVING], env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10_000
