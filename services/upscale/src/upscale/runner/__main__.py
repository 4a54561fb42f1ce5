"""``python -m upscale.runner --url … --token …``: lends this machine to a Matchcut. ``matchcut runner`` starts it."""

import argparse
import asyncio
import os
import platform
import signal
import sys
from pathlib import Path

from chassis.child.runner import run_in_child
from chassis.telemetry import configure_logging
from upscale.ports import Workshop
from upscale.runner.chunk import Tools
from upscale.runner.display import Display
from upscale.runner.program import Program, Wanted
from upscale.runner.server import Server
from upscale.runner.transfers import Sources

__all__ = ["main"]

TOKEN = "MATCHCUT_RUNNER_TOKEN"


def main() -> None:
    """Run until SIGTERM or Ctrl-C; the second of them ends at once. Exit codes: 0 left, 4 refused."""
    options = _parser().parse_args()
    configure_logging("runner", form="console", level="WARNING")
    sys.exit(asyncio.run(_run(options)))


async def _run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    tools = Tools(
        server=Server(options.url),
        sources=Sources(folder / "sources"),
        workshop=Workshop(
            engine=options.engine,
            precision=options.precision,
            device=options.device,
            tile_pixels=options.tile_pixels,
            threads=options.threads,
            models_dir=options.models_dir,
            cache_dir=folder / "models",
        ),
        display=Display(),
        call=run_in_child,
    )
    # A token on the command line can be read by every user of the machine: the environment is the better place.
    token = options.token or os.environ.pop(TOKEN, None)
    wanted = Wanted(options.url, options.name, token, options.ephemeral, folder, options.chunks)
    program = Program(wanted, tools)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, _leave, program)
    return await program.run()


def _leave(program: Program) -> None:
    if getattr(_leave, "asked", False):
        os._exit(130)  # children die with us
    _leave.asked = True  # type: ignore[attr-defined]
    program.leave()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="matchcut runner", description="Lend this machine to a Matchcut.")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--url", required=True, help="public address of the Matchcut")
    parser.add_argument("--token", help=f"registration token, good once; better in the environment, as {TOKEN}")
    parser.add_argument("--name", default=platform.node() or "runner", help="what people see this machine as")
    parser.add_argument("--ephemeral", action="store_true", help="this session alone; nothing is kept")
    parser.add_argument("--chunks", type=int, help="leave after so many")
    parser.add_argument("--folder", type=Path, default=cache / "matchcut-runner", help="where sources are kept")
    parser.add_argument("--engine", choices=["openvino", "torch"], default="openvino")
    parser.add_argument("--precision", choices=["auto", "f32", "bf16", "f16", "int8"], default="auto")
    parser.add_argument("--device", default="auto", help="for torch: auto, cpu, cuda, cuda:1")
    parser.add_argument("--tile-pixels", type=int, default=600_000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--models-dir", type=Path)
    return parser


if __name__ == "__main__":
    main()
