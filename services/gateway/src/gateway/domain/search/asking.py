"""What somebody types into a search, understood: words, ``"phrases"``, ``-without``, ``begin*``, ``this OR that``."""

import re
from dataclasses import dataclass

from gateway.domain.refusals import InvalidRequest
from gateway.domain.search.words import tokens_of

__all__ = ["Question", "Term", "understand"]

_MOST_TERMS = 16
_MOST_WORDS = 32
_SHORTEST_BEGINNING = 2
_TERM = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """One word, or several in a row."""

    words: tuple[str, ...]
    beginning: bool = False
    """Whether it is the beginning of a word."""
    quoted: bool = False

    @property
    def phrase(self) -> bool:
        """Whether its words must follow each other."""
        return len(self.words) > 1

    @property
    def forgiving(self) -> bool:
        """Whether it may be spelt otherwise: quotation marks mean what they hold."""
        return not (self.phrase or self.beginning or self.quoted)


@dataclass(frozen=True, slots=True)
class Question:
    """All of ``wanted`` (of each, one of its terms) and none of ``unwanted``."""

    wanted: tuple[tuple[Term, ...], ...]
    unwanted: tuple[Term, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every term there is."""
        return (*(term for group in self.wanted for term in group), *self.unwanted)


def understand(asked: str) -> Question:
    """The question somebody asked. Raises InvalidRequest for one that names nothing to look for, or too much."""
    groups: list[list[Term]] = []
    unwanted: list[Term] = []
    alternative = False
    for match in _TERM.finditer(asked):
        if match["word"] in ("OR", "|") and not match["minus"]:
            alternative = bool(groups)
            continue
        term = _term(match)
        if term is None:
            continue
        if match["minus"]:
            unwanted.append(term)
        elif alternative:
            groups[-1].append(term)
        else:
            groups.append([term])
        alternative = False
    question = Question(tuple(tuple(group) for group in groups), tuple(unwanted))
    _require_answerable(question)
    return question


def _term(match: re.Match[str]) -> Term | None:
    quoted = match["phrase"] is not None
    text = match["phrase"] if quoted else match["word"]
    words = tuple(token.word for token in tokens_of(text))
    if not words:
        return None
    beginning = not quoted and text.endswith("*") and len(words) == 1
    if beginning and len(words[0]) < _SHORTEST_BEGINNING:
        raise InvalidRequest(f"give at least {_SHORTEST_BEGINNING} letters before *", field="q")
    return Term(words, beginning=beginning, quoted=quoted)


def _require_answerable(question: Question) -> None:
    if not question.wanted:
        raise InvalidRequest("name at least one word to look for", field="q")
    if len(question.terms) > _MOST_TERMS or sum(len(term.words) for term in question.terms) > _MOST_WORDS:
        raise InvalidRequest(f"at most {_MOST_TERMS} terms of {_MOST_WORDS} words together", field="q")
