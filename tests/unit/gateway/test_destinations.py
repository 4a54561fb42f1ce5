"""Where we may connect to for a customer."""

from ipaddress import ip_network

import pytest

from gateway.domain.destinations import Destination, ForbiddenDestination, OutboundRules, destination_of

PUBLIC = ["93.184.216.34", "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.167.255.255", "2606:2800:220:1::1", "2a00::1"]
FORBIDDEN = {
    "this network": "0.0.0.0",
    "this host": "0.1.2.3",
    "private A": "10.0.0.1",
    "private B": "172.16.0.1",
    "private B end": "172.31.255.255",
    "private C": "192.168.1.1",
    "loopback": "127.0.0.1",
    "loopback far": "127.255.255.254",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "metadata of ECS": "169.254.170.2",
    "metadata of Azure": "168.63.129.16",
    "metadata of Alibaba": "100.100.100.200",
    "carrier": "100.64.0.1",
    "protocol assignments": "192.0.0.192",
    "documentation": "192.0.2.1",
    "6to4 relays": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 unspecified": "::",
    "v6 loopback": "::1",
    "v6 link-local": "fe80::1",
    "v6 link-local with a scope": "fe80::1%eth0",
    "v6 public with a scope": "2606:2800:220:1::1%eth0",
    "v6 unique local": "fd00::1",
    "v6 metadata": "fd00:ec2::254",
    "v6 site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "v6 mapped": "::ffff:127.0.0.1",
    "v6 mapped public": "::ffff:8.8.8.8",
    "v6 compatible": "::127.0.0.1",
    "v6 translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64 local": "64:ff9b:1::7f00:1",
    "6to4": "2002:7f00:1::1",
    "Teredo": "2001:0:7f00:1::1",
    "ORCHID": "2001:20::1",
    "v6 documentation": "2001:db8::1",
    "v6 documentation, the long one": "3fff::1",
    "v6 discard": "100::1",
    "v6 segment routing": "5f00::1",
    "a name": "localhost",
    "nothing": "",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert OutboundRules().permits(address)


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_address_inside_may_be_reached(address: str) -> None:
    assert not OutboundRules().permits(address)


def test_the_operator_may_open_a_network_and_opens_no_other() -> None:
    rules = OutboundRules(networks=[ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")])

    assert rules.permits("10.1.2.3")
    assert rules.permits("fd00:1::5")
    assert rules.permits("8.8.8.8")
    assert not rules.permits("10.2.0.1")
    assert not rules.permits("::ffff:10.1.2.3"), "an open network is not open in disguise"
    assert not rules.permits("fe80::1%eth0")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.org", Destination("https", "example.org", 443, "/")),
        ("HTTPS://Example.ORG./a?b=c", Destination("https", "example.org", 443, "/a?b=c")),
        ("https://example.org:8443/x%20y", Destination("https", "example.org", 8443, "/x%20y")),
        ("https://[2606:2800::1]:8443/", Destination("https", "2606:2800::1", 8443, "/")),
        ("http://xn--bcher-kva.example/?q", Destination("http", "xn--bcher-kva.example", 80, "/?q")),
    ],
)
def test_an_address_is_taken_apart_once(url: str, parts: Destination) -> None:
    assert destination_of(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "https://",
        "https:///path",
        "https://user@example.org/",
        "https://user:password@example.org/",
        "https://good.example@127.0.0.1/",
        "https://good.example\\@127.0.0.1/",
        "https://example.org\t/",
        "https://example.org/a b",
        "https://example.org/\r\nHost: inside",
        "https://example.org/\x00",
        "https://exämple.org/",
        "https://127。0。0。1/",
        "https://example.org/#fragment",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:abc/",
        "https://[::1",
        "https://[::1%25eth0]/x y",
        "https://exa mple.org/",
        "https://-example.org/",
        "https://exam%70le.org/",
        "https://a..b/",
        f"https://{'a' * 64}.org/",
        f"https://example.org/{'a' * 2048}",
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenDestination):
        destination_of(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.org/", "https"),
        ("https://example.org:22/", "port 22"),
        ("https://example.org:6379/", "port 6379"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
    ],
)
def test_scheme_port_and_literal_addresses_are_held_against_the_rules(url: str, says: str) -> None:
    with pytest.raises(ForbiddenDestination, match=says):
        OutboundRules().require(destination_of(url))


def test_the_operator_may_allow_http_and_ports() -> None:
    rules = OutboundRules(ports=frozenset({80, 5678}), allow_http=True)

    rules.require(destination_of("http://example.org/"))
    rules.require(destination_of("http://example.org:5678/"))
    with pytest.raises(ForbiddenDestination):
        rules.require(destination_of("https://example.org/"))


def test_the_host_header_is_that_of_the_address() -> None:
    assert destination_of("https://example.org/").authority == "example.org"
    assert destination_of("https://example.org:8443/").authority == "example.org:8443"
    assert destination_of("https://[2606:2800::1]/").authority == "[2606:2800::1]"
