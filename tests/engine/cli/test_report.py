"""``tunedeck report`` prints the path of the file it wrote, and refuses with a way on."""

from __future__ import annotations

from pathlib import Path

from tests.engine.cli.cli_calls import Shell
from tests.tui import fake_runs


def test_it_writes_the_newest_run_and_prints_the_path(shell: Shell, home: Path) -> None:
    run = fake_runs.finished_run(home / "runs")
    answer = shell("report")
    assert answer.code == 0
    assert answer.out.strip() == str(run.path / "report.html")
    assert (run.path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_taken_file_is_refused_and_the_hint_makes_it_go(shell: Shell, home: Path, tmp_path: Path) -> None:
    fake_runs.finished_run(home / "runs", "orders")
    taken = tmp_path / "page.html"
    taken.write_text("mine")
    refused = shell("report", "orders", "--to", taken)
    assert refused.code == 6
    assert "--force" in refused.err
    assert taken.read_text() == "mine"
    assert shell("report", "orders", "--to", taken, "--force").code == 0


def test_without_a_desktop_it_says_what_to_do(shell: Shell, home: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    fake_runs.finished_run(home / "runs")
    answer = shell("report", "--open")
    assert answer.code == 0
    assert "Copy the file" in answer.err
