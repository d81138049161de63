"""vLLM's OpenAI-compatible server over an exported adapter: its prompt tokens, its answers, what tokens cost.

Paths and fields as in vLLM's documentation: ``/tokenize`` with messages, ``/v1/completions`` with token ids and
``prompt_logprobs``. The model is asked by its LoRA's name, as serve.sh gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.common import http_json
from engine.common.errors import ModelError
from engine.common.http_json import Refused
from engine.data.rows.messages import Row
from engine.export.started import StartedServer
from engine.messages.message import Message
from engine.models.vllm import BASE_VARIABLE
from engine.tokens.render import Renderer

PROGRAM = "vLLM"


class VllmServer:
    """A server at ``address`` that has ``model``."""

    def __init__(self, address: str, model: str) -> None:
        self.address, self.model = address, model

    def answer(self, prompt: Sequence[int], most: int) -> tuple[str, bool]:
        """The greedy answer to token ids, and whether it ended by itself before ``most`` tokens."""
        found = self._completion({"prompt": list(prompt), "max_tokens": most})
        return str(found.get("text") or ""), found.get("finish_reason") != "length"

    def answer_logprobs(self, prompt: Sequence[int], answer: Sequence[int]) -> dict[int, float]:
        """Natural log of the probability of each token of ``answer`` behind ``prompt``, by its place."""
        whole = [*prompt, *answer]
        found = self._completion({"prompt": whole, "max_tokens": 1, "prompt_logprobs": 0})
        told = found.get("prompt_logprobs") or []
        if len(told) != len(whole):
            return {}
        entries = [told[len(prompt) + at] or {} for at in range(len(answer))]
        return {
            at: float(entry[str(token)]["logprob"])
            for at, (token, entry) in enumerate(zip(answer, entries, strict=True))
            if str(token) in entry
        }

    def prompt_fault(self, renderer: Renderer, rows: Sequence[Row]) -> Message | None:
        """Where the server makes other prompt tokens of a dialogue than the training did; None where never."""
        for place, row in enumerate(rows):
            asked = row.messages[:-1]
            turns, tools, _ = renderer.as_asked(asked, row.tools)
            request: dict[str, Any] = {"model": self.model, "messages": turns, "add_generation_prompt": True}
            found = [
                int(token) for token in self._ask("/tokenize", request | ({"tools": tools} if tools else {}))["tokens"]
            ]
            ids = renderer.prompt_ids(asked, row.tools)
            if found != ids:
                pairs = enumerate(zip(ids, found, strict=False))
                at = next((at for at, (a, b) in pairs if a != b), min(len(ids), len(found)))
                return Message(
                    "proof.other-tokens", row=place + 1, at=at + 1, ours=ids[at : at + 5], theirs=found[at : at + 5]
                )
        return None

    def _completion(self, request: dict[str, Any]) -> dict[str, Any]:
        """The only choice. Greedy, and without the defaults of the base's generation_config.json."""
        settings = {"model": self.model, "temperature": 0, "top_p": 1, "repetition_penalty": 1.0, "stream": False}
        choices = self._ask("/v1/completions", settings | request).get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise ModelError(
                "proof.server-refused", program=PROGRAM, model=self.model, reason=Message("proof.no-choices")
            )
        return choices[0]

    def _ask(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return http_json.ask(self.address + path, request)
        except Refused as refused:
            raise ModelError("proof.server-refused", program=PROGRAM, model=self.model, reason=refused.reason) from None


def started(folder: Path, base: Path, check: Callable[[], None]) -> StartedServer:
    """vLLM as serve.sh in ``folder`` starts it over ``base``, on a free port of this machine."""
    port = http_json.free_port()
    command = ["sh", str(folder / "serve.sh"), "--host", http_json.LOOPBACK, "--port", str(port)]
    return StartedServer(PROGRAM, command, port, "/v1/models", {BASE_VARIABLE: str(base)}, check)
