"""llama.cpp's own server on loopback over a GGUF file, as a child process: what users of the file will meet.

``python -P -m engine.export.gguf.server MODEL [--lora FILE] [--context N] [--slots N] [--threads N] [--port N]`` says
one line of type listening with its address, and ends when its stdin does. ``--cache-mib`` is what prompts of former
requests may take beside those in the slots (llama.cpp's own limit where it is not given).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.common import http_json
from engine.common.child import answers, record_of
from engine.common.errors import MachineError, ModelError
from engine.common.http_json import Refused

_LIBRARY = "xllamacpp"
_PATIENCE_S = 600
_TO_END_S = 5


class LlamaServer:
    """A server over ``model``, alive inside ``with``.

    ``lora`` is a GGUF LoRA applied at full strength; ``context`` the tokens of prompt and answer together, of which
    ``slots`` are computed side by side: so many threads may ask at once. Raises MachineError without the library,
    ModelError when llama.cpp can't load the file.
    """

    def __init__(
        self, model: Path, lora: Path | None = None, context: int = 2048, threads: int | None = None, slots: int = 1
    ) -> None:
        if importlib.util.find_spec(_LIBRARY) is None:
            raise MachineError("gguf.no-library", library=_LIBRARY)
        self._command = [sys.executable, "-P", "-m", __name__, str(model), "--context", str(context)]
        self._command += ["--slots", str(slots), "--cache-mib", "0"]
        self._command += ["--lora", str(lora)] if lora else []
        self._command += ["--threads", str(threads)] if threads else []
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None
        self._said: dict[tuple[int, ...], tuple[list[int], list[dict[str, Any]]]] = {}
        self.address = ""

    def __enter__(self) -> LlamaServer:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            record = record_of(line)
            if record and record["type"] == "listening":
                self.address = record["address"]
                return self
        self.__exit__(None, None, None)
        raise ModelError("gguf.not-loaded", model=self._model.name, code=self._process.returncode)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_TO_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def render(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] = ()) -> str:
        """The prompt that the file's own chat template makes of ``messages``."""
        request: dict[str, Any] = {"messages": list(messages)}
        if tools:
            request["tools"] = list(tools)
        return str(self.ask("/apply-template", request)["prompt"])

    def tokens(self, text: str) -> list[int]:
        """Token ids of ``text``, with the special tokens that the file says belong in front."""
        answer = self.ask("/tokenize", {"content": text, "add_special": True, "parse_special": True})
        return [int(token) for token in answer["tokens"]]

    def answer(self, prompt: Sequence[int], most: int) -> tuple[str, bool]:
        """The greedy answer to token ids, and whether it ended by itself before ``most`` tokens."""
        answer = self.ask("/completion", _greedy(prompt, most) | {"n_probs": 1, "return_tokens": True})
        self._said[tuple(prompt)] = answer.get("tokens") or [], answer.get("completion_probabilities") or []
        return str(answer["content"]), answer.get("stop_type") != "limit"

    def logprobs(self, prompt: Sequence[int], count: int) -> dict[int, float]:
        """Natural log of the probability of the ``count`` likeliest next tokens, by id; {} where the answer ends here.

        The server tells them of a token that it says, and an end is not said.
        """
        answer = self.ask("/completion", _greedy(prompt, 1) | {"n_probs": count})
        found = answer.get("completion_probabilities") or [{"top_logprobs": []}]
        return {int(each["id"]): float(each["logprob"]) for each in found[0]["top_logprobs"]}

    def answer_logprobs(self, prompt: Sequence[int], answer: Sequence[int]) -> dict[int, float]:
        """Natural log of the probability of each token of ``answer`` behind ``prompt``, by its place.

        The server tells what tokens cost that it says itself. It is not asked again for those that it said by itself;
        else a grammar lets it say these and no others. It does not tell of tokens that end inside of a character:
        these are left out.
        """
        wanted = [*answer]
        tokens, told = self._said.get(tuple(prompt), ([], []))
        if tokens[: len(wanted)] != wanted:
            grammar = "root ::= " + " ".join(f"<[{token}]>" for token in wanted)
            request = _greedy(prompt, len(wanted)) | {"n_probs": 1, "grammar": grammar}
            told = self.ask("/completion", request).get("completion_probabilities") or []
        return _places(wanted, told)

    def ask(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """What the server answers to a request. Raises ModelError when it refuses or died."""
        try:
            return http_json.ask(self.address + path, request, _PATIENCE_S)
        except Refused as refused:
            raise ModelError("gguf.server-refused", model=self._model.name, reason=refused.reason) from refused


def _greedy(prompt: Sequence[int], most: int) -> dict[str, Any]:
    """The likeliest tokens behind ``prompt``, ``most`` at most; what of it was read for another prompt is not again."""
    return {
        "prompt": list(prompt), "n_predict": most, "temperature": 0, "cache_prompt": True, "post_sampling_probs": False,
    }  # fmt: skip


def _places(answer: Sequence[int], told: Sequence[dict[str, Any]]) -> dict[int, float]:
    """What is ``told`` of tokens, by their place in ``answer``; {} where they are others."""
    found, at = {}, 0
    for each in told:
        while at < len(answer) and answer[at] != int(each["id"]):
            at += 1
        if at == len(answer):
            break
        found[at] = float(each["logprob"])
        at += 1
    return found


def main(arguments: Sequence[str]) -> int:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--lora")
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--cache-mib", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--port", type=int)
    asked = parser.parse_args(arguments)
    say = answers()
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = asked.model
    parameters.model_alias = {Path(asked.model).stem}  # else its path is what clients are told
    parameters.n_ctx = asked.context * asked.slots
    parameters.n_parallel = asked.slots
    if asked.cache_mib is not None:
        parameters.cache_ram_mib = asked.cache_mib
    parameters.warmup = False
    parameters.cpuparams.poll = parameters.cpuparams_batch.poll = 0  # threads that spin take the cores from others
    if asked.port:
        parameters.port = asked.port
    threads = asked.threads or _whole(os.environ.get("OMP_NUM_THREADS", ""))  # what holds for torch holds here
    if threads:
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
    if asked.lora:
        parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(asked.lora, 1.0)]
    server = xllamacpp.Server(parameters)
    say("listening", address=server.listening_address)
    sys.stdin.buffer.read()
    return 0


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
