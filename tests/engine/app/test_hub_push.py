"""A push sends what was shown, keeps machine paths back, and says what the hub said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

from engine.app.hub_push import plan_push, push
from engine.common.errors import TunedeckError
from engine.runs import failures
from engine.runs.directory import RunDir
from engine.runs.exports import RECORD, Export


class Hub:
    """Takes commits like HfApi; ``refuses`` with an error at ``call``."""

    def __init__(self, call: str = "", refuses: Exception | None = None) -> None:
        self.call, self.refuses, self.private = call, refuses, False
        self.sent: list[str] = []

    def _may(self, call: str) -> None:
        if self.refuses is not None and call == self.call:
            raise self.refuses

    def whoami(self) -> dict[str, str]:
        self._may("whoami")
        return {"name": "anna"}

    def create_repo(self, repo: str, *, private: bool, exist_ok: bool, repo_type: str) -> None:
        self._may("create_repo")
        self.private = private

    def create_commit(self, repo: str, operations: list[Any], *, commit_message: str, repo_type: str) -> None:
        self._may("create_commit")
        self.sent = [operation.path_in_repo for operation in operations]

    def repo_info(self, repo: str) -> Any:
        return type("Info", (), {"id": repo})


@pytest.fixture
def made(tmp_path: Path) -> Export:
    files = {"adapter_model.safetensors": b"weights", "README.md": b"card", "tunedeck.json": b"{}"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    config = json.dumps({"base_model_name_or_path": str(tmp_path)})
    (tmp_path / "adapter_config.json").write_text(config)
    sizes = {name: len(content) for name, content in files.items()} | {"adapter_config.json": len(config), RECORD: 2}
    (tmp_path / RECORD).write_text("{}")
    return Export(target="adapter", path=str(tmp_path), adapter="", adapter_sha256="", base="", files=sizes)


def refused(status: int) -> HfHubHTTPError:
    request = httpx.Request("POST", "https://hub.example")
    return HfHubHTTPError("said no", response=httpx.Response(status, request=request))


def test_what_was_shown_is_sent_and_private(made: Export) -> None:
    hub, planned = Hub(), plan_push(made, "anna/orders")
    assert push(planned, hub) == "anna/orders"
    assert (
        hub.sent
        == list(planned.files)
        == [
            "adapter_model.safetensors",
            "README.md",
            "tunedeck.json",
            "adapter_config.json",
        ]
    )
    assert hub.private
    push(plan_push(made, "anna/orders", private=False), hub)
    assert not hub.private


def test_a_base_that_is_a_folder_of_this_machine_is_said(made: Export, tmp_path: Path) -> None:
    assert plan_push(made, "anna/orders").local_base == str(tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/model"}))
    assert plan_push(made, "anna/orders").local_base == ""


@pytest.mark.parametrize("name", ["orders", "anna/", "/orders", "anna/or ders", "anna/a/b", "../x/y"])
def test_a_name_that_is_none_is_refused(name: str, made: Export) -> None:
    with pytest.raises(TunedeckError) as error:
        plan_push(made, name)
    assert error.value.code == "hub.bad-repo"


def test_files_that_are_gone_are_named(made: Export, tmp_path: Path) -> None:
    (tmp_path / "README.md").unlink()
    with pytest.raises(TunedeckError) as error:
        plan_push(made, "anna/orders")
    assert error.value.code == "hub.files-gone"


@pytest.mark.parametrize(
    ("call", "raised", "code"),
    [
        ("whoami", LocalTokenNotFoundError("no token"), "hub.no-token"),
        ("whoami", refused(401), "hub.denied"),
        ("create_repo", refused(403), "hub.denied"),
        ("create_repo", refused(409), "hub.taken"),
        ("create_commit", refused(500), "hub.push-failed"),
        ("create_commit", httpx.ConnectError("gone"), "hub.push-failed"),
        ("create_commit", ConnectionResetError("reset"), "hub.push-failed"),
    ],
)
def test_what_the_hub_refuses_is_said(call: str, raised: Exception, code: str, made: Export) -> None:
    with pytest.raises(TunedeckError) as error:
        push(plan_push(made, "anna/orders"), Hub(call, raised))
    assert error.value.code == code


def test_a_push_that_failed_stays_with_the_run_until_one_succeeds_and_holds_no_token(
    made: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = "hf_" + "AbCdEfGhIj" * 4, "s3cret-of-the-environment"
    monkeypatch.setenv("HF_TOKEN", other)
    run = RunDir(tmp_path)
    told = httpx.ConnectError(f"proxy http://me:pass9word@host refused {own} and {other}")
    with pytest.raises(TunedeckError) as error:
        push(plan_push(made, "anna/orders"), Hub("create_commit", told), run)
    kept = (tmp_path / failures.FILE).read_text()
    assert [(each.work, each.reason) for each in failures.all_of(run)] == [("push", error.value.reason)]
    assert "anna/orders" in kept
    assert not any(secret in kept for secret in (own, other, "pass9word"))
    push(plan_push(made, "anna/elsewhere"), Hub(), run)
    assert failures.all_of(run) == ()
