"""A model ready to answer: its base in memory once, adapters on it that can be switched, weakened or left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from transformers import CONFIG_MAPPING

from engine.common.errors import ModelError
from engine.common.files import read_json
from engine.config.schema import DataSource, RunConfig
from engine.distributed.device import Placement
from engine.messages.message import Message
from engine.modeling.adapters import put_on
from engine.modeling.kernels import lora_kernel
from engine.modeling.load import BaseModel, load_base
from engine.modeling.peft import LoraLayer, PeftModel
from engine.models.for_use import ForUse, Trust, check
from engine.models.tokenizer_files import brings_tokenizer
from engine.tokens.tokenizer import Words, load_words

TUNED, BESIDE = "default", "beside"


@dataclass
class Ready:
    """A loaded model: ``model`` answers with the adapter called ``speaking``, in evaluation mode.

    ``words`` are tokenizer, template and stop tokens as the training knew them, by the adapter's name; "" are those
    of a model alone. ``told`` is what a person should read of how it was loaded.
    """

    found: ForUse
    base: BaseModel
    model: Any
    words: dict[str, Words]
    speaking: str = ""
    told: list[Message] = field(default_factory=list)
    biases: dict[str, Any] = field(default_factory=dict)
    """Those of the base where the adapter trained them: they are overwritten, not added to."""

    @property
    def has_template(self) -> bool:
        """Whether dialogues have a form that this model knows: its own template, or the one its adapter learned."""
        return bool(self.found.adapter) or self.found.card.has_chat_template

    @property
    def most_positions(self) -> int:
        """The model can compute so many; 0 for any number."""
        return self.base.card.position_limit

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """The untouched base, from the same weights."""
        if not isinstance(self.model, PeftModel):
            yield
            return
        theirs = {name: parameter.data for name, parameter in self.model.named_parameters() if name in self.biases}
        try:
            for name, bias in self.biases.items():
                self.model.get_parameter(name).data = bias
            with self.model.disable_adapter():
                yield
        finally:
            for name, bias in theirs.items():
                self.model.get_parameter(name).data = bias

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """The adapter's update times ``factor``; 0 is the base. What ``not_scaled`` names stays as it is, but at 0."""
        if factor == 0:
            with self.without_adapter():
                yield
            return
        layers = [
            module for module in self.model.modules()
            if isinstance(module, LoraLayer) and self.speaking in module.scaling
        ]  # fmt: skip
        before = [layer.scaling[self.speaking] for layer in layers]
        try:
            for layer, scale in zip(layers, before, strict=True):
                layer.scaling[self.speaking] = scale * factor
            yield
        finally:
            for layer, scale in zip(layers, before, strict=True):
                layer.scaling[self.speaking] = scale

    @property
    def not_scaled(self) -> list[str]:
        """Names of what the adapter holds whole: modules, token embeddings and biases, which have no scale."""
        if not isinstance(self.model, PeftModel):
            return []
        settings = self.model.peft_config[self.speaking]
        tokens = ["trainable_token_indices"] if settings.trainable_token_indices else []
        biases = ["bias"] if settings.bias != "none" else []
        return [*(settings.modules_to_save or ()), *tokens, *biases]

    def put_beside(self, other: ForUse, name: str = BESIDE) -> None:
        """Load the adapter of ``other``, which belongs on the same base, as ``name``. Raises ModelError."""
        assert other.adapter is not None
        if other.card.path.resolve() != self.found.card.path.resolve():
            one, two = self.found.title, other.title
            raise ModelError(
                "use.other-base", one=one, base=self.found.card.name, other=two, other_base=other.card.name
            )
        if self.biases or other.adapter.settings.bias != "none":
            raise ModelError("use.biases", adapter=(self.found if self.biases else other).title)
        self.model = put_on(self.model, other.adapter.path, name).eval()
        self.words[name] = _words(other)
        self.switch(self.speaking or name)

    def switch(self, name: str) -> None:
        """Answer with the adapter ``name`` from now on: TUNED, or one that was put beside it."""
        if not isinstance(self.model, PeftModel):
            return
        self.model.set_adapter(name, inference_mode=True)
        self.speaking = name
        _lean(self.model)


def load_for_use(
    found: ForUse, placement: Placement, trust: Trust | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Ready:  # fmt: skip
    """Load ``found``, checked as ``engine.models.for_use.check`` says, with the kernels that training answers with.

    Raises ModelError. Running out of memory is left to the caller, who knows what of.
    """
    check(found, trust, on_progress)
    _require_known_code(found)
    words = _words(found)
    base = load_base(found.card, found.model, placement, False, words)
    told = [*found.told, *base.told]
    if found.adapter is None:
        return Ready(found, base, base.model.eval(), {"": words}, told=told)
    biases = _biases(base.model) if found.adapter.settings.bias != "none" else {}
    adapted = put_on(base.model, found.adapter.path).eval()
    names = {id(parameter): name for name, parameter in adapted.named_parameters()}
    kept = {names[key]: bias for key, bias in biases.items()}
    ready = Ready(found, base, adapted, {TUNED: words}, TUNED, told, kept)
    ready.switch(TUNED)
    return ready


def config_for(found: ForUse, gpus: str = "") -> RunConfig:
    """The config that places ``found``: that of its run, else one of defaults; on ``gpus`` if given."""
    config = found.config or RunConfig(model=found.model, data=[DataSource(path="-")])
    launch = config.launch.model_copy(update={"gpus": (gpus or config.launch.gpus).split(",")[0]})
    return config.model_copy(update={"model": found.model, "launch": launch})


def _words(found: ForUse) -> Words:
    """Tokenizer and template: those that were saved with the adapter, which are those it was trained with."""
    own = found.adapter.path if found.adapter and brings_tokenizer(found.adapter.path) else None
    # What was saved has its template in it; the file that the config named may have changed since.
    section = found.model.model_copy(update={"chat_template": ""}) if own else found.model
    return load_words(found.card, section, own)


def _biases(model: Any) -> dict[int, Any]:
    """Copies of the model's biases, by the identity of each: its name changes when an adapter is put on."""
    return {id(p): p.data.clone() for name, p in model.named_parameters() if name.endswith("bias")}


def _lean(model: Any) -> None:
    """The lean LoRA forward where it fits the adapter that speaks: its sums are those that training answers with."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            vars(module).pop("forward", None)
    lora_kernel.install(model)


def _require_known_code(found: ForUse) -> None:
    """Raise ModelError for a model that needs code of its own, which nobody allowed."""
    config = read_json(found.card.path / "config.json")
    kind = str(config.get("model_type", ""))
    if config.get("auto_map") and kind not in CONFIG_MAPPING and not found.model.trust_remote_code:
        raise ModelError("use.own-code", folder=found.card.path, type=kind)
