"""The kind of task is found from the answers that are wanted, and why is said."""

from __future__ import annotations

import json

import pytest

from engine.config.schema import EvalSection
from engine.messages.catalogue import text
from engine.metrics.choose import OF_KIND, choose, named

LONG = "The parcel was sent on Monday and should be with you before the end of the week, if the weather allows it."
CALL = '{"name": "weather", "arguments": {"city": "Rome"}}'


@pytest.mark.parametrize(
    ("references", "kind", "code"),
    [
        (["billing", "login", "refund"] * 20, "classification", "metrics.is-classes"),
        (["Billing.", "billing", "Login"] * 20, "classification", "metrics.is-classes"),
        (["1", "2", "3", "4", "5"] * 10, "classification", "metrics.is-classes"),
        (["退款", "账单", "登录"] * 20, "classification", "metrics.is-classes"),
        ([json.dumps({"item": f"tea {n}", "count": n}) for n in range(20)], "json", "metrics.is-json"),
        ([json.dumps([n]) for n in range(20)], "json", "metrics.is-json"),
        (['{"label": "a"}', '{"label": "b"}'] * 20, "json", "metrics.is-json"),
        ([f"{n} and {n} is {2 * n}.\n#### {2 * n}" for n in range(20)], "number", "metrics.is-marked-number"),
        ([f"So it is \\boxed{{{n}}}." for n in range(20)], "number", "metrics.is-marked-number"),
        ([f"${n},500" for n in range(1, 30)], "number", "metrics.is-number"),
        ([CALL] * 15 + [LONG] * 5, "tools", "metrics.is-tools"),
        ([f'{{"name": "pump", "parameters": "5 bar", "price": {n}}}' for n in range(20)], "json", "metrics.is-json"),
        ([f"{city} {n}" for n, city in enumerate(["Rome", "Bern", "Oslo"] * 10)], "short", "metrics.is-short"),
        ([f"北京{n}路" for n in range(30)], "short", "metrics.is-short"),
        ([f"{LONG} It is number {n}." for n in range(20)], "free", "metrics.is-free"),
        (["今天的天气非常好，我们打算下午一起去公园散步，然后再去吃饭。" + str(n) for n in range(20)], "free",
         "metrics.is-free"),
        ([], "text", "metrics.is-text"),
        (["+49 170 1234567", "+49 30 901820", "+33 6 11 22 33"] * 3, "short", "metrics.is-short"),
        ([f"{n:05}" for n in range(400, 430)], "short", "metrics.is-short"),
        ([f"# Plan\n\n#### Steps\n{n}. {LONG}\n2. Send it." for n in range(20)], "free", "metrics.is-free"),
        (["", "  "], "text", "metrics.only-empty"),
        (["<think>hm</think>\n\nbilling", "<think>so</think>login"] * 10, "classification", "metrics.is-classes"),
    ],
)  # fmt: skip
def test_the_kind_of_task_is_found(references: list[str], kind: str, code: str) -> None:
    found = choose(references)
    assert (found.kind, found.reason.code) == (kind, code)
    assert found.metrics == OF_KIND[found.kind]
    assert found.primary == found.metrics[0]


def test_the_reason_says_what_was_seen() -> None:
    twelve = [f"label {n}" for n in range(12)]
    assert text(choose(twelve * 50).reason) == "12 different answers in 600 rows: classification"


def test_few_rows_are_no_classification_unless_the_training_rows_show_it() -> None:
    assert choose(["yes", "no", "yes"]).kind == "short"
    found = choose(["yes", "no", "yes"], trained=["yes", "no"] * 20)
    assert (found.kind, found.labels) == ("classification", ("no", "yes"))


def test_a_class_is_written_as_most_rows_write_it() -> None:
    assert choose(["Billing", "Billing", "billing", "Login"] * 10).labels == ("Billing", "Login")


def test_what_is_odd_about_the_references_is_said() -> None:
    assert [each.code for each in choose([*["a", "b"] * 20, "", ""]).notes] == ["metrics.empty-references"]
    unseen = choose(["a", "b", "c"] * 10, trained=["a", "b"] * 20)
    [note] = unseen.notes
    assert (note.code, note.args["labels"], note.args["rows"]) == ("metrics.unseen-classes", ("c",), 10)
    assert note.args["looked"] == 40
    assert [each.code for each in choose(["yes"] * 20).notes] == ["metrics.one-class"]
    broken = choose([json.dumps({"a": n}) for n in range(40)] + ['{"a": '])
    assert (broken.kind, [each.code for each in broken.notes]) == ("json", ["metrics.broken-references"])


def test_a_test_set_of_one_class_is_said_whatever_was_trained_on() -> None:
    found = choose(["yes"] * 6, trained=["yes", "no"] * 20)
    assert [each.code for each in found.notes] == ["metrics.one-class"]


def test_classes_that_differ_in_a_sign_stay_apart_and_spellings_that_count_as_one_are_said() -> None:
    assert choose([">50K", "<=50K"] * 20).labels == ("<=50K", ">50K")
    assert len(choose(["-1", "0", "1"] * 20).labels) == 3
    assert len(choose(["A", "A-", "B", "B-"] * 20).labels) == 4
    found = choose(["May", "may", "June"] * 10, trained=["June.", "May"])
    assert found.labels == ("June", "May")
    [note] = found.notes
    assert (note.code, note.args["classes"], note.args["spellings"]) == ("metrics.merged-classes", 2, ("May", "may"))


def test_metrics_that_are_named_win_over_what_is_found() -> None:
    found = choose(["a", "b"] * 20, section=EvalSection(metrics=["token_f1", "accuracy", "token_f1"]))
    assert (found.metrics, found.reason.code) == (("token_f1", "accuracy"), "metrics.set-by-you")
    assert found.labels == ("a", "b")
    assert choose(["one text", "another"], section=EvalSection(metrics=["macro_f1"])).labels == ("another", "one text")


def test_the_users_own_metric_decides_unless_the_list_says_otherwise() -> None:
    own = {"metric_file": "m.py"}
    assert choose(["a", "b"] * 20, section=EvalSection(**own)).primary == "user_metric"
    assert choose(["a"], section=EvalSection(metrics=["chrf"], **own)).metrics == ("user_metric", "chrf")
    assert choose(["a"], section=EvalSection(metrics=["chrf", "user_metric"], **own)).primary == "chrf"


def test_no_metric_is_named_by_auto_or_an_empty_list() -> None:
    assert named(EvalSection()) == named(EvalSection(metrics=[])) == []
    assert named(EvalSection(metrics=["bleu"])) == ["bleu"]
