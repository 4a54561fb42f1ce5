"""When the scenes and lines that somebody chose are seen and heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from contracts.documents import Ledger, LedgerLine, Scenes

__all__ = ["Times", "times_of_lines", "times_of_scenes"]


@dataclass(frozen=True)
class Times:
    """Stretches of the film in seconds, and what was chosen but is not to be found, in sentences."""

    stretches: tuple[tuple[float, float], ...]
    missing: tuple[str, ...] = ()


def times_of_scenes(document: Scenes, chosen: Collection[int]) -> Times:
    """From the start of each chosen scene to its end."""
    known = {scene.index: (scene.start, scene.end) for scene in document.scenes}
    missing = sorted(set(chosen) - set(known))
    said = f"the film has {len(known)} scenes, counted from 0; it has no scene {_listed(missing)}" if missing else ""
    return Times(tuple(known[index] for index in sorted(set(chosen) & set(known))), (said,) if said else ())


def times_of_lines(document: Ledger, chosen: Collection[int]) -> Times:
    """From the first word to the last of the take that was chosen of each line; of every take where none was."""
    spoken = {line.number: line for line in document.lines if line.number}
    stretches: list[tuple[float, float]] = []
    silent = []
    for number in sorted(set(chosen) & set(spoken)):
        takes = _takes_of(spoken[number])
        stretches += takes
        if not takes:
            silent.append(number)
    missing = sorted(set(chosen) - set(spoken))
    sentences = []
    if missing:
        sentences.append(f"the script has {len(spoken)} lines that are spoken; it has no line {_listed(missing)}")
    if silent:
        sentences.append(f"nobody says line {_listed(silent)} in the film")
    return Times(tuple(stretches), tuple(sentences))


def _takes_of(line: LedgerLine) -> list[tuple[float, float]]:
    takes = [take for take in line.takes if take.end > take.start]
    chosen = [take for take in takes if take.chosen]
    return [(take.start, take.end) for take in chosen or takes]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
