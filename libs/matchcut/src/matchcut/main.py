"""The command ``matchcut``."""

import signal
from types import FrameType

import typer

from matchcut.commands import (
    compliance,
    dead_letters,
    demonstration,
    events,
    housekeeping,
    jobs,
    keeping,
    processing,
    runner,
    searching,
    usage,
    videos,
    webhooks,
    weights,
    work,
)
from matchcut.exits import EPILOG

__all__ = ["app", "main"]

app = typer.Typer(
    name="matchcut",
    help="A long video and its script in; scenes, transcript, script ledger, watermarks and an upscaled film out.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=EPILOG)(demonstration.demo)
app.command("process", epilog=EPILOG)(processing.process)
app.command("search", epilog=EPILOG)(searching.search)
app.command("runner", epilog=EPILOG, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    runner.lend
)
app.add_typer(runner.app, name="runners")
app.command("up", epilog=EPILOG)(housekeeping.up)
app.command("down", epilog=EPILOG)(housekeeping.down)
app.command("status", epilog=EPILOG)(housekeeping.status)
app.command("env", epilog=EPILOG)(housekeeping.env)
app.command("audit", epilog=EPILOG)(compliance.audit)
app.add_typer(compliance.erase, name="erase")
app.add_typer(keeping.retention, name="retention")
app.add_typer(keeping.export, name="export")
app.add_typer(keeping.receipt, name="receipt")
app.command("usage", epilog=EPILOG)(usage.usage)
app.command("events", epilog=EPILOG)(events.events)
app.add_typer(videos.app, name="video")
app.add_typer(jobs.app, name="job")
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(work.app, name="work")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(weights.app, name="models")
app.command("version")(housekeeping.version)


def main() -> None:
    """Run the command line. SIGTERM and a closed terminal end it like Ctrl-C: what was started is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    app()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
