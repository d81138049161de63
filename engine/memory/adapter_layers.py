"""What adapter layers of the PEFT library need in passing: casts, dropped inputs, and DoRA's norm of a whole matrix."""

from __future__ import annotations

from engine.memory.job import Job
from engine.memory.profiles import Profile
from engine.memory.terms import adapter_numbers
from engine.models.dims import Linear


def passing(job: Job, profile: Profile) -> float:
    """Bytes beside what is saved while a layer's last linear goes through the library's own adapter layer.

    That is the MLP's way down: everything of the layer is saved by then, and its input is the widest. The lean
    layers make copies only with dropout, the fused ones none.
    """
    last = next((linear for linear in job.adapted() if linear.name.endswith("down")), None)
    dora = job.method == "dora"
    if last is not None and job.dropout and profile.drops_again:
        # Backward: the input's gradient, the adapter's share of it, and that dropped as the input was.
        return (3 * profile.linear_output_bytes * last.inputs + 4.0 * last.outputs) * job.tokens
    if last is None or profile.fused_adapter or (profile.adapter_input == "shared" and not dora):
        return 0.0
    # Beside the output, the stream: its gradient, the residual, the normed input and what that was scaled from.
    wide = _input_casts(job, profile) * last.inputs + 5 * profile.linear_output_bytes * last.outputs
    if not dora:
        return wide * job.tokens
    # The norm is formed before the adapter's product; then the update is scaled in float32.
    scaled = wide + (2.0 + 12.0) * last.outputs
    return max(dora_norm(job, last) + wide * job.tokens, dora_kept(last) + scaled * job.tokens)


def _input_casts(job: Job, profile: Profile) -> float:
    """Bytes for each number of the input: itself, its float32 copy, and that with some of it dropped."""
    own = profile.linear_output_bytes
    if profile.adapter_input == "copy16":
        return own + 4.0 + (4.0 if job.dropout else 0.0)
    return own + (4.0 if job.dropout and own < 4 else 0.0)


def cast_weights(job: Job, profile: Profile) -> float:
    """The 16-bit copies of float32 adapters that autocast keeps to the end of the forward pass."""
    casts = profile.adapter_input == "copy16" and profile.adapter_bytes == 4
    return 2.0 * adapter_numbers(job) if casts and not job.is_full else 0.0


def dora_norm(job: Job, linear: Linear) -> float:
    """The update is made of an identity matrix (float32 and 16 bit); then matrix, update and sum in float32."""
    square, size = linear.inputs**2, linear.inputs * linear.outputs
    unpacked = 2.0 * size if job.is_quantized else 0.0
    return unpacked + max(6.0 * square + 2.0 * size, 2.0 * square + 16.0 * size)


def dora_kept(linear: Linear) -> float:
    """Of these the 16-bit identity, matrix and update stay to the end of the layer's forward."""
    return 2.0 * linear.inputs**2 + 8.0 * linear.inputs * linear.outputs
