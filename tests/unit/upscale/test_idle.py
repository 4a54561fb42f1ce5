"""A service that waits for work holds no engine in memory."""

import subprocess
import sys


def test_the_waiting_service_loads_no_engine_no_codecs_and_no_arrays() -> None:
    code = "import sys, upscale.main; print(*{'av', 'cv2', 'numpy', 'openvino', 'torch'} & sys.modules.keys())"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert loaded.stdout.split() == []
