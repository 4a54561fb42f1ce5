"""Marks of emphasis taken away: they are the format's and not the author's. Fountain and Markdown have the same."""

import re

__all__ = ["without_emphasis"]

_RUN = re.compile(r"\\[*_]|\*{1,3}|_+")


def without_emphasis(text: str) -> str:
    r"""``*italic*``, ``**bold**``, ``***both***`` and ``_underline_`` without their marks; ``\*`` stays a star.

    A mark opens before a letter and closes after one; one that has no partner is the author's own. In one pass, however
    many marks there are.
    """
    if not any(mark in text for mark in "*_\\"):
        return text
    pieces: list[str] = []
    open_: dict[str, list[int]] = {}
    at = 0
    for found in _RUN.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        run = found.group()
        if run.startswith("\\"):
            pieces.append(run[1:])
            continue
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        waiting = open_.setdefault(run, [])
        if waiting and before.strip() and not (run[0] == "_" and after.isalnum()):
            pieces[waiting.pop()] = ""
            run = ""
        elif after.strip() and not (run[0] == "_" and before.isalnum()):
            waiting.append(len(pieces))
        pieces.append(run)
    return "".join([*pieces, text[at:]])
