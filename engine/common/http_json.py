"""JSON over HTTP for servers of models: a request with its answer, and the events of an answer that streams."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from contextlib import closing
from typing import Any

from engine.messages.message import Message

LOOPBACK = "127.0.0.1"
_MOST_REASON = 300
_OK = 200


class Refused(Exception):
    """No answer. ``status`` is HTTP's, 0 where nobody answered; ``reason`` is in its words, or says what is odd."""

    def __init__(self, reason: str | Message, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.status = reason[:_MOST_REASON] if isinstance(reason, str) else reason, status


class _Stay(urllib.request.HTTPRedirectHandler):
    """No redirect is followed: what is sent, and the key with it, is meant for the server that was named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def ask(url: str, request: object = None, timeout: float = 600.0, key: str = "") -> dict[str, Any]:
    """The JSON object that ``url`` answers: to ``request`` by POST, else by GET. Raises Refused."""
    try:
        with closing(_open(url, request, timeout, key)) as answer:
            found = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _refused(error) from error
    if not isinstance(found, dict):
        raise Refused(Message("chat.no-object", url=url), _OK)
    return found


def events(url: str, request: object, timeout: float = 600.0, key: str = "") -> Generator[dict[str, Any], None, None]:
    """The JSON objects of server-sent events (``data: {...}``) up to ``[DONE]``; to stop, close the iterator.

    Raises Refused, also for a stream that breaks off.
    """
    try:
        with closing(_open(url, request, timeout, key)) as answer:
            for line in answer:
                kind, _, data = line.decode("utf-8", "replace").strip().partition(":")
                if kind != "data":
                    continue
                if data.strip() == "[DONE]":
                    return
                event = json.loads(data)
                if isinstance(event, dict):
                    yield event
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _refused(error) from error
    raise Refused(Message("chat.stream-broke"))


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def free_port() -> int:
    """A port of this machine that nobody listens at now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def _open(url: str, request: object, timeout: float, key: str) -> Any:
    """Loopback is reached directly, whatever proxy the environment names."""
    body = None if request is None else json.dumps(request).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    handlers = [_Stay(), *([urllib.request.ProxyHandler({})] if is_loopback(url) else [])]
    return urllib.request.build_opener(*handlers).open(urllib.request.Request(url, body, headers), timeout=timeout)


def _refused(error: Exception) -> Refused:
    if isinstance(error, urllib.error.HTTPError):
        return Refused(_words(error.read(1 << 20).decode("utf-8", "replace")) or str(error.reason), error.code)
    if isinstance(error, urllib.error.URLError):
        return Refused(str(error.reason))
    return Refused(str(error) or type(error).__name__)


def _words(body: str) -> str:
    """What an error's body says: ``{"error": {"message": ...}}`` and its relatives, else the body."""
    try:
        said = json.loads(body)
    except ValueError:
        return body.strip()
    for name in ("error", "message", "detail"):
        said = said.get(name, said) if isinstance(said, dict) else said
    return said if isinstance(said, str) else json.dumps(said)
