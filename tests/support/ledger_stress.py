"""Films that never were: a script, what its cast made of it, and what a recognizer with many errors heard."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from align.domain.heard import HeardWord

__all__ = ["RESTATED", "Film", "shoot"]

RESTATED = (
    ("I am not going to let you leave this house tonight.", "There is no way you are getting out of here now."),
    ("The doctor says that she may never walk again.", "According to him she might lose the use of her legs."),
    ("We have been driving for hours and saw no car.", "We've been on the road a day and met no one."),
    ("My grandfather built this boat with his own two hands.", "This ship was made by my mother's father himself."),
    ("If you sell the farm we will have nowhere to live.", "Get rid of that land and we'll all be homeless."),
    ("The police found the money under the kitchen floor.", "Cops discovered the cash beneath the boards."),
    ("Nobody in this town remembers the summer of the great fire.", "People forgot the year when everything burned."),
    ("She plays the piano every morning before breakfast.", "Each day, before she eats, she is at the piano."),
    ("You should have told me that the train was late.", "Why didn't you let me know the train had been delayed?"),
    ("I would rather starve than eat another bowl of that soup.", "I would go hungry before I touch that broth again."),
    ("The children were afraid of the old man next door.", "Our elderly neighbour used to frighten the kids."),
    ("Put down the gun and step away from the window.", "Drop your weapon, and move back from that glass."),
)  # fmt: skip
"""Lines and how an actor said them who had forgotten the words."""

_ASIDES = (
    "sorry can we go again I lost my place there",
    "is the camera still rolling or did it stop",
    "somebody left a coffee on the prop table",
    "quiet on the set please we are recording",
    "that light keeps flickering above the door can you check it",
    "okay let me try it a little slower this time",
)
_COMMON = (
    "the",
    "a",
    "and",
    "of",
    "to",
    "in",
    "is",
    "was",
    "that",
    "it",
    "he",
    "we",
    "you",
    "with",
    "for",
    "on",
    "but",
    "not",
)


@dataclass
class Film:
    """What was shot: the script's lines, what became of each, the words heard, and the ad-libs (start, end)."""

    lines: list[str]
    statuses: list[str]
    takes: list[list[tuple[float, float, bool]]]
    words: list[HeardWord] = field(default_factory=list)
    ad_libs: list[tuple[float, float]] = field(default_factory=list)


def shoot(
    lines: Sequence[str], *, errors: float, seed: int, mischief: float = 0.4, restated: int = 0, asides: bool = True
) -> Film:
    """Shoot a script: a share ``mischief`` of its lines goes wrong in some way, ``errors`` of the words is misheard.

    ``restated`` pairs of ``RESTATED`` are put between the lines. The same arguments give the same film.
    """
    rng = random.Random(seed)
    script = list(lines)
    told = {line: line for line in script}
    for one, other in rng.sample(RESTATED, restated):
        script.insert(rng.randrange(1, len(script)), one)
        told[one] = other
    fates = _fates(script, told, rng, mischief)
    film = Film(script, fates, [[] for _ in script])
    for at in _order(fates):
        _play(film, at, told[script[at]], rng, errors)
        if asides and rng.random() < 0.06:
            _aside(film, rng, errors)
    return film


def _fates(script: Sequence[str], told: dict[str, str], rng: random.Random, mischief: float) -> list[str]:
    fates = []
    for line in script:
        fate = "spoken"
        if told[line] != line:
            fate = "paraphrased"
        elif rng.random() < mischief:
            fate = rng.choice(("omitted", "omitted", "repeated", "false start", "partial", "moved"))
        if fate in ("false start", "partial") and len(line.split()) < 8:
            fate = "spoken"
        fates.append(fate)
    # A moved line trades places with its neighbour, so both are; a neighbour with another fate gives it up.
    at = 0
    while at < len(fates):
        if fates[at] == "moved":
            if at + 1 < len(fates) and fates[at + 1] != "paraphrased":
                fates[at + 1] = "moved"
                at += 1
            else:
                fates[at] = "spoken"
        at += 1
    return fates


def _order(fates: Sequence[str]) -> list[int]:
    order = list(range(len(fates)))
    at = 0
    while at + 1 < len(order):
        if fates[at] == "moved":
            order[at], order[at + 1] = order[at + 1], order[at]
            at += 1
        at += 1
    return order


def _play(film: Film, at: int, text: str, rng: random.Random, errors: float) -> None:
    words = text.split()
    fate = film.statuses[at]
    if fate == "omitted":
        return
    if fate == "false start":
        cut = rng.randint(4, max(4, len(words) // 2))
        film.takes[at].append((*_say(film, words[:cut], rng, errors), False))
        film.statuses[at] = "spoken"
    if fate == "repeated":
        film.takes[at].append((*_say(film, words, rng, errors), True))
    if fate == "partial":
        words = words[: rng.randint(max(3, int(0.4 * len(words))), max(3, int(0.7 * len(words))))]
    film.takes[at].append((*_say(film, words, rng, errors), fate != "partial"))


def _aside(film: Film, rng: random.Random, errors: float) -> None:
    start, end = _say(film, rng.choice(_ASIDES).split(), rng, errors)
    if film.ad_libs and film.ad_libs[-1][1] + 1.0 > start:
        film.ad_libs[-1] = (film.ad_libs[-1][0], end)
    else:
        film.ad_libs.append((start, end))


def _say(film: Film, words: Sequence[str], rng: random.Random, errors: float) -> tuple[float, float]:
    clock = (film.words[-1].end if film.words else 0.0) + rng.uniform(0.2, 0.9)
    start = clock
    for word in words:
        length = 0.12 + 0.05 * len(word)
        for text in _misheard(word, rng, errors):
            film.words.append(HeardWord(text, round(clock, 3), round(clock + length, 3), rng.uniform(0.7, 1.0)))
        clock += length + 0.02
    return start, clock - 0.02


def _misheard(word: str, rng: random.Random, errors: float) -> list[str]:
    """What the recognizer wrote: with probability ``errors`` another word, none, or one more."""
    if rng.random() >= errors:
        return [word]
    kind = rng.choice(("alike", "alike", "other", "none", "more"))
    if kind == "alike" and len(word) > 3:
        at = rng.randrange(1, len(word) - 1)
        return [word[:at] + rng.choice("aeioultrnsmd") + word[at + 1 :]]
    if kind == "none":
        return []
    return [word, rng.choice(_COMMON)] if kind == "more" else [rng.choice(_COMMON)]
