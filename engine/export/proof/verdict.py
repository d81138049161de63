"""What makes a merge proven: the figures of a comparison, the limits they are held to, and what they mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.messages.message import Message

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

    ``complaint`` is what is wrong with the written tensors, None where each is the exact sum rounded once.
    ``exact``: the merged numbers before rounding, computed in float32. ``stored``: the files, computed in float32.
    ``sixteen``: both computed in 16 bits, ``sixteen_dtype``. ``rounding``: base + adapter in 16 bits against itself in
    float32, the yardstick. ``effect``: the base alone. ``trained``: base + adapter with the base quantized as in
    training (``trained_as``), against the files. ``reason`` says why nothing could be compared.
    """

    tokens: int
    rows: int
    stored_dtype: str = ""
    largest_logit: float = 0.0
    complaint: Message | None = None
    effect: Difference | None = None
    exact: Difference | None = None
    stored: Difference | None = None
    sixteen: Difference | None = None
    sixteen_dtype: str = ""
    rounding: Difference | None = None
    trained: Difference | None = None
    trained_as: str = ""
    reason: Message | None = None

    @property
    def verdict(self) -> Verdict:
        if self.reason is not None:
            return "not comparable"
        return "failed" if self.failures() else "proven"

    @property
    def logit_limit(self) -> float:
        return max(EXACT_LOGIT, EXACT_SHARE * self.largest_logit)

    def failures(self) -> list[Message]:
        """Which limits are not kept."""
        failures = [self.complaint] if self.complaint else []
        if self.exact is not None and not _within(self.exact.max_logit, self.logit_limit):
            found, limit = self.exact.max_logit, self.logit_limit
            failures.append(Message("export.logit-off", found=f"{found:.2g}", limit=f"{limit:.2g}"))
        final = self.stored or self.sixteen
        if final is None:
            failures.append(Message("export.not-asked"))
        elif not _within(abs(final.perplexity_change), PERPLEXITY_SHARE):
            change = f"{final.perplexity_change:+.1%}"
            failures.append(Message("export.perplexity-off", change=change, limit=PERPLEXITY_SHARE))
        return failures

    @property
    def rounding_share(self) -> float:
        """What rounding to 16 bits took away or added, as a share of what the adapter changes (both in nats)."""
        if self.stored is None or self.effect is None or not self.effect.mean_kl:
            return 0.0
        return self.stored.mean_kl / self.effect.mean_kl

    def comparisons(self) -> list[tuple[Message, Difference]]:
        """What was compared with what, in the order to show."""
        named = (
            (Message("export.base-alone"), self.effect),
            (Message("export.before-rounding"), self.exact),
            (Message("export.as-stored", dtype=self.stored_dtype), self.stored),
            (Message("export.both-in", dtype=self.sixteen_dtype), self.sixteen),
            (Message("export.unmerged-in", dtype=self.sixteen_dtype), self.rounding),
            (Message("export.against-trained", quantization=self.trained_as), self.trained),
        )
        return [(what, difference) for what, difference in named if difference is not None]

    def told(self) -> list[Message]:
        """What the comparisons mean, the verdict first."""
        if self.reason is not None:
            return [Message("export.not-proven", reason=self.reason)]
        told = [Message("export.proven")] if self.verdict == "proven" else self.failures()
        if self.complaint is None:
            told.append(Message("export.sums-exact"))
        if self.exact is None:
            told.append(Message("export.no-float32"))
        elif self.verdict == "proven":
            found, limit = self.exact.max_logit, self.logit_limit
            told.append(Message("export.logits-close", found=f"{found:.2g}", limit=f"{limit:.2g}"))
        if self.rounding_share > ROUNDING_SHARE:
            told.append(Message("export.rounding", dtype=self.stored_dtype, share=self.rounding_share))
        if self.trained is not None:
            told.append(
                Message(
                    "export.trained-quantized", quantization=self.trained_as, kl=f"{self.trained.mean_kl:.2g}",
                    trained=f"{self.trained.expected_perplexity:.4g}", merged=f"{self.trained.perplexity:.4g}",
                )
            )  # fmt: skip
        return told

    def as_values(self) -> dict[str, Any]:
        """For a program and a file: the figures, the verdict, and what they mean as codes."""
        return asdict(self) | {
            "verdict": self.verdict,
            "logit_limit": self.logit_limit,
            "told": [each.as_json() for each in self.told()],
            "comparisons": [{"what": what.as_json(), **asdict(each)} for what, each in self.comparisons()],
        }


def _within(value: float, limit: float) -> bool:
    """False for NaN too."""
    return value <= limit
