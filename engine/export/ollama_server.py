"""Ollama over an exported Modelfile: a server of its own with a store of its own, so that the user's is not touched.

Paths and fields as in Ollama's API: ``/api/chat`` (``options``, ``done_reason``, ``prompt_eval_count``) and, in newer
versions, ``_debug_render_only``, which tells the prompt that the template makes instead of answering it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.common import http_json
from engine.common.child import run_child
from engine.common.clean_text import clean
from engine.common.errors import ModelError
from engine.common.http_json import Refused
from engine.common.work_folder import work_folder
from engine.data.rows.messages import Row
from engine.export.started import StartedServer
from engine.messages.message import Message
from engine.tokens.render import Renderer

PROGRAM = "Ollama"
_SHOWN = 60


class OllamaServer:
    """A server at ``address`` that has ``model``."""

    def __init__(self, address: str, model: str) -> None:
        self.address, self.model = address, model

    def answer(self, turns: Sequence[dict[str, Any]], most: int, context: int) -> tuple[str, bool]:
        """The greedy answer to a dialogue, and whether it ended by itself before ``most`` tokens.

        ``context``: tokens of prompt and answer together.
        """
        found = self._chat(turns, {"num_predict": most, "num_ctx": context, "temperature": 0, "seed": 0})
        message = found.get("message")
        text = str(message.get("content") or "") if isinstance(message, dict) else ""
        return text, found.get("done_reason") != "length"

    def rendered(self, turns: Sequence[dict[str, Any]]) -> str | None:
        """The prompt that the Modelfile's template makes; None from a version that does not tell."""
        told = self._chat(turns, {"num_predict": 1, "temperature": 0}, _debug_render_only=True).get("_debug_info")
        text = told.get("rendered_template") if isinstance(told, dict) else None
        return text if isinstance(text, str) else None

    def prompt_tokens(self, turns: Sequence[dict[str, Any]], context: int) -> int | None:
        """How many tokens it reads as the prompt; None where it does not say."""
        count = self._chat(turns, {"num_predict": 1, "num_ctx": context, "temperature": 0}).get("prompt_eval_count")
        return count if isinstance(count, int) else None

    def prompt_fault(self, renderer: Renderer, rows: Sequence[Row], context: int) -> tuple[Message | None, bool]:
        """Where its template makes another prompt than the training's; and whether bytes were compared, not counts.

        A start token that it puts in front by itself is not missed in its text.
        """
        start, told = renderer.tokenizer.bos_token or "", True
        for place, row in enumerate(rows):
            asked = row.messages[:-1]
            turns, _, text = renderer.as_asked(asked, row.tools)
            found = self.rendered(turns) if told else None
            if found is None:
                told = False
                count, ids = self.prompt_tokens(turns, context), renderer.prompt_ids(asked, row.tools)
                if count is not None and count != len(ids):
                    return Message("proof.other-count", row=place + 1, ours=len(ids), theirs=count), told
                continue
            ours, theirs = text.removeprefix(start), found.removeprefix(start)
            if theirs != ours:
                pairs = enumerate(zip(ours, theirs, strict=False))
                at = next((at for at, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
                shown = {"ours": repr(ours[at : at + _SHOWN]), "theirs": repr(theirs[at : at + _SHOWN])}
                return Message("proof.other-template", row=place + 1, at=at + 1, **shown), told
        return None, told

    def _chat(self, turns: Sequence[dict[str, Any]], options: dict[str, Any], **more: Any) -> dict[str, Any]:
        request = {"model": self.model, "messages": list(turns), "stream": False, "options": options} | more
        try:
            return http_json.ask(f"{self.address}/api/chat", request)
        except Refused as refused:
            raise ModelError("proof.server-refused", program=PROGRAM, model=self.model, reason=refused.reason) from None


@contextmanager
def started(program: str, folder: Path, check: Callable[[], None]) -> Iterator[OllamaServer]:
    """The Modelfile in ``folder`` in a server of ``program``, the path of ollama, that keeps models only for this time.

    Raises MachineError where the server can't be started, ModelError where it refuses the Modelfile.
    """
    port, name = http_json.free_port(), f"tunedeck-proof-{secrets.token_hex(4)}"
    with work_folder(folder) as store:
        environment = {**os.environ, "OLLAMA_HOST": f"{http_json.LOOPBACK}:{port}", "OLLAMA_MODELS": str(store)}
        with StartedServer(PROGRAM, [program, "serve"], port, "/api/version", environment, check) as server:
            said: list[str] = []
            command = [program, "create", name, "-f", str(folder / "Modelfile")]
            code = run_child(command, said.append, on_silence=check, env=environment)
            if code:
                reason = clean(" ".join(said[-3:]), keep_newlines=False)[-300:]
                raise ModelError("proof.not-created", program=PROGRAM, reason=reason or str(code))
            yield OllamaServer(server.address, name)
