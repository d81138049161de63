"""What makes a merge proven: the figures of a comparison, the limits they are held to, and both in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

PROOF_FILE = "proof.json"
"""Where a merged model keeps the outcome of its proof."""

Verdict = Literal["proven", "failed", "not comparable"]

# Two ways to add up the same float32 numbers differ by this much in a logit at most, or by this share of the largest.
EXACT_LOGIT = 1e-3
EXACT_SHARE = 2e-5
# Rounding the result to 16 bits is no error, but more than this share of the adapter's effect deserves a word.
ROUNDING_SHARE = 0.1
PERPLEXITY_SHARE = 0.01


@dataclass(frozen=True)
class Difference:
    """How far a model's answers are from the expected ones, over the same tokens.

    ``max_logit`` is the largest absolute difference of a logit, ``mean_kl`` the mean Kullback-Leibler divergence
    from the expected distribution in nats a token, ``perplexity`` that of the model and of the expected one.
    """

    max_logit: float
    mean_kl: float
    expected_perplexity: float
    perplexity: float

    @property
    def perplexity_change(self) -> float:
        """As a share: 0.01 is one percent worse."""
        return self.perplexity / self.expected_perplexity - 1


@dataclass(frozen=True)
class Proof:
    """Base + adapter against the merged model, on the same texts. What was not compared is None.

    ``complaint`` is what is wrong with the written tensors, empty where each is the exact sum rounded once.
    ``exact``: the merged numbers before rounding, computed in float32. ``stored``: the files, computed in float32.
    ``sixteen``: both computed in 16 bits, ``sixteen_dtype``. ``rounding``: base + adapter in 16 bits against itself in
    float32, the yardstick. ``effect``: the base alone. ``trained``: base + adapter with the base quantized as in
    training (``trained_as``), against the files. ``reason`` says why nothing could be compared.
    """

    tokens: int
    rows: int
    stored_dtype: str = ""
    largest_logit: float = 0.0
    complaint: str = ""
    effect: Difference | None = None
    exact: Difference | None = None
    stored: Difference | None = None
    sixteen: Difference | None = None
    sixteen_dtype: str = ""
    rounding: Difference | None = None
    trained: Difference | None = None
    trained_as: str = ""
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.reason:
            return "not comparable"
        return "failed" if self.failures() else "proven"

    @property
    def logit_limit(self) -> float:
        return max(EXACT_LOGIT, EXACT_SHARE * self.largest_logit)

    def failures(self) -> list[str]:
        """Which limits are not kept, in words."""
        failures = [self.complaint] if self.complaint else []
        if self.exact is not None and not _within(self.exact.max_logit, self.logit_limit):
            failures.append(
                f"Before rounding a logit differs by {self.exact.max_logit:.2g}, more than the {self.logit_limit:.2g} "
                "that the order of float32 sums explains."
            )
        final = self.stored or self.sixteen
        if final is None:
            failures.append("The merged model was not asked.")
        elif not _within(abs(final.perplexity_change), PERPLEXITY_SHARE):
            failures.append(f"The perplexity differs by {final.perplexity_change:+.1%}, more than 1 %.")
        return failures

    @property
    def rounding_share(self) -> float:
        """What rounding to 16 bits took away or added, as a share of what the adapter changes (both in nats)."""
        if self.stored is None or self.effect is None or not self.effect.mean_kl:
            return 0.0
        return self.stored.mean_kl / self.effect.mean_kl

    def sentences(self) -> list[str]:
        """What was found, for a person, the verdict first."""
        if self.verdict == "not comparable":
            return [f"The merge was not proven: {self.reason}"]
        told = ["The merged model answers as base + adapter did."] if self.verdict == "proven" else self.failures()
        if not self.complaint:
            told.append("Every written tensor is base and adapter added up in float32 and rounded once.")
        told += [words for words in (self._effect(), self._exact(), self._stored(), self._sixteen()) if words]
        if self.trained is not None:
            told.append(
                f"The adapter was trained on a {self.trained_as} base; against that, the merged model differs by "
                f"{_figures(self.trained)}. That is the base's own quantization, which a merge into 16 bits leaves "
                "behind, not an error of the merge; the perplexities say which of the two fits these texts better."
            )
        return told

    def _effect(self) -> str:
        if self.effect is None:
            return ""
        return (
            f"For scale, the base without the adapter: {_figures(self.effect)}, over {self.tokens:,} tokens of "
            f"{self.rows:,} texts."
        )

    def _exact(self) -> str:
        if self.exact is None:
            return "The memory is too small to compute in float32; the tensors and the perplexity decide."
        return (
            f"Before rounding, computed in float32: {_figures(self.exact)} (limit {self.logit_limit:.2g} in a logit)."
        )

    def _stored(self) -> str:
        if self.stored is None or self.stored_dtype == "float32":
            return ""
        told = f"Rounded to {self.stored_dtype}, computed in float32: {_figures(self.stored)}."
        if self.rounding_share > ROUNDING_SHARE:
            told += (
                f" Rounding is {self.rounding_share:.0%} of what the adapter changes: its effect is small. Keep the "
                "adapter as it is, or merge with dtype float32, if that matters."
            )
        return told

    def _sixteen(self) -> str:
        if self.sixteen is None:
            return ""
        told = f"Both computed in {self.sixteen_dtype}: {_figures(self.sixteen)}"
        if self.rounding is not None:
            told += f"; base + adapter alone differ from themselves in float32 by {_figures(self.rounding)}"
        return told + "."

    def as_values(self) -> dict[str, Any]:
        """For a program: the figures, the verdict and the sentences."""
        return asdict(self) | {"verdict": self.verdict, "sentences": self.sentences(), "logit_limit": self.logit_limit}


def _within(value: float, limit: float) -> bool:
    """False for NaN too."""
    return value <= limit


def _figures(difference: Difference) -> str:
    return (
        f"at most {difference.max_logit:.2g} in a logit, KL {difference.mean_kl:.2g} nats a token, perplexity "
        f"{difference.expected_perplexity:.4g} to {difference.perplexity:.4g}"
    )
