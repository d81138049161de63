"""A proof tells a right merge from a wrong one, and says by how much."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from engine.common.errors import TunedeckError
from engine.export.merge.write import merge
from engine.export.proof import answers as proof_models
from engine.export.proof.answers import Answers, ask, compare, loaded
from engine.export.proof.prove import prove, quantization_of
from engine.export.proof.verdict import Difference, Proof
from engine.messages.message import Message
from tests.codes import raises
from tests.engine.export.making import change_tensors, make_adapter, save_as


def edit(folder: Path, change: Any) -> Path:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": "all-linear", "use_dora": True},
        {"modules_to_save": ["lm_head"]},
        {"trainable_token_indices": [5, 9]},
    ],
)
def test_a_right_merge_is_proven_in_float32(tiny: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter", **settings)
    proof = prove(tiny, [(adapter, 1.0)], merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path)
    assert proof.verdict == "proven", proof.told()
    assert proof.exact is not None
    assert proof.effect is not None
    assert proof.exact.max_logit < 1e-4 < proof.effect.max_logit
    assert proof.sixteen is None


def test_sixteen_bits_are_proven_too_and_their_rounding_is_told_apart(tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    adapter = make_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    proof = prove(base, [(adapter, 1.0)], merge(base, [(adapter, 1.0)], tmp_path / "merged").path)
    assert proof.verdict == "proven", proof.told()
    assert proof.exact is not None
    assert proof.stored is not None
    assert proof.sixteen is not None
    assert proof.exact.max_logit <= 1e-3 < proof.stored.max_logit
    assert proof.sixteen_dtype == "bfloat16"
    assert [what for what, _ in proof.comparisons()] == [
        Message("export.base-alone"),
        Message("export.before-rounding"),
        Message("export.as-stored", dtype="bfloat16"),
        Message("export.both-in", dtype="bfloat16"),
        Message("export.unmerged-in", dtype="bfloat16"),
    ]


def test_a_model_of_several_precisions_keeps_them_and_is_proven(tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    edit(base, lambda tensors: tensors.update({n: t.float() for n, t in tensors.items() if "norm" in n}))
    adapter = make_adapter(base, tmp_path / "adapter", modules_to_save=["input_layernorm"])
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    for name, tensor in load_file(merged / "model.safetensors").items():
        assert tensor.dtype == (torch.float32 if "norm" in name else torch.bfloat16)
    assert prove(base, [(adapter, 1.0)], merged).verdict == "proven"


def test_a_vocabulary_that_has_grown_is_proven(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter", rows=410)
    proof = prove(tiny, [(adapter, 1.0)], merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path)
    assert proof.verdict == "proven", proof.told()


def test_two_weighted_adapters_are_proven_together(tiny: Path, tmp_path: Path) -> None:
    pair = [(make_adapter(tiny, tmp_path / f"a{seed}", seed=seed, r=2 * seed), 0.5 * seed) for seed in (1, 2)]
    proof = prove(tiny, pair, merge(tiny, pair, tmp_path / "merged").path)
    assert proof.verdict == "proven", proof.told()


def test_what_peft_can_not_add_up_is_said_to_be_unproven(tiny: Path, tmp_path: Path) -> None:
    pair = [(make_adapter(tiny, tmp_path / f"a{seed}", seed=seed, use_dora=True), 1.0) for seed in (1, 2)]
    proof = prove(tiny, pair, merge(tiny, pair, tmp_path / "merged").path)
    assert proof.verdict == "not comparable"
    assert proof.told()[0].args["reason"].code == "export.beyond-a-and-b"


def test_a_merge_with_the_wrong_scale_fails_by_its_tensors(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    wrong = merge(tiny, [(adapter, 0.9)], tmp_path / "merged").path
    proof = prove(tiny, [(adapter, 1.0)], wrong)
    assert proof.verdict == "failed"
    assert proof.told()[0].code == "export.wrong-sum"


def test_a_tensor_that_changed_without_reason_fails(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    merged = merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path
    edit(merged, lambda tensors: tensors["model.norm.weight"].mul_(1.001))
    proof = prove(tiny, [(adapter, 1.0)], merged)
    assert proof.verdict == "failed"
    assert proof.complaint == Message("export.wrong-sum", tensor="model.norm.weight")


def test_a_merge_by_other_rules_than_pefts_fails_by_its_answers(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tensors agree with the plan, but the plan is wrong: only the comparison with PEFT can tell."""
    from engine.models.adapter.config import AdapterSettings

    adapter = make_adapter(tiny, tmp_path / "adapter", target_modules="all-linear", use_rslora=True)
    monkeypatch.setattr(AdapterSettings, "scaling", lambda self, module: self.lora_alpha / self.r)
    proof = prove(tiny, [(adapter, 1.0)], merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path)
    assert not proof.complaint
    assert proof.verdict == "failed"
    assert proof.told()[0].code == "export.logit-off"


