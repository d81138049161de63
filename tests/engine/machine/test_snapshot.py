"""The machine as one value, and the thread that keeps it fresh."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.common.errors import MachineError
from engine.machine.gpus import Gpu, GpuReport, Unusable
from engine.machine.host import Host, read_disk, read_host
from engine.machine.snapshot import Machine, MachineWatch, read_machine
from engine.messages.message import Message

GIB = 2**30
HOST = Host("box", 64 * GIB, 50 * GIB, 8, 3.0, ())

NO_DRIVER = Message("machine.no-driver")


def machine(*gpus: Gpu, problem: Message | None = None) -> Machine:
    return Machine(GpuReport(gpus, problem=problem), gpus, HOST)


def test_a_reading_has_ram_cores_and_room_where_runs_and_models_will_be(tmp_path: Path) -> None:
    read = read_machine(tmp_path / "runs" / "not-yet", tmp_path / "models")
    assert read.host.ram_total_bytes >= read.host.ram_available_bytes > 0
    assert read.host.cores >= 1
    assert [disk.path.name for disk in read.host.disks] == ["not-yet", "models"]
    assert all(disk.free_bytes for disk in read.host.disks)


def test_a_disk_that_can_not_be_asked_is_not_available(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr("shutil.disk_usage", refuse)
    assert read_disk(tmp_path).free_bytes is None


def test_a_containers_limit_bounds_the_ram(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "max").write_text("1073741824\n")
    (tmp_path / "current").write_text("73741824\n")
    monkeypatch.setattr("engine.machine.host._CGROUP_LIMITS", (str(tmp_path / "max"),))
    monkeypatch.setattr("engine.machine.host._CGROUP_USED", (str(tmp_path / "current"),))
    host = read_host(())
    assert host.ram_total_bytes == GIB
    assert host.ram_available_bytes <= GIB - 73741824


def test_the_freest_gpu_is_known() -> None:
    two = machine(Gpu(0, total_bytes=24 * GIB, free_bytes=2 * GIB), Gpu(1, total_bytes=16 * GIB, free_bytes=9 * GIB))
    assert two.freest is two.gpus[1]


def test_a_gpu_whose_memory_is_unknown_is_no_budget() -> None:
    assert machine(Gpu(0, trouble=Message("machine.gpu-lost"))).freest is None


def test_why_there_is_no_gpu_is_said() -> None:
    assert machine(problem=NO_DRIVER).no_gpu == NO_DRIVER
    reason, advice = Message.literal("torch is too new"), Message.literal("Install another")
    barred = Gpu(0, free_bytes=GIB, unusable=Unusable(reason, advice))
    assert machine(barred).no_gpu == Message("machine.gpus-not-used", reason=reason, advice=advice)
    assert machine(barred).freest is None
    hidden = Machine(GpuReport((Gpu(0),)), (), HOST)
    assert hidden.no_gpu == Message("machine.gpus-hidden")
    assert machine(Gpu(0)).no_gpu is None


def test_a_gpu_is_found_by_index_uuid_or_name_and_a_wrong_name_lists_them() -> None:
    here = machine(Gpu(0, name="NVIDIA A100", uuid="GPU-aa"), Gpu(1, name="Tesla T4", uuid="GPU-bb"))
    assert here.gpu("1").index == here.gpu("t4").index == here.gpu("GPU-b").index == 1
    with pytest.raises(MachineError, match="Tesla T4"):
        here.gpu("H100")


def test_the_watch_reads_in_its_own_thread_and_ends_when_asked(tmp_path: Path) -> None:
    seen: list[tuple[str, Machine]] = []
    twice = threading.Event()

    def on_reading(read: Machine) -> None:
        seen.append((threading.current_thread().name, read))
        if len(seen) == 2:
            twice.set()

    watch = MachineWatch(tmp_path, tmp_path, interval_s=0.01, on_reading=on_reading)
    assert watch.latest is None
    watch.start()
    assert watch.wait_first(10) is not None
    assert twice.wait(10)
    watch.stop(5)
    assert seen[0][0] == "machine-watch"
    assert seen[1][1] is not seen[0][1]
    assert watch.latest is seen[-1][1]


def test_a_watch_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    MachineWatch(tmp_path, tmp_path).stop()


def test_a_brisker_pace_begins_with_a_reading(tmp_path: Path) -> None:
    again = threading.Event()
    watch = MachineWatch(tmp_path, tmp_path, interval_s=3600)
    watch.start()
    assert watch.wait_first(10) is not None
    watch._on_reading = lambda _: again.set()
    watch.pace(0.01)
    assert again.wait(10)
    watch.stop(5)
