"""A small HTTP server for tests, on loopback: it answers paths by functions, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Answer = Callable[[dict[str, Any]], Any]
"""Of a request's JSON object: an object, (status, object), or an iterator of server-sent events."""


class HttpStandIn:
    """Alive inside ``with``. ``key``: what a request must bring; ``asked`` is (path, JSON object) of each that came."""

    def __init__(self, answers: Mapping[str, Answer], key: str = "") -> None:
        self.answers, self.key = dict(answers), key
        self.asked: list[tuple[str, dict[str, Any]]] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                self.reply({})

            def do_POST(self) -> None:
                self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def reply(self, request: dict[str, Any]) -> None:
                stand_in.asked.append((self.path, request))
                if stand_in.key and self.headers.get("Authorization") != f"Bearer {stand_in.key}":
                    self.send(401, {"error": {"message": "Invalid API key"}})
                elif self.path not in stand_in.answers:
                    self.send(404, {"error": {"message": "File Not Found"}})
                else:
                    found = stand_in.answers[self.path](request)
                    if isinstance(found, Iterator):
                        self.stream(found)
                    else:
                        self.send(*(found if isinstance(found, tuple) else (200, found)))

            def send(self, status: int, body: Any) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def stream(self, events: Iterator[Any]) -> None:
                self.send_response(200)
                self.end_headers()
                for event in events:
                    text = event if isinstance(event, str) else json.dumps(event)
                    self.wfile.write(f"data: {text}\n\n".encode())
                    self.wfile.flush()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HttpStandIn:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
