"""What leaves this machine names files, and says not where they lie."""

from __future__ import annotations

from engine.common.places import named, paths_in, places, without_places


def test_paths_in_a_record_become_names_and_all_else_stays() -> None:
    record = {
        "base": {"name_or_path": "/models/my llama", "sha256": "ab/cd"},
        "data": [{"path": "/home/anna/orders.jsonl", "tokens": 7}, {"path": "data/own.jsonl"}],
        "said": "read /home/anna/deep/orders.jsonl, then https://hub.example/a/b and ../x/y",
        "none": None, "share": 0.5, "root": "/", "home": "~/secret/notes.txt",
    }  # fmt: skip
    assert named(record) == {
        "base": {"name_or_path": "my llama", "sha256": "ab/cd"},
        "data": [{"path": "orders.jsonl", "tokens": 7}, {"path": "data/own.jsonl"}],
        "said": "read orders.jsonl, then https://hub.example/a/b and ../x/y",
        "none": None, "share": 0.5, "root": "/", "home": "notes.txt",
    }  # fmt: skip


def test_known_places_are_replaced_in_texts_the_longest_first() -> None:
    known = places(["/data/runs/7", "/data/runs", "orders.jsonl"])
    assert without_places("run /data/runs/7/config.toml of /data/runs, not /data/runs-old", known) == (
        "run 7/config.toml of runs, not /data/runs-old"
    )
    assert without_places("https://x.example/data/runs", known) == "https://x.example/data/runs"


def test_paths_are_found_at_any_depth() -> None:
    assert [*paths_in({"a": [{"b": "/x/y"}, "z"], "c": ("~/d",)})] == ["/x/y", "~/d"]
