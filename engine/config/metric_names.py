"""The names of the metrics that a run's config may ask for in ``eval.metrics``."""

from __future__ import annotations

from typing import Literal

MetricName = Literal[
    "accuracy", "macro_f1",
    "json_values", "json_exact", "json_keys", "json_valid",
    "exact_number",
    "tool_arguments", "tool_name",
    "exact_match", "token_f1",
    "chrf", "rouge_l", "bleu",
    "bits_per_byte", "perplexity",
    "user_metric",
]  # fmt: skip
"""Of classes, JSON, numbers, tool calls, short answers, free text, plain text, and the one of ``eval.metric_file``."""
USER_METRIC = "user_metric"
