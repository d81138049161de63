"""Each term against numbers computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.machine.gpu_specs import GIB
from engine.memory import activations, job
from engine.memory import model_states as states
from engine.memory.job import Job, LossKernel, Profile, tunedeck
from engine.modeling.kernels import cpu_attention, loss
from engine.models.dims import from_config
from tests.engine.memory.models import GEMMA_2_2B, LLAMA_3_8B, MISTRAL_7B, QWEN3_30B_A3B, SMOLLM2_135M

OURS = tunedeck()
LLAMA = Job(LLAMA_3_8B, rows=1, row_tokens=1000)
# Weights of Llama-3-8B's block linears: 32 x (2 x 4096² + 2 x 4096 x 1024 + 3 x 4096 x 14336).
LINEARS = 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336)


def with_(**changes: object) -> Job:
    return replace(LLAMA, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quantization", "each"), [("none", 2), ("nf4", 0.5625), ("nf4-dq", 0.51586914), ("gptq4", 0.51953125)]
)
def test_weights_take_their_bytes_and_their_constants(quantization: str, each: float) -> None:
    assert states.block_weights(with_(quantization=quantization), OURS) == pytest.approx(LINEARS * each, rel=1e-7)


def test_int8_adds_a_scale_for_each_row() -> None:
    rows = 32 * (4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096)
    assert states.block_weights(with_(quantization="int8"), OURS) == LINEARS + 4 * rows


def test_embedding_and_head_stay_in_16_bit() -> None:
    assert states.tables(with_(quantization="nf4"), OURS) == 2 * 2 * 128256 * 4096
    assert states.tables(Job(SMOLLM2_135M, 1, 8), OURS) == 2 * 49152 * 576  # tied: once


def test_llama_3_8b_in_4_bit_is_5_4_gib_not_4() -> None:
    job = with_(quantization="nf4-dq")
    static = states.block_weights(job, OURS) + states.tables(job, OURS) + states.other_weights(job, OURS)
    assert static / GIB == pytest.approx(5.31, abs=0.01)
    assert (static + 3 * states.adapters(job, OURS) / 2) / GIB == pytest.approx(5.54, abs=0.01)
    plain = with_(quantization="nf4")
    assert (states.block_weights(plain, OURS) + states.tables(plain, OURS)) / GIB == pytest.approx(5.61, abs=0.01)


def test_lora_of_all_linears_counts_what_peft_prints() -> None:
    assert states.adapter_numbers(LLAMA) == 41_943_040  # Llama-3-8B, r = 16, all-linear
    assert states.adapter_numbers(with_(targets=("q", "v"), rank=8)) == 3_407_872
    assert states.adapter_numbers(Job(MISTRAL_7B, 1, 8, rank=16, targets=("q", "k", "v", "o"))) == 13_631_488


def test_dora_adds_a_magnitude_for_each_output() -> None:
    outputs = 32 * (4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096)
    assert states.adapter_numbers(with_(method="dora")) == 41_943_040 + outputs


def test_adapters_are_float32_and_adamw_doubles_them() -> None:
    assert states.adapters(LLAMA, OURS) == states.gradients(LLAMA, OURS) == 4 * 41_943_040
    assert states.optimizer_states(LLAMA, OURS) == 8 * 41_943_040
    assert states.optimizer_states(with_(optimizer="adamw_8bit"), OURS) == pytest.approx(41_943_040 * 2.03125)
    assert states.optimizer_states(with_(optimizer="sgd"), OURS) == 0


def test_tables_trained_whole_are_copied_in_float32() -> None:
    table = 128256 * 4096
    job = with_(trained_tables=2)
    assert states.adapters(job, OURS) - states.adapters(LLAMA, OURS) == 2 * 4 * table


def test_full_fine_tuning_in_bf16_is_10_bytes_a_parameter_at_the_step() -> None:
    job = Job(MISTRAL_7B, 1, 8, method="full")
    profile = Profile("plain", LossKernel("plain", 14, 6))
    everything = (
        states.block_weights(job, profile) + states.tables(job, profile) + states.other_weights(job, profile)
        + states.gradients(job, profile) + states.optimizer_states(job, profile) + states.step_workspace(job, profile)
    )  # fmt: skip
    assert everything == 10 * 7_241_732_096  # measured: 72.43 GB


def test_our_fused_adamw_needs_no_workspace() -> None:
    assert states.step_workspace(LLAMA, OURS) == 0


def test_fused_experts_stay_in_16_bit() -> None:
    job = Job(QWEN3_30B_A3B, 1, 8, quantization="nf4")
    experts = 48 * 128 * 3 * 2048 * 768
    assert QWEN3_30B_A3B.expert_weights == experts
    assert states.block_weights(job, OURS) > 2 * experts


def test_adapters_on_fused_experts_are_counted_as_peft_makes_them() -> None:
    """Mixtral of 3 layers, width 256, 4 experts of 512: PEFT makes 184,368 numbers at rank 4."""
    fields = {"hidden_size": 256, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 4,
              "intermediate_size": 512, "vocab_size": 1000}  # fmt: skip
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2}
    mixtral = from_config({"model_type": "mixtral", **fields, **experts})
    job = Job(mixtral, 1, 8, rank=4)
    assert states.adapter_numbers(job) == 184_368
    assert states.adapter_numbers(replace(job, targets=("q", "k", "v", "o"))) == 21_504
    assert (
        states.adapter_numbers(Job(from_config({"model_type": "gpt_oss", **fields, **experts}), 1, 8, rank=4)) == 21_504
    )


def test_adapters_on_fused_experts_take_a_copy_of_all_of_a_layers_experts() -> None:
    job = Job(QWEN3_30B_A3B, 1, 8)
    layer = 128 * 3 * 2048 * 768
    assert activations.expert_copies(job) == 2 * layer
    assert activations.expert_copies(replace(job, targets=("q", "v"))) == 0


def test_one_linear_for_queries_keys_and_values_has_one_adapter() -> None:
    fields = {"hidden_size": 256, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 4,
              "intermediate_size": 512, "vocab_size": 1000}  # fmt: skip
    phi3, glm4 = (from_config({"model_type": name, **fields}) for name in ("phi3", "glm4"))
    assert states.adapter_numbers(Job(phi3, 1, 8, rank=4)) == 39_936
    assert states.adapter_numbers(Job(glm4, 1, 8, rank=4)) == 46_080


def test_a_checkpoint_is_a_layers_16_bit_input() -> None:
    assert activations.checkpoint(LLAMA, OURS) == 2 * 4096


def test_int8_keeps_every_linears_input_in_spite_of_recomputation() -> None:
    inputs = 2 * (4096 + 4096 + 4096 + 14336)  # q/k/v, o, gate/up, down
    assert activations.checkpoint(with_(quantization="int8"), OURS) == 2 * 4096 + inputs


def test_what_a_layer_keeps_per_token_under_our_loop() -> None:
    norms = 2 * 4096  # the first norm's input is the checkpoint itself
    attention = 2 * (4096 + 1024 + 1024 + 4096) + 4 * 32
    mlp = 3 * 2 * 14336
    inputs = 2 * (4096 + 4096 + 14336)  # shared by q, k, v; by gate, up; of down. That of o is kept anyway.
    low_rank = 7 * 2 * 16
    assert activations.layer_saved(LLAMA, OURS) == norms + attention + mlp + inputs + low_rank
    two = activations.layer_saved(with_(targets=("q", "v")), OURS)
    assert two == norms + attention + mlp + 2 * 4096 + 2 * 2 * 16


def test_eager_attention_is_quadratic_in_length() -> None:
    short = activations.attention_saved(with_(attention="eager", row_tokens=1000), OURS)
    long = activations.attention_saved(with_(attention="eager", row_tokens=3000), OURS)
    assert long - short == 2000 * 32 * 6
    capped = Job(GEMMA_2_2B, 1, 1000, attention="eager")
    assert activations.score_bytes(capped) == 8


def test_our_kernel_for_the_cpu_keeps_scores_of_short_rows_only() -> None:
    assert activations.CPU_SCORES_UP_TO == cpu_attention.LONGEST
    fused = activations.attention_saved(LLAMA, OURS)
    for length, kept in ((100, 100), (640, 640), (4000, 640)):
        job = with_(attention="cpu", row_tokens=length)
        assert activations.attention_saved(job, OURS) - fused == 2 * kept * 32


def test_a_gpus_and_the_cpus_chunks_are_those_of_the_loss() -> None:
    assert job.CHUNK_POSITIONS == loss.CHUNK_POSITIONS


def test_a_dropped_input_has_a_mask() -> None:
    job = with_(dropout=0.1)
    inputs = sum(linear.inputs for linear in job.adapted())
    gpu, cpu = tunedeck("cuda", lean=False), tunedeck("cpu", lean=False)
    assert activations.adapter_inputs_saved(job, gpu) == (2 + 1) * inputs
    assert activations.adapter_inputs_saved(job, cpu) == (2 + 4) * inputs


def test_doras_norm_is_formed_of_whole_matrices() -> None:
    job = with_(method="dora", rows=1, row_tokens=1)
    down = 14336 * 4096
    norm = max(6 * 14336**2 + 2 * down, 2 * 14336**2 + 16 * down)
    assert activations.adapters_passing(job, tunedeck(lean=False)) == pytest.approx(norm, rel=0.001)
    assert activations.adapters_passing(LLAMA, OURS) == 0


def test_a_head_trained_whole_has_its_gradient_three_times_while_chunks_are_added() -> None:
    table = 2 * 128256 * 4096
    assert activations.head_backward(with_(trained_tables=2, row_tokens=4000), OURS) == (0, 3 * table)
    assert activations.head_backward(with_(trained_tables=2, row_tokens=512), OURS) == (0, table + 2 * table)
    assert activations.trains_tables(with_(trained_tables=1), OURS)
    assert not activations.trains_tables(LLAMA, OURS)


def test_logits_exist_only_for_one_chunk() -> None:
    whole = Profile("whole", LossKernel("whole", 14, 6))
    assert activations.logits_bytes(LLAMA, whole) == 1000 * 128256 * 14
    assert activations.logits_bytes(LLAMA, OURS) == 128256 * 512 * 6
    assert activations.logits_bytes(with_(row_tokens=100_000), OURS) == 128256 * 512 * 6
    assert activations.logits_bytes(with_(row_tokens=100), OURS) == 128256 * 100 * 6
    assert activations.logits_bytes(with_(supervised_share=0.1), OURS) == 128256 * 100 * 6


def test_sharding_cuts_weights_and_states_not_activations() -> None:
    sharded = with_(gpus=4, sharding="fsdp")
    assert (sharded.weight_shards, sharded.state_shards) == (4, 4)
    zero2 = with_(gpus=4, sharding="zero2")
    assert (zero2.weight_shards, zero2.state_shards) == (1, 4)
    assert with_(gpus=4, sharding="ddp").weight_shards == 1
    assert states.buckets(with_(gpus=4, sharding="ddp"), OURS) == states.gradients(LLAMA, OURS)
    assert states.unsharded(sharded, OURS) == 2 * 2 * 128256 * 4096 + 2 * LINEARS / 32
