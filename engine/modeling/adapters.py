"""The adapter on a base model: a new one or an old one to train on, and the one door by which its files come in."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.pytorch_utils import Conv1D

from engine.common.errors import ConfigError, ModelError, own_words
from engine.config.schema import AdapterSection, RunConfig
from engine.messages.message import Message
from engine.modeling.kernels import lora_kernel
from engine.modeling.kernels.trained_copies import keep_in_float32
from engine.modeling.load import BaseModel
from engine.modeling.peft import (
    LoraConfig,
    LoraLayer,
    ModulesToSaveWrapper,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    load_peft_weights,
    set_peft_model_state_dict,
)
from engine.models.adapter.adopt import check_locked
from engine.models.adapter.card import AdapterCard, read_adapter, require_sound
from engine.models.adapter.match import match, require_match
from engine.models.adapter.tensors import PREFIX, is_copy, module_path
from engine.models.checks import mixer_outputs

if TYPE_CHECKING:
    from engine.modeling.load import BaseModel

ALL_LINEAR = "all-linear"
LINEARS = (torch.nn.Linear, Conv1D)


def attach_adapter(config: RunConfig, base: BaseModel, base_name: str, checkpoint: Path | None = None) -> PeftModel:
    """The LoRA adapter that is trained on the frozen base model: a new one, or with "continue" the old one.

    ``base_name`` is what the adapter's own config will name as its base. ``checkpoint`` is that of this run which is
    about to be restored: a continued adapter then has its shape from there, so that the old one is needed no more.
    New weights are seeded by ``run.seed``. Raises ConfigError, and ModelError for an old adapter that does not fit.
    """
    torch.manual_seed(config.run.seed)
    model = _continued(config, base, checkpoint) if config.strategy.kind == "continue" else _fresh(config, base)
    model.peft_config["default"].base_model_name_or_path = base_name
    lora_kernel.install(model)
    keep_in_float32(model)
    return model


def _fresh(config: RunConfig, base: BaseModel) -> PeftModel:
    settings = lora_config(config.adapter)
    settings.trainable_token_indices = token_indices(config.adapter, base)
    left_out = mixer_outputs(name for name, _ in base.model.named_parameters())
    if left_out and isinstance(config.adapter.target_modules, str):
        base.told.append(Message("events.left-out-mamba", layers=len(left_out), first=left_out[0]))
        settings.exclude_modules = left_out
    beside = beside_the_text(base.model)
    routers = of_several_answers(base.model) if isinstance(config.adapter.target_modules, str) else []
    if routers:
        settings.exclude_modules = [*(settings.exclude_modules or ()), *routers]
        base.told.append(Message("events.left-out-routers", layers=len(routers), first=routers[0]))
    if beside:
        settings.exclude_modules = [*(settings.exclude_modules or ()), *beside]
        base.told.append(Message("events.left-out-senses", layers=len(beside), first=beside[0]))
    try:
        return get_peft_model(base.model, settings)
    except ValueError as error:
        tried = config.adapter.target_modules
        names = _other_targets(base, [*left_out, *routers, *beside])
        code = "modeling.targets-unfit" if tried == ALL_LINEAR else "modeling.targets-unfit-named"
        reason = own_words(error)
        raise ConfigError(code, targets=json.dumps(tried), reason=reason, names=json.dumps(names)) from error


def beside_the_text(model: Any) -> list[str]:
    """Names of the linear layers of a model's parts for images and sound: all outside its decoder but the head."""
    decoder, head = model.get_decoder(), model.get_output_embeddings()
    if decoder is None or decoder is model:
        return []
    of_text = {id(module) for module in decoder.modules()} | {id(head)}
    return [name for name, module in model.named_modules() if isinstance(module, LINEARS) and id(module) not in of_text]


@torch.no_grad()
def of_several_answers(model: Any) -> list[str]:
    """Names of the linear layers that give more than one tensor, as Llama 4's routers: none can carry an adapter."""
    found = []
    for name, module in model.named_modules():
        if type(module) is torch.nn.Linear or not isinstance(module, torch.nn.Linear) or module.weight.ndim != 2:
            continue
        if type(module).__module__.startswith("bitsandbytes"):
            continue
        if not isinstance(module(module.weight.new_zeros(1, module.in_features)), torch.Tensor):
            found.append(name)
    return found


def _other_targets(base: BaseModel, left_out: Sequence[str]) -> list[str]:
    """Names of layers that an adapter can be put on, but for those ``left_out``."""
    head = base.model.get_output_embeddings()
    linears = {
        name for name, module in base.model.named_modules() if isinstance(module, LINEARS) and module is not head
    }
    return sorted({name.rpartition(".")[2] for name in linears - set(left_out)})[:12]


