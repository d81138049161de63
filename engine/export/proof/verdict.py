"""What makes a merge proven: the figures of a comparison, the limits they are held to, and both in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["proven", "failed", "not comparable"]

# Two ways to add up the same float32 numbers differ by this much in a logit at most, or by this share of the largest.
EXACT_LOGIT = 1e-3
EXACT_SHARE = 2e-5
# Rounding the result to 16 bits is no error, but more than this share of the adapter's effect deserves a word.
ROUNDING_SHARE = 0.1
# On texts that the model does not expect, rounding alone moves the perplexity: 2.4% on the starter at 124.
PERPLEXITY_SHARE = 0.1


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
            failures.append(
                f"The perplexity differs by {final.perplexity_change:+.1%}, more than {PERPLEXITY_SHARE:.0%}."
            )
        return failures

    @property
    def rounding_share(self) -> float:
        """What rounding to 16 bits took away or added, as a share of what the adapter changes (both in nats)."""
        if self.stored is None or self.effect is None or not self.effect.mean_kl:
            return 0.0
        return self.stored.mean_kl / self.effect.mean_kl

    def comparisons(self) -> list[tuple[str, Difference]]:
        """What was compared with what, in few words, in the order to show."""
        sixteen = self.sixteen_dtype
        named = (
            ("the base without the adapter", self.effect),
            ("merged, before rounding", self.exact),
            (f"merged, as {self.stored_dtype}", self.stored),
            (f"merged, both computed in {sixteen}", self.sixteen),
            (f"base + adapter in {sixteen}, no merge", self.rounding),
            (f"merged against the {self.trained_as} base + adapter", self.trained),
        )
        return [(words, difference) for words, difference in named if difference is not None]

    def sentences(self) -> list[str]:
        """What the comparisons mean, for a person, the verdict first."""
        if self.verdict == "not comparable":
            return [f"The merge was not proven: {self.reason}"]
        told = ["The merged model answers as base + adapter did."] if self.verdict == "proven" else self.failures()
        if not self.complaint:
            told.append("Every written tensor is base and adapter added up in float32 and rounded once.")
        if self.exact is None:
            told.append("The memory is too small to answer in float32; the tensors and the perplexity decide.")
        elif self.verdict == "proven":
            told.append(f"No logit is off by more than {self.exact.max_logit:.2g} (limit {self.logit_limit:.2g}).")
        if self.rounding_share > ROUNDING_SHARE:
            told.append(
                f"Rounding to {self.stored_dtype} is {self.rounding_share:.0%} of what the adapter changes: its effect "
                "is small. Keep the adapter as it is, or merge to float32, if that matters."
            )
        if self.trained is not None:
            told.append(
                f"The adapter was trained on the base in {self.trained_as}, which differs from the 16-bit one: so do "
                f"the answers, by KL {self.trained.mean_kl:.2g} nats a token. That is no error of the merge. The "
                f"perplexities say which fits these texts better: {self.trained.expected_perplexity:.4g} as trained, "
                f"{self.trained.perplexity:.4g} merged."
            )
        return told

    def as_values(self) -> dict[str, Any]:
        """For a program: the figures, the verdict and the sentences."""
        return asdict(self) | {
            "verdict": self.verdict,
            "logit_limit": self.logit_limit,
            "sentences": self.sentences(),
            "comparisons": [{"what": words, **asdict(difference)} for words, difference in self.comparisons()],
        }


def _within(value: float, limit: float) -> bool:
    """False for NaN too."""
    return value <= limit
