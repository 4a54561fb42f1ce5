"""Scripts as people really write them, without any format's rules: who speaks, what is said, and what is not."""

import pytest

from align.domain.reading import read_script
from align.domain.script import Script


def spoken(script: Script) -> list[tuple[str | None, str]]:
    return [(line.speaker, line.text) for line in script.spoken]


def others(script: Script) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in script.lines if line.kind != "dialogue"]


SHOOTING_SCRIPT = """                    THE PIER

1    INT. LIGHTHOUSE - NIGHT                                   1

     Rain falls. MARTA (40s) looks out.

                         MARTA
               I never said that I would come
               back to this place again.
                         (looking away,
                         slowly)
               Never.

                         BEN (O.S.)
               (softly) You never do.
                         (MORE)

                                                             2.

                         BEN (CONT'D)
               But you did.

2A   EXT. PIER - DAY                                          2A

     Waves.
"""


def test_a_shooting_script_copied_from_its_pages_is_read_with_its_numbers_and_breaks() -> None:
    script = read_script(SHOOTING_SCRIPT.encode(), name="pier.txt")

    assert spoken(script) == [
        ("MARTA", "I never said that I would come back to this place again."), ("MARTA", "Never."),
        ("BEN", "You never do."), ("BEN", "But you did."),
    ]  # fmt: skip
    assert others(script) == [
        ("action", "THE PIER"), ("heading", "INT. LIGHTHOUSE - NIGHT"),
        ("action", "Rain falls. MARTA (40s) looks out."),
        ("parenthetical", "(looking away, slowly)"), ("parenthetical", "(softly)"), ("parenthetical", "(MORE)"),
        ("action", "2."), ("heading", "EXT. PIER - DAY"), ("action", "Waves."),
    ]  # fmt: skip


