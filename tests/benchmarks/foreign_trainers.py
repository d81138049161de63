"""How other trainers use memory, from their sources and release notes: profiles to score the estimate with.

Each entry says what a trainer keeps and in which dtype. None of them knows a model, a row or a measured figure.
Losses are named as the published tables name them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.memory.job import Job, LossKernel, Profile
from tests.benchmarks.published_files import Row, number

LOSSES = {
    # 16-bit logits 2, float32 copy 4, shifted copy 4, log-softmax 4.
    "hf": LossKernel("hf", 14, 6),
    # As above, the 16-bit logits replaced by their copy.
    "hf_old": LossKernel("hf_old", 12, 6),
    # As "hf", and mixed precision returns a float32 copy of the output.
    "hf_amp": LossKernel("hf_amp", 16, 6),
    # The caller holds the outputs: 2, log-softmax 4 and two float32 gradients 8; last states 6 more.
    "hf_pad": LossKernel("hf_pad", 14, 12),
    "plain32": LossKernel("plain32", 12, 6),
    # Shifted 16-bit logits 2 + 2, log-softmax in float32 4 and its gradient 4; 1 for the ignored labels' mask.
    "bf16_shift": LossKernel("bf16_shift", 13, 6),
    # Triton cross-entropy in place on materialised logits, with (10) or without (8) the 16-bit original.
    "triton_ce": LossKernel("triton_ce", 10, 6),
    "triton_ce8": LossKernel("triton_ce8", 8, 6),
    # Compiled and chunked: 16-bit logits and little else.
    "chunk_c": LossKernel("chunk_c", 2.3, 6),
    # Chunks of 128 positions, all of them kept: logits 2, softmax 4, gradient 4.
    "chunk_lit": LossKernel("chunk_lit", 10, 6),
    # Fused linear and cross-entropy: no logits; hidden states, their gradient and float32 buffers.
    "fused": LossKernel("fused", 0, 14),
}
CHUNKED_FLOAT32 = LossKernel("chunked float32", 16, 12)
SHIFTED_HALF = LossKernel("shifted half precision", 6, 6)


def profile_for(row: Row, job: Job) -> Profile:
    """The profile of the trainer that a published row names."""
    loss = LOSSES.get(row["ce"], LOSSES["hf"])
    base = Profile(
        name=row["framework"],
        loss=loss,
        repeats_kv=row["attn"] in ("sdpa", "sdpa_mha", "eager", "xformers"),
        gradients_persist=number(row, "grad_accum", 1) > 1,
    )
    return _trainer(row)(base, row, job)


def _trainer(row: Row) -> Callable[[Profile, Row, Job], Profile]:
    framework = row["framework"].lower()
    origin = (row["group"] or row["source"]).lower()
    if "fms" in framework or "fms" in origin:
        return _fms
    for word, trainer in _TRAINERS.items():
        if word in framework:
            return trainer
    # A framework's name may say little ("HF"); the tables then name the family of profile.
    return _FAMILIES.get(row["profile"], _plain_peft)


def _fms(base: Profile, row: Row, job: Job) -> Profile:
    """HF's Trainer with optional kernels ("foak"), PEFT under autocast or in pure 16 bit, FSDP 1."""
    kernels = "foak" in row["framework"]
    pure = "pure" in row["compute"]
    loss = replace(base.loss, hidden_bytes=4) if kernels and base.loss.bytes_per_logit else base.loss
    old = "transformers 4.45" in row["fw_version"]
    profile = replace(
        base,
        loss=loss,
        fused_norm=kernels,
        fused_adapter=kernels and "accelerated" in row["framework"],
        adapter_input="copy32" if pure else "copy16",
        # The Mistral and Mixtral classes expanded keys before flash attention; Llama's did not.
        repeats_kv=old and job.shape.name.startswith(("Mistral", "Mixtral")),
        holds_layer_inputs=True,
    )
    if "baseline" in row["framework"] and job.gpus == 1:
        # The library's own preparation for 4 bit: float32 stream, and bitsandbytes answers in its input's dtype.
        profile = replace(profile, residual_bytes=4, linear_output_bytes=4)
    if old and job.weight_shards > 1 and job.is_full and not pure:
        profile = replace(profile, trained_bytes=4)  # float32 master weights, 16-bit copies gathered
    return profile


