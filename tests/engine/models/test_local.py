"""Models are found where they usually lie, and a name means one thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import ModelError
from engine.models import local
from engine.models.adapter.config import PROOF_FILE
from engine.models.card import read_card
from engine.models.local import find_models, resolve, scan_models
from tests.engine.models.folders import MakeModel


@pytest.fixture
def places(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, hub cache and current folder."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def cached(make_model: MakeModel, repo: str, commit: str, places: Path, ref: str = "main", **parts: object) -> Path:
    folder = make_model(f"hf/hub/{repo}/snapshots/{commit}", **parts)
    refs = places / "hf" / "hub" / repo / "refs"
    refs.mkdir(exist_ok=True)
    (refs / ref).write_text(commit)
    return folder


def test_own_models_the_hubs_cache_and_the_current_folder_are_searched(places: Path, make_model: MakeModel) -> None:
    make_model("tunedeck-home/models/mine")
    make_model("here/beside")
    cached(make_model, "models--org--cached", "abc", places)
    assert [card.name for card in find_models()] == ["mine", "org/cached", "beside"]


def test_a_run_s_merged_model_is_one_of_them_once_it_is_proven(places: Path, make_model: MakeModel) -> None:
    for name, verdict in (("first", "proven"), ("second", "failed"), ("third", None)):
        folder = make_model(f"tunedeck-home/runs/20260101-{name}/merged")
        (folder.parent / "config.toml").write_text("")
        (folder.parent / "run.json").write_text(json.dumps({"name": name}))
        if verdict:
            (folder / PROOF_FILE).write_text(json.dumps({"verdict": verdict}))
    assert [card.name for card in find_models()] == ["first/merged"]


def test_a_model_is_read_again_only_when_its_files_have_changed(
    places: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model("here/beside")
    read: list[Path] = []
    monkeypatch.setattr(local, "read_card", lambda path: read.append(path) or read_card(path))
    first = find_models()
    assert find_models() == first
    assert len(read) == 1
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 77}))
    assert find_models()[0].vocab_size == 77
    assert len(read) == 2


def test_broken_models_are_left_out_with_the_reason(places: Path, make_model: MakeModel) -> None:
    make_model("here/good")
    make_model("here/bad", weights=None)
    make_model("here/not a model", config=None)
    make_model("tunedeck-home/models/half.partial")
    scan = scan_models()
    assert [card.name for card in scan.models] == ["good"]
    assert [(path.name, error.title) for path, error in scan.broken] == [("bad", "The model has no weights")]


def test_nothing_anywhere_is_no_error(places: Path) -> None:
    assert find_models() == []


def test_a_path_means_the_folder(places: Path, make_model: MakeModel) -> None:
    folder = make_model("here/beside")
    for text in (str(folder), "beside", "./beside"):
        found = resolve(text)
        assert found.kind == "folder"
        assert found.path is not None
        assert found.path.resolve() == folder


def test_a_starter_means_tunedecks_own_copy(places: Path, make_model: MakeModel) -> None:
    make_model("tunedeck-home/models/smollm2-135m")
    found = resolve("smollm2-135m")
    assert (found.kind, found.path) == ("starter", places / "tunedeck-home/models/smollm2-135m")


def test_a_starter_that_is_not_here_says_how_to_get_it(places: Path) -> None:
    with pytest.raises(ModelError) as caught:
        resolve("smollm2-135m")
    assert "tunedeck model get smollm2-135m" in caught.value.hint


def test_a_hub_id_means_its_snapshot_of_that_revision(places: Path, make_model: MakeModel) -> None:
    main = cached(make_model, "models--org--m", "abc", places)
    old = cached(make_model, "models--org--m", "0ld", places, ref="v1")
    assert resolve("org/m").path == main
    assert resolve("org/m", "v1").path == old
    assert resolve("org/m", "0ld").path == old
    assert resolve("org/m", "v2").kind == "hub"


def test_a_hub_id_that_is_not_here_or_only_half_must_be_downloaded(places: Path, make_model: MakeModel) -> None:
    cached(make_model, "models--org--half", "abc", places, weights=None)
    for name in ("org/new", "org/half", "gpt2"):
        found = resolve(name)
        assert (found.kind, found.path, found.card) == ("hub", None, None)


@pytest.mark.parametrize("text", ["models/llama", "./org/model", "org/..", "org/model/", "models/../org"])
def test_what_looks_like_a_path_is_never_looked_up_on_the_hub(places: Path, text: str) -> None:
    (places / "here" / "models").mkdir()
    with pytest.raises(ModelError) as caught:
        resolve(text)
    assert caught.value.code in ("models.no-folder-near", "models.no-folder-or-hub")
    assert resolve("org/model").kind == "hub"


def test_the_hub_model_is_fetched_as_the_hint_of_a_path_says(places: Path, make_model: MakeModel) -> None:
    (places / "here" / "org").mkdir()
    with pytest.raises(ModelError) as caught:
        resolve("org/model")
    assert "tunedeck model get org/model" in caught.value.hint
    cached(make_model, "models--org--model", "abc", places)  # what it fetches lies there
    assert resolve("org/model").kind == "cache"


def test_a_slip_of_the_starters_name_is_corrected(places: Path) -> None:
    for slip in ("smollm2-135", "SmolLM2-135M", "smollm2"):
        with pytest.raises(ModelError) as caught:
            resolve(slip)
        assert "smollm2-135m" in caught.value.hint


@pytest.mark.parametrize("text", ["/no/such", "./none", "a/b/c", "what is this", "~nobody-there/x", "nul\0"])
def test_a_name_that_is_nothing_is_refused(places: Path, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(text)
    assert caught.value.hint


def test_pickled_weights_need_leave(places: Path, make_model: MakeModel) -> None:
    folder = make_model("p", weights=None, pytorch_model__bin=b"x")
    with pytest.raises(ModelError, match="pickled"):
        resolve(str(folder))
    assert resolve(str(folder), allow_pickle=True).card is not None
