"""The event log: numbered without gaps, readable by any JSON reader, and never in training's way."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import MachineError
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode, encode
from engine.runs.follow import Tail
from engine.runs.writer import RESERVE_NAME, EventWriter, tail_lines
from tests.engine.runs.making import failure, step, write


def lines_of(run: RunDir) -> list[dict[str, object]]:
    return [json.loads(line) for line in run.events.read_bytes().splitlines() if line.strip()]


def numbers(run: RunDir) -> list[int]:
    return [event.seq for event in Tail(run.events).read()]


def test_events_are_numbered_from_one_and_dated(run: RunDir) -> None:
    write(run, ev.RunStarted(pid=1), step(1), ev.Finished(outcome="finished", step=1))
    lines = lines_of(run)
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["type"] for line in lines] == ["run_started", "step", "finished"]
    assert all(line["v"] == 2 and line["t"] for line in lines)
    assert run.events.stat().st_mode & 0o777 == 0o600


def test_nan_and_infinity_are_strings_in_the_file_and_numbers_again_when_read(run: RunDir) -> None:
    write(run, step(1, loss=math.nan, grad_norm=math.inf, learning_rate=-math.inf, loss_by_source={"a": math.nan}))
    assert lines_of(run)[0]["loss"] == "NaN"
    assert lines_of(run)[0]["grad_norm"] == "Infinity"
    [event] = Tail(run.events).read()
    assert isinstance(event, ev.Step)
    assert math.isnan(event.loss)
    assert (event.grad_norm, event.learning_rate) == (math.inf, -math.inf)
    assert math.isnan(event.loss_by_source["a"])


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_can_be_logged_half_surrogates_included(text: str) -> None:
    line = encode(ev.Sample(step=1, prompt=text, answer=text))
    assert b"\n" not in line
    event = decode(line)
    assert isinstance(event, ev.Sample)
    assert event.prompt == text.encode("utf-8", "replace").decode()


def test_many_threads_write_whole_lines_and_every_number_once(run: RunDir) -> None:
    writer = EventWriter(run.events)

    def emit(thread: int) -> None:
        for number in range(200):
            writer.emit(ev.Sample(step=number, answer="x" * thread * 50))

    threads = [threading.Thread(target=emit, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(run) == list(range(1, 801))
    assert writer.lost == 0


def test_the_numbering_goes_on_after_a_restart(run: RunDir) -> None:
    write(run, step(1), step(2))
    write(run, step(3))
    assert numbers(run) == [1, 2, 3]


@pytest.mark.parametrize("torn", [b'{"type":"st', b'{"type":"step","v":1,"seq":3,"t":1.0,"step":3,"ep'])
def test_the_numbering_goes_on_after_a_torn_last_line(run: RunDir, torn: bytes) -> None:
    write(run, step(1), step(2))
    with run.events.open("ab") as file:
        file.write(torn)
    write(run, step(3), step(4))
    assert numbers(run) == [1, 2, 3, 4]


def test_a_last_line_that_lacks_only_its_newline_keeps_its_number(run: RunDir) -> None:
    write(run, step(1), step(2))
    os.truncate(run.events, run.events.stat().st_size - 1)
    write(run, step(3))
    assert numbers(run) == [1, 2, 3]


def test_the_numbering_goes_on_after_an_event_of_a_newer_version(run: RunDir) -> None:
    write(run, step(1))
    with run.events.open("ab") as file:
        file.write(b'{"v":2,"seq":2,"t":1,"type":"teleported"}\n')
    write(run, step(2))
    assert numbers(run) == [1, 3]


def test_the_numbering_goes_on_after_a_line_longer_than_what_is_read_at_first(run: RunDir) -> None:
    write(run, step(1), ev.Sample(step=1, answer="x" * (2 << 20)))
    assert EventWriter(run.events).seq == 2


def test_a_full_disk_loses_events_not_the_training_and_later_lines_are_fine(run: RunDir) -> None:
    """A real limit: the kernel cuts the write off in the middle of a line and refuses the next ones."""
    code = """
import resource, signal, sys
from pathlib import Path
from engine.runs import events as ev
from engine.runs.writer import EventWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = EventWriter(Path(sys.argv[1]))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for number in range(20):
    writer.emit(ev.Heartbeat(state="running"))
print(writer.seq, writer.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for number in range(3):
    writer.emit(ev.Heartbeat(state="running"))
"""
    done = subprocess.run([sys.executable, "-c", code, str(run.events)], capture_output=True, text=True, check=True)
    written, lost = map(int, done.stdout.split())
    assert written > 5
    assert lost == 20 - written
    assert numbers(run) == list(range(1, written + 4))


@pytest.mark.parametrize("last", [failure("no space"), ev.Finished(outcome="stopped", step=1)])
def test_the_last_word_is_written_even_on_a_full_disk(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, last: ev.Event
) -> None:
    """Refused until the space kept aside for it was given back."""
    writer = EventWriter(run.events)
    reserve = run.path / RESERVE_NAME
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if reserve.exists():
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    writer.emit(step(1))
    assert reserve.stat().st_size > 10_000
    writer.emit(last)
    assert [type(event) for event in Tail(run.events).read()] == [type(last)]
    assert writer.lost == 1
    writer.close()


def test_no_space_is_kept_aside_once_the_log_is_closed(run: RunDir) -> None:
    write(run, step(1))
    assert not (run.path / RESERVE_NAME).exists()


@pytest.mark.parametrize("short_by", [1, 2, 30])
def test_a_line_cut_off_anywhere_never_gives_a_number_twice(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, short_by: int
) -> None:
    writer = EventWriter(run.events)
    writer.emit(step(1))
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:-short_by]))
    writer.emit(step(2))
    monkeypatch.setattr(os, "write", real)
    writer.emit(step(3))
    assert numbers(run) == list(range(1, len(numbers(run)) + 1))
    assert writer.lost == (0 if short_by == 1 else 1)


def test_an_event_after_the_end_is_lost_not_written_somewhere_else(run: RunDir, tmp_path: Path) -> None:
    writer = EventWriter(run.events)
    writer.close()
    other = (tmp_path / "other").open("wb")  # takes the number of the closed file
    writer.emit(step(1))
    writer.close()
    other.close()
    assert writer.lost == 1
    assert (tmp_path / "other").read_bytes() == b""


def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        EventWriter(tmp_path / "gone" / "events.jsonl")
    assert "gone" in caught.value.message


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"type":"step","seq":1}', b'{"type":"nope","seq":1}']
)
def test_a_line_that_is_no_event_is_none(line: bytes) -> None:
    assert decode(line) is None


def test_the_last_lines_are_whole_ones(run: RunDir) -> None:
    run.events.write_bytes(b"one\ntwo\nthree\nhal")
    assert tail_lines(run.events, 1000) == [b"one", b"two", b"three"]
    assert tail_lines(run.events, 12) == [b"three"]
    assert tail_lines(run.path / "nothing", 1000) == []
