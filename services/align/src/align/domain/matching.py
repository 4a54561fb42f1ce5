"""Match a script with what was heard: literal passes first, then lines in other words, then what is left over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from align.domain.edges import with_misheard_edges
from align.domain.following import Page, follow
from align.domain.heard import HeardWord, clauses, ends_sentence, pause_before
from align.domain.paraphrase import Embed, Gap, Restated, restated_lines
from align.domain.passes import LineTokens, Pass, believable, passes_of
from align.domain.similarity import Emissions
from align.domain.tokens import Piece, Token, Vocabulary, pieces_of, tokens_of

__all__ = ["Matching", "match_script"]

_LINES_AROUND_A_JUMP = 3
"""Where the film leaves the script's order, unspoken lines this near to either side may have been said in between."""


@dataclass(frozen=True)
class Matching:
    """Everything that was found. Passes and restated lines never share a heard word."""

    lines: tuple[LineTokens, ...]
    heard: tuple[Token, ...]
    passes: tuple[Pass, ...]
    restated: tuple[Restated, ...]
    loose: tuple[tuple[int, int], ...]
    """Runs of heard words (first, last; inclusive) that are in no line."""


def match_script(texts: Sequence[str], words: Sequence[HeardWord], embed: Embed, *, english: bool = True) -> Matching:
    """Find every line of a script in the words of a film; ``texts`` are the spoken lines in the script's order."""
    heard_pieces = _pieces(words, english=english)
    line_pieces = [pieces_of(text, english=english) for text in texts]
    heard = tokens_of(heard_pieces, Vocabulary(line_pieces))
    spoken = Vocabulary([heard_pieces])
    lines_tokens = [tokens_of(pieces, spoken) for pieces in line_pieces]
    heard_texts = [token.text for token in heard]
    script_texts = [token.text for tokens in lines_tokens for token in tokens]
    if not heard or not script_texts:
        lines = tuple(_line_tokens(tokens, None) for tokens in lines_tokens)
        return Matching(lines, tuple(heard), (), (), _runs(range(len(words))))
    emissions = Emissions(heard_texts, script_texts)
    lines = tuple(_line_tokens(tokens, emissions) for tokens in lines_tokens)
    pauses = [
        pause_before(words, token.word) if at and heard[at - 1].word != token.word else 0.0
        for at, token in enumerate(heard)
    ]
    passes = _literal(heard_texts, script_texts, lines, emissions, pauses)
    kept = list(passes)
    restated: list[Restated] = []
    if len(script_texts) <= _SHORT_SCRIPT or sum(len(one.matches) for one in passes) >= _TRACE * len(heard):
        kept, restated = _in_other_words(words, texts, heard, passes, lines, embed)
    return Matching(lines, tuple(heard), tuple(kept), tuple(restated), _loose(words, heard, kept, restated))


_SHORT_SCRIPT, _TRACE = 1500, 0.03
"""A script of more words than that of which not even this share of the speech is found is not looked for by meaning."""
_FRAGMENT = 0.5
"""Share of a line under which a pass may be the few words that a line in other words has kept."""
_MOSTLY_OWN = 0.6
"""Share of a restated span beyond which a fragment explains it alone: the line was broken off, not put otherwise."""


def _in_other_words(
    words: Sequence[HeardWord],
    texts: Sequence[str],
    heard: Sequence[Token],
    passes: Sequence[Pass],
    lines: Sequence[LineTokens],
    embed: Embed,
) -> tuple[list[Pass], list[Restated]]:
    """Lines said in other words, and the passes that remain: fragments inside of such a line are part of it."""
    solid = [one for one in passes if one.share >= _FRAGMENT or one.complete(lines[one.line])]
    whole = {one.line for one in solid}
    solid += [one for one in passes if one.share < _FRAGMENT and one.line in whole]
    solid.sort(key=lambda one: one.first)
    loose = _loose(words, heard, solid, ())
    found = [
        _to_sentences(words, one, loose)
        for one in restated_lines(_gaps(words, heard, solid, loose, len(lines)), texts, embed)
    ]
    kept, taken = list(passes), []
    for one in found:
        inside = [p for p in kept if heard[p.last].word >= one.first and heard[p.first].word <= one.last]
        own = sum(heard[p.last].word - heard[p.first].word + 1 for p in inside if p.line == one.line)
        if own < _MOSTLY_OWN * (one.last - one.first + 1):
            taken.append(one)
            kept = [p for p in kept if p not in inside and p.line != one.line]
    return kept, taken


