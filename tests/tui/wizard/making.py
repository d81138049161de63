"""What wizard tests need around them: a model folder, rows, a child that checks them, and an app to press keys in."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen

import tui.app
from engine.config.presets import Resolved
from engine.machine.snapshot import Machine
from engine.runs.directory import RunDir
from engine.runs.groups import Group
from tests.tui.machines import FakeWatch, no_gpu
from tui.app import TunedeckApp
from tui.draft.services import Services
from tui.terminal import Terminal
from tui.wizard.flow import WizardScreen
from tui.world import World

TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 256,
    "tie_word_embeddings": True,
    "max_position_embeddings": 4096,
}
GOOD: dict[str, Any] = {
    "type": "result", "rows": 40, "train_rows": 36, "eval_rows": 4, "sample_rows": 40, "tokens_mean": 31.5,
    "tokens_p50": 30, "tokens_p95": 44, "tokens_max": 52, "too_long": 0, "supervised_share": 0.31,
    "tokens_total": 1260, "no_supervised": 0, "examples": [],
    "report": {"sources": [{"name": "orders", "format": "alpaca", "rows": 40, "left_out": 0, "characters": 900}],
               "findings": []},
}  # fmt: skip


def make_model(folder: Path, weights: str = "model.safetensors") -> Path:
    """A model folder that looks like a chat model; its one tensor is all zeros."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    tokens = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    (folder / "tokenizer.json").write_text("{}")
    if weights.endswith(".safetensors"):
        tensor = {"model.embed_tokens.weight": {"dtype": "BF16", "shape": [256, 64], "data_offsets": [0, 32768]}}
        header = json.dumps(tensor).encode()
        (folder / weights).write_bytes(struct.pack("<Q", len(header)) + header + bytes(32768))
    elif weights:
        (folder / weights).write_bytes(b"PK\x03\x04")
    return folder


def make_rows(path: Path, count: int = 40) -> Path:
    rows = [{"instruction": f"Add {n} and 1.", "input": "", "output": str(n + 1)} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_child(folder: Path, *answers: dict[str, Any], waits_for: Path | None = None) -> tuple[str, ...]:
    """A command that stands in for the child process that looks at the rows: it says ``answers`` and ends."""
    script = folder / "child.py"
    wait = f"while not os.path.exists({str(waits_for)!r}):\n    time.sleep(0.02)\n" if waits_for else ""
    script.write_text(
        "import os, sys, time\nprint('noise that is no JSON', flush=True)\n"
        + 'print(\'{"type": "progress", "done": 1, "total": 4, "message": "reading"}\', flush=True)\n'
        + f"open({str(folder / 'asked')!r}, 'a').write(open(sys.argv[1]).read())\n"
        + wait
        + "".join(f"print({json.dumps(answer)!r}, flush=True)\n" for answer in answers)
    )
    return (sys.executable, "-S", str(script))


class WizardApp(TunedeckApp):
    """The real app, opened at the wizard; runs are noted instead of started. ``watch`` reads a made-up machine."""

    CSS_PATH = Path(tui.app.__file__).with_name("base.tcss")

    def __init__(
        self,
        root: Path,
        services: Services,
        prefill: Resolved | None = None,
        terminal: Terminal | None = None,
        spawn: Callable[..., int] | None = None,
        machine: Machine | None = None,
    ) -> None:
        self.started: list[RunDir] = []
        self.groups: list[Group] = []
        self.services = services

        def note(run: RunDir, resume: bool = False) -> int:
            self.started.append(run)
            return 1

        self.watch = FakeWatch(machine or no_gpu())
        world = World(
            root=root, clock=lambda: 1_800_000_000.0, spawn=spawn or note, terminal=terminal or Terminal(),
            watch_machine=self.watch, spawn_group=lambda group, _: self.groups.append(group),
        )  # fmt: skip
        super().__init__(world, "wizard", prefill=prefill)

    def _wizard_screen(self) -> WizardScreen:
        return WizardScreen(self._prefill, self.services)

    def _monitor_screen(self) -> Screen[None]:
        """An empty place: these tests end where the monitor begins."""
        return Screen()

    @property
    def wizard(self) -> WizardScreen:
        stacks = self._screen_stacks.values()
        return next(screen for stack in stacks for screen in stack if isinstance(screen, WizardScreen))


def text_of(app: App[Any]) -> str:
    """Everything on the screen, as a person reads it."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


def words_of(app: App[Any]) -> str:
    """The same as one line, so that a sentence is found however it is wrapped."""
    return " ".join(text_of(app).split())


def keys_of(text: str) -> list[str]:
    """The keys a person presses to type ``text``."""
    names = {"/": "slash", ".": "full_stop", "-": "minus", " ": "space", "_": "underscore", "=": "equals_sign",
             ",": "comma", "~": "tilde"}  # fmt: skip
    return [names.get(character, character) for character in text]
