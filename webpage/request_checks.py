"""Which requests are the page's own: other sites in the same browser can reach a server on loopback, too."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

_CONTENT_TYPE = "application/octet-stream"  # of no form: another site's browser must ask before it sends this


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_loopback(host_header: str) -> bool:
    """Whether the header ``Host`` names this machine; a name that was rebound to 127.0.0.1 does not.

    >>> names_loopback("localhost:7860"), names_loopback("[::1]:7860"), names_loopback("evil.example:7860")
    (True, True, False)
    """
    try:
        return is_loopback(urlsplit(f"//{host_header}").hostname or "")
    except ValueError:
        return False


def comes_from_the_page(headers: Mapping[str, str]) -> bool:
    """Whether a request was made by a page of this server, or by a program that is no browser.

    >>> own = {"Content-Type": "application/octet-stream", "Host": "localhost:7860"}
    >>> comes_from_the_page(own), comes_from_the_page(own | {"Origin": "http://localhost:7860"})
    (True, True)
    >>> comes_from_the_page(own | {"Origin": "https://evil.example"})
    False
    >>> comes_from_the_page(own | {"Sec-Fetch-Site": "cross-site"}), comes_from_the_page({"Host": "a"})
    (False, False)
    """
    if headers.get("Content-Type") != _CONTENT_TYPE:
        return False
    if site := headers.get("Sec-Fetch-Site"):  # a proxy before a server may change the host, but not this
        return site == "same-origin"
    origin = headers.get("Origin")
    return origin is None or origin.partition("://")[2] == headers.get("Host")
