"""Whatever the family, a model trains with causal attention that is its own, and on the loss that is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.common.errors import ConfigError, ModelError
from engine.config.schema import ModelSection
from engine.distributed.device import Placement
from engine.messages.message import Message
from engine.modeling.kernels import attention, cpu_attention, repeated_heads
from engine.modeling.kernels.head import LogitForm
from engine.modeling.kernels.loss import SupervisedLoss, hidden_states
from engine.modeling.kernels.proof import attention_fault, proved_head
from engine.modeling.load import BaseModel, load_base
from engine.models.card import read_card
from engine.runs import events as ev
from tests.engine.modeling.kernels.tiny_families import FAMILIES, config_of, model_of, write_family
from tests.engine.training import making

OURS = cpu_attention.NAME
EAGER = {"bloom", "codegen", "gptj", "gpt_neo", "mpt", "gpt_oss", "gemma2"}
LIBRARYS = {"falcon", "doge", "deepseek_v32"}
FORMS = {
    "gemma3_text": LogitForm(cap=3.0), "gemma2": LogitForm(cap=30.0), "falcon_h1": LogitForm(0.039),
    "recurrent_gemma": LogitForm(cap=3.0), "hyperclovax": LogitForm(4.0), "granite": LogitForm(0.25),
    "cohere": LogitForm(0.0625), "cohere2": LogitForm(0.0625),
}  # fmt: skip
# Longer than the windows of those families that have one.
ROWS = torch.randint(3, 200, (2, 23), generator=torch.Generator().manual_seed(1))
POSITIONS = torch.cat([torch.arange(22), 23 + torch.arange(22)])


def on_cpu(dtype: torch.dtype = torch.float32) -> Placement:
    return Placement(torch.device("cpu"), dtype, "no")


def loaded(folder: Path, dtype: torch.dtype = torch.float32, **model: Any) -> BaseModel:
    section = ModelSection.model_validate({"name_or_path": str(folder)} | model)
    return load_base(read_card(folder), section, on_cpu(dtype), False)


def loss_of(model: Any, head: Any) -> float:
    total, _ = SupervisedLoss(model, head)(ROWS, POSITIONS, ROWS[:, 1:].reshape(-1))
    return float(total) / len(POSITIONS)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name: str = request.param
    folder = write_family(name, tmp_path_factory.mktemp(name) / "model", tiny)
    return name, folder


def test_each_family_is_loaded_with_its_own_attention_and_its_own_loss(family: tuple[str, Path]) -> None:
    name, folder = family
    base = loaded(folder)
    used = base.model.config._attn_implementation
    assert used == ("eager" if name in EAGER else "sdpa" if name in LIBRARYS else OURS)
    assert base.head.own is None
    assert base.head.form == FORMS.get(name, LogitForm())
    assert loss_of(base.model, base.head) == pytest.approx(float(base.model(ROWS, labels=ROWS).loss), abs=1e-4)
    later = ROWS.clone()
    later[:, 15:] = 7
    found, changed = hidden_states(base.model, ROWS), hidden_states(base.model, later)
    torch.testing.assert_close(changed[:, :15], found[:, :15], rtol=1e-4, atol=1e-5)
    assert bool(base.told) == (name in EAGER or name in {"doge", "deepseek_v32"}), "said where it is not the usual one"


@pytest.mark.parametrize("kernel", [cpu_attention, repeated_heads])
@pytest.mark.parametrize("name", ["llama", "falcon_h1", "hyperclovax", "granite", "mixtral"])
def test_sixteen_bits_find_the_same_form(name: str, kernel: Any) -> None:
    model = model_of(name, kernel.register(), torch.bfloat16)
    assert attention_fault(model) is None
    head, extra = proved_head(model)
    assert head is not None
    assert (head.form, head.own, extra) == (FORMS.get(name, LogitForm()), None, 0.0)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
@pytest.mark.parametrize("name", ["llama", "granite"])
def test_quantized_models_pass_with_the_usual_attention(
    name: str, quantization: str, tiny: Path, tmp_path: Path
) -> None:
    base = loaded(write_family(name, tmp_path / "model", tiny), torch.bfloat16, quantization=quantization)
    assert base.told == []
    assert base.model.config._attn_implementation == OURS
    assert base.head.form == FORMS.get(name, LogitForm())


class Seeing:
    """Kernels that go wrong in one way each."""

    @staticmethod
    def later(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
        return cpu_attention.attention(module, query, key, value, None, is_causal=False)

    @staticmethod
    def otherwise(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
        return cpu_attention.attention(module, query, key, value, None, scaling=3.0)

    @staticmethod
    def nothing(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
        raise NotImplementedError("no such thing")

    @staticmethod
    def infinity(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
        output, _ = cpu_attention.attention(module, query, key, value, None)
        return output / 0, None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("kernel", "fault"),
    [("later", "leaks"), ("otherwise", "differs"), ("nothing", "raises"), ("infinity", "not-finite")],
)
def test_a_wrong_kernel_is_found_out(kernel: str, fault: str, dtype: torch.dtype) -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(f"wrong_{kernel}", getattr(Seeing, kernel))
    AttentionMaskInterface.register(f"wrong_{kernel}", sdpa_mask)
    found = attention_fault(model_of("llama", f"wrong_{kernel}", dtype))
    assert found is not None
    assert found.code == f"modeling.fault-{fault}"


def test_the_proof_leaves_no_trace() -> None:
    model = model_of("llama", cpu_attention.register()).train()
    model.lm_head.requires_grad_(True)
    before = torch.get_rng_state()
    attention_fault(model)
    proved_head(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert model.lm_head.weight.grad is None
    assert model.config._attn_implementation == OURS


def with_odd_logits(model: Any) -> Any:
    """Its logits go through something that no field of its config tells."""
    plain = model.forward

    def forward(*args: Any, labels: Any = None, **kwargs: Any) -> Any:
        output = plain(*args, **kwargs)
        output.logits = 2 * output.logits + output.logits.roll(1, -1)
        if labels is not None:
            output.loss = model.loss_function(output.logits, labels, model.config.vocab_size)
        return output

    model.forward = forward
    return model


@pytest.mark.parametrize("name", ["llama", "mixtral", "opt"])
def test_logits_of_an_unknown_form_are_the_models_own(name: str) -> None:
    """With the gradients of its own loss, too."""
    model = with_odd_logits(model_of(name, cpu_attention.register()))
    head, _ = proved_head(model)
    assert head is not None
    assert head.own is not None
    trained = model.get_input_embeddings().weight.requires_grad_(True)
    own = model(ROWS, labels=ROWS).loss
    (expected,) = torch.autograd.grad(own, trained)
    total, _ = SupervisedLoss(model, head)(ROWS, POSITIONS, ROWS[:, 1:].reshape(-1))
    loss = total / len(POSITIONS)
    torch.testing.assert_close(loss, own, rtol=1e-5, atol=1e-5)
    (found,) = torch.autograd.grad(loss, trained)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_model_that_hides_its_way_to_the_logits_is_refused() -> None:
    model = model_of("llama")
    plain = model.forward
    noise = torch.randn(12, 211)

    def forward(*args: Any, **kwargs: Any) -> Any:
        output = plain(*args, **kwargs)
        noise.mul_(-1.5)  # each time another
        output.logits = output.logits + noise
        return output

    model.forward = forward
    assert proved_head(model)[0] is None


def test_a_further_term_of_a_models_loss_is_told(tiny: Path, tmp_path: Path) -> None:
    base = loaded(write_family("mixtral", tmp_path / "moe", tiny, output_router_logits=True, router_aux_loss_coef=0.5))
    assert "events.extra-loss" in [told.code for told in base.told]


def test_a_model_that_reads_in_both_directions_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = write_family("bert", tmp_path / "both", tiny)
    with pytest.raises(ModelError, match="see later ones") as caught:
        loaded(folder)
    assert "causal" in caught.value.hint


def test_a_model_without_a_language_head_is_refused(tiny: Path, tmp_path: Path) -> None:
    from transformers import ViTConfig

    ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="does not write text"):
        attention.choices(tmp_path, ModelSection(name_or_path="x"), on_cpu())


@pytest.mark.parametrize(("name", "named"), [("gptj", "sdpa"), ("bloom", "flash_attention_2"), ("gpt_oss", "sdpa")])
def test_attention_that_a_class_lacks_is_refused_and_the_hint_helps(name: str, named: Any, tmp_path: Path) -> None:
    config_of(name).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=named) as caught:
        attention.choices(tmp_path, ModelSection(name_or_path="x", attn_implementation=named), on_cpu())
    assert caught.value.hint == 'Set model.attn_implementation = "auto".'
    assert attention.choices(tmp_path, ModelSection(name_or_path="x"), on_cpu()).names == ["eager"]


def test_attention_that_is_named_and_wrong_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.modeling.load.attention_fault", lambda model: Message("modeling.fault-leaks"))
    with pytest.raises(ModelError) as caught:
        loaded(tiny, attn_implementation="sdpa")
    of_sdpa = Message("modeling.fault-of", attention="sdpa", fault=Message("modeling.fault-leaks"))
    assert caught.value.reason.args["faults"] == (of_sdpa,)
    assert caught.value.hint == 'Set model.attn_implementation = "auto".'


BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
REPEATED = repeated_heads.NAME


@pytest.mark.parametrize(
    ("capability", "dtype", "precision", "first"),
    [
        ((7, 0), FP16, "fp16", REPEATED),  # V100
        ((7, 5), FP16, "fp16", REPEATED),  # T4
        ((7, 5), FP32, "fp16", REPEATED),
        ((7, 5), BF16, "bf16", "sdpa"),  # only plain products, which repeat by themselves
        ((8, 0), BF16, "bf16", "sdpa"),
        ((8, 6), FP16, "fp16", "sdpa"),
        ((8, 9), FP32, "no", REPEATED),
        ((8, 9), FP32, "bf16", "sdpa"),
        ((9, 0), BF16, "bf16", "sdpa"),
        ((9, 0), FP32, "no", REPEATED),
        ((12, 0), BF16, "bf16", "sdpa"),
    ],
)
def test_a_gpu_without_a_flash_kernel_gets_keys_repeated(
    capability: tuple[int, int], dtype: torch.dtype, precision: str, first: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    config_of("llama").save_pretrained(tmp_path)
    found = attention.choices(
        tmp_path, ModelSection(name_or_path="x"), Placement(torch.device("cuda", 0), dtype, precision)
    )
    assert found.names == list(dict.fromkeys([first, "sdpa", "eager"]))


def test_torchs_attention_by_name_gets_keys_repeated_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    config_of("llama").save_pretrained(tmp_path)
    by_name = ModelSection(name_or_path="x", attn_implementation="sdpa")
    assert attention.choices(tmp_path, by_name, Placement(torch.device("cuda"), FP16, "fp16")).names[0] == REPEATED
    assert attention.choices(tmp_path, by_name, on_cpu()).names == ["sdpa"]


def test_no_attention_is_left_to_cudnn(tiny: Path) -> None:
    torch.backends.cuda.enable_cudnn_sdp(True)
    loaded(tiny)
    assert not torch.backends.cuda.cudnn_sdp_enabled()


def test_a_run_says_that_its_attention_is_not_fused_and_has_the_models_loss(
    tiny: Path, rows: Path, tmp_path: Path
) -> None:
    folder = write_family("gptj", tmp_path / "gptj", tiny, n_positions=512)
    runs = {
        named: making.train(making.values(folder, rows, model={"attn_implementation": named}, train={"max_steps": 2}))
        for named in ("auto", "eager")
    }
    assert runs["auto"].losses() == pytest.approx(runs["eager"].losses(), abs=1e-5)
    assert any(warning.message.code == "events.attention-slow" for warning in runs["auto"].of(ev.Warn))
    assert not any("attention" in warning.message.code for warning in runs["eager"].of(ev.Warn))
