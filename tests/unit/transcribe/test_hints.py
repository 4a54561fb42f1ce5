"""Words of the script help where something was misheard, and never put in what was not said."""

from collections.abc import Sequence
from io import BytesIO
from zipfile import ZipFile

import pytest

from support.heard_words import heard
from transcribe.domain.heard import HeardWord, Passage
from transcribe.domain.hints import Clip, Hints, believed, clips, heard_again, hint_words

SCRIPT = b"Peter Schoeffer of Maintz printed a missal.\nIt was his heir who sold it, the heir of Schoeffer."


def passage(text: str, *, at: float = 0.0, probability: float = 0.6) -> Passage:
    words = text.split()
    return Passage(
        tuple(heard(f" {word}", at + n * 0.4, at + n * 0.4 + 0.3, probability) for n, word in enumerate(words))
    )


def hints(script: bytes = SCRIPT) -> Hints:
    return Hints(hint_words(script), list)


def text_of(passages: Sequence[Passage]) -> str:
    return "".join(word.text for one in passages for word in one.words).strip()


class Ears:
    """A second hearing that is known beforehand."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[tuple[Clip, str]] = []

    def __call__(self, clip: Clip, told: str) -> Sequence[str]:
        self.asked.append((clip, told))
        return self.texts.pop(0).split()


def test_the_words_of_a_script_are_each_there_once_and_names_keep_their_capital() -> None:
    words = hint_words(b"The Bible of Gutenberg.\nPrinters knew the bible; Gutenberg's press was the first.")

    assert words == ("the", "bible", "of", "Gutenberg", "printers", "knew", "Gutenberg's", "press", "was", "first")


@pytest.mark.parametrize("script", [b"PK\x03\x04docx", b"a\0b", b"", b"\xff\xfea", b"%PDF-1.7\0\xff"])
def test_a_script_that_is_no_text_gives_no_hints(script: bytes) -> None:
    assert hint_words(script) == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_script_in_any_encoding_gives_its_words(encoding: str) -> None:
    assert hint_words("sold to Schöffer".encode(encoding)) == ("sold", "to", "Schöffer")


def test_a_word_document_gives_its_words() -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as document:
        document.writestr("word/document.xml", "<w:p><w:t>Hello, Marlow.</w:t></w:p>")

    assert hint_words(packed.getvalue()) == ("hello", "Marlow")


def test_tags_of_a_script_are_no_words() -> None:
    assert hint_words(b'<Paragraph Type="Dialogue"><Text>Hello, Marlow.</Text></Paragraph>') == ("hello", "Marlow")


def test_a_misheard_name_is_heard_again_with_the_script_s_word_and_believed() -> None:
    ears = Ears("Peter Schoeffer, of course.")

    better = heard_again([passage("Peter Schoffer, of course.")], hints(), ears)

    assert text_of(better) == "Peter Schoeffer, of course."
    assert [told for _, told in ears.asked] == ["Schoeffer"]
    assert ears.asked[0][0].spans[0] == pytest.approx((0.0, 1.7))


def test_what_the_script_has_is_not_heard_again() -> None:
    ears = Ears()

    same = heard_again([passage("it was his heir")], hints(), ears)

    assert (text_of(same), ears.asked) == ("it was his heir", [])


def test_a_hint_that_the_second_hearing_does_not_bear_out_is_not_taken() -> None:
    better = heard_again([passage("the missel")], hints(), Ears("the missile"))

    assert text_of(better) == "the missel"


def test_nothing_comes_in_but_the_hint_in_the_place_of_the_word_it_sounds_like() -> None:
    told = [passage("Peter Schoffer left")]
    invented = "Peter Schoeffer of Maintz printed a missal and left"

    better = heard_again(told, hints(), Ears(invented))

    assert text_of(better) == "Peter Schoeffer left"


def test_a_hint_that_was_heard_elsewhere_is_not_taken() -> None:
    better = heard_again([passage("Schoffer came and then left")], hints(), Ears("Nobody came and then left Schoeffer"))

    assert text_of(better) == "Schoffer came and then left"


def test_a_word_heard_for_sure_stands_unless_it_sounds_exactly_alike() -> None:
    sure = passage("missals", probability=0.95)
    homophone = Hints(("heir",), lambda word: ["EH", "R"])

    assert hints().for_passage(sure) == {}
    assert hints().for_passage(passage("missals")) == {0: "missal"}
    assert homophone.for_passage(passage("air", probability=0.95)) == {0: "heir"}


def test_signs_blanks_and_capitals_stay_as_they_were_heard() -> None:
    words = [HeardWord(" “Missel,”", 0, 1, 0.5), HeardWord(" schoffer!", 1, 2, 0.5)]

    better = believed(words, ["missal", "Schoeffer"], {0: "missal", 1: "Schoeffer"})

    assert [word.text for word in better] == [" “Missal,”", " Schoeffer!"]
    assert [(word.start, word.probability) for word in better] == [(0, 0.5), (1, 0.5)]


def test_passages_are_heard_again_together_as_long_as_they_fit_in_one_clip() -> None:
    told = [passage(f"Schoffer {'and then ' * 15}left", at=20.0 * n) for n in range(3)]

    made = clips(told, hints())

    assert [clip.places for clip in made] == [(0, 1), (2,)]
    assert made[0].hints == {0: "Schoeffer", 32: "Schoeffer"}


def test_each_passage_of_a_clip_gets_its_own_words_back() -> None:
    told = [passage("by Schoffer"), passage("untouched words"), passage("in Mainz itself")]

    better = heard_again(told, hints(), Ears("by Schoeffer in Maintz itself"))

    assert [text_of([one]) for one in better] == ["by Schoeffer", "untouched words", "in Maintz itself"]
    assert [len(one.words) for one in better] == [2, 2, 3]


def test_without_words_there_is_nothing_to_hear() -> None:
    assert heard_again([], hints(), Ears()) == ()
    assert heard_again([passage("Schoffer")], Hints((), list), Ears()) == (passage("Schoffer"),)
