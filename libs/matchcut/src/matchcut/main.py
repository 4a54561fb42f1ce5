"""The command ``matchcut``."""

import signal
from types import FrameType

import typer

from matchcut.commands import (
    alignments,
    compliance,
    dead_letters,
    demonstration,
    events,
    found,
    housekeeping,
    jobs,
    keeping,
    logos,
    people,
    processing,
    runner,
    scripts,
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
_HERE, _FILMS, _FOUND = "On this machine", "Films and work", "What was found"
_HOUSE, _BEHIND = "Our tenant", "Behind the scenes"
for name, command, panel in (
    ("demo", demonstration.demo, _HERE),
    ("up", housekeeping.up, _HERE),
    ("down", housekeeping.down, _HERE),
    ("status", housekeeping.status, _HERE),
    ("process", processing.process, _FILMS),
    ("search", searching.search, _FOUND),
    ("events", events.events, _FILMS),
    ("usage", usage.usage, _HOUSE),
    ("audit", compliance.audit, _HOUSE),
    ("env", housekeeping.env, _BEHIND),
):
    app.command(name, epilog=EPILOG, rich_help_panel=panel)(command)
app.command(
    "runner",
    epilog=EPILOG,
    rich_help_panel=_BEHIND,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(runner.lend)
for name, group, panel in (
    ("video", videos.app, _FILMS),
    ("script", scripts.app, _FILMS),
    ("logo", logos.app, _FILMS),
    ("job", jobs.app, _FILMS),
    ("scenes", found.scenes, _FOUND),
    ("transcript", found.transcripts, _FOUND),
    ("alignment", alignments.app, _FOUND),
    ("watermarks", found.watermarks, _FOUND),
    ("rendition", found.renditions, _FOUND),
    ("user", people.users, _HOUSE),
    ("key", people.keys, _HOUSE),
    ("webhook", webhooks.app, _HOUSE),
    ("retention", keeping.retention, _HOUSE),
    ("export", keeping.export, _HOUSE),
    ("erase", compliance.erase, _HOUSE),
    ("receipt", keeping.receipt, _HOUSE),
    ("runners", runner.app, _BEHIND),
    ("work", work.app, _BEHIND),
    ("dlq", dead_letters.app, _BEHIND),
    ("models", weights.app, _BEHIND),
):
    app.add_typer(group, name=name, rich_help_panel=panel)
app.command("version", rich_help_panel=_HERE)(housekeeping.version)


def main() -> None:
    """Run the command line. SIGTERM and a closed terminal end it like Ctrl-C: what was started is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    app()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