def _continued(config: RunConfig, base: BaseModel, checkpoint: Path | None) -> PeftModel:
    """The old adapter with its weights, trainable in float32; of its settings only dropout is this run's own."""
    allow_pickle = config.model.allow_pickle
    card = read_adapter(checkpoint or config.strategy.adapter, allow_pickle and checkpoint is None)
    check_locked(config, card)
    if checkpoint is None:
        require_sound(card)
        found = match(card, base.card, config.model.name_or_path)
        require_match(found, card, base.card, config.strategy.trust_base, continuing=True)
    settings = LoraConfig.from_pretrained(str(card.path))
    settings.lora_dropout = config.adapter.lora_dropout
    model = put_on(base.model, card.path, config=settings, trainable=True)
    _require_whole(model, card)
    if keep_in_float32(model):  # loading has rounded them to the base's dtype
        set_peft_model_state_dict(model, load_peft_weights(str(card.path), device="cpu"))
    return model


def _require_whole(model: PeftModel, card: AdapterCard) -> None:
    """What the adapter sets without training it, such as the rows of a grown vocabulary, would not be saved again."""
    saved = get_peft_model_state_dict(model, save_embedding_layers=False).keys()
    trained = {name.replace(".base_layer.", ".") for name in saved}
    lost = sorted(name for name in card.contents.whole if PREFIX + name not in trained)
    if lost:
        raise ModelError("modeling.adapter-not-continuable", folder=card.path, tensor=lost[0])


def lora_config(section: AdapterSection) -> LoraConfig:
    """The settings as PEFT knows them, but for trained tokens, which take a tokenizer to be found."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=section.r,
        lora_alpha=section.lora_alpha,  # type: ignore[arg-type]
        lora_dropout=section.lora_dropout,
        target_modules=section.target_modules,
        use_rslora=section.use_rslora,
        use_dora=section.use_dora,
        init_lora_weights=section.init_lora_weights,
        modules_to_save=section.modules_to_save or None,
    )


def trainable(model: Any) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def needs_autocast(model: Any) -> bool:
    """Whether a trained layer keeps float32 arithmetic that mixed precision has to reconcile with the base."""

    for module in model.modules():
        if isinstance(module, ModulesToSaveWrapper):
            return True
        if isinstance(module, LoraLayer) and "forward" not in vars(module):
            return True
    return False


def put_on(
    model: Any, folder: Path, name: str = "default", config: LoraConfig | None = None, trainable: bool = False
) -> PeftModel:
    """``model``, plain or with adapters on it already, with the adapter in ``folder`` under ``name``.

    ``config`` takes the place of the folder's own. Raises ModelError: PEFT can't load it, or leaves some of its
    tensors out; with ``trainable`` also where it lacks some that its config asks for, which would begin anew.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the report below says it in full
            device = str(model.device)
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), name, is_trainable=trainable, torch_device=device)
            else:
                model = PeftModel.from_pretrained(
                    model, str(folder), name, config=config, is_trainable=trainable, torch_device=device
                )
            # PEFT keeps its report to itself when it loads; given the same tensors again it hands it over.
            weights = load_peft_weights(str(folder), device=device)
            report = set_peft_model_state_dict(model, _as_saved(weights), name)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        words = own_words(error)
        raise ModelError("modeling.adapter-unfit", folder=folder, reason=words) from error
    missing = sorted(key for key in report.missing_keys if trainable and ".lora_" in key and f".{name}" in key)
    lost = sorted(report.unexpected_keys)
    if lost:
        raise ModelError("modeling.adapter-tensors-left", folder=folder, count=len(lost), tensor=lost[0])
    if missing:
        raise ModelError("modeling.adapter-incomplete", folder=folder, tensor=missing[0])
    return model


def _as_saved(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors under the names that PEFT saves them by, whatever the adapter is called."""
    return {PREFIX + module_path(name): tensor for name, tensor in weights.items() if not is_copy(name, weights)}


def token_indices(section: AdapterSection, base: BaseModel) -> dict[str, list[int]] | None:
    """Ids of ``adapter.trainable_token_indices`` by the embedding's name, as PEFT takes them; None for none.

    A head of its own, one not tied to the input embedding, is trained in the same rows: a token the model shall write
    is chosen by its row there. Raises ConfigError for a text that is not one token, or an id beyond the vocabulary.
    """
    if not section.trainable_token_indices:
        return None
    model = base.model
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    rows = embedding.weight.shape[0]
    ids = sorted({_id(token, base.tokenizer, rows) for token in section.trainable_token_indices})
    names = {module: name.rpartition(".")[2] for name, module in model.named_modules()}
    found = {names[embedding]: ids}
    if head is not None and head.weight is not embedding.weight:
        found[names[head]] = list(ids)
    return found


def _id(token: int | str, tokenizer: object, rows: int) -> int:
    number = token if isinstance(token, int) else _known(token, tokenizer)
    if 0 <= number < rows:
        return number
    raise ConfigError("modeling.token-unknown", token=str(token), rows=rows)


def _known(token: str, tokenizer: object) -> int:
    vocabulary: dict[str, int] = tokenizer.get_vocab()  # type: ignore[attr-defined]
    return vocabulary.get(token, -1)
