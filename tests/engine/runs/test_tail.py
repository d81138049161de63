"""Following a log: half a line is the end, a budget is a budget, and odd lines never stop a reader."""

from __future__ import annotations

from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import encode
from engine.runs.follow import Follower, Tail
from tests.engine.runs.making import step, write


def test_there_is_nothing_to_read_before_there_is_a_log(run: RunDir) -> None:
    tail = Tail(run.events)
    assert tail.read() == []
    assert tail.at_end()


def test_half_a_line_is_the_end_until_its_newline_comes(run: RunDir) -> None:
    line = encode(step(7)) + b"\n"
    tail = Tail(run.events)
    for size in range(1, len(line)):
        run.events.write_bytes(line[:size])
        assert tail.read() == []
        assert tail.at_end()
    run.events.write_bytes(line)
    assert [event.step for event in tail.read() if isinstance(event, ev.Step)] == [7]
    assert tail.read() == []


def test_a_line_longer_than_many_reads_comes_through_whole(run: RunDir) -> None:
    answer = "long " * 1_000_000
    write(run, step(1), ev.Sample(step=1, answer=answer), step(2))
    first, sample, last = Tail(run.events).read(max_seconds=60)
    assert isinstance(sample, ev.Sample)
    assert sample.answer == answer
    assert (first.seq, last.seq) == (1, 3)


def test_a_log_without_any_newline_is_read_to_its_end_without_an_event(run: RunDir) -> None:
    run.events.write_bytes(b"x" * (3 << 20))
    tail = Tail(run.events)
    assert tail.read() == []
    assert tail.at_end()


def test_the_number_of_events_taken_at_once_has_a_budget(run: RunDir) -> None:
    write(run, *(step(n) for n in range(1, 2501)))
    tail = Tail(run.events)
    sizes = []
    while not tail.at_end():
        sizes.append(len(tail.read(max_events=1200, max_seconds=60)))
    assert sizes == [1200, 1200, 100]


def test_the_time_taken_at_once_has_a_budget_and_nothing_is_lost(run: RunDir) -> None:
    write(run, *(step(n) for n in range(1, 2501)))
    tail = Tail(run.events)
    assert len(tail.read(max_seconds=0)) == 1000  # at least one bite, so that a reader gets on
    assert len(tail.read(max_seconds=60)) == 1500


def test_unknown_types_are_passed_over_and_broken_lines_counted(run: RunDir) -> None:
    write(run, step(1))
    with run.events.open("ab") as file:
        file.write(b'{"v":9,"seq":2,"t":1,"type":"teleported","to":"Mars"}\n\n{"type":"st\n\xff\n{"type":"step"}\n')
    write(run, step(2))
    tail = Tail(run.events)
    assert [event.seq for event in tail.read()] == [1, 3]
    assert tail.broken_lines == 3


def test_fields_of_a_newer_version_are_passed_over(run: RunDir) -> None:
    line = encode(step(1))
    run.events.write_bytes(line[:-1] + b',"colour":"blue"}\n')
    assert len(Tail(run.events).read()) == 1


def test_a_follower_catches_up_with_whatever_is_there(run: RunDir) -> None:
    write(run, ev.RunStarted(total_steps=3000), *(step(n) for n in range(1, 3001)))
    follower = Follower(run)
    assert follower.poll(max_events=10).done_steps == 9
    assert not follower.caught_up
    assert follower.catch_up().done_steps == 3000
    assert follower.caught_up
