"""Server-sent events, as the HTML standard has them."""

from matchcut.client.events import ServerEvent, parse_events


def test_an_event_has_a_name_data_and_an_id() -> None:
    lines = ["event: job", "id: 7", 'data: {"a": 1}', ""]

    assert list(parse_events(lines)) == [ServerEvent("job", '{"a": 1}', "7")]


def test_heartbeats_and_unknown_fields_say_nothing() -> None:
    assert list(parse_events([": still here", "", "mood: good", ""])) == []


def test_data_over_several_lines_is_one_text() -> None:
    (event,) = parse_events(["data: one", "data:two", "data:  three", ""])

    assert event.data == "one\ntwo\n three"
    assert event.name == "message"


def test_the_last_id_stays_until_another_comes() -> None:
    events = list(parse_events(["id: 1", "data: a", "", "data: b", "", "id: 2", "retry: 1500", "data: c", ""]))

    assert [event.id for event in events] == ["1", "1", "2"]
    assert events[-1].retry_s == 1.5


def test_an_event_that_was_cut_off_is_lost() -> None:
    assert list(parse_events(["data: whole", "", "event: job", "data: ha"])) == [ServerEvent("message", "whole")]
