"""What the headers of tus, of ranges, of cursors and of keys say, whatever somebody puts in them."""

import base64
import hashlib
import string
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.api.pages import PageAsked, _encode
from gateway.domain.ranges import UnsatisfiableRange, byte_range, content_range
from gateway.domain.refusals import BadTusHeader, InvalidRequest
from gateway.domain.tus import ALGORITHMS, checksum_of, concat_of, digits_of, filename_of, metadata_of, sha256_of

PREFIX = "/v1/uploads/tus"
KEYS = st.text(st.sampled_from(string.ascii_letters + string.digits + "-_.!#'\"()*+/:;<=>?@[]^`{|}~$%&\\"), min_size=1)
ANYTHING = st.text(st.characters(max_codepoint=255), max_size=300)


def coded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@given(st.dictionaries(KEYS, st.binary(max_size=60), max_size=8))
def test_metadata_is_what_was_put_in(pairs: dict[str, bytes]) -> None:
    header = ",".join(f"{key} {coded(value)}" if value else key for key, value in pairs.items())

    assert dict(metadata_of(header)) == pairs


@given(ANYTHING)
@example("filename")
@example("a YQ==, b Yg==")
@example(" ")
def test_metadata_is_understood_or_refused(header: str) -> None:
    try:
        pairs = metadata_of(header)
    except BadTusHeader:
        return
    assert all(key and key.isascii() and not set(key) & set(" ,") for key in pairs)
    assert len(filename_of(pairs)) in range(1, 256)
    assert filename_of(pairs).isprintable()


@given(st.binary(max_size=400))
def test_a_file_has_a_name_of_one_line(name: bytes) -> None:
    given_name = filename_of({"filename": name})

    assert given_name.isprintable()
    assert 1 <= len(given_name) <= 255
    assert given_name == given_name.strip()


@given(st.binary(max_size=80))
@example(hashlib.sha256(b"").hexdigest().upper().encode())
def test_a_digest_in_the_metadata_is_64_digits_or_refused(value: bytes) -> None:
    try:
        digest = sha256_of({"sha256": value})
    except BadTusHeader:
        return
    assert digest is not None
    assert bytes.fromhex(digest).hex() == digest
    assert len(digest) == 64


@given(st.sampled_from(ALGORITHMS), st.binary(max_size=100))
def test_a_checksum_is_that_of_the_bytes(algorithm: str, content: bytes) -> None:
    digest = hashlib.new(algorithm, content, usedforsecurity=False).digest()

    checksum = checksum_of(f"{algorithm} {coded(digest)}")
    adding = checksum.new()
    adding.update(content)

    assert (checksum.algorithm, checksum.digest, adding.digest()) == (algorithm, digest, digest)


@given(
    ANYTHING
    | st.tuples(st.sampled_from([*ALGORITHMS, "crc32"]), st.binary(max_size=40)).map(
        lambda pair: f"{pair[0]} {coded(pair[1])}"
    )
)
def test_a_checksum_is_understood_or_refused(header: str) -> None:
    try:
        checksum = checksum_of(header)
    except BadTusHeader:
        return
    assert len(checksum.digest) == checksum.new().digest_size


@given(st.lists(st.uuids(), min_size=1, max_size=20), st.sampled_from(["", "https://films.example", "http://[::1]:80"]))
def test_parts_are_named_in_their_order(parts: list[UUID], origin: str) -> None:
    concat = concat_of("final;" + " ".join(f"{origin}{PREFIX}/{part}" for part in parts), prefix=PREFIX)

    assert list(concat.parts or ()) == parts


@given(ANYTHING)
@example("final;http://[/v1/uploads/tus/x")
@example(f"final;{PREFIX}/{uuid4()} {PREFIX}/../videos/{uuid4()}")
def test_a_concatenation_is_understood_or_refused(header: str) -> None:
    try:
        concat = concat_of(header, prefix=PREFIX)
    except BadTusHeader:
        return
    assert concat.parts is None or all(isinstance(part, UUID) for part in concat.parts)


@given(ANYTHING | st.integers().map(str))
@example("\u0661")
@example("+1")
@example("1_0")
def test_a_length_is_plain_digits_or_refused(header: str) -> None:
    try:
        number = digits_of("Upload-Length", header)
    except BadTusHeader:
        assert not (header.isascii() and header.isdecimal() and len(header) <= 18)
        return
    assert 0 <= number < 10**18


@given(
    ANYTHING | st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda ends: f"bytes={ends[0]}-{ends[1]}"),
    st.integers(0, 250),
)
def test_a_range_stays_within_the_bytes_there_are(header: str, size: int) -> None:
    try:
        part = byte_range(header, size)
    except UnsatisfiableRange:
        return
    assert part is None or 0 <= part.start < part.end <= size


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(0, 10**6) | st.none())
def test_what_a_server_says_of_a_part_is_read_as_it_is_meant(start: int, length: int, behind: int | None) -> None:
    size = None if behind is None else start + length + behind

    part = content_range(f"bytes {start}-{start + length - 1}/{'*' if size is None else size}")

    assert part is not None
    assert (part.start, part.end, part.size) == (start, start + length, size)


@given(ANYTHING)
@example("bytes 5-4/10")
@example("bytes 0-9/9")
def test_nonsense_about_a_part_is_no_part(header: str) -> None:
    part = content_range(header)

    assert part is None or (part.start < part.end and (part.size is None or part.end <= part.size))


@given(st.uuids())
def test_a_cursor_leads_back_to_what_it_was_made_of(last: UUID) -> None:
    assert PageAsked(50, _encode(last)).before == last


@given(st.text(max_size=64))
@example("AAAAAAAAAAAAAAAAAAAAAA")
@example("=" * 22)
def test_a_cursor_is_one_of_ours_or_refused(cursor: str) -> None:
    try:
        before = PageAsked(50, cursor).before
    except InvalidRequest:
        return
    assert isinstance(before, UUID)


def test_the_examples_of_the_protocol_are_understood() -> None:
    assert dict(metadata_of("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential")) == {
        "filename": b"world_domination_plan.pdf",
        "is_confidential": b"",
    }
    assert checksum_of("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").digest == hashlib.sha1(b"hello world").digest()
    assert concat_of("partial", prefix=PREFIX).parts is None
    with pytest.raises(BadTusHeader):
        concat_of("final", prefix=PREFIX)
