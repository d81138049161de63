"""Where logout ends all of a person's processes, tunedeck steps out of the way or says so beforehand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.messages.message import Message
from engine.runs import logout_survival


def on(monkeypatch: pytest.MonkeyPatch, kills: bool, lingers: bool) -> None:
    monkeypatch.setattr(logout_survival, "kills_at_logout", lambda: kills)
    monkeypatch.setattr(logout_survival, "lingers", lambda: lingers)


@pytest.mark.parametrize("lingers", [True, False])
def test_an_ordinary_host_needs_nothing(monkeypatch: pytest.MonkeyPatch, lingers: bool) -> None:
    on(monkeypatch, kills=False, lingers=lingers)
    assert logout_survival.scope_prefix() == []
    assert logout_survival.warning() is None


def test_with_lingering_the_runner_gets_a_scope_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, kills=True, lingers=True)
    assert logout_survival.scope_prefix()[:3] == ["systemd-run", "--user", "--scope"]
    assert logout_survival.warning() is None


def test_without_lingering_the_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, kills=True, lingers=False)
    assert logout_survival.scope_prefix() == []
    assert logout_survival.warning() == Message("runs.ends-at-logout")


@pytest.mark.parametrize(
    ("ask", "answer"), [(lambda *command: "yes", True), (lambda *command: "no", False), (lambda *command: "", False)]
)
def test_lingering_is_what_the_host_says(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[..., str], answer: bool
) -> None:
    monkeypatch.setattr(logout_survival, "_ask", ask)
    logout_survival.lingers.cache_clear()
    assert logout_survival.lingers() is answer
    logout_survival.lingers.cache_clear()


def test_a_host_without_the_tools_answers_nothing() -> None:
    assert logout_survival._ask("no-such-command-anywhere") == ""
