"""What to type after an export: commands that a shell takes as they stand."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from engine.app.export import TARGETS
from engine.app.export_use import ollama_name, uses
from engine.runs.exports import Export


def made(target: str, files: list[str], kinds: list[str] | None = None) -> Export:
    return Export(
        target=target, path="/my runs/orders", adapter="/a", adapter_sha256="", base="/b", run="20261130-orders",
        kinds=kinds or [], files=dict.fromkeys(files, 1),
    )  # fmt: skip


def test_a_path_with_blanks_is_one_word_of_the_command() -> None:
    own, use = uses(made("gguf", ["README.md", "orders-q8_0.gguf"], ["q8_0"]))
    assert own.command == "tunedeck serve 20261130-orders"
    assert shlex.split(use.command) == ["llama-server", "-m", "/my runs/orders/orders-q8_0.gguf"]


def test_ollama_gets_a_name_that_it_takes() -> None:
    export = made("ollama", ["Bestellungen Köln-q4_k_m.gguf", "Modelfile"], ["q4_k_m"])
    assert ollama_name(export) == "bestellungen-k-ln"
    create, run = uses(export)
    assert shlex.split(create.command)[2:] == ["bestellungen-k-ln", "-f", "/my runs/orders/Modelfile"]
    assert run.command == "ollama run bestellungen-k-ln"
    assert ollama_name(made("ollama", ["订单-q8_0.gguf"], ["q8_0"])) == "model"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_says_what_comes_next(target: str) -> None:
    found = uses(made(target, [str(Path("orders-q8_0.gguf")), "serve.sh"], ["q8_0"]))
    assert found
    assert all(shlex.split(use.command) for use in found)
