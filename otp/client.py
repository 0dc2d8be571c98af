"""Who is asking: the client's address as limits and audit see it. Public."""

import ipaddress
import re
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

MAX_USER_AGENT_LENGTH = 256


@dataclass(frozen=True)
class Client:
    """One caller. `address` is an IP address, or '' where there is none (a command, a test)."""

    address: str = ""
    user_agent: str = ""

    @classmethod
    def from_request(cls, request: HttpRequest) -> "Client":
        return cls(
            address=find_client_address(request),
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:MAX_USER_AGENT_LENGTH],
        )

    @property
    def network(self) -> str:
        """What limits count by: the address itself, or the /64 that one IPv6 subscriber holds whole.

        Those without an address that can be read share one place: a limit that could be lost with it would be none.
        """
        if not self.address:
            return "unknown"
        address = ipaddress.ip_address(self.address)
        if address.version == 4:
            return self.address
        return str(ipaddress.ip_network((address, 64), strict=False))


def _without_port(text: str) -> str:
    """Some proxies write `198.51.100.7:51234` or `[2001:db8::7]:51234`."""
    match = re.fullmatch(r"\[([^\]]+)\](?::\d+)?|([^:]+):\d+", text)
    return (match[1] or match[2]) if match else text


def find_client_address(request: HttpRequest) -> str:
    """Find the address of whoever talks to us, '' when the server knows none.

    Only with `TRUSTED_PROXY_COUNT` = n is X-Forwarded-For believed, and there the n-th entry from the right: the one
    that our outermost proxy wrote.
    """
    remote = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXY_COUNT
    # SECURITY: forwarded headers are free text from the client.
    if count:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        remote = forwarded[-count] if len(forwarded) >= count else remote
    try:
        address = ipaddress.ip_address(_without_port(remote))
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
