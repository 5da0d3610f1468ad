"""Where a request comes from, as far as that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address


@dataclass(frozen=True)
class Origin:
    """Where a request came from: address, browser, and the id that its log lines carry."""

    address: str = ""
    agent: str = ""
    request_id: str = ""

    @property
    def line(self) -> str:
        """Whose line it is, as far as the address tells: of IPv6 a customer has a /64 at least (RFC 6177)."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(address, IPv4Address) or address.ipv4_mapped:
            return self.address
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
