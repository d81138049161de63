"""Ollama and vLLM by their documented interfaces: stand-ins that keep to them, and llama.cpp's own server for OpenAI's.

Neither can be installed beside the tests. The stand-ins are programs of the same names that take the same commands.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import MachineError, ModelError
from engine.config.schema import ModelSection
from engine.data.rows.messages import Message as Turn
from engine.data.rows.messages import Row
from engine.export import ollama_server, vllm_server
from engine.export.gguf import converter
from engine.export.gguf.server import LlamaServer
from engine.export.vllm_server import VllmServer
from engine.models.card import read_card
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import load_words
from tests.engine.jobs.test_export_proof import TEMPLATE
from tests.http_stand_in import HttpStandIn
from tests.tiny import make_tiny_model

ROW = Row((Turn("user", "green tea"), Turn("assistant", "yes, please")), "", "orders", "orders.jsonl", 1)
OLLAMA = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
store = os.environ["OLLAMA_MODELS"]
told = os.path.join(store, "told.json")
if sys.argv[1] == "create":
    modelfile = sys.argv[sys.argv.index("-f") + 1]
    text = open(modelfile).read()
    if "FROM" not in text:
        print("Error: no FROM line", file=sys.stderr)
        sys.exit(1)
    json.dump({"name": sys.argv[2], "modelfile": text}, open(told, "w"))
    sys.exit(0)
class Asked(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200, {"version": "0.12.11"})
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = json.load(open(told))
        if request["model"] != made["name"]:
            return self.reply(404, {"error": "model not found"})
        prompt = "".join(f"{each['role']}: {each['content']}\\n" for each in request["messages"]) + "assistant: "
        if "SHOUT" in made["modelfile"]:
            prompt = prompt.upper()
        if request.get("_debug_render_only") and "OLD" not in made["modelfile"]:
            return self.reply(200, {"_debug_info": {"rendered_template": prompt}})
        limit = request["options"]["num_predict"]
        self.reply(200, {"message": {"role": "assistant", "content": "yes " * min(limit, 3)}, "done": True,
            "done_reason": "length" if limit < 3 else "stop", "prompt_eval_count": len(prompt), "eval_count": 3})
    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
host, port = os.environ["OLLAMA_HOST"].split(":")
HTTPServer((host, int(port)), Asked).serve_forever()
"""


def program(folder: Path, name: str, code: str) -> Path:
    """An executable ``name`` that runs ``code``."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    words = load_words(read_card(folder), ModelSection(name_or_path=str(folder)))
    return Renderer(words.tokenizer, words.stops)


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a Modelfile, which holds a word more."""

    def make(word: str = "") -> Path:
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "Modelfile").write_text(f"FROM ./orders-q8_0.gguf\n# {word}\n")
        return folder

    return make


def test_ollama_keeps_the_model_in_a_store_of_its_own_and_loses_it(
    exported: Callable[[str], Path], renderer: Renderer, tmp_path: Path
) -> None:
    folder, ollama = exported(""), program(tmp_path, "ollama", OLLAMA)
    turns, _, _ = renderer.as_asked(ROW.messages[:-1], ROW.tools)
    with ollama_server.started(str(ollama), folder, lambda: None) as server:
        assert server.model.startswith("tunedeck-proof-")
        assert server.answer(turns, 8, 64) == ("yes yes yes ", True)
        assert server.answer(turns, 2, 64)[1] is False
        assert server.rendered(turns) == "user: green tea\nassistant: "
        assert server.prompt_fault(renderer, [ROW], 64) == (None, True)
        assert any(each.name.startswith(".work-") for each in folder.iterdir())
    assert [each.name for each in folder.iterdir()] == ["Modelfile"]
    with pytest.raises(ModelError):
        server.answer(turns, 8, 64)


def test_another_prompt_of_ollamas_template_is_named(
    exported: Callable[[str], Path], renderer: Renderer, tmp_path: Path
) -> None:
    ollama = program(tmp_path, "ollama", OLLAMA)
    with ollama_server.started(str(ollama), exported("SHOUT"), lambda: None) as server:
        fault, told = server.prompt_fault(renderer, [ROW], 64)
    assert told
    assert fault is not None
    assert (fault.code, fault.args["at"]) == ("proof.other-template", 1)


def test_an_ollama_that_shows_no_prompts_is_asked_for_their_lengths(
    exported: Callable[[str], Path], renderer: Renderer, tmp_path: Path
) -> None:
    ollama = program(tmp_path, "ollama", OLLAMA)
    with ollama_server.started(str(ollama), exported("OLD"), lambda: None) as server:
        fault, told = server.prompt_fault(renderer, [ROW], 64)
    assert not told
    assert fault is not None  # it counts letters, not tokens
    assert fault.code == "proof.other-count"


