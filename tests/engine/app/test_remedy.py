"""After memory ended a run: its post-mortem from the directory alone, and a remedy that changes it and restarts it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.app import remedy as remedying
from engine.app.post_mortem import PostMortem, ended_for_memory, examine
from engine.common.errors import RunError
from engine.machine.gpu_specs import GIB
from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import Host
from engine.machine.snapshot import Machine
from engine.memory.estimate import PHASES
from engine.memory.out_of_memory import Remedy
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, what_delete_removes
from engine.runs.follow import load_state
from tests import memory_runs
from tests.engine.runs.making import failure, mark_exited, mark_launched, write

Launched = list[tuple[RunDir, bool]]


@pytest.fixture
def root(home: Path) -> Path:
    return home / "runs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return memory_runs.model(tmp_path / "Llama-3-8B")


@pytest.fixture
def launched() -> Launched:
    return []


@pytest.fixture
def run(home: Path) -> RunDir:
    return directory.create("models/tiny", "[model]\n")


def found_of(run: RunDir, *gpus: Gpu) -> PostMortem:
    found = examine(run, load_state(run), gpus)
    assert found is not None
    return found


def remedy(**settings: Any) -> Remedy:
    from engine.memory.out_of_memory import carries

    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    return Remedy(Message.literal("t"), dotted, 1.0, 0.0, carries(dotted), True)


def apply(run: RunDir, found: PostMortem, wanted: Remedy, launched: Launched, machine: Machine | None = None) -> RunDir:
    return remedying.apply(run, found, wanted, lambda each, resume: launched.append((each, resume)), machine)


def values(run: RunDir) -> dict[str, Any]:
    return tomllib.loads(run.config.read_text())


def test_a_failure_on_the_gpu_is_explained_from_the_run_directory_alone(root: Path, folder: Path) -> None:
    found = found_of(memory_runs.out_of_memory(root, folder, others=[memory_runs.OTHER]))
    assert found.title.code == "memory.out-of-memory-in"
    assert found.title.args == {"phase": PHASES["backward"], "when": Message("memory.at-step", step=118)}
    assert found.what is not None
    one_row = Message("memory.batch", rows=1, tokens=2048)
    assert found.what.args["term"].args["batch"] == one_row, "the runner gives up at one row at a time only"
    assert {each.code for each in found.shortage} >= {"memory.held-and-asked", "memory.gpu-has-others"}
    assert [text(each) for each in found.others] == ["python, user u17, 11.2 GiB"]
    assert found.failure.gpu == 0
    assert found.remedies
    assert all("train.micro_batch_tokens" not in each.settings for each in found.remedies)


def test_a_freer_gpu_of_the_machine_is_a_remedy(root: Path, folder: Path) -> None:
    run = memory_runs.out_of_memory(root, folder)
    found = found_of(run, Gpu(0, free_bytes=GIB), Gpu(1, "NVIDIA H100", free_bytes=70 * GIB))
    assert found.remedies[0].settings == {"launch.gpus": "1"}


def test_a_run_that_the_system_killed_has_a_post_mortem_without_an_event(root: Path, folder: Path) -> None:
    found = found_of(memory_runs.killed(root, folder))
    assert found.title == Message("memory.killed", when=Message("memory.at-step", step=43))
    assert found.what is not None
    assert found.what.code == "memory.most-likely"
    assert found.remedies[0].settings
    assert found.remedies[0].carries == "all"


def test_who_was_killed_with_no_ram_left_was_killed_for_it(run: RunDir) -> None:
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=9), ev.Device(rss=50, ram_total=1000, ram_available=10))
    mark_exited(run, -9)
    assert ended_for_memory(load_state(run))
    write(run, ev.Device(rss=50, ram_total=1000, ram_available=500))
    assert not ended_for_memory(load_state(run))
    assert examine(run, load_state(run)) is None


def test_a_shortage_that_was_survived_is_none(run: RunDir) -> None:
    mark_launched(run)
    write(run, ev.RunStarted(), ev.OutOfMemory(retry_tokens=4096), failure("The loss is not a number"))
    assert not ended_for_memory(load_state(run))


@pytest.mark.parametrize("config", ["", "not toml [", '[model]\nname_or_path = "/nowhere"\n[[data]]\npath = "x"\n'])
def test_without_config_or_model_what_can_be_told_is_told(run: RunDir, config: str) -> None:
    run.config.write_text(config)
    mark_launched(run)
    write(
        run, memory_runs.device(23.5, 22.0, others=[memory_runs.OTHER]),
        ev.OutOfMemory(phase="loss", device="cuda", step=3), failure("Out of memory", error="OutOfMemory"),
    )  # fmt: skip
    found = found_of(run)
    assert found.title.args["phase"] == PHASES["loss"]
    assert found.what is None
    assert "memory.gpu-has-others" in {each.code for each in found.shortage}
    assert found.remedies == ()


def test_nonsense_in_a_plan_is_no_setting(root: Path, folder: Path) -> None:
    run = memory_runs.out_of_memory(
        root, folder, train={"micro_batch_tokens": "auto", "gradient_checkpointing": "auto", "optim": "auto"}
    )
    settings = {"train.optim": "magic", "train.micro_batch_tokens": -4, "run.seed": 1,
                "train.gradient_checkpointing": False}  # fmt: skip
    state = load_state(run)
    assert state.memory_plan is not None
    plan = memory_runs.plan(memory_runs.estimate_of(memory_runs.config(folder)), settings=settings)
    found = examine(run, replace(state, memory_plan=plan))
    assert found is not None
    assert found.settled == {"train.gradient_checkpointing": False}


def test_a_remedy_rewrites_the_config_keeps_the_earlier_one_and_goes_on_from_the_checkpoint(
    root: Path, folder: Path, launched: Launched
) -> None:
    run = memory_runs.out_of_memory(root, folder)
    before, before_values = run.config.read_text(), values(run)
    wanted = remedy(train__gradient_checkpointing=True)
    way = remedying.way_of(run, found_of(run), wanted)
    assert way.kind == "resume"
    assert way.lines == (
        Message("remedy.sets", field="train.gradient_checkpointing", value="true"),
        Message("remedy.resumes", checkpoint="checkpoint-100"), Message("remedy.config-kept", file="config.1.toml"),
    )  # fmt: skip
    assert apply(run, found_of(run), wanted, launched) == run
    assert launched == [(run, True)]
    assert "gradient_checkpointing = true # after running out of memory at step 118" in run.config.read_text()
    before_values["train"]["gradient_checkpointing"] = True
    assert values(run) == before_values, "nothing else changed"
    assert (run.path / "config.1.toml").read_text() == before
    assert run.checkpoint(100).is_dir()
    apply(run, found_of(run), remedy(train__micro_batch_tokens=1024), launched)
    assert "gradient_checkpointing = true" in (run.path / "config.2.toml").read_text()
    assert {path.name for path in what_delete_removes(run)} >= {"config.1.toml", "config.2.toml"}


def test_what_auto_had_become_is_kept_so_that_it_can_not_undo_the_remedy(
    root: Path, folder: Path, launched: Launched
) -> None:
    run = memory_runs.out_of_memory(root, folder, train={"micro_batch_tokens": "auto", "optim": "auto"})
    found = replace(found_of(run), settled={"train.micro_batch_tokens": 4096, "train.optim": "adamw"})
    apply(run, found, remedy(train__gradient_checkpointing=True), launched)
    assert values(run)["train"]["micro_batch_tokens"] == 4096
    kept = "micro_batch_tokens = 4096 # chosen by auto, after running out of memory at step 118"
    assert kept in run.config.read_text()


def test_a_remedy_that_no_checkpoint_survives_starts_another_run(root: Path, folder: Path, launched: Launched) -> None:
    run = memory_runs.out_of_memory(root, folder)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file() and path.name != "lock"}
    wanted = remedy(model__quantization="nf4")
    assert remedying.way_of(run, found_of(run), wanted).kind == "new run"
    new = apply(run, found_of(run), wanted, launched)
    assert new != run
    assert launched == [(new, False)]
    assert values(new)["model"]["quantization"] == "nf4"
    assert values(new)["run"]["name"] == "legal-cpt 2"
    assert new.read_run_json()["name"] == "legal-cpt 2"
    assert {path: path.read_bytes() for path in before} == before, "the old run stays as it is"
    assert not list(run.path.glob("config.*.toml"))


def test_without_a_checkpoint_the_same_run_starts_again(root: Path, folder: Path, launched: Launched) -> None:
    run = memory_runs.killed(root, folder, with_checkpoint=False)
    for wanted in (remedy(train__micro_batch_tokens=2048), remedy(model__quantization="nf4")):
        assert remedying.way_of(run, found_of(run), wanted).kind == "restart"
    apply(run, found_of(run), remedy(train__micro_batch_tokens=2048), launched)
    assert launched == [(run, False)]


def test_nothing_is_changed_while_the_run_is_alive(root: Path, folder: Path, launched: Launched) -> None:
    from engine.runs.directory import RunLock

    run = memory_runs.out_of_memory(root, folder)
    found, before = found_of(run), run.config.read_text()
    lock = RunLock(run.lock)
    lock.acquire()
    with pytest.raises(RunError, match="already running"):
        apply(run, found, remedy(train__micro_batch_tokens=1024), launched)
    lock.release()
    mark_launched(run, seconds_ago=0)
    run.lock.unlink()
    with pytest.raises(RunError, match="running"):
        apply(run, found, remedy(train__micro_batch_tokens=1024), launched)
    assert launched == []
    assert run.config.read_text() == before
    assert not list(run.path.glob("config.*.toml"))


def machine(free_gib: float) -> Machine:
    from engine.machine.processes import GpuProcess

    other = GpuProcess(31_337, round(11.2 * GIB), "u17", "python")
    gpu = Gpu(0, "NVIDIA L4", total_bytes=24 * GIB, free_bytes=round(free_gib * GIB), processes=(other,))
    return Machine(GpuReport((gpu,)), (gpu,), Host("h", GIB, GIB, 1, None, ()))


def test_waiting_for_others_starts_nothing_before_they_are_gone(root: Path, folder: Path, launched: Launched) -> None:
    run = memory_runs.out_of_memory(root, folder, others=[memory_runs.OTHER])
    found = found_of(run)
    wait = next(each for each in found.remedies if each.wait_bytes)
    with pytest.raises(RunError) as refused:
        apply(run, found, wait, launched, machine(3.0))
    assert refused.value.code == "remedy.gpu-taken"
    assert refused.value.reason.args["others"][0].args["who"].args["user"] == "u17"
    assert launched == []
    before = run.config.read_text()
    apply(run, found, wait, launched, machine(90.0))
    assert launched == [(run, True)]
    assert run.config.read_text() == before


def test_every_remedy_that_is_offered_can_be_applied(root: Path, folder: Path, launched: Launched) -> None:
    for make in (memory_runs.out_of_memory, memory_runs.killed):
        for index in range(len(found_of(make(root, folder)).remedies)):
            run = make(root, folder)
            found = found_of(run)
            target = apply(run, found, found.remedies[index], launched)
            for dotted, value in found.remedies[index].settings.items():
                section, field = dotted.split(".")
                assert values(target)[section][field] == value
            assert launched[-1][0] == target
