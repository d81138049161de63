"""llama.cpp's server answers rows side by side as it answers them alone, and what it says costs what it tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.common.threads import as_done
from engine.export.gguf import converter
from engine.export.gguf.server import LlamaServer
from tests.engine.export.gguf.families import make

pytestmark = pytest.mark.usefixtures("gguf_converter", "module_warm")

_MOST = 6


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, converter_folder: Path, module_warm: None) -> Path:
    folder = tmp_path_factory.mktemp("served")
    model, path = make("Llama", folder / "model"), folder / "model.gguf"
    converter.run(converter_folder, {"do": "convert", "model": str(model), "out": str(path), "type": "f32"})
    return path


def prompts() -> list[list[int]]:
    """Of different lengths, with the same beginning."""
    draw = np.random.default_rng(0)
    return [[1, 9, 17, 25, *draw.integers(5, 260, 3 + length % 7).tolist()] for length in range(10)]


def test_rows_side_by_side_are_answered_as_one_by_one(file: Path) -> None:
    with LlamaServer(file, context=64, threads=1) as server:
        alone = [server.answer(prompt, _MOST) for prompt in prompts()]
        costs = [server.answer_logprobs(prompt, [7, 8, 9]) for prompt in prompts()]
    with LlamaServer(file, context=64, threads=1, slots=4) as server:
        together = dict(as_done(lambda prompt: server.answer(prompt, _MOST), prompts(), 4, lambda: None))
        forced = dict(as_done(lambda each: server.answer_logprobs(each, [7, 8, 9]), prompts(), 4, lambda: None))
    assert [together[place] for place in range(10)] == alone
    for place, cost in enumerate(costs):
        assert forced[place] == pytest.approx(cost, abs=1e-3)


def test_what_it_said_by_itself_costs_what_it_tells_of_each_token(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    compared = 0
    with LlamaServer(file, context=64, threads=1) as server:
        asked = server.ask
        for prompt in prompts():
            request = {"prompt": prompt, "n_predict": _MOST, "temperature": 0, "return_tokens": True}
            tokens = asked("/completion", request)["tokens"]
            alone = [server.logprobs([*prompt, *tokens[:at]], 1) for at in range(_MOST)]
            server.answer(prompt, _MOST)
            monkeypatch.setattr(server, "ask", None)  # nothing is asked again
            costs = server.answer_logprobs(prompt, tokens)
            assert server.answer_logprobs(prompt, tokens[:2]) == {at: costs[at] for at in (0, 1) if at in costs}
            monkeypatch.setattr(server, "ask", asked)
            for at, cost in costs.items():
                if tokens[at] in alone[at]:  # half a character is told with its other half
                    assert cost == pytest.approx(alone[at][tokens[at]], abs=1e-3)
                    compared += 1
    assert compared > 10
