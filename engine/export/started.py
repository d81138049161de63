"""A server of another program, started on loopback for as long as it is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType

from engine.common import http_json
from engine.common.clean_text import clean
from engine.common.errors import MachineError, reason_of
from engine.common.http_json import Refused

_PATIENCE_S = 900.0
"""vLLM compiles what it serves before it answers."""
_ASK_EVERY_S = 0.5
_TO_END_S = 10.0
_MOST_WORDS = 300
_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")


class StartedServer:
    """``program`` (its name for people), ready at ``address`` inside ``with``, ended and waited for behind it.

    It is ready when it answers GET of ``probe``. ``check`` is called while it starts and may raise. Raises MachineError
    where it can't be started, or ends before it is ready.
    """

    def __init__(
        self, program: str, command: Sequence[str], port: int, probe: str, environment: Mapping[str, str] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.program, self.address = program, f"http://{http_json.LOOPBACK}:{port}"
        self._command, self._probe, self._check = command, probe, check
        ours = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        self._environment = ours | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process

    def __enter__(self) -> StartedServer:
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT,
                env=self._environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._said.close()
            raise MachineError("proof.not-started", program=self.program, reason=reason_of(error)) from error
        try:
            end = time.monotonic() + _PATIENCE_S
            while not self._answers():
                self._check()
                if self._process.poll() is not None or time.monotonic() > end:
                    raise MachineError("proof.not-started", program=self.program, reason=self._last_words())
                time.sleep(_ASK_EVERY_S)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            process.wait(_TO_END_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            process.wait()
        self._said.close()

    def _signal(self, number: int) -> None:
        """To it and to what it started."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            http_json.ask(self.address + self._probe, timeout=5)
        except Refused:
            return False
        return True

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = [line for line in self._said.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return clean(" ".join(lines[-3:]), keep_newlines=False)[-_MOST_WORDS:] or "-"
