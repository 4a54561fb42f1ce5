"""Requests to addresses that customers name: real sockets, and names that lie."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.outbound import Answer, Outbound, Unreached, system_resolver
from gateway.domain.destinations import ForbiddenDestination, OutboundRules, destination_of
from support.webhook_receiver import Receiver, a_receiver, certificates

PUBLIC = "93.184.216.34"


class Names:
    """A DNS that says one thing after another; the last for ever."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def rules(receiver: Receiver, *networks: str) -> OutboundRules:
    return OutboundRules(
        ports=frozenset({receiver.port}), allow_http=True, networks=[ip_network(network) for network in networks]
    )


async def send(outbound: Outbound, url: str, *, timeout_s: float = 10, most_bytes: int = 1000) -> Answer:
    destination = destination_of(url)
    return await outbound.send(
        "POST", destination, headers={}, content=b"news", timeout_s=timeout_s, most_bytes=most_bytes
    )


async def test_what_the_operator_allows_is_reached_by_the_name_it_was_called() -> None:
    async with a_receiver() as receiver:
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        answer = await send(outbound, f"http://hooks.example:{receiver.port}/a?b")

    assert answer.status == 204
    (heard,) = receiver.heard
    assert (heard.method, heard.target, heard.body) == ("POST", "/a?b", "news")
    assert heard.headers["host"] == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "127.1"])
async def test_no_spelling_of_this_machine_gets_through(host: str) -> None:
    async with a_receiver() as receiver:
        outbound = Outbound(rules(receiver), resolve=system_resolver)

        with pytest.raises(ForbiddenDestination):
            await send(outbound, f"http://{host}:{receiver.port}/")

    assert receiver.connections == 0


async def test_a_name_that_leads_inside_is_not_followed() -> None:
    async with a_receiver() as receiver:
        outbound = Outbound(rules(receiver), resolve=Names(["127.0.0.1"]))
        url = f"http://hooks.example:{receiver.port}/"

        with pytest.raises(ForbiddenDestination, match="does not lead to a public address"):
            await outbound.check(destination_of(url))
        with pytest.raises(ForbiddenDestination, match="does not lead to a public address"):
            await send(outbound, url)

    assert receiver.connections == 0


async def test_a_name_with_one_good_and_one_bad_address_is_not_followed() -> None:
    async with a_receiver() as receiver:
        for addresses in ([PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"]):
            outbound = Outbound(rules(receiver), resolve=Names(addresses))

            with pytest.raises(ForbiddenDestination):
                await send(outbound, f"http://hooks.example:{receiver.port}/")

    assert receiver.connections == 0


async def test_a_name_that_is_good_when_checked_and_bad_when_used_is_not_followed() -> None:
    async with a_receiver() as receiver:
        names = Names([PUBLIC], ["127.0.0.1"])
        outbound = Outbound(rules(receiver), resolve=names)
        destination = destination_of(f"http://hooks.example:{receiver.port}/")
        await outbound.check(destination)

        with pytest.raises(ForbiddenDestination):
            await outbound.send("POST", destination, headers={}, content=b"", timeout_s=10, most_bytes=10)

    assert names.asked == 2
    assert receiver.connections == 0


async def test_the_connection_goes_to_the_very_address_that_was_checked() -> None:
    async with a_receiver(host="127.0.0.2") as allowed, a_receiver(host="127.0.0.1", port=allowed.port) as inside:
        names = Names(["127.0.0.2"], ["127.0.0.1"])  # whoever asks a second time is led inside
        outbound = Outbound(rules(allowed, "127.0.0.2/32"), resolve=names)

        answer = await send(outbound, f"http://hooks.example:{allowed.port}/")

    assert answer.status == 204
    assert names.asked == 1
    assert (allowed.connections, inside.connections) == (1, 0)


async def test_every_request_resolves_anew_and_no_connection_outlives_its_check() -> None:
    async with a_receiver(host="127.0.0.2") as allowed, a_receiver(host="127.0.0.1", port=allowed.port) as inside:
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        outbound = Outbound(rules(allowed, "127.0.0.2/32"), resolve=names)
        url = f"http://hooks.example:{allowed.port}/"
        await send(outbound, url)

        with pytest.raises(ForbiddenDestination):
            await send(outbound, url)

    assert (allowed.connections, inside.connections) == (1, 0)


async def test_a_connection_that_ended_up_elsewhere_is_closed_before_a_byte_is_sent() -> None:
    async with a_receiver() as receiver:
        outbound = Outbound(rules(receiver), resolve=Names([PUBLIC]))
        network: Any = outbound._backend._network
        connect = network.connect_tcp

        async def bent(_host: str, *rest: Any) -> Any:
            return await connect("127.0.0.1", *rest)

        network.connect_tcp = bent

        with pytest.raises(ForbiddenDestination):
            await send(outbound, f"http://hooks.example:{receiver.port}/")
        await receiver.until(lambda: receiver.connections == 1)
        await receiver.until(lambda: receiver.at_once == 0)

    assert receiver.heard == []


async def test_the_next_address_of_a_name_is_tried_when_the_first_is_silent() -> None:
    async with a_receiver(host="127.0.0.2") as receiver:
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.3", "127.0.0.2"]))

        assert (await send(outbound, f"http://hooks.example:{receiver.port}/")).status == 204


async def test_certificate_and_sni_are_those_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "hooks.example")
    async with a_receiver(tls=server) as receiver:
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]), ssl_context=client)

        answer = await send(outbound, f"https://hooks.example:{receiver.port}/")
        with pytest.raises(Unreached, match="certificate"):
            await send(outbound, f"https://other.example:{receiver.port}/")
        with pytest.raises(Unreached, match="certificate"):
            await send(
                Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"])),
                f"https://hooks.example:{receiver.port}/",
            )

    assert answer.status == 204
    assert receiver.names == ["hooks.example", "other.example", "hooks.example"]
    assert len(receiver.heard) == 1


