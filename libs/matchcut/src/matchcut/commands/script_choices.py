"""Options about the script, what is made of it, and which steps are meant."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Columns", "Export", "Language", "ScriptFile", "StartTimecode", "Steps"]

ScriptFile = Annotated[
    Path | None,
    typer.Option("--script", "-s", help="Its script: text, Markdown, Fountain, .fdx, .docx, .srt, .vtt, .csv."),
]
Columns = Annotated[
    str | None, typer.Option(help="Of a script that is a table: text=Line,speaker=2.", show_default="guessed")
]
Export = Annotated[list[str] | None, typer.Option(help="More exports: edl,fcpxml,…, or all.", metavar="FORMATS")]
StartTimecode = Annotated[
    str | None, typer.Option(help="Of the first frame: 01:00:00:00; 01:00:00;00 is drop-frame.", show_default="its own")
]
Steps = Annotated[str | None, typer.Option(help="Only these, with commas.", show_default="all that the files allow")]
Language = Annotated[str | None, typer.Option(help="Language of the speech, such as en.", show_default="detected")]
