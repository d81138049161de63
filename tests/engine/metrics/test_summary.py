"""Answers become means, comparisons and notes, and one sentence that is right whatever the rows show."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from engine.config.schema import EvalSection
from engine.messages import language
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.metrics.choose import Choice, choose
from engine.metrics.result import BASE, FEW_SHOT, OLD_ADAPTER, TUNED, Comparison, Verdict, of_classes
from engine.metrics.score import score
from engine.metrics.sentence import is_as_good, sentence
from engine.metrics.summary import Summary, summarize
from engine.metrics.totals import text_scores
from engine.metrics.verdict import holm
from engine.runs.evaluations import Answer

LABELS = ["billing", "login", "refund", "other"]


def answers_of(
    candidate: str, given: Sequence[str], wanted: Sequence[str], choice: Choice, group: int = 0
) -> list[Answer]:
    return [
        Answer(
            candidate=candidate, row=row, prompt="?", reference=right, answer=said, ended=True,
            group=f"g{row // group}" if group else "", scores=score(choice.metrics, said, right),
        )
        for row, (said, right) in enumerate(zip(given, wanted, strict=True))
    ]  # fmt: skip


def right_in(share: float, wanted: Sequence[str], wrong: str = "none of them") -> list[str]:
    """The references, but for the last rows, which are wrong."""
    return [right if row < share * len(wanted) else wrong for row, right in enumerate(wanted)]


def summary_of(shares: dict[str, float], rows: int = 100, group: int = 0) -> Summary:
    wanted = (LABELS * rows)[:rows]
    choice = choose(wanted, trained=LABELS * 10)
    found = [
        each
        for name, share in shares.items()
        for each in answers_of(name, right_in(share, wanted), wanted, choice, group)
    ]
    return summarize(found, choice)


def test_a_classification_has_accuracy_macro_f1_and_a_confusion() -> None:
    found = summary_of({BASE: 0.3, FEW_SHOT: 0.6, TUNED: 0.96})
    assert (found.n, found.candidates, found.metrics) == (100, [BASE, FEW_SHOT, TUNED], ["accuracy", "macro_f1"])
    values = {(each.candidate, each.metric): each.value for each in found.means}
    assert values[TUNED, "accuracy"] == pytest.approx(0.96)
    assert (found.looked_at, found.secondary, len(found.comparisons)) == (2, 2, 4)
    assert {each.verdict for each in found.comparisons} == {"better"}
    note = next(each for each in found.notes if each.code == "metrics.one-decides")
    assert (note.args["comparisons"], note.args["secondary"]) == (2, 2)
    confusion = next(each for each in found.confusions if each.candidate == BASE)
    assert confusion.labels == sorted(LABELS)
    assert sum(map(sum, confusion.counts)) == 100
    assert sum(line[-1] for line in confusion.counts) == 70


def test_of_one_comparison_by_each_metric_no_correction_is_told() -> None:
    found = summary_of({BASE: 0.3, TUNED: 0.96})
    assert (found.looked_at, found.secondary) == (1, 1)
    assert [each.code for each in found.notes if each.code.endswith("decides")] == ["metrics.first-decides"]


def test_precision_and_recall_of_a_class_are_scikit_learns() -> None:
    wanted = LABELS * 10
    given = [LABELS[(row * 7) % 4] if row % 3 else right for row, right in enumerate(wanted)]
    choice = choose(wanted)
    found = summarize(answers_of(TUNED, given, wanted, choice), choice)
    [confusion] = found.confusions
    for each in of_classes(confusion):
        of = {"labels": [each.label], "average": "macro", "zero_division": 0}
        assert each.precision == pytest.approx(precision_score(wanted, given, **of))
        assert each.recall == pytest.approx(recall_score(wanted, given, **of))
        assert each.n == 10


def test_the_later_of_two_answers_to_a_row_counts() -> None:
    wanted = LABELS * 5
    choice = choose(wanted)
    found = [*answers_of(TUNED, ["wrong"] * 20, wanted, choice), *answers_of(TUNED, wanted, wanted, choice)]
    assert summarize(found, choice).means[0].value == 1


def test_rows_that_one_candidate_lacks_are_left_out_of_its_comparison_and_said() -> None:
    wanted = LABELS * 10
    choice = choose(wanted)
    found = summarize(
        [*answers_of(BASE, ["x"] * 40, wanted, choice)[:30], *answers_of(TUNED, wanted, wanted, choice)], choice
    )
    assert {each.n for each in found.comparisons} == {30}
    note = next(each for each in found.notes if each.code == "metrics.unanswered")
    assert (note.args["rows"], note.args["of"]) == (10, 40)


def test_groups_widen_the_interval_and_few_of_them_are_said() -> None:
    alone, grouped = summary_of({BASE: 0.5, TUNED: 0.8}), summary_of({BASE: 0.5, TUNED: 0.8}, group=20)
    assert {each.test for each in grouped.comparisons if each.metric == "accuracy"} == {"clustered"}
    for metric in ("accuracy", "macro_f1"):
        one, other = (next(e for e in s.comparisons if e.metric == metric) for s in (alone, grouped))
        assert one.low is not None and one.high is not None  # noqa: PT018
        assert other.low is not None and other.high is not None  # noqa: PT018
        assert other.high - other.low > one.high - one.low
    assert "metrics.few-groups" in [each.code for each in grouped.notes]


def test_groups_of_which_one_holds_most_rows_are_said_and_rows_alone_count_as_groups() -> None:
    choice = choose(LABELS * 10)
    wanted = (LABELS * 30)[:120]

    def codes(groups: list[str]) -> list[str]:
        given = answers_of(TUNED, wanted, wanted, choice)
        found = [msgspec.structs.replace(each, group=groups[each.row]) for each in given]
        return [note.code for note in summarize(found, choice).notes if note.code.endswith("-groups")]

    assert codes(["one"] * 100 + [f"g{n}" for n in range(20)]) == ["metrics.uneven-groups"]
    assert codes(["one"] * 3 + [""] * 117) == []
    assert codes([f"g{n // 6}" for n in range(120)]) == []
    assert codes([f"g{n % 3}" for n in range(120)]) == ["metrics.few-groups"]


def test_a_whole_evaluation_without_a_difference_says_better_in_at_most_five_of_a_hundred() -> None:
    random = np.random.default_rng(17)
    choice = choose(["yes it is"], section=EvalSection(metrics=["exact_match", "json_exact"]))
    better = Counter[bool]()
    for _ in range(1000):
        found = [
            Answer(
                candidate=name, row=row, prompt="", reference="yes it is", answer="",
                scores=dict.fromkeys(choice.metrics, float(right)) | {"json_exact": float(other)},
            )
            for name in (BASE, FEW_SHOT, OLD_ADAPTER, TUNED)
            for row, (right, other) in enumerate(zip(random.random(30) < 0.5, random.random(30) < 0.5, strict=True))
        ]  # fmt: skip
        told = summarize(found, choice)
        better.update({each.metric == "exact_match" for each in told.comparisons if each.verdict == "better"})
    assert better[True] <= 50
    assert better[False] <= 50


def test_what_the_deciding_metric_shows_does_not_depend_on_how_many_others_are_looked_at() -> None:
    wanted = LABELS * 25
    given = {BASE: right_in(0.84, wanted), FEW_SHOT: right_in(0.5, wanted), TUNED: right_in(0.90, wanted)}
    found = []
    for metrics in (["accuracy"], ["accuracy", "token_f1", "macro_f1", "exact_match", "chrf"]):
        choice = choose(wanted, section=EvalSection(metrics=metrics))
        told = summarize([a for name, said in given.items() for a in answers_of(name, said, wanted, choice)], choice)
        found.append((told.sentence, [each for each in told.comparisons if each.metric == "accuracy"]))
        others = [each for each in told.comparisons if each.metric != "accuracy"]
        assert (told.looked_at, told.secondary) == (2, len(others))
    assert found[0] == found[1]
    assert found[0][1][0].verdict == "better"
    assert [each.adjusted_p for each in others] == holm([each.p for each in others])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.9), (-3.0, 40.0)])
def test_the_interval_of_a_users_metric_is_not_cut_to_0_and_1(low: float, high: float) -> None:
    choice = Choice("free", ("user_metric",), Message("metrics.set-by-you"))
    scores = [low] * 2 + [high] * 10

    def answered(name: str, values: Sequence[float]) -> list[Answer]:
        return [
            Answer(candidate=name, row=row, prompt="", reference="a", answer="a", scores={"user_metric": value})
            for row, value in enumerate(values)
        ]  # fmt: skip

    told = summarize([*answered(BASE, [5.0] * 12), *answered(TUNED, scores)], choice)
    base, tuned = told.means
    assert (base.low, base.high) == (None, None)  # that twelve rows got a 5 says nothing of how far others lie
    assert tuned.high is not None
    assert tuned.high > high
    only = summarize(answered(TUNED, scores), choice).means[0]
    assert only.high is not None
    assert (only.high <= high) == ((low, high) == (0.0, 1.0))  # right and wrong alone are a share


def test_plain_text_is_compared_by_its_loss_and_lower_is_better() -> None:
    choice = choose([])
    found = [
        Answer(candidate=name, row=row, prompt="", reference="", answer="",
               scores=text_scores(100.0 * share + row % 7, 60, 200))
        for name, share in ((BASE, 1.2), (TUNED, 1.0)) for row in range(40)
    ]  # fmt: skip
    told = summarize(found, choice)
    assert [each.verdict for each in told.comparisons] == ["better", "better"]
    assert told.comparisons[0].difference < 0
    assert text(told.sentence).startswith("Better than the base model by 0.14 on 40 rows")  # as far ahead on each row


def test_bleu_is_of_all_answers_and_has_an_interval() -> None:
    wanted = [
        f"the parcel number {n} will be with you on monday before noon, as we wrote in our last letter"
        for n in range(30)
    ]
    given = [each.replace("monday", "friday") if n % 2 else each for n, each in enumerate(wanted)]
    choice = choose(wanted)
    told = summarize(
        [*answers_of(BASE, ["no"] * 30, wanted, choice), *answers_of(TUNED, given, wanted, choice)], choice
    )
    assert told.metrics == ["chrf", "rouge_l", "bleu"]
    bleu = next(each for each in told.means if (each.candidate, each.metric) == (TUNED, "bleu"))
    assert bleu.low is not None and bleu.high is not None  # noqa: PT018
    assert bleu.low < bleu.value < bleu.high <= 1
    assert {each.verdict for each in told.comparisons} == {"better"}


@pytest.mark.parametrize(
    ("wanted", "said", "code"),
    [
        (['{"a": 1}'] * 12, '```json\n{"a": 1}\n```', "metrics.wrapped-json"),
        (["yes", "no"] * 12, "I think the answer is yes", "metrics.class-in-words"),
        (["yes", "no"] * 12, "\x1b[31myes", "metrics.control-characters"),
        (["yes", "no"] * 12, "<think>well, well", "metrics.unfinished-thought"),
        (['{"name": "f", "arguments": {}}'] * 12, "I call f", "metrics.no-calls"),
        (["今天的天气非常好，我们打算下午一起去公园散步，然后再去吃饭"] * 3, "好", "metrics.by-characters"),
    ],
)
def test_what_is_odd_about_answers_is_said_with_how_many(wanted: list[str], said: str, code: str) -> None:
    choice = choose(wanted)
    told = summarize(answers_of(TUNED, [said] * len(wanted), wanted, choice), choice)
    note = next(each for each in told.notes if each.code == code)
    assert note.args.get("rows", len(wanted)) == len(wanted)
    for spoken in language.LANGUAGES:
        language.use(spoken)
        assert "\x1b" not in text(note)


def test_answers_at_the_token_limit_are_said() -> None:
    answer = Answer(
        candidate=TUNED, row=0, prompt="", reference="a", answer="a", ended=False, scores={"exact_match": 1.0}
    )
    told = summarize([answer], choose(["a"]))
    assert {"metrics.one-row", "metrics.cut-off"} <= {each.code for each in told.notes}


def test_metrics_that_can_not_be_told_are_named() -> None:
    wanted = ["one short text", "another one"]
    choice = choose(wanted, section=EvalSection(metrics=["exact_match", "json_valid", "bits_per_byte"]))
    told = summarize(answers_of(TUNED, wanted, wanted, choice), choice)
    assert told.metrics == ["exact_match"]
    note = next(each for each in told.notes if each.code == "metrics.untold")
    assert [each.code for each in note.args["metrics"]] == ["metric-words.json-valid", "metric-words.bits-per-byte"]


def test_without_any_answer_nothing_is_claimed() -> None:
    told = summarize([], choose(["a"]))
    assert (told.n, told.means, told.sentence.code) == (0, [], "metrics.nothing-measured")
    empty = summarize(answers_of(TUNED, ["x"], [""], choose([""])), choose([""]))
    assert empty.sentence.code == "metrics.nothing-measured"


# The sentence


def compared(
    against: str, verdict: Verdict, low: float, high: float, n: int = 100, metric: str = "accuracy"
) -> Comparison:
    middle = (low + high) / 2
    return Comparison(
        candidate=TUNED, against=against, metric=metric, difference=middle, low=low, high=high, p=0.5, adjusted_p=0.5,
        test="mcnemar", n=n, verdict=verdict,
    )  # fmt: skip


SPANS: dict[str, tuple[Verdict, float, float]] = {
    "better": ("better", 0.64, 0.78), "worse": ("worse", -0.3, -0.1), "unclear": ("unclear", -0.08, 0.12),
    "same": ("unclear", -0.02, 0.03),
}  # fmt: skip
EXPECTED = {
    ("better", "better"): (
        "Better than the base model by 71 points (64 to 78) on 100 rows; "
        "few-shot prompting alone would not have been enough (behind by 71 points, 64 to 78)"
    ),
    ("better", "same"): (
        "Better than the base model by 71 points (64 to 78) on 100 rows; "
        "few-shot prompting is as good (difference: 0.5 points, -2 to 3): training was not needed for this"
    ),
    ("better", "unclear"): (
        "Better than the base model by 71 points (64 to 78) on 100 rows; "
        "no clear difference from few-shot prompting (2 points, -8 to 12): prompting may have been enough"
    ),
    ("better", "worse"): (
        "Better than the base model by 71 points (64 to 78) on 100 rows; "
        "few-shot prompting is better by 20 points (10 to 30): training was not needed for this"
    ),
    ("unclear", "better"): (
        "No clear difference from the base model on 100 rows: 2 points (-8 to 12); "
        "better than few-shot prompting by 71 points (64 to 78)"
    ),
    ("unclear", "unclear"): (
        "No clear difference from the base model on 100 rows: 2 points (-8 to 12); "
        "no clear difference from few-shot prompting: 2 points (-8 to 12)"
    ),
    ("unclear", "worse"): (
        "No clear difference from the base model on 100 rows: 2 points (-8 to 12); "
        "few-shot prompting is better by 20 points (10 to 30): training was not needed for this"
    ),
    ("worse", "better"): (
        "Worse than the base model by 20 points (10 to 30) on 100 rows; "
        "better than few-shot prompting by 71 points (64 to 78)"
    ),
    ("worse", "worse"): (
        "Worse than the base model by 20 points (10 to 30) on 100 rows; "
        "few-shot prompting is better by 20 points (10 to 30): training was not needed for this"
    ),
}


@pytest.mark.parametrize(("base", "few_shot"), EXPECTED)
def test_the_sentence_says_what_the_verdicts_are(base: str, few_shot: str) -> None:
    found = [compared(FEW_SHOT, *SPANS[few_shot]), compared(BASE, *SPANS[base])]
    assert text(sentence("accuracy", TUNED, [], found, 100)) == EXPECTED[base, few_shot]


@pytest.mark.parametrize(
    "kinds", list(itertools.product([None, *SPANS], repeat=3)), ids=lambda kinds: "-".join(str(each) for each in kinds)
)
def test_no_combination_of_verdicts_is_said_wrongly(kinds: tuple[str | None, ...]) -> None:
    found = [
        compared(against, *SPANS[kind])
        for against, kind in zip((BASE, FEW_SHOT, OLD_ADAPTER), kinds, strict=True)
        if kind is not None
    ]
    if not found:
        return
    said = sentence("accuracy", TUNED, [], found, 100)
    clauses = _clauses(said)
    assert len(clauses) == len(found)
    for clause, each in zip(clauses, found, strict=True):
        words = {"better": "better|not-enough", "worse": "worse|few-shot-better", "unclear": "unclear|as-good|maybe"}
        assert any(word in clause.code for word in words[each.verdict].split("|"))
        assert ("not-needed" in clause.code or "as-good" in clause.code) <= is_as_good(each)
    # Training is called needless only where few-shot prompting is at least as good.
    english = text(said)
    assert ("training was not needed" in english) == (
        kinds[1] == "worse" or (kinds[1] == "same" and kinds[0] == "better")
    )
    language.use("zh")
    assert ("无需训练" in text(said)) == ("training was not needed" in english)


def _clauses(said: Message) -> list[Message]:
    if said.code != "metrics.and":
        return [said]
    return [*_clauses(said.args["first"]), said.args["then"]]


def test_a_large_difference_that_is_not_proved_is_not_called_no_difference() -> None:
    found = [compared(BASE, "unclear", 0.8, 1.0), compared(FEW_SHOT, "unclear", -1.0, -0.8)]
    assert text(sentence("accuracy", TUNED, [], found, 6)) == (
        "100 rows can't prove a difference from the base model, though it looks like 90 points (80 to 100); "
        "a difference from few-shot prompting is not proved, though it looks like -90 points (-100 to -80)"
    )


def test_another_run_is_called_by_its_id_and_comes_last() -> None:
    found = [compared("run-7", *SPANS["worse"]), compared(BASE, *SPANS["better"])]
    assert text(sentence("accuracy", TUNED, [], found, 100)).endswith(
        "on 100 rows; worse than run-7 by 20 points (10 to 30)"
    )


def test_one_row_promises_nothing() -> None:
    told = summary_of({BASE: 0.0, TUNED: 1.0}, rows=1)
    assert text(told.sentence) == "One row can't show whether it is better than the base model"


def test_one_group_promises_nothing() -> None:
    told = summary_of({BASE: 0.0, FEW_SHOT: 0.0, TUNED: 1.0}, rows=40, group=40)
    assert text(told.sentence) == (
        "Rows of one group can't show whether it is better than the base model (40 rows); "
        "nor whether it is better than few-shot prompting"
    )


def test_everything_equal_is_no_clear_difference() -> None:
    told = summary_of({BASE: 0.5, FEW_SHOT: 0.5, TUNED: 0.5})
    assert {each.verdict for each in told.comparisons} == {"unclear"}
    assert text(told.sentence).startswith("No clear difference from the base model on 100 rows: 0 points (")


def test_before_the_training_the_baselines_are_told_alone() -> None:
    told = summary_of({BASE: 0.5, FEW_SHOT: 0.7})
    assert told.comparisons == []
    assert text(told.sentence) == (
        "Measured accuracy of the base model: 50% (40.4% to 59.6%) on 100 rows; "
        "few-shot prompting: 70% (60.4% to 78.1%)"
    )


def test_without_a_baseline_the_result_stands_alone() -> None:
    assert text(summary_of({TUNED: 0.9}).sentence).startswith("Measured accuracy of the tuned model: 90% (")


def test_whatever_is_said_can_be_said_in_every_language() -> None:
    told = summary_of({BASE: 0.3, FEW_SHOT: 0.6, TUNED: 0.96}, group=20)
    for spoken in language.LANGUAGES:
        language.use(spoken)
        for each in (told.sentence, told.reason, *told.notes):
            assert "{" not in text(each)
            assert each.code not in text(each)
