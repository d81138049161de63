"""Start a runner that outlives the terminal: own session, no inherited terminal, output to runner.log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from engine.common.errors import MachineError, RunError, reason_of
from engine.common.files import read_json, write_atomic
from engine.common.regular_files import open_to_append
from engine.runs.directory import RunDir, lock_stamp
from engine.runs.logout_survival import scope_prefix
from engine.runs.writer import last_seq

WAITER = (sys.executable, "-P", "-m", "engine.runs.supervise")


def launch(run: RunDir, resume: bool = False, waiter: Sequence[str] = WAITER, *, accept_changes: bool = False) -> int:
    """Start the detached runner of ``run`` and return the pid of the process that waits for it.

    ``waiter`` is the command that gets the run directory (and ``--resume``) as its arguments. ``accept_changes``: go
    on although what the run was made from has changed.
    Raises RunError when the run is already running, MachineError when no process can be started.
    """
    if run.is_alive():
        raise RunError("runs.already-running", run=run.id)
    command = [*scope_prefix(), *waiter, str(run.path)]
    if resume:
        command += ["--resume", *(["--accept-changes"] if accept_changes else [])]
    facts = read_json(run.run_json)
    try:
        run.exit_json.unlink(missing_ok=True)
        launched = {"launched_t": time.time(), "launched_seq": last_seq(run.events)}
        launched["launched_lock_ns"] = lock_stamp(run)
        write_atomic(run.run_json, json.dumps(facts | launched))
        log = open_to_append(run.log)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=run.path,
            )
        finally:
            os.close(log)
    except OSError as error:
        with suppress(OSError):
            write_atomic(run.run_json, json.dumps(facts))
        raise MachineError("runs.runner-not-started", path=run.path, reason=reason_of(error)) from error
    return process.pid
