"""How a ledger's seconds and memory grow with the film: a child process for each length, so that peaks are its own.

python -m support.ledger_growth LINES FOLDER
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["FULL", "growth"]

FULL = 2000
"""Lines of a script of 120 pages; with retakes and ad-libs its film of three hours has 25,000 words."""
_ERRORS, _MISCHIEF = 0.07, 0.2


def growth(folder: Path, parts: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)) -> list[dict[str, Any]]:
    """Seconds of one core, seconds, and peak memory of the ledgers of films of that many times three hours."""
    rows = []
    for part in parts:
        command = [sys.executable, "-m", "support.ledger_growth", str(round(FULL * part)), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[1]
        )
        rows.append({"times": part} | json.loads(done.stdout))
    return rows


def _measured(lines: int, folder: Path) -> dict[str, Any]:
    from align.adapters.minilm import MiniLm
    from align.adapters.weights import MINILM
    from chassis.models import ModelStore
    from support.ledger_stress import shoot
    from support.ledger_trials import laid_beside
    from support.pseudo_script import pseudo_script

    film = shoot(pseudo_script(lines, seed=4), errors=_ERRORS, seed=5, mischief=_MISCHIEF)
    embed = MiniLm(ModelStore(None, folder).ensure(MINILM), threads=1)
    wall, cpu = time.monotonic(), time.process_time()
    ledger = laid_beside(film, embed)
    right = sum(true == line.status for true, line in zip(film.statuses, ledger.lines, strict=True))
    # Not ru_maxrss: Linux counts into it what the process was before exec.
    status = Path("/proc/self/status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {
        "lines": lines,
        "words": len(film.words),
        "seconds": round(time.monotonic() - wall, 1),
        "core_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": round(peak_kb / 1024),
        "status_accuracy": round(right / lines, 3),
    }


if __name__ == "__main__":
    print(json.dumps(_measured(int(sys.argv[1]), Path(sys.argv[2]))))
