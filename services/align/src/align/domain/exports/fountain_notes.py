"""The script as Fountain again, with a note (``[[…]]``) at each line that says what became of it."""

import re

from align.domain.exports.film import Film, on_one_row
from contracts.documents import AdLib, Ledger, LedgerLine

__all__ = ["UNNAMED", "annotated_fountain"]

UNNAMED = "UNNAMED"
"""Who speaks where the script does not say: the format has no speech without somebody who speaks."""
_GAP = "\u2060"
"""No width and no meaning: keeps apart what would be the format's own marks."""
_MARKS = re.compile(r"\[(?=\[)|\](?=\])|/(?=\*)|\*(?=/)")
_EMPHASIS = re.compile(r"[*_]")
_VERDICTS = {
    "yes": "The script is this film's",
    "partly": "The script is partly this film's",
    "no": "The script is not this film's",
}


def annotated_fountain(film: Film, ledger: Ledger) -> str:
    """Every element is forced by its mark, so that it is read back as what it is. Ad-libs are notes between lines."""
    verdict = f"{_VERDICTS[ledger.script_matches]}: {ledger.coverage:.0%} of its words are spoken."
    blocks = [f"Title: {on_one_row(film.title) or 'Untitled'}\nNotes: {verdict}"]
    delivery: str | None = None  # who speaks next, as the parenthetical before says
    waiting = sorted(ledger.ad_libs, key=lambda one: one.start)
    for line in ledger.lines:
        chosen = next((take for take in line.takes if take.chosen), None)
        while chosen is not None and waiting and waiting[0].start < chosen.start:
            blocks.append(_ad_lib(film, waiting.pop(0)))
            delivery = None
        block = _block(film, line)
        if delivery is not None and block.startswith(delivery):
            blocks[-1] += f"\n{block.removeprefix(delivery)}"
        else:
            blocks.append(block)
        delivery = f"{_cue(line)}\n" if line.kind == "parenthetical" else None
    blocks += [_ad_lib(film, one) for one in waiting]
    return "\n\n".join([*blocks, ""]).rstrip("\n") + "\n"


def _block(film: Film, line: LedgerLine) -> str:
    text = _plain(line.text)
    if line.kind == "heading":
        return f".{text}" if not text.startswith(".") else f"> {text}"
    if line.kind == "action":
        return f"!{text}"
    if line.kind == "parenthetical":
        inside = text if text.startswith("(") and text.endswith(")") else f"({text.strip('()')})"
        return f"{_cue(line)}\n{inside}"
    return f"{_cue(line)}\n{_spoken(text)} [[{_note(film, line)}]]"


def _cue(line: LedgerLine) -> str:
    return f"@{_plain(line.speaker or '') or UNNAMED}"


def _spoken(text: str) -> str:
    """Speech that begins like another element is kept apart from it."""
    return f"{_GAP}{text}" if text[:1] in "(~>" else text


def _note(film: Film, line: LedgerLine) -> str:
    said = f"{line.line_id}: {line.status.value if line.status else 'not told'}"
    for number, take in enumerate(line.takes, 1):
        mark = "*" if take.chosen and len(line.takes) > 1 else ""
        said += f"; take {number}{mark} {film.clock.at(take.start)} - {film.clock.at(take.end)}"
    return said if line.review == "open" else f"{said}; {line.review}"


def _ad_lib(film: Film, one: AdLib) -> str:
    return f"[[ad-lib {film.clock.at(one.start)} - {film.clock.at(one.end)}: {_apart(on_one_row(one.text))}]]"


def _plain(text: str) -> str:
    return _EMPHASIS.sub(lambda mark: f"\\{mark[0]}", _apart(on_one_row(text)))


def _apart(text: str) -> str:
    return _MARKS.sub(lambda mark: f"{mark[0]}{_GAP}", text)