def _pieces(words: Sequence[HeardWord], *, english: bool) -> list[Piece]:
    """The recognizer's words as pieces; a piece's ``word`` is the index of the recognized word."""
    pieces: list[Piece] = []
    for at, word in enumerate(words):
        pieces += [replace(piece, word=at, optional=False) for piece in pieces_of(word.text, english=english)]
    return pieces


def _line_tokens(tokens: Sequence[Token], emissions: Emissions | None) -> LineTokens:
    weights = tuple(
        float(emissions.weights[emissions.script_ids[token.text]]) if emissions else 1.0 for token in tokens
    )
    optional = tuple(token.optional for token in tokens)
    if all(optional):  # a line wholly in parentheses that the author meant to be spoken
        optional = (False,) * len(optional)
    return LineTokens(tuple(t.text for t in tokens), tuple(t.word for t in tokens), optional, weights)


_SKIP_COST = 0.9


def _literal(
    heard: Sequence[str],
    script: Sequence[str],
    lines: Sequence[LineTokens],
    emissions: Emissions,
    pauses: Sequence[float],
) -> list[Pass]:
    page = Page(
        np.array([emissions.script_ids[text] for text in script], dtype=np.intp),
        np.array([at for at, line in enumerate(lines) for _ in line.texts], dtype=np.intp),
        np.array([0.0 if free else _SKIP_COST for line in lines for free in line.optional]),
        len(lines),
    )
    heard_ids = [emissions.heard_ids[text] for text in heard]
    places = follow(heard_ids, [emissions.script_ids.get(text, -1) for text in heard], page, emissions)
    likeness = [
        emissions.likeness(heard_ids[at], int(page.word[place.token])) if place and place.token >= 0 else 0.0
        for at, place in enumerate(places)
    ]
    return believable(with_misheard_edges(passes_of(places, likeness, lines), lines, pauses), lines)


def _runs(indexes: Sequence[int]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for at in indexes:
        if runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    return tuple(runs)


def _loose(
    words: Sequence[HeardWord], heard: Sequence[Token], passes: Sequence[Pass], restated: Sequence[Restated]
) -> tuple[tuple[int, int], ...]:
    """Runs of words in no pass; a pass or a restated line between two words ends a run."""
    used: set[int] = set()
    for one in passes:
        used.update(range(heard[one.first].word, heard[one.last].word + 1))
    for other in restated:
        used.update(range(other.first, other.last + 1))
    return _runs([at for at in range(len(words)) if at not in used])


_SENTENCE_REST = 0.4
"""The rest of a sentence, in parts of the span that was found in it, up to which it belongs to the same line."""
_BREAK_S = 0.9
"""Seconds of silence that end a sentence whatever the recognizer writes."""


def _to_sentences(words: Sequence[HeardWord], one: Restated, loose: Sequence[tuple[int, int]]) -> Restated:
    """Stretch a restated line to the ends of its sentence where little is left of it and nothing else claims it."""
    low, high = next((run for run in loose if run[0] <= one.first and one.last <= run[1]), (one.first, one.last))
    rest = _SENTENCE_REST * (one.last - one.first + 1)
    first, last = one.first, one.last
    while first > low and not _break_between(words, first - 1):
        first -= 1
    while last < high and not _break_between(words, last):
        last += 1
    first = first if one.first - first <= rest else one.first
    last = last if last - one.last <= rest else one.last
    return replace(one, first=first, last=last)


def _break_between(words: Sequence[HeardWord], at: int) -> bool:
    """Whether a sentence ends with word ``at``."""
    return ends_sentence(words[at].text) or pause_before(words, at + 1) >= _BREAK_S


def _gaps(
    words: Sequence[HeardWord],
    heard: Sequence[Token],
    passes: Sequence[Pass],
    loose: Sequence[tuple[int, int]],
    line_count: int,
) -> list[Gap]:
    spoken = {one.line for one in passes}
    unspoken = [line for line in range(line_count) if line not in spoken]
    ends = [(heard[one.last].word, one.line) for one in passes]
    starts = [(heard[one.first].word, one.line) for one in passes]
    gaps = []
    taken: set[int] = set()
    for first, last in loose:
        before = max((pair for pair in ends if pair[0] < first), default=(0, -1))[1]
        after = min((pair for pair in starts if pair[0] > last), default=(0, line_count))[1]
        lines = tuple(line for line in unspoken if _may_be_between(line, before, after) and line not in taken)
        if lines:
            gaps.append(Gap(tuple(clauses(words, first, last)), lines))
    return gaps


def _may_be_between(line: int, before: int, after: int) -> bool:
    if before < after:
        return before < line < after
    return 0 < line - before <= _LINES_AROUND_A_JUMP or 0 < after - line <= _LINES_AROUND_A_JUMP