WRITTEN: dict[str, tuple[str, list[tuple[str | None, str]], list[tuple[str, str]]]] = {
    "radio": (
        "HOST: Welcome back.\nDR. CHEN: Thanks.\nMUSIC: Fade up under.\nSFX: DOOR SLAMS\nHOST: (laughing) So: why?\n",
        [("HOST", "Welcome back."), ("DR. CHEN", "Thanks."), ("HOST", "So: why?")],
        [("action", "MUSIC: Fade up under."), ("action", "SFX: DOOR SLAMS"), ("parenthetical", "(laughing)")],
    ),
    "printed play": (
        "ACT ONE\nScene 1\n\nHAMLET. To be, or not to be.\nOPHELIA. My lord?\n\n[Exit Hamlet]\n\nOPHELIA. Alas.\n",
        [("HAMLET", "To be, or not to be."), ("OPHELIA", "My lord?"), ("OPHELIA", "Alas.")],
        [("heading", "ACT ONE"), ("heading", "Scene 1"), ("action", "[Exit Hamlet]")],
    ),
    "an edition of plays": (
        "SCENE I. Elsinore.\n\nBERNARDO\nWho's there?\n\nFRANCISCO.\nNay, answer me.\n\nBERNARDO\nLong live!\n",
        [("BERNARDO", "Who's there?"), ("FRANCISCO", "Nay, answer me."), ("BERNARDO", "Long live!")],
        [("heading", "SCENE I. Elsinore.")],
    ),
    "pictures beside words": (
        "VIDEO: A pier.\nAUDIO: The sea is calm.\nVIDEO: A boat.\nAUDIO: And old.\n",
        [("AUDIO", "The sea is calm."), ("AUDIO", "And old.")],
        [("action", "VIDEO: A pier."), ("action", "VIDEO: A boat.")],
    ),
    "a sentence of capitals is no name": ("OK. Let's go.\nWe went away.\nOK. That was it.\nAll was well.\n", [
        (None, "OK. Let's go."), (None, "We went away."), (None, "OK. That was it."), (None, "All was well."),
    ], []),
    "shouting under a name": (
        "THE PIER\nBY NOBODY\n\nANNA\nGET OUT!\n\nBEN\nNo.\n\nANNA\nNOW\n",
        [("ANNA", "GET OUT!"), ("BEN", "No."), ("ANNA", "NOW")],
        [("heading", "BY NOBODY")],
    ),
    "all in capitals": (
        "ANNA\nGET OUT!\n\nBEN\nNO.\n\nANNA\nNOW!\n\nBEN\nI SAID NO.\n",
        [("ANNA", "GET OUT!"), ("BEN", "NO."), ("ANNA", "NOW!"), ("BEN", "I SAID NO.")],
        [],
    ),
    "names in small letters above": (
        "Anna\nHello there.\n\nOld Ben\nHi.\n\nAnna\nBye.\n",
        [("Anna", "Hello there."), ("Old Ben", "Hi."), ("Anna", "Bye.")],
        [],
    ),
    "a poem has no speakers": (
        "Hope\nIs a thing with feathers,\n\nthat perches in the soul\nand sings\n\nthe tune\nwithout words\n",
        [(None, "Hope"), (None, "Is a thing with feathers,"), (None, "that perches in the soul"), (None, "and sings"),
         (None, "the tune"), (None, "without words")],
        [],
    ),
    "names with the time above": (
        "Speaker 1  0:03\nHello there.\n\nSpeaker 2  1:00:07\nHi.\n\nSpeaker 1  (1:00:09)\nBye.\n",
        [("Speaker 1", "Hello there."), ("Speaker 2", "Hi."), ("Speaker 1", "Bye.")],
        [],
    ),
    "times before names": (
        "[00:00:01] Anna: Hello.\n00:00:05 Ben: Hi there.\n(00:00:09) Anna: Bye.\n10:30 is when we met.\n",
        [("Anna", "Hello."), ("Ben", "Hi there."), ("Anna", "Bye."), ("Anna", "10:30 is when we met.")],
        [("parenthetical", "[00:00:01]"), ("parenthetical", "00:00:05"), ("parenthetical", "(00:00:09)")],
    ),
    "times alone, pages and transitions": (
        "00:00:01:12 - 00:00:03:00\nANNA: Hello.\n\nCUT TO:\n\nPage 2 of 3\n\nBEN: Bye.\n\nFADE OUT.\n",
        [("ANNA", "Hello."), ("BEN", "Bye.")],
        [("action", "00:00:01:12 - 00:00:03:00"), ("heading", "CUT TO:"), ("action", "Page 2 of 3"),
         ("heading", "FADE OUT.")],
    ),
    "brackets over rows": (
        "ANNA: Hi [she turns\nto the door] there.\n\n[A\ndirection.]\n\n(And one\nmore.)\n\nBEN: Sad :(\nYes.\n",
        [("ANNA", "Hi [she turns to the door] there."), ("BEN", "Sad :("), ("BEN", "Yes.")],
        [("action", "[A direction.]"), ("parenthetical", "(And one more.)")],
    ),
    "brackets in brackets": (
        "(to Ben (who sits)) Come in.\n[SFX [loud]: boom]\n(a) So (b)\n",
        [(None, "Come in."), (None, "So (b)")],
        [("parenthetical", "(to Ben (who sits))"), ("action", "[SFX [loud]: boom]"), ("parenthetical", "(a)")],
    ),
    "a numbered list": (
        "1. Hello there.\n2. How are you?\n\n3) Fine.\n",
        [(None, "Hello there."), (None, "How are you?"), (None, "Fine.")],
        [],
    ),
    "numbers that count nothing": (
        "7. Mai\n3. Juni\n9. Juli\n", [(None, "7. Mai"), (None, "3. Juni"), (None, "9. Juli")], [],
    ),
    "several who are counted": (
        "SOLDIER 1\nHalt!\n\nMAN #2\nWho?\n\nANNA & BEN\nUs.\n",
        [("SOLDIER 1", "Halt!"), ("MAN #2", "Who?"), ("ANNA & BEN", "Us.")],
        [],
    ),
    "Japanese": (
        "花子：こんにちは。\n太郎：（笑）さようなら。\n花子「またね。」\n太郎「はい。」\n",
        [("花子", "こんにちは。"), ("太郎", "さようなら。"), ("花子", "またね。"), ("太郎", "はい。")],
        [("parenthetical", "（笑）")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("habit", WRITTEN)
def test_a_text_is_read_as_its_author_meant_it(habit: str) -> None:
    text, said, not_said = WRITTEN[habit]

    script = read_script(text.encode(), name="script.txt")

    assert (spoken(script), others(script)) == (said, not_said)


def test_subtitles_for_the_deaf_keep_sounds_and_songs_apart() -> None:
    cues = ["(DOOR SLAMS)", "MAN 1: Hello! (COUGHS)", "♪ La la la ♪", "Bye"]
    text = "\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{cue}\n" for n, cue in enumerate(cues, 1))

    script = read_script(text.encode(), name="a.srt")

    assert spoken(script) == [("MAN 1", "Hello! (COUGHS)"), (None, "La la la"), (None, "Bye")]
    assert others(script) == [("parenthetical", "(DOOR SLAMS)")]


ROLLED_UP = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
\x20
so<00:00:00.500><c> hello</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
so hello
\x20

00:00:02.010 --> 00:00:04.000 align:start position:0%
so hello
my<00:00:02.500><c> friends.</c>
"""


def test_captions_that_roll_up_are_said_once() -> None:
    assert spoken(read_script(ROLLED_UP.encode(), name="a.vtt")) == [(None, "so hello my friends.")]


def test_what_is_said_twice_in_other_subtitles_is_said_twice() -> None:
    text = "".join(f"00:0{n}.000 --> 00:0{n}.900\nNo.\n\n" for n in (1, 2))

    assert spoken(read_script(f"WEBVTT\n\n{text}".encode(), name="a.vtt")) == [(None, "No."), (None, "No.")]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("Hello.\nBye.\n", [(None, "Hello."), (None, "Bye.")]),
        ("Script,Line,Character,Dialogue\nPier,1,ANNA,Hello.\n", [("ANNA", "Hello.")]),
        ("Nr;Figur;Sprechtext\n1;ANNA;Hallo.\n", [("ANNA", "Hallo.")]),
        ("Personnage;Réplique\nANNA;Salut.\n", [("ANNA", "Salut.")]),
        ("Name,Speaker,Line\nreel 1,ANNA,Hello.\n", [("ANNA", "Hello.")]),
    ],
)
def test_a_table_is_guessed_by_the_most_telling_of_its_heads(table: str, said: list[tuple[str | None, str]]) -> None:
    assert spoken(read_script(table.encode(), name="a.csv")) == said