def _litgpt(base: Profile, row: Row, job: Job) -> Profile:
    """Own model code: one q/k/v linear, 16-bit adapters, head apart from the embedding."""
    profile = replace(base, adapter_bytes=2, fused_qkv=True, untied_head=True, gradients_persist=True)
    if not job.is_quantized:
        return profile
    if row["framework"] == "lit-gpt":  # 2023, bitsandbytes 0.41
        return replace(profile, keeps_quantized_input=True)
    # Its 4-bit embedding layer answers in float32, and everything after it goes on in float32.
    return replace(
        profile,
        loss=CHUNKED_FLOAT32,
        quantized_head=True,
        residual_bytes=4,
        linear_output_bytes=4,
        attention_bytes=4,
        adapter_input="copy16",
    )


def _torchtune(base: Profile, row: Row, job: Job) -> Profile:
    """Compiled, pure 16 bit; a full fine-tuning steps inside the backward pass."""
    in_backward = job.is_full and ("opt_in_bwd" in row["optimizer"] or job.checkpointing == "offload")
    return replace(base, adapter_bytes=2, fused_norm=True, fused_mlp=True, gradients_freed_early=in_backward)


def _unsloth(base: Profile, row: Row, job: Job) -> Profile:
    return replace(base, fused_norm=True, fused_mlp=True, fused_adapter=True)


def _prepared_for_4bit(base: Profile, row: Row, job: Job) -> Profile:
    """HF's Trainer after PEFT's preparation: float32 tables, norms and stream."""
    return replace(
        base,
        loss=replace(base.loss, hidden_bytes=12),
        table_bytes=4,
        residual_bytes=4,
        linear_output_bytes=4,
        adapter_input="copy16",
        casts_head=True,
    )


def _custom_loop(base: Profile, row: Row, job: Job) -> Profile:
    profile = replace(base, adapter_input="copy32", gradients_persist=True)
    if not row["compute"].startswith("fp32"):
        return profile
    return replace(
        profile, adapter_input="copy16", frozen_bytes=4, table_bytes=4, trained_bytes=4, residual_bytes=4,
        autocast_cache=True,
    )  # fmt: skip


def _swift(base: Profile, row: Row, job: Job) -> Profile:
    profile = replace(base, adapter_input="copy16", varied_lengths=True)
    if row["quant"].startswith("nf4"):
        profile = replace(profile, table_bytes=4, residual_bytes=4)
    return profile


def _qwen_scripts(base: Profile, row: Row, job: Job) -> Profile:
    """HF's Trainer; 4-bit models under DeepSpeed in half precision, with float32 master copies of what is trained."""
    if "DeepSpeed" not in row["optimizer"]:
        return replace(base, adapter_input="copy16")
    return replace(
        base, loss=SHIFTED_HALF, adapter_bytes=2, gradient_bytes=2, optimizer_state_bytes=12, table_bytes=4,
    )  # fmt: skip


def _plain_peft(base: Profile, row: Row, job: Job) -> Profile:
    return replace(base, adapter_input="copy16")


def _shared_input(base: Profile, row: Row, job: Job) -> Profile:
    return base


_TRAINERS: dict[str, Callable[[Profile, Row, Job], Profile]] = {
    "custom loop": _custom_loop,
    "litgpt": _litgpt,
    "lit-gpt": _litgpt,
    "torchtune": _torchtune,
    "unsloth": _unsloth,
    "hf + fa2": _prepared_for_4bit,
    "hf eager": _prepared_for_4bit,
    "swift": _swift,
    "hf trainer + peft": _qwen_scripts,
    "fsdp_qlora": _shared_input,
}
_FAMILIES: dict[str, Callable[[Profile, Row, Job], Profile]] = {
    "hf_kbit": _prepared_for_4bit,
    "litgpt": _litgpt,
    "torchtune": _torchtune,
    "unsloth": _unsloth,
    "swift": _swift,
    "qwen_ds": _qwen_scripts,
    "fsdpq": _shared_input,
}
