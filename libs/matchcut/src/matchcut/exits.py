"""What the command's exit codes mean, and which failure has which."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from matchcut.client import ApiError, Forbidden, Invalid, MatchcutError, TooLarge, Unauthorised, Unreachable
from matchcut.console import Console
from matchcut.demo.sources import SourceMissing
from matchcut.launcher import LaunchFault
from matchcut.servers import ServerFault

__all__ = ["EPILOG", "Exit", "PartFailed", "UsageFault", "exit_codes"]


class Exit(IntEnum):
    """Stable: scripts branch on these."""

    DONE = 0
    FAILED = 1
    """A job or a check failed."""
    USAGE = 2
    """The command line or a file named on it makes no sense."""
    REJECTED = 3
    """The video was turned away."""
    UNREACHABLE = 4
    """The gateway cannot be reached, or lets us not in."""
    NOT_STARTED = 5
    """The launcher could not start something."""
    INTERRUPTED = 130


EPILOG = (
    "Exit codes: 0 done · 1 a job or a check failed · 2 wrong usage · 3 the video was rejected ·"
    " 4 the gateway cannot be reached or refuses us · 5 a part could not be started · 130 interrupted"
)


class PartFailed(Exception):
    """A part of Matchcut could not do what was asked of it; the message says which, and why."""


class UsageFault(Exception):
    """What was asked makes no sense; the message says what would."""


@contextmanager
def exit_codes(console: Console) -> Iterator[None]:
    """Turn failures into a message on stderr and the right exit code."""
    try:
        yield
    except (UsageFault, SourceMissing) as fault:
        console.failure(str(fault), code=Exit.USAGE)
    except (Unreachable, Unauthorised, Forbidden) as fault:
        console.failure(str(fault), code=Exit.UNREACHABLE)
    except (Invalid, TooLarge) as fault:
        console.failure(str(fault), code=Exit.USAGE)
    except ApiError as fault:
        trace = f" (trace {fault.trace_id})" if fault.trace_id else ""
        console.failure(f"{fault}{trace}", code=Exit.FAILED)
    except (MatchcutError, PartFailed) as fault:
        console.failure(str(fault), code=Exit.FAILED)
    except (LaunchFault, ServerFault) as fault:
        console.failure(str(fault), code=Exit.NOT_STARTED)
    except KeyboardInterrupt:
        console.say("[dim]interrupted[/]")
        raise typer.Exit(Exit.INTERRUPTED) from None