async def test_redirects_are_answers_and_nobody_follows_them() -> None:
    async with a_receiver() as receiver:
        receiver.answers["/"] = (307, {"Location": f"http://127.0.0.1:{receiver.port}/inside"})
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        answer = await send(outbound, f"http://hooks.example:{receiver.port}/")

    assert answer.status == 307
    assert [heard.target for heard in receiver.heard] == ["/"]


async def test_a_giant_answer_is_read_no_further_than_asked() -> None:
    async with a_receiver() as receiver:
        receiver.answers["/"] = "giant"
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        answer = await send(outbound, f"http://hooks.example:{receiver.port}/", most_bytes=500)
        await receiver.until(lambda: receiver.at_once == 0)

    assert (answer.status, answer.body) == (200, b"x" * 500)
    assert receiver.sent < 50_000_000, "it was hung up on"


@pytest.mark.parametrize("how", ["hang", "drip"])
async def test_an_answer_that_takes_too_long_is_given_up(how: str) -> None:
    async with a_receiver() as receiver:
        receiver.answers["/"] = how
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        with pytest.raises(Unreached, match="in time"):
            await send(outbound, f"http://hooks.example:{receiver.port}/", timeout_s=0.3, most_bytes=10**9)


@pytest.mark.parametrize("how", ["close", "half", "endless_headers"])
async def test_an_answer_that_is_not_whole_is_none(how: str) -> None:
    async with a_receiver() as receiver:
        receiver.answers["/"] = how
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        with pytest.raises(Unreached):
            await send(outbound, f"http://hooks.example:{receiver.port}/")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (socket.gaierror("no such name"), "does not resolve"),
        (OSError("dns is away"), "no connection"),
        (TimeoutError(), "in time"),
    ],
    ids=["no such name", "dns away", "dns silent"],
)
async def test_a_name_that_does_not_resolve_is_said_to_be_so(fault: Exception, says: str) -> None:
    outbound = Outbound(OutboundRules(), resolve=Names(fault))

    await outbound.check(destination_of("https://hooks.example/"))
    with pytest.raises(Unreached, match=says):
        await send(outbound, "https://hooks.example/")


async def test_nobody_listening_is_no_connection() -> None:
    async with a_receiver() as receiver:
        pass
    outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

    with pytest.raises(Unreached, match="no connection"):
        await send(outbound, f"http://hooks.example:{receiver.port}/")


async def test_what_is_said_to_the_customer_names_no_address_of_ours() -> None:
    outbound = Outbound(OutboundRules(), resolve=Names(["10.20.30.40"]))

    with pytest.raises(ForbiddenDestination) as refused:
        await send(outbound, "https://hooks.example/")

    assert "10.20" not in str(refused.value)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_receiver() as receiver, a_receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]))

        await send(outbound, f"http://hooks.example:{receiver.port}/")

    assert (receiver.connections, proxy.connections) == (1, 0)


async def test_sockets_of_this_machine_are_not_for_customers() -> None:
    with pytest.raises(ForbiddenDestination):
        await Outbound(OutboundRules())._backend.connect_unix_socket("/run/docker.sock")


async def test_many_requests_at_once_keep_apart(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "hooks.example")
    async with a_receiver(tls=server) as receiver:
        outbound = Outbound(rules(receiver, "127.0.0.0/8"), resolve=Names(["127.0.0.1"]), ssl_context=client)

        answers = await asyncio.gather(*(send(outbound, f"https://hooks.example:{receiver.port}/") for _ in range(20)))

    assert {answer.status for answer in answers} == {204}
