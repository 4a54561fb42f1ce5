"""A guess at the language a script is written in, by the small words every sentence needs."""

from collections import Counter
from collections.abc import Iterable

__all__ = ["language_of"]

_SMALL_WORDS = {
    "da": "og i at det er en til på som med for ikke jeg har den de af vi han et hun du var men så",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an er sie ich wir",
    "en": "the of and to a in that is was he for it with as his on be at by i this had not are but you they we what",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o yo qué",
    "fi": "ja on ei että se hän oli mutta en niin kun kuin mitä minä sinä ne joka nyt olen vain sitä myös sen",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il je nous vous elle",
    "hu": "a az és hogy nem is egy ez meg de csak van volt mint már azt még ki ha mi ezt kell vagy én",
    "it": "di e il la che in un a per è una sono con non del si da come al le dei ma più lo io questo mi ho della",
    "nb": "og i det er en til på som med for ikke jeg har den de av vi han et hun du var men så å seg",
    "nl": "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou wat",
    "pl": "i w nie na się z do to że jest a o jak ale po co tak za od jego był tylko czy ja by jej",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele eu",
    "ro": "de și în a la cu pe nu o este că un din se care mai pentru sau au fost dar ca el ea îl eu",
    "ru": "и в не на я что он с как это по но к из у за от так о она мы ты вы бы же его ее был",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig vi du hon så",
    "tr": "bir ve bu da de için ne o ben çok mi ile gibi ama daha sen var kadar değil mı her şey biz onu",
}
_SMALL = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_ENOUGH = 0.12
"""Of the words of real sentences about a third are such; below this it is a list of names, or another language."""
_LEAD = 1.1
"""The best guess is one if it is so much better than the next."""
_FIRST = 3000


def language_of(words: Iterable[str]) -> str:
    """The two letters of ISO 639-1, or nothing where it cannot be told."""
    counts: Counter[str] = Counter()
    for number, word in enumerate(words):
        if number == _FIRST:
            break
        counts[word] += 1
    total = sum(counts.values())
    shares = sorted(
        ((sum(counts[word] for word in small) / max(total, 1), language) for language, small in _SMALL.items()),
        reverse=True,
    )
    (best, language), (next_best, _) = shares[:2]
    return language if best >= _ENOUGH and best >= next_best * _LEAD else ""
