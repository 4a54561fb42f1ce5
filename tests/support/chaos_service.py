"""One real service with scripted engines: ``python -m support.chaos_service vision serve``.

Everything but the engines is what a deployment runs: main's wiring, handlers, use cases, repositories, the chassis.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from chassis.run import run
from chassis.work import run_in_child
from support import chaos_engines as engines


def main() -> NoReturn:
    """Take the service's name off the command line and be that service."""
    name = sys.argv.pop(1)
    _SERVICES[name]()
    raise SystemExit(f"{name} came back, which a service never does")


async def call(function: Any, *args: Any, on_progress: Any = None, env: Any = None) -> Any:
    """Call an engine here, which is fast, or in a real child where its film says so."""
    if engines.fate_of(function.__name__, args) in ("child", "long"):
        return await run_in_child(function, *args, on_progress=on_progress, env=env)
    if on_progress is not None and engines.draws.random() < 0.1:
        await on_progress(0.5, "half")
    await asyncio.sleep(0.002)
    return function(*args)


def _gateway() -> None:
    from gateway.domain import webhooks
    from gateway.main import main as gateway

    webhooks.SCHEDULE_S = (1, 1, 2, 2, 4, 4, 8, 8, 8)  # a run has no three days
    gateway()


def _ingest() -> NoReturn:
    from ingest.main import build
    from ingest.settings import Settings

    run(Settings, partial(build, examine=engines.examine, call=call))


def _vision() -> NoReturn:
    from vision.main import build
    from vision.settings import Settings

    run(Settings, partial(build, look=engines.look, call=call))


def _transcribe() -> NoReturn:
    from transcribe.main import build
    from transcribe.settings import Settings

    run(Settings, partial(build, listen=engines.listen, call=call))


def _align() -> NoReturn:
    from align.main import build
    from align.settings import Settings

    run(Settings, partial(build, align=engines.align, call=call))


def _upscale() -> NoReturn:
    from upscale.main import build
    from upscale.settings import Settings

    run(
        Settings,
        partial(build, draw=engines.draw, make=engines.make, join=engines.assemble, call=call),
    )


_SERVICES: dict[str, Callable[[], None]] = {
    "gateway": _gateway,
    "ingest": _ingest,
    "vision": _vision,
    "transcribe": _transcribe,
    "align": _align,
    "upscale": _upscale,
}

if __name__ == "__main__":
    main()
