"""What the toy service does in its child processes; apart from the service, so that a child loads little."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from chassis import child


class Hopeless(Exception):
    """No retry would help."""


def play(payload: dict[str, Any], attempt: int) -> str:
    """What the child does, as the payload asks."""
    if "marks" in payload:
        with Path(payload["marks"]).open("a") as marks:
            marks.write(f"{attempt} {os.getpid()}\n")
    if payload.get("helper"):
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(payload["helper"]).write_text(str(helper.pid))
    if attempt <= payload.get("dies", 0):
        os.kill(os.getpid(), signal.SIGKILL)
    if attempt <= payload.get("fails", 0):
        raise RuntimeError("the toy slipped")
    if payload.get("hopeless"):
        raise Hopeless("the toy cannot do that")
    child.progress(0.5, "half way")
    # Once a while is enough: the first attempt takes its time, those after a crash need not.
    time.sleep(payload.get("seconds", 0) if attempt == 1 else payload.get("later_seconds", 0))
    child.progress(1.0, "done")
    return f"played at attempt {attempt}"