def test_an_adapter_of_a_quantized_base_is_compared_with_that_too(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").write_text('[model]\nname_or_path = "tiny"\nquantization = "nf4"\n')
    adapter = make_adapter(tiny, run / "adapter", target_modules="all-linear")
    assert quantization_of(adapter) == "nf4"
    proof = prove(tiny, [(adapter, 1.0)], merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path)
    assert proof.verdict == "proven", proof.told()
    assert proof.trained is not None
    assert proof.exact is not None
    assert proof.trained.max_logit > 10 * proof.exact.max_logit
    assert (proof.told()[-1].code, proof.told()[-1].args["quantization"]) == ("export.trained-quantized", "nf4")
    assert proof.comparisons()[-1] == (Message("export.against-trained", quantization="nf4"), proof.trained)


def test_the_quantized_base_is_quantized_as_it_was(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    quantized = proof_models._quantized

    def watched(*how: Any) -> Any:
        asked.append(how)
        return quantized(*how)

    monkeypatch.setattr(proof_models, "_quantized", watched)
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").write_text('[model]\nquantization = "nf4"\ndouble_quant = false\n')
    adapter = make_adapter(tiny, run / "adapter")
    prove(tiny, [(adapter, 1.0)], merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path, [[5, 9, 14]])
    assert ("nf4", torch.float32, False) in asked


def test_a_four_bit_model_answers_whatever_its_widths(tmp_path: Path) -> None:
    """The CPU's kernel for packed weights knows multiples of 64 only."""
    config = LlamaConfig(vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=1,
                         num_attention_heads=4, bos_token_id=None, eos_token_id=2)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    with loaded(tmp_path, torch.float32, torch.device("cpu"), "nf4") as model:
        found = ask(model, [[5, 9, 14]], torch.device("cpu"), lambda: None)
    assert bool(torch.isfinite(found.logits).all())


def test_without_room_for_float32_tensors_and_perplexity_decide(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.export.proof import prove as proofs

    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    adapter = make_adapter(base, tmp_path / "adapter")
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    monkeypatch.setattr(proofs, "fits", lambda card, bytes_each, device: bytes_each == 2)
    proof = prove(base, [(adapter, 1.0)], merged)
    assert proof.verdict == "proven", proof.told()
    assert proof.exact is None
    monkeypatch.setattr(proofs, "fits", lambda card, bytes_each, device: False)
    with raises(TunedeckError, "export.proof-memory"):
        prove(base, [(adapter, 1.0)], merged)


def test_progress_ends_at_its_total(tiny: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    adapter = make_adapter(base, tmp_path / "adapter")
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    rows = [[1, 2, 3], [4, 5, 6, 7], [9]]
    proof = prove(base, [(adapter, 1.0)], merged, rows, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(told)
    assert (proof.rows, proof.tokens) == (2, 7)


def test_numbers_that_are_not_finite_never_pass(tiny: Path, tmp_path: Path) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        next(iter(tensors.values()))[0, 0] = float("nan")

    adapter = make_adapter(tiny, tmp_path / "adapter")
    merged = merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path
    spoiled = shutil.copytree(merged, tmp_path / "spoiled")
    edit(spoiled, spoil)
    assert prove(tiny, [(adapter, 1.0)], spoiled).verdict == "failed"
    change_tensors(adapter, spoil)
    with raises(TunedeckError, "adapter.not-finite"):
        prove(tiny, [(adapter, 1.0)], merged)


def test_a_difference_is_measured_in_logits_nats_and_perplexity() -> None:
    logits = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    same = compare(Answers(logits, 2.0, 2), Answers(logits + 3, 3.0, 2))
    assert same.max_logit == 3
    assert same.mean_kl == pytest.approx(0, abs=1e-12)
    assert same.perplexity_change == pytest.approx(0.6487, abs=1e-3)


@pytest.mark.parametrize(("perplexity", "verdict"), [(121.17, "proven"), (150.0, "failed"), (float("nan"), "failed")])
def test_rounding_may_move_the_perplexity_of_texts_nobody_expects(perplexity: float, verdict: str) -> None:
    """The first are the figures of the starter with the demo's adapter, on rows of another form."""
    exact, stored = Difference(1.1e-4, 1.9e-11, 124.1, 124.1), Difference(0.63, 6.4e-4, 124.1, perplexity)
    proof = Proof(3753, 48, "bfloat16", 40.4, effect=Difference(37.1, 1.74, 124.1, 64.2), exact=exact, stored=stored)
    assert proof.verdict == verdict
