"""The terms as people see them: one letter for the bar, a name, and one sentence each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    letter: str
    title: str
    sentence: str


LABELS: dict[str, Label] = {
    "block_weights": Label("W", "Layers' weights", "The matrices of all layers, with the constants of quantization."),
    "tables": Label("W", "Embedding and head", "Word tables stay in 16 bit when layers are quantized."),
    "other_weights": Label("W", "Norms and biases", "Small weights that are never quantized."),
    "adapters": Label("L", "Adapter", "The numbers that are trained, in float32; grows with rank and targets."),
    "optimizer": Label("O", "Optimizer", "AdamW remembers two numbers for each trained one."),
    "gradients": Label("O", "Gradients", "One number for each trained one, kept while micro-batches add up."),
    "step_workspace": Label("O", "Optimizer's workspace", "The update of all trained numbers before it is applied."),
    "buckets": Label("O", "Gradient exchange", "Buffers in which GPUs send each other their gradients."),
    "checkpoints": Label("A", "Stored activations", "What each layer keeps for its backward pass; grows with tokens."),
    "layer": Label("A", "One layer recomputed", "Everything one layer needs for its backward pass."),
    "backward": Label("A", "One layer's gradients", "Gradients of one layer's intermediate results."),
    "forward": Label("A", "Forward pass", "One layer's intermediate results when nothing is kept."),
    "kv_cache": Label("A", "Answers' memory", "Keys and values of the answers an evaluation writes."),
    "logits": Label("G", "Logits and loss", "One score for each word of the vocabulary and each token at the loss."),
    "head_hidden": Label("G", "Around the loss", "Hidden states before the head, and their gradient."),
    "dequantized": Label("T", "Unpacked matrix", "A quantized matrix is unpacked to 16 bit while it multiplies."),
    "unsharded": Label("T", "Gathered weights", "Sharded weights are whole while they are used."),
    "merge": Label("T", "One matrix merged", "A weight matrix, its update and their sum."),
    "cast_cache": Label("T", "16-bit copies", "Copies of float32 weights that mixed precision works with."),
}

GROUPS = {
    "W": "weights",
    "L": "adapter",
    "O": "optimizer and gradients",
    "A": "activations",
    "G": "logits and loss",
    "T": "working copies",
}
