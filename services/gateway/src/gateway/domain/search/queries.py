"""A question as PostgreSQL's ``tsquery``, and which words of a hit answer it.

Every passage carries two marks among its words, ``=transcript`` or ``=script`` and ``=en``: so kind and language are
part of the question and of the index. One more, ``=to be``, tells of each two words in a row that everybody uses.
A word's own place has weight A; the first words of the next passage, which are there for phrases across the cut, have
D. What is found must begin in the passage itself, so nothing is found twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.domain.search.asking import Question, Term
from gateway.domain.search.words import Token, plain

__all__ = [
    "Lexicon",
    "Mark",
    "kind_mark",
    "language_mark",
    "marked",
    "pair_marks",
    "ranking",
    "tsquery",
    "tsvector",
]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What one language makes of the words of a question."""

    language: str
    stems: Mapping[str, str]
    """What is indexed for a word."""
    known: Mapping[str, int] = field(default_factory=dict)
    """In how many passages a word of the question is, by any of its forms."""
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What is looked for besides a word: near spellings, or what words with this beginning are indexed as."""
    small: frozenset[str] = frozenset()
    """Words of the question that everybody uses, and pairs of which are indexed too."""

    def of(self, word: str) -> str:
        """What is indexed for this word."""
        return self.stems.get(word) or plain(word)

    def pairs_of(self, words: Sequence[str]) -> list[str]:
        """What two small words in a row are marked with, of each such two."""
        return pair_marks(words, self.small)

    def all_of(self, term: Term) -> tuple[str, ...]:
        """What a term of one word is looked for as."""
        variants = self.variants.get(term.words[0], ())
        if term.beginning:  # those that are not found by the beginning itself: `runn*` means `run` too
            return tuple(one for one in variants if not one.startswith(plain(term.words[0])))
        return tuple(dict.fromkeys((self.of(term.words[0]), *variants)))


def kind_mark(kind: str) -> str:
    """What passages of this kind are marked with; no word begins with it."""
    return f"={kind}"


def language_mark(language: str) -> str:
    """What passages in this language are marked with."""
    return f"={language or 'none'}"


def pair_marks(words: Sequence[str], small: Collection[str]) -> list[str]:
    """What a passage is marked with for each two small words in a row: no word begins so, nor has a space in it.

    Each stands in most passages, but two of them next to each other in few: by these a phrase of nothing else is found.
    """
    both = pairwise(words)
    found = (f"={plain(one)} {plain(other)}" for one, other in both if one in small and other in small)
    return list(dict.fromkeys(found))


def tsquery(question: Question, lexicons: Sequence[Lexicon], *, kinds: Iterable[str] = ()) -> str:
    """The question in each of the languages."""
    asked = [f"({mark(language_mark(one.language))} & {_asked(question, one)})" for one in lexicons]
    among = [mark(kind_mark(kind)) for kind in kinds]
    return f"({' | '.join(asked)})" + (f" & ({' | '.join(among)})" if among else "")


def ranking(question: Question, lexicons: Sequence[Lexicon]) -> str:
    """What hits are ranked by: the words that are wanted, as they are spelt in the question."""
    said = []
    for lexicon in lexicons:
        for group in question.wanted:
            for term in group:
                if term.phrase:
                    said.append(f"({' <-> '.join(_quoted(lexicon.of(word)) for word in term.words)})")
                else:
                    said += [_quoted(lexeme) for lexeme in lexicon.all_of(term)]
                    said += [f"{_quoted(beginning)}:*" for beginning in _beginning(term)]
    return " | ".join(dict.fromkeys(said))


def mark(name: str) -> str:
    """A mark as a word of a tsquery."""
    return _quoted(name)


def tsvector(words: Sequence[str], ahead: Sequence[str], marks: Iterable[str]) -> str:
    """What is indexed of a passage, as PostgreSQL reads a tsvector."""
    places: dict[str, list[str]] = {}
    for place, lexeme in enumerate(words, start=1):
        places.setdefault(lexeme, []).append(f"{place}A")
    for place, lexeme in enumerate(ahead, start=len(words) + 1):
        places.setdefault(lexeme, []).append(str(place))
    said = [_quoted(name) for name in marks]
    return " ".join([*said, *(f"{_quoted(lexeme)}:{','.join(found)}" for lexeme, found in places.items())])


def _asked(question: Question, lexicon: Lexicon) -> str:
    groups = []
    for group in question.wanted:
        terms = [_term(term, lexicon) for term in group]
        groups.append(terms[0] if len(terms) == 1 else f"({' | '.join(terms)})")
    unwanted = [f"!{_term(term, lexicon)}" for term in question.unwanted]
    return " & ".join([*groups, *unwanted])


def _term(term: Term, lexicon: Lexicon) -> str:
    if term.phrase:
        first, *others = (_quoted(lexicon.of(word)) for word in term.words)
        together = f"({' <-> '.join([f'{first}:A', *others])})"
        pairs = [mark(pair) for pair in lexicon.pairs_of(term.words)]
        return f"({' & '.join([together, *pairs])})" if pairs else together
    found = [f"{_quoted(beginning)}:*A" for beginning in _beginning(term)]
    found += [f"{_quoted(lexeme)}:A" for lexeme in lexicon.all_of(term)]
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"


def _beginning(term: Term) -> list[str]:
    return [plain(term.words[0])] if term.beginning else []


def _quoted(lexeme: str) -> str:
    doubled = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text of a hit that answers the question: words ``first`` to ``last``, counted from 0."""

    first: int
    last: int


def marked(
    question: Question, lexicons: Sequence[Lexicon], places: Mapping[str, Sequence[int]], tokens: Sequence[Token]
) -> list[Mark]:
    """The words of a hit that answer the question. ``places`` are 1-based, by what was indexed."""
    found: set[tuple[int, int]] = set()
    for lexicon in lexicons:
        for group in question.wanted:
            for term in group:
                found |= _places(term, lexicon, places)
    kept: list[Mark] = []
    for first, last in sorted(found, key=lambda place: (place[0], -place[1])):
        if first < len(tokens) and (not kept or first > kept[-1].last):
            kept.append(Mark(first, min(last, len(tokens) - 1)))
    return kept


def _places(term: Term, lexicon: Lexicon, places: Mapping[str, Sequence[int]]) -> set[tuple[int, int]]:
    if not term.phrase:
        begun = [lexeme for lexeme in places if any(lexeme.startswith(one) for one in _beginning(term))]
        return {(at - 1, at - 1) for lexeme in (*lexicon.all_of(term), *begun) for at in places.get(lexeme, ())}
    first, *others = (lexicon.of(word) for word in term.words)
    return {
        (at - 1, at - 1 + len(others))
        for at in places.get(first, ())
        if all(at + step in places.get(lexeme, ()) for step, lexeme in enumerate(others, start=1))
    }
