"""``python -m upscale.runner --url … --token …``: lends this machine to a Matchcut. ``matchcut runner`` starts it."""

import argparse
import asyncio
import importlib.util
import os
import platform
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from chassis.child.runner import KeptChild
from chassis.telemetry import configure_logging
from upscale.adapters.weights import models_here
from upscale.ports import Workshop
from upscale.runner.chunk import Tools
from upscale.runner.display import Display
from upscale.runner.events import Events
from upscale.runner.machine import gpu_here, processor_here
from upscale.runner.program import Program, Wanted
from upscale.runner.server import Server
from upscale.runner.tiles import TileMemory
from upscale.runner.transfers import Sources

__all__ = ["main"]

TOKEN = "MATCHCUT_RUNNER_TOKEN"


def main(words: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or Ctrl-C; the second of them ends at once. Exit codes: 0 left, 4 refused."""
    options = _parser().parse_args(words)
    configure_logging("runner", form="console", level="WARNING")
    sys.exit(asyncio.run(_run(options)))


async def _run(options: argparse.Namespace) -> int:
    folder: Path = options.folder
    engine = _engine(options.engine)
    child = KeptChild()
    tools = Tools(
        server=Server(options.url),
        sources=Sources(folder / "sources"),
        workshop=Workshop(
            engine=engine,
            precision=options.precision,
            device=options.device,
            tile_pixels=options.tile_pixels,
            threads=options.threads,
            models_dir=options.models_dir,
            cache_dir=folder / "models",
        ),
        display=Events() if options.events else Display(),
        call=child,
        tiles=TileMemory(folder, machine=_memory_of(engine, options), most=options.tile_pixels),
        models=models_here(options.models_dir, engine=engine),
    )
    # A token on the command line can be read by every user of the machine: the environment is the better place.
    token = options.token or os.environ.pop(TOKEN, None)
    wanted = Wanted(options.url, options.name, token, options.ephemeral, folder, options.chunks)
    program = Program(wanted, tools)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, _leave, program)
    if options.events:
        loop.add_reader(sys.stdin.fileno(), _listened, loop, program)
    try:
        return await program.run()
    finally:
        await child.close()


def _engine(wanted: str) -> Literal["openvino", "torch"]:
    """``auto`` is torch where there is a GPU and a torch to use it, else the processor."""
    if wanted == "auto":
        return "torch" if gpu_here().name and importlib.util.find_spec("torch") else "openvino"
    return "torch" if wanted == "torch" else "openvino"


def _memory_of(engine: str, options: argparse.Namespace) -> str:
    """Whose memory limits the tiles."""
    gpu = gpu_here()
    machine = f"{gpu.name} {gpu.total}" if engine == "torch" and gpu.name else processor_here()
    return f"{machine} / {engine} / {options.precision}"


def _leave(program: Program) -> None:
    if getattr(_leave, "asked", False):
        os._exit(130)  # children die with us
    _leave.asked = True  # type: ignore[attr-defined]
    program.leave()


def _listened(loop: asyncio.AbstractEventLoop, program: Program) -> None:
    """Whoever started us holds our standard input open; when it closes, nobody is left to stop us."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
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
    parser.add_argument("--engine", choices=["auto", "openvino", "torch"], default="auto", help="auto: torch on a GPU")
    parser.add_argument("--precision", choices=["auto", "f32", "bf16", "f16", "int8"], default="auto")
    parser.add_argument("--device", default="auto", help="for torch: auto, cpu, cuda, cuda:1")
    parser.add_argument("--tile-pixels", type=int, default=600_000, help="learnt downwards when memory runs out")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--models-dir", type=Path)
    parser.add_argument("--events", action="store_true", help="tell what happens in lines of JSON, for programs")
    return parser


if __name__ == "__main__":
    main()
