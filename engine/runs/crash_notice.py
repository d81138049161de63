"""The notice of a run whose process was killed: sent by whoever waited for it, as it could not say so itself.

Run as ``python -m engine.runs.crash_notice RUN_DIR``.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.config.schema import RunConfig
from engine.messages.catalogue import paragraph
from engine.runs import events as ev
from engine.runs import story
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import load_state
from engine.runs.notices import NOTIFYING, payload, send
from engine.runs.writer import EventWriter


def tell_of_crash(run: RunDir) -> None:
    """Send the notice of a run whose process is gone without a last word; its failure goes to the log."""
    try:
        config: RunConfig = toml.load(run.config).config
    except TunedeckError:
        return
    notify, state = config.notify, load_state(run)
    wants = notify.command or notify.url
    if state.state != "crashed" or "failure" not in notify.on or not wants or os.environ.get(NOTIFYING):
        return
    what = story.state(state.state, state.reason)
    failures = send(notify, payload(run, "failure", what, state.done_steps, state.total_steps))
    if not failures:
        return
    lock = RunLock(run.lock)
    with suppress(TunedeckError):  # somebody runs it again already: then nobody needs to hear of it
        lock.acquire()
        try:
            writer = EventWriter(run.events)
            for failure in failures:
                writer.emit(ev.Warn(message=failure))
            writer.close()
        finally:
            lock.release()
    print("\n".join(paragraph(failure) for failure in failures), file=sys.stderr)


if __name__ == "__main__":
    tell_of_crash(RunDir(Path(sys.argv[1]).absolute()))
