"""Searching: what was asked, found among what was said and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.search.asking import Question, Term, understand
from gateway.domain.search.queries import Lexicon, Mark, marked, pair_marks, ranking, tsquery
from gateway.domain.search.spelling import apart, tolerance
from gateway.domain.search.words import Token, plain, tokens_of
from gateway.ports import RecordsOn
from gateway.ports.search import IndexedPassage, Scope, SearchIndex, Window

__all__ = ["Correction", "Found", "Hit", "Search"]

_RARE = 3
"""A word in fewer passages than these may be a slip of whoever asks, or of whoever wrote it down."""
_MOST_CORRECTED = 4
_MOST_VARIANTS = 6
_READ_FOR_ONE = 60
"""Whoever walks from the newest backwards reads so many passages in the time in which the index finds and fetches one,
times the hits that are wanted: so walking is shorter where the square of the hits is more than this times all passages.
Measured on 143,050 passages: even at about 3,000 hits."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers, with the words that do."""

    passage: IndexedPassage
    score: float
    tokens: Sequence[Token]
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that hardly occurs, and what was looked for besides."""

    word: str
    searched_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits."""

    hits: Sequence[Hit]
    corrections: Sequence[Correction]
    next: Window | None


class Search:
    """Answers questions to the index of a tenant."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on

    async def __call__(self, caller: Caller, asked: str, *, scope: Scope, window: Window, limit: int) -> Found:
        """The best hits after those that were shown. Raises InvalidRequest."""
        question = understand(asked)
        async with self._database.read(caller.tenant_id) as connection:
            index = self._records_on(connection).search
            sizes = await index.languages(scope)
            if not sizes:
                return Found((), (), None)
            lexicons, corrections = await _lexicons(index, question, list(sizes))
            query = tsquery(question, lexicons, kinds=scope.kinds if len(scope.kinds) == 1 else ())
            ranked_by = ranking(question, lexicons)
            ranked = await index.ranked(
                query,
                ranked_by,
                scope=scope,
                window=window,
                limit=limit + 1,
                dense=_is_dense(question, lexicons, sizes),
            )
            shown = ranked.candidates[:limit]
            lexemes = sorted({lexeme for term in question.terms for one in lexicons for lexeme in _all_of(one, term)})
            beginnings = [plain(term.words[0]) for term in question.terms if term.beginning]
            passages = await index.passages([one.passage for one in shown], lexemes, beginnings)
        by_language = {one.language: one for one in lexicons}
        hits = [_hit(question, by_language, passages[one.passage], one.score) for one in shown]
        following: Window | None = None
        if len(ranked.candidates) > limit:
            following = Window(ranked.newest, shown[-1].score, shown[-1].passage)
        elif ranked.next_window is not None:
            following = Window(ranked.next_window)
        return Found(hits, corrections, following)


async def _lexicons(
    index: SearchIndex, question: Question, languages: Sequence[str]
) -> tuple[list[Lexicon], list[Correction]]:
    words = sorted({word for term in question.terms for word in term.words})
    stems = await index.stems(languages, words)
    small = await _small(index, question, languages)
    pairs = {language: _pairs(question, small[language]) for language in languages}
    marks = {one for each in pairs.values() for one in each}
    counts = await index.counts(languages, sorted({*stems.values(), *marks}))
    known: dict[str, dict[str, int]] = {
        language: {
            **{word: counts.get((language, stems[language, word]), 0) for word in words},
            **{pair: counts.get((language, pair), 0) for pair in pairs[language]},
        }
        for language in languages
    }
    variants: dict[str, dict[str, tuple[str, ...]]] = {language: {} for language in languages}
    for term in question.terms:
        if term.beginning:
            for language, found in (await index.beginning(languages, term.words[0])).items():
                variants[language][term.words[0]] = tuple(found)
                known[language][term.words[0]] = sum(found.values())
    corrections = []
    for word in _doubtful(question, known):
        near = _nearest(word, await index.near(languages, word))
        for language, _, lexeme in near:
            mine = variants[language].get(word, ())
            variants[language][word] = mine if lexeme in (*mine, stems[language, word]) else (*mine, lexeme)
        if near:
            corrections.append(Correction(word, tuple(dict.fromkeys(spelling for _, spelling, _ in near))))
    lexicons = [
        Lexicon(
            language,
            {word: stems[language, word] for word in words},
            known[language],
            variants[language],
            small[language],
        )
        for language in languages
    ]
    return lexicons, corrections


async def _small(index: SearchIndex, question: Question, languages: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """The words of phrases that everybody uses, by language."""
    words = sorted({word for term in question.terms if term.phrase for word in term.words})
    found = await index.small(languages, words, paired=True) if words else ()
    return {language: frozenset(word for of, word in found if of == language) for language in languages}


def _pairs(question: Question, small: frozenset[str]) -> set[str]:
    return {pair for term in question.terms if term.phrase for pair in pair_marks(term.words, small)}


def _doubtful(question: Question, known: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Words that hardly occur in any language, and that may be spelt otherwise."""
    wanted = [term.words[0] for group in question.wanted for term in group if term.forgiving]
    rare = [word for word in wanted if tolerance(word) and sum(one[word] for one in known.values()) < _RARE]
    return list(dict.fromkeys(rare))[:_MOST_CORRECTED]


def _nearest(word: str, near: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    most = tolerance(word)
    ranked = sorted(
        (distance, place, one)
        for place, one in enumerate(near)
        if 0 < (distance := apart(word, one[1], most=most)) <= most
    )
    return [one for _, _, one in ranked[:_MOST_VARIANTS]]


def _is_dense(question: Question, lexicons: Sequence[Lexicon], sizes: Mapping[str, int]) -> bool:
    """Whether so many passages answer that one meets them wherever one looks; as if words fell independently.

    A phrase must be looked for in each passage that has its words, so that it is only worth it where almost all have.
    """
    expected, total = 0.0, sum(sizes.values())
    for lexicon in lexicons:
        size = sizes[lexicon.language]
        shares = [min(1.0, sum(_count(lexicon, term) for term in group) / size) for group in question.wanted]
        expected += size * prod(shares)
    if any(_is_guess(lexicon, term) for group in question.wanted for term in group for lexicon in lexicons):
        return expected * 5 >= total
    return expected**2 >= _READ_FOR_ONE * total


def _is_guess(lexicon: Lexicon, term: Term) -> bool:
    """Whether nobody counted in how many passages it is, as two small words in a row are counted."""
    return term.phrase and (len(term.words) > 2 or not lexicon.pairs_of(term.words))


def _count(lexicon: Lexicon, term: Term) -> int:
    pairs = lexicon.pairs_of(term.words) if term.phrase else []
    return min(lexicon.known.get(word, 0) for word in (*term.words, *pairs))


def _all_of(lexicon: Lexicon, term: Term) -> Sequence[str]:
    return [lexicon.of(word) for word in term.words] if term.phrase else lexicon.all_of(term)


def _hit(question: Question, lexicons: Mapping[str, Lexicon], passage: IndexedPassage, score: float) -> Hit:
    tokens = tokens_of(passage.text)
    marks = marked(question, [lexicons[passage.language]], passage.places, tokens)
    return Hit(passage, score, tokens, marks)
