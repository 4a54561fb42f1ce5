"""What the cells of ``colab/upscale_runner.ipynb`` call: a runner beside the notebook, and its bar in the cell.

The runner is a process of its own, so that the notebook can be used meanwhile and a restart of the kernel ends it: it
leaves when nobody holds its standard input open any more. The token is handed to that process and is kept nowhere else.
"""

import html
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from getpass import getpass
from typing import Any

from typing_extensions import override

__all__ = ["LentMachine", "RunnerEnded", "ask_token", "lend"]

_TOKEN = "MATCHCUT_RUNNER_TOKEN"
_LINES = 8
_LOOK_S = 0.3
_DRAIN_S = 90.0
"""Longer than a runner takes to end a frame and hand in what is done."""


class RunnerEnded(RuntimeError):
    """The runner ended by itself, for the reason it gave."""


def ask_token(ask: Callable[[str], str] = getpass) -> str:
    """The registration token: of the environment, of the secrets of Colab or Kaggle, or typed where nobody sees it."""
    for found in (_of_environment, _of_colab, _of_kaggle):
        token = found()
        if token:
            return token
    return ask("registration token (mct_…): ").strip()


def lend(
    url: str, *, token: str, name: str = "", chunks: int = 0, folder: str = "", options: str = ""
) -> "LentMachine":
    """Start a runner for this session; ``chunks``: leave after so many, 0 for as long as the notebook runs."""
    words = [sys.executable, "-m", "upscale.runner", "--events", "--ephemeral", "--url", url.strip(), *options.split()]
    words += ["--name", name.strip()] if name.strip() else []
    words += ["--chunks", str(chunks)] if chunks else []
    words += ["--folder", folder.strip()] if folder.strip() else []
    return LentMachine(words, token)


class LentMachine:
    """A runner at work."""

    def __init__(self, words: list[str], token: str) -> None:
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # stopping a cell is not meant for it: we tell it
            env={**os.environ, _TOKEN: token},
        )
        self._said: deque[str] = deque(maxlen=_LINES)
        self._now: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @override
    def __repr__(self) -> str:
        return f"<runner, {'at work' if self._process.poll() is None else 'gone'}>"

    def watch(self) -> None:
        """Show what it does until it ends. Stopping the cell has it hand back what it holds. Raises RunnerEnded."""
        shown = _Shown()
        try:
            self._follow(shown)
        except KeyboardInterrupt:
            self.stop()
        shown.show(self._page())
        if self._process.returncode not in (0, None):
            raise RunnerEnded(self._said[-1] if self._said else f"exit code {self._process.returncode}")

    def stop(self) -> None:
        """Have it hand in or give back what it holds, and wait until it is gone."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_DRAIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its chunk goes to another machine when the lease is over
                self._process.wait()
        self._reader.join(5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        print(self._said[-1] if self._said else "gone")  # noqa: T201 (it is what the cell says)

    def _follow(self, shown: "_Shown") -> None:
        while self._process.poll() is None:
            shown.show(self._page())
            time.sleep(_LOOK_S)
        self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                words = json.loads(line)
            except ValueError:
                self._said.append(line.strip()[:300])
                continue
            if "say" in words:
                self._said.append(str(words["say"]))
            else:
                self._now = words

    def _page(self) -> tuple[str, str]:
        """As HTML and as plain text."""
        lines, now = list(self._said), self._now
        share = now.get("done", 0) / max(1, now.get("frames", 1))
        below = (
            f"{now['what']}   {share:.0%}   {now['done']}/{now['frames']} frames   {now['per_s']:.2f}/s"
            if "what" in now
            else str(now.get("idle", "starting …"))
        )
        text = "\n".join([*lines, below])
        bar = f'<progress value="{share:.3f}" max="1" style="width:100%"></progress>' if "what" in now else ""
        body = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
        return f'<div style="font-family:monospace">{body}{bar}<div>{html.escape(below)}</div></div>', text


class _Shown:
    """One place in the cell's output, which changes; without a notebook, lines."""

    def __init__(self) -> None:
        try:
            self._display: Any = importlib.import_module("IPython.display")
        except ImportError:
            self._display = None
        self._handle: Any = None
        self._last = ""

    def show(self, page: tuple[str, str]) -> None:
        """Show this page in the place of the one before."""
        marked, text = page
        if text == self._last:
            return
        self._last = text
        if self._display is None:
            print(text.splitlines()[-1])  # noqa: T201 (a cell's output)
            return
        bundle = {"text/html": marked, "text/plain": text}
        if self._handle is None:
            self._handle = self._display.display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _of_environment() -> str:
    return os.environ.pop(_TOKEN, "").strip()


def _of_colab() -> str:
    try:
        secrets: Any = importlib.import_module("google.colab.userdata")
        return str(secrets.get(_TOKEN) or "").strip()
    except Exception:  # noqa: BLE001 (no Colab, no such secret, not allowed to see it: it is asked for then)
        return ""


def _of_kaggle() -> str:
    try:
        secrets: Any = importlib.import_module("kaggle_secrets").UserSecretsClient()
        return str(secrets.get_secret(_TOKEN) or "").strip()
    except Exception:  # noqa: BLE001 (as above)
        return ""
