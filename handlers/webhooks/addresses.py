"""Which addresses of the internet a webhook may have, and a connection to one that was checked."""

import socket
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

#: Global unicast. What is outside of it is reserved, or leads elsewhere, such as 64:ff9b::/96 to any IPv4 address.
_UNICAST: Final = IPv6Network("2000::/3")

#: Time for a connection to one address.
CONNECT_SECONDS: Final = 5.0


class InsideError(OSError):
    """Every address of a host is inside the network of the service, or leads there; the message names one."""


def connected(host: str, port: int, end: float, *, inside: bool) -> socket.socket:
    """Return a connection to a host, by the monotonic time `end`, to an address that is outside unless `inside`.

    The name is looked up once, and what was checked is what is connected to: another answer later has no effect.

    Raises:
        InsideError: No address of the host is outside.
        OSError: The name is not known, or no address answers.

    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    outside = [each for each in found if inside or is_outside(str(each[4][0]))]
    if not outside:
        raise InsideError(f"{found[0][4][0]} is an address inside the network")
    failure: OSError = TimeoutError("timed out")
    for family, kind, protocol, _name, address in outside:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(max(0.001, min(CONNECT_SECONDS, end - time.monotonic())))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def is_outside(text: str) -> bool:
    """Return whether an address is a public one of a single host."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    # Tunnels lead to the IPv4 address in them.
    tunnel = address.sixtofour or address.teredo
    return address in _UNICAST and address.is_global and not tunnel
