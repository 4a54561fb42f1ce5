"""What the child process of a task does: read the script, match it, time it by its sound, write the exports.

The service itself imports this module but none of the engines: each is imported where it is used.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from align.domain.exports.film import Source
from align.domain.reading import read_script
from align.ports import Aligned, FilmOrder, Revised, RevisionOrder
from chassis import child
from chassis.models import ModelStore
from contracts.documents import Ledger, Scenes, Transcript, corrected

if TYPE_CHECKING:
    from align.domain.heard import HeardWord
    from align.domain.matching import Matching
    from align.domain.takes import TokenTime

__all__ = ["align_film", "revise_film"]


def align_film(order: FilmOrder) -> Aligned:
    """Align a film; see ``align.ports.AlignFilm``.

    Raises:
        UnreadableScript: the script is nothing that can be read.
        EmptyScript: nobody speaks in it.
        UnusableSound: audio.wav is not what ingest promises.
        ModelUnavailable: the sentence embedder's weights cannot be had.
    """
    from align.adapters.minilm import MiniLm
    from align.adapters.weights import MINILM
    from align.domain.heard import HeardWord
    from align.domain.ledger import tell_ledger, verdict
    from align.domain.matching import match_script

    child.progress(0.0, "reading the script")
    script = read_script(order.script, order.script_format, name=order.title, columns=order.columns)
    transcript = Transcript.model_validate_json(order.transcript)
    scenes = Scenes.model_validate_json(order.scenes) if order.scenes else None
    words = [HeardWord(word.text, word.start, word.end, word.probability) for word in transcript.words]
    english = transcript.language in (None, "en")
    embed = MiniLm(
        ModelStore(order.tools.models_dir, order.tools.cache_dir).ensure(MINILM), threads=order.tools.threads
    )
    child.progress(0.1, "finding the lines")
    matching = match_script([line.text for line in script.spoken], words, embed, english=english)
    child.progress(0.3, "timing the words")
    aligns = english and verdict(matching) != "no" and order.audio is not None
    times, aligner = _times(order, matching, words, aligns=aligns)
    engine = f"words and sentences (minilm-l6-v2-int8), {aligner}"
    machine = tell_ledger(script, matching, words, times, scenes.scenes if scenes else (), engine=engine)
    said = corrected(machine, order.corrections, scenes.scenes if scenes else ())
    exports = _exports(said.ledger, transcript, scenes, order.source, title=order.title)
    if not order.corrections:
        return Aligned(machine, exports, MINILM.sha256)
    return Aligned(said.ledger, exports, MINILM.sha256, machine=machine, conflicts=len(said.conflicts))


def revise_film(order: RevisionOrder) -> Revised:
    """Put what people said into a ledger and its exports; see ``align.ports.ReviseFilm``."""
    scenes = Scenes.model_validate_json(order.scenes) if order.scenes else None
    transcript = Transcript.model_validate_json(order.transcript) if order.transcript else None
    said = corrected(Ledger.model_validate_json(order.ledger), order.corrections, scenes.scenes if scenes else ())
    exports = _exports(said.ledger, transcript, scenes, order.source, title=order.title)
    return Revised(said.ledger, exports, len(said.conflicts))


def _times(
    order: FilmOrder, matching: "Matching", words: "Sequence[HeardWord]", *, aligns: bool
) -> "tuple[list[TokenTime], str]":
    """Times of the heard tokens and who gave them: forced alignment in English, else the recognizer."""
    from align.domain.takes import recognized_times

    if not aligns or order.audio is None:
        return recognized_times(matching, words), "recognized times"
    from importlib.metadata import version

    from align.adapters.sound import Sound
    from align.adapters.sphinx import SphinxAligner
    from align.domain.windows import aligned_times, likely_words

    with Sound(order.audio) as sound:
        times = aligned_times(
            matching,
            likely_words(matching),
            words,
            sound,
            SphinxAligner(),
            lambda fraction: child.progress(0.3 + 0.65 * fraction, "timing the words"),
        )
    return times, f"pocketsphinx {version('pocketsphinx')}"


def _exports(
    ledger: Ledger, transcript: Transcript | None, scenes: Scenes | None, source: Source, *, title: str
) -> dict[str, tuple[str, bytes]]:
    from align.adapters.exports import exports_of

    if transcript is not None:
        source = replace(source, duration=transcript.duration, language=transcript.language)
    return exports_of(ledger, scenes, source, title=title)
