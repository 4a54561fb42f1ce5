"""``matchcut`` where only the runner is installed: the same command, with the one word that this machine needs."""

import importlib
import importlib.util
import sys

__all__ = ["main"]


def main() -> None:
    """``matchcut runner …``; anything else goes to the whole command line, where that is installed too."""
    if sys.argv[1:2] == ["runner"]:
        from upscale.runner.__main__ import main as lend

        lend(sys.argv[2:])
    elif importlib.util.find_spec("matchcut") is not None:
        importlib.import_module("matchcut.main").main()
    else:
        sys.stderr.write("here is the runner alone: matchcut runner --url … --token … (--help for all of it)\n")
        sys.exit(2)
