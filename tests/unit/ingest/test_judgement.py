"""From what was seen to media.json, warnings, refusals and the plan of the proxy."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from contracts.documents import Color, Media
from contracts.ingest import RejectionReason
from ingest.domain.codecs import check_video
from ingest.domain.observation import Film, Picture, Sound, describe, judge
from ingest.domain.proxy import plan_proxy
from ingest.domain.refusal import Limits, Refused
from ingest.domain.shape import Size
from ingest.domain.tracks import SoundTrack, choose_track

TRACK = SoundTrack(index=1, codec="aac", sample_rate=48_000, channels=2)


def a_picture(**changes: object) -> Picture:
    picture = Picture(
        index=0,
        codec="h264",
        sizes=(Size(640, 360),),
        sar=Fraction(1),
        turn=0,
        colour=Color(pixel_format="yuv420p"),
        time_base=Fraction(1, 25),
        pts=list(range(250)),
        last_ticks=1,
        header_rates=(Fraction(25),),
        interlaced_frames=0,
        damaged=0,
        damaged_at=None,
        key_gap=50,
    )
    return replace(picture, **changes)  # type: ignore[arg-type]


def a_film(**changes: object) -> Film:
    sound = Sound(track=TRACK, start=Fraction(0), end=Fraction(10), damaged=0)
    film = Film(container="mov", promised=Fraction(10), picture=a_picture(), tracks=(TRACK,), starts={}, sound=sound)
    return replace(film, **changes)  # type: ignore[arg-type]


def media_of(film: Film) -> Media:
    return describe(film, judge(film), sha256="0" * 64, size_bytes=500_000)


def test_a_plain_film_is_described_without_warnings_and_its_proxy_is_a_copy() -> None:
    film = a_film()

    media = media_of(film)
    plan = plan_proxy(film, judge(film), media, longest=1280)

    assert (media.frames, media.frame_rate, media.duration, media.warnings) == (250, "25/1", 10.0, ())
    assert media.audio[0].default
    assert plan.copy


@pytest.mark.parametrize(
    "film",
    [
        a_film(picture=a_picture(codec="hevc")),
        a_film(picture=a_picture(colour=Color(pixel_format="yuv420p10le", bit_depth=10))),
        a_film(picture=a_picture(turn=-90)),
        a_film(picture=a_picture(sar=Fraction(4, 3))),
        a_film(picture=a_picture(sizes=(Size(1920, 1080),))),
        a_film(picture=a_picture(interlaced_frames=250)),
        a_film(picture=a_picture(key_gap=1000)),
        a_film(picture=a_picture(damaged=1)),
        a_film(picture=a_picture(pts=list(range(25, 275)))),
        a_film(container="matroska"),
        a_film(sound=Sound(TRACK, Fraction(1, 2), Fraction(10), 0)),
        a_film(sound=Sound(replace(TRACK, channels=6), Fraction(0), Fraction(10), 0)),
        a_film(sound=Sound(replace(TRACK, codec="opus"), Fraction(0), Fraction(10), 0)),
    ],
    ids=["codec", "depth", "turned", "pixels", "size", "interlaced", "keys", "damage", "start", "container", "delay",
         "surround", "opus"],
)  # fmt: skip
def test_anything_a_browser_might_stumble_over_is_encoded(film: Film) -> None:
    plan = plan_proxy(film, judge(film), media_of(film), longest=1280)

    assert not plan.copy


@pytest.mark.parametrize(
    ("film", "said"),
    [
        (a_film(picture=a_picture(damaged=3, damaged_at=Fraction(4))), "first near 4.0 s"),
        (a_film(sound=Sound(TRACK, Fraction(0), Fraction(10), 2)), "The sound is damaged"),
        (a_film(promised=Fraction(20)), "promises 20.0 s, but 10.0 s"),
        (a_film(sound=Sound(TRACK, Fraction(0), Fraction(16), 0)), "goes on for 6.0 s"),
        (a_film(sound=None), "no sound could be decoded"),
        (a_film(picture=a_picture(streams=2)), "holds 2 pictures"),
        (a_film(picture=a_picture(turn=40)), "by 40 degrees"),
        (a_film(picture=a_picture(pts=[*range(100), *range(110, 260)])), "holes in time: 1"),
    ],
)
def test_what_is_odd_but_can_be_lived_with_is_said(film: Film, said: str) -> None:
    media = media_of(film)

    assert any(said in warning for warning in media.warnings)


@pytest.mark.parametrize(
    "picture",
    [a_picture(sizes=(Size(640, 360), Size(480, 270))), a_picture(pts=[*range(100), *range(100)])],
    ids=["another size", "the clock set back"],
)
def test_recordings_joined_raw_are_refused(picture: Picture) -> None:
    with pytest.raises(Refused) as refusal:
        judge(a_film(picture=picture))

    assert refusal.value.reason is RejectionReason.UNSUPPORTED
    assert "joined raw" in refusal.value.detail


def test_limits_name_what_was_exceeded_and_by_how_much() -> None:
    limits = Limits(max_bytes=2**30, max_pixels=36_000_000, max_duration_s=3600)
    refusals = []
    checks: list[Callable[[], None]] = [
        lambda: limits.check_size(0),
        lambda: limits.check_size(2**31),
        lambda: limits.check_picture(16_000, 16_000),
        lambda: limits.check_duration(7200),
        lambda: check_video("bink"),
    ]

    for check in checks:
        with pytest.raises(Refused) as refusal:
            check()
        refusals.append((refusal.value.reason, refusal.value.detail))

    assert [reason.value for reason, _ in refusals] == [
        "empty",
        "too_large",
        "too_many_pixels",
        "too_long",
        "unsupported",
    ]
    assert "256 megapixels" in refusals[2][1]
    limits.check_size(2**30)
    limits.check_picture(6000, 6000)
    limits.check_duration(3600)


def test_the_default_track_is_heard_and_commentary_only_when_there_is_nothing_else() -> None:
    tone = SoundTrack(index=1, codec="aac", sample_rate=48_000, channels=6)
    speech = SoundTrack(index=2, codec="aac", sample_rate=44_100, channels=1, default=True)
    comment = SoundTrack(index=3, codec="aac", sample_rate=48_000, channels=2, secondary=True)
    exotic = SoundTrack(index=4, codec="bink_audio", sample_rate=48_000, channels=2, default=True)

    assert choose_track([tone, speech, comment, exotic]) == speech
    assert choose_track([comment, tone]) == tone
    assert choose_track([comment]) == comment
    assert choose_track([exotic]) is None
    assert choose_track([]) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [("01:00:00:00", "01:00:00:00"), ("01:00:00.02", "01:00:00;02"), ("1 o'clock", None), ("", None), (None, None)],
)
def test_a_timecode_is_kept_as_smpte_writes_it_or_not_at_all(said: str | None, meant: str | None) -> None:
    assert media_of(a_film(picture=a_picture(timecode=said))).timecode == meant
