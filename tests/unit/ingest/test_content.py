"""What a file is by its first bytes."""

import pytest

from contracts.ingest import RejectionReason
from ingest.domain.content import recognise
from ingest.domain.refusal import Refused


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x00\x00\x00\x20ftypisom" + bytes(20), "mov"),
        (b"\x00\x00\x00\x08wide" + bytes(20), "mov"),
        (b"\x1aE\xdf\xa3" + bytes(20), "matroska"),
        (b"RIFF\x00\x10\x00\x00AVI LIST", "avi"),
        (b"FLV\x01\x05", "flv"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", "asf"),
        (b"GIF89a", "gif"),
        ((b"\x47" + bytes(187)) * 5, "mpegts"),
        (b"\x00\x00\x00\x00" + (b"\x47" + bytes(191)) * 5, "mpegts"),
    ],
)
def test_a_container_is_known_by_its_content_and_opened_by_one_demuxer(head: bytes, demuxer: str) -> None:
    content = recognise(head)

    assert content.demuxer == demuxer


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n",
        "\ufeff#EXTM3U\n",
        "ffconcat version 1.0\nfile ../secret\n",
        "# a comment first\nffconcat version 1.0\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">',
        "[playlist]\nFile1=http://127.0.0.1/",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        "http://127.0.0.1:9/film.mp4",
    ],
)
def test_what_names_other_files_is_forbidden(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        recognise(text.encode())

    assert refusal.value.reason is RejectionReason.FORBIDDEN_FORMAT


@pytest.mark.parametrize(
    ("head", "reason", "said"),
    [
        (b"\xff\xd8\xff\xe0", RejectionReason.NOT_MEDIA, "still picture (JPEG)"),
        (b"\x00\x00\x00\x18ftypheic", RejectionReason.NOT_MEDIA, "still picture (HEIF or AVIF)"),
        (b"RIFF\x00\x10\x00\x00WEBP", RejectionReason.NOT_MEDIA, "still picture (WebP)"),
        (b"ID3\x04", RejectionReason.NO_VIDEO, "MP3"),
        (b"RIFF\x00\x10\x00\x00WAVE", RejectionReason.NO_VIDEO, "WAV"),
        (b"PK\x03\x04", RejectionReason.NOT_MEDIA, "not a video"),
        (b"just some words", RejectionReason.NOT_MEDIA, "not a video"),
        (b"", RejectionReason.NOT_MEDIA, "not a video"),
        (b"\x47" + bytes(187), RejectionReason.NOT_MEDIA, "not a video"),
    ],
)
def test_anything_else_is_refused_by_what_it_is(head: bytes, reason: RejectionReason, said: str) -> None:
    with pytest.raises(Refused) as refusal:
        recognise(head)

    assert refusal.value.reason is reason
    assert said in refusal.value.detail