def test_a_modelfile_that_ollama_refuses_and_a_server_that_ends_are_errors(
    exported: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = exported("")
    (folder / "Modelfile").write_text("TEMPLATE x\n")
    with (
        pytest.raises(ModelError) as refused,
        ollama_server.started(str(program(tmp_path, "ollama", OLLAMA)), folder, lambda: None),
    ):
        pass
    assert refused.value.code == "proof.not-created"
    assert "no FROM line" in refused.value.message
    with (
        pytest.raises(MachineError) as ended,
        ollama_server.started(str(program(tmp_path, "broken", "raise SystemExit('no GPU')")), folder, lambda: None),
    ):
        pass
    assert ended.value.code == "proof.not-started"
    assert "no GPU" in ended.value.message
    assert [each.name for each in folder.iterdir()] == ["Modelfile"]


def vllm(tokens: Callable[[dict[str, Any]], list[int]], told: bool = True) -> HttpStandIn:
    """The paths of vLLM's server that are asked, as its documentation has them."""

    def complete(request: dict[str, Any]) -> Any:
        prompt = request["prompt"]
        if request["model"] != "orders":
            return 404, {"error": {"message": "The model does not exist."}}
        entry: list[Any] = [None, *({str(token): {"logprob": -0.5, "rank": 1}} for token in prompt[1:])]
        choice = {"index": 0, "text": "yes", "finish_reason": "length" if request["max_tokens"] < 2 else "stop"}
        return {"choices": [choice | ({"prompt_logprobs": entry} if told and "prompt_logprobs" in request else {})]}

    return HttpStandIn(
        {
            "/v1/completions": complete,
            "/tokenize": lambda request: {"tokens": tokens(request), "count": 1, "max_model_len": 64},
            "/v1/models": lambda request: {"data": [{"id": "orders"}]},
        }
    )


def test_vllm_answers_and_tells_what_tokens_cost(renderer: Renderer) -> None:
    ids = renderer.prompt_ids(ROW.messages[:-1], ROW.tools)
    with vllm(lambda request: ids) as stand_in:
        server = VllmServer(stand_in.address, "orders")
        assert server.answer(ids, 8) == ("yes", True)
        path, asked = stand_in.asked[-1]
        assert (path, asked["prompt"], asked["temperature"], asked["model"]) == ("/v1/completions", ids, 0, "orders")
        assert server.answer_logprobs(ids, [4, 5, 6]) == {0: -0.5, 1: -0.5, 2: -0.5}
        assert server.prompt_fault(renderer, [ROW]) is None
        assert stand_in.asked[-1][1]["add_generation_prompt"] is True
        with pytest.raises(ModelError):
            VllmServer(stand_in.address, "soup").answer(ids, 8)


def test_other_tokens_of_vllm_are_named_and_costs_that_it_does_not_tell_are_none(renderer: Renderer) -> None:
    ids = renderer.prompt_ids(ROW.messages[:-1], ROW.tools)
    with vllm(lambda request: [*ids[:2], 99], told=False) as stand_in:
        server = VllmServer(stand_in.address, "orders")
        assert server.answer_logprobs(ids, [4]) == {}
        fault = server.prompt_fault(renderer, [ROW])
    assert fault is not None
    assert (fault.code, fault.args["at"]) == ("proof.other-tokens", 3)


def test_vllm_is_started_by_the_exported_script_over_the_base(tmp_path: Path) -> None:
    from engine.models.adapter.card import read_adapter
    from engine.models.vllm import serve_script
    from tests.engine.models.making import write_adapter

    adapter = read_adapter(write_adapter(tmp_path / "adapter"))
    script = serve_script(adapter, 'my base "$(touch bad)"', "orders", "none")
    assert "touch bad" not in script
    (tmp_path / "adapter" / "serve.sh").write_text(script)
    code = "import json, sys; json.dump(sys.argv[1:], open(__file__ + '.told', 'w')); raise SystemExit('no GPU')"
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "vllm", code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        with (
            pytest.raises(MachineError) as ended,
            vllm_server.started(tmp_path / "adapter", tmp_path / "models" / "my base", lambda: None),
        ):
            pass
    assert "no GPU" in ended.value.message
    arguments = json.loads((tmp_path / "bin" / "vllm.told").read_text())
    assert arguments[:2] == ["serve", str(tmp_path / "models" / "my base")]
    assert f"orders={tmp_path / 'adapter'}" in arguments
    assert arguments[-4:-1] == ["--host", "127.0.0.1", "--port"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory, converter_folder: Path, module_warm: None) -> Iterator[LlamaServer]:
    from tests.engine.export.gguf.families import make

    folder = tmp_path_factory.mktemp("llama")
    model, file = make("Llama", folder / "model"), folder / "model.gguf"
    converter.run(
        converter_folder,
        {"do": "convert", "model": str(model), "out": str(file), "type": "f32"},
    )
    with LlamaServer(file, context=128, threads=1) as server:
        yield server


def test_llama_cpps_server_takes_token_ids_by_openais_path_as_by_its_own(llama: LlamaServer) -> None:
    prompt = [1, 7, 20, 33, 45]
    assert VllmServer(llama.address, "model").answer(prompt, 6)[0] == llama.answer(prompt, 6)[0]


def test_llama_cpps_server_tells_what_given_tokens_cost(llama: LlamaServer) -> None:
    prompt, answer = [1, 7, 20, 33], [45, 45, 120, 9]
    told, compared = llama.answer_logprobs(prompt, answer), 0
    for at, logprob in told.items():
        one_by_one = llama.logprobs([*prompt, *answer[:at]], 320)
        if one_by_one:  # of a place where the answer would end there are none
            assert logprob == pytest.approx(one_by_one[answer[at]], abs=0.01)
            compared += 1
    assert compared >= 2
