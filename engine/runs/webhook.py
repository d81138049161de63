"""Send a notice to an address of the user's: only what was asked for, only where it may go, and no secret in its name.

``${NAME}`` in an address is read from the environment when it is sent, so that a secret is in no file. Redirects are
not followed, a proxy is not used, and the address that was checked is the one that is spoken to.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

from engine.messages.message import Message

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MASK = "***"


class Refused(Exception):
    """Why nothing was sent, in ``reason``; it holds no secret."""

    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.reason = Message(code, **args)


def masked(url: str) -> str:
    """``url`` for people to see: without user, password and query; variables keep their names."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return _MASK
    user = f"{_MASK}@" if "@" in parts.netloc else ""
    query = f"?{_MASK}" if parts.query else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{query}"


def wrong(url: str) -> Message | None:
    """What keeps ``url`` from being an address to send to, None for nothing; looks nothing up."""
    try:
        parts = urlsplit(_VARIABLE.sub("x", url))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return Message("notices.no-address", url=masked(url))
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        return Message("notices.no-address", url=masked(url))
    if parts.scheme == "http" and host not in _LOOPBACK:
        return Message("notices.not-https", url=masked(url))
    if _holds_secret(url):
        return Message("notices.secret-in-address", url=masked(url), example="${NAME}")
    return None


def _holds_secret(url: str) -> bool:
    """Whether password (or a user without one) or query say something, which would then stand in the run's config."""
    bare = urlsplit(_VARIABLE.sub("", url))
    user, has_password, password = bare.netloc.rpartition("@")[0].partition(":")
    named = password if has_password else user
    values = [pair.partition("=")[2] or ("" if "=" in pair else pair) for pair in bare.query.split("&")]
    return bool(named) or any(values)


def post(url: str, body: bytes, allow_private: bool, timeout_s: float) -> None:
    """POST ``body``, JSON, to ``url``. Raises Refused for an answer that is no success, too."""
    found = wrong(url)
    if found is not None:
        raise Refused(found.code, **found.args)
    parts = urlsplit(_filled(url))
    host, is_safe = parts.hostname or "", parts.scheme == "https"
    try:
        port = parts.port or (443 if is_safe else 80)
        address = _allowed(host, port, allow_private)
        connection = _Pinned(host, port, timeout_s, address, is_safe)
        try:
            connection.request("POST", _path(parts), body, _headers(parts))
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Refused("notices.not-reached", url=masked(url), reason=type(error).__name__) from None
    if not 200 <= status < 300:
        raise Refused("notices.not-taken", url=masked(url), status=str(status))


def _filled(url: str) -> str:
    missing = [name for name in _VARIABLE.findall(url) if not os.environ.get(name)]
    if missing:
        raise Refused("notices.no-variable", name=missing[0])
    filled = _VARIABLE.sub(lambda found: os.environ[found[1]], url)
    try:
        parts = urlsplit(filled)
        is_sound = bool(parts.hostname) and not re.search(r"[\s\x00-\x1f\x7f]", filled)
        is_sound = is_sound and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))
    except ValueError:
        is_sound = False
    if not is_sound:
        raise Refused("notices.no-address", url=masked(url))
    return filled


def _allowed(host: str, port: int, allow_private: bool) -> str:
    """The first address of ``host``, once all of them are public, or ``host`` is this machine by its name."""
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not allow_private and host not in _LOOPBACK:
        for address in found:
            if not is_public(address):
                raise Refused("notices.private-address", host=host)
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, link-local, shared, multicast or reserved."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            found = inner
        elif found in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address behind a translator
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not found.is_multicast and not found.is_reserved


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "tunedeck"}
    if parts.username is not None:
        from base64 import b64encode
        from urllib.parse import unquote

        named = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(named.encode()).decode()}"
    return headers


class _Pinned(http.client.HTTPConnection):
    """Speaks to ``address`` and to no other, under the name and the certificate of ``host``."""

    def __init__(self, host: str, port: int, timeout_s: float, address: str, is_safe: bool) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._address, self._is_safe = address, is_safe

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_safe:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
