"""Which language is spoken, and which model understands it."""

from collections.abc import Mapping, Sequence

__all__ = ["SURE", "decide_language", "model_for"]

SURE = 0.8
"""A language this probable in one stretch of speech needs no second opinion."""


def decide_language(votes: Sequence[Mapping[str, float]]) -> tuple[str | None, float | None]:
    """The language with the highest mean probability over some stretches of speech, and that mean.

    Args:
        votes: per stretch, the probability of each ISO 639-1 code; a code left out is improbable.
    """
    if not votes:
        return None, None
    codes = sorted({code for vote in votes for code in vote})
    means = {code: sum(vote.get(code, 0.0) for vote in votes) / len(votes) for code in codes}
    best = max(codes, key=lambda code: means[code])
    return best, means[best]


def model_for(*, quality: str | None, language: str | None, models: Mapping[str, str]) -> str:
    """The model to hear with.

    The fast model knows English only, so another language takes the accurate one; without a word about the language
    who asks for ``fast`` gets it, and English.

    Args:
        quality: ``fast`` or ``accurate``; None means accurate.
        language: ISO 639-1 code; None when it is to be found out.
        models: name of the model by quality.
    """
    fast = quality == "fast" and (not models["fast"].endswith(".en") or language in (None, "en"))
    return models["fast" if fast else "accurate"]
