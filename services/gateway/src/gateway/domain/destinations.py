"""Where we may send to or fetch from when a customer names the address: the rules against server-side request forgery.

An address of ours, of a neighbour or of a cloud's metadata service must not be reached from our place in the network. A
name proves nothing, since whoever owns it says what it resolves to; so the address that a connection really has is what
these rules are asked about, each time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

__all__ = ["Destination", "ForbiddenDestination", "Network", "OutboundRules", "destination_of"]

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address
_LONGEST = 2048
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")

_NEVER_V4 = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # public by its number, and the metadata service of Azure
    )
)
_GLOBAL_V6 = ip_network("2000::/3")
_NEVER_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking: IETF's own
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
)
"""Beside all that is not in 2000::/3: loopback, unique local, link-local, multicast, IPv4-mapped, NAT64 (64:ff9b::)."""


class ForbiddenDestination(Exception):
    """We do not connect there. The text is for the customer: it names what they gave, never what we found inside."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An address taken apart once, so that what was checked is what is used."""

    scheme: str
    host: str
    """A name, or an IP address without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """What the operator allows. The default is public addresses by https."""

    ports: frozenset[int] = frozenset({443, 8443})
    allow_http: bool = False
    networks: Sequence[Network] = ()
    """Networks that may be reached though they are not public."""

    def permits(self, address: str) -> bool:
        """Whether a connection to this IP address may be made."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.scope_id is not None:
            return False
        return _is_public(found) or any(found in network for network in self.networks)

    def require(self, destination: Destination) -> None:
        """Raise ForbiddenDestination for a scheme, port or literal address that is not allowed."""
        if destination.scheme == "http" and not self.allow_http:
            raise ForbiddenDestination("the address must begin with https://")
        if destination.port not in self.ports:
            allowed = ", ".join(map(str, sorted(self.ports)))
            raise ForbiddenDestination(f"the port {destination.port} is not allowed; these are: {allowed}")
        if _is_literal(destination.host) and not self.permits(destination.host):
            raise ForbiddenDestination(f"{destination.host} is not a public address")


def destination_of(url: str) -> Destination:
    """The parts of an absolute http(s) address. Raises ForbiddenDestination for whatever could be read in two ways."""
    if len(url) > _LONGEST:
        raise ForbiddenDestination(f"the address is longer than {_LONGEST} characters")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise ForbiddenDestination(
            "the address may hold only printable ASCII; write names in punycode, the rest as %xx"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ForbiddenDestination("this is not an address") from None
    if parts.scheme not in _PORTS:
        raise ForbiddenDestination("the address must begin with https://")
    if "@" in parts.netloc:
        raise ForbiddenDestination("the address must not hold a user or a password")
    if "#" in url:
        raise ForbiddenDestination("the address must not have a fragment (#)")
    host = (parts.hostname or "").lower().removesuffix(".")
    if not (_NAME.fullmatch(host) and len(host) <= 253) and not _is_literal(host):
        raise ForbiddenDestination("the address has no valid host")
    if port == 0:
        raise ForbiddenDestination("the port 0 is not allowed")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port or _PORTS[parts.scheme], target)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NEVER_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _NEVER_V6)
