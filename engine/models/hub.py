"""Download a model from the hub with huggingface_hub, with progress as numbers and errors a person can use.

``python -m engine.models.hub REPO REVISION [--pickle]`` is the child process that gives up when the hub is silent: it
prints JSON lines, progress and pulses, then done or error.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.common import hub_watch
from engine.common.child import answers
from engine.common.clean_text import shorten
from engine.common.errors import MachineError, ModelError, TunedeckError
from engine.messages.message import Message

Progress = Callable[[int, int | None, Message], None]

WANTED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
PICKLED = ("*.bin", "*.pt", "*.pth")
# Other forms of the same weights, and what training left behind.
UNWANTED = ("onnx/*", "openvino/*", "original/*", "coreml/*", "*/*.safetensors", "consolidated*", "training_args.bin",
            "optimizer*", "scheduler*", "README*", "LICENSE*")  # fmt: skip
_REPORT_EVERY_S = 0.2


def download(repo_id: str, revision: str, on_progress: Progress, allow_pickle: bool = False) -> Path:
    """Fetch weights, config and tokenizer of a hub model into the hub's cache and return the snapshot folder.

    Files that are there already are not fetched again. ``on_progress`` gets bytes done and in all (None until
    known), at least twice a second; what it raises ends the download. Raises ModelError: hub not reachable or silent,
    no such model or revision, gated model; MachineError: disk full.
    """
    asking = Message("models.asking-hub", model=repo_id)
    on_progress(0, None, asking)
    last: list[tuple[int, int | None, Message]] = [(0, None, asking)]

    def on_record(record: dict[str, Any]) -> None:
        if record.get("type") == "progress":
            last[0] = record["done"], record["total"], Message.from_json(record["message"])
        done, total, message = last[0]
        is_silent = record.get("type") == "pulse" and record["silent_s"] >= hub_watch.SPOKEN_OF_S
        on_progress(done, total, hub_watch.told(record, repo_id) if is_silent else message)

    arguments = [repo_id, revision, *(["--pickle"] if allow_pickle else [])]
    said = hub_watch.ask("engine.models.hub", arguments, repo_id, on_record)
    if said["type"] == "done":
        on_progress(1, 1, Message("models.here", model=repo_id))
        return Path(said["path"])
    if said["type"] == "ended":
        raise ModelError("models.fetch-failed", model=repo_id, reason=Message.from_json(said["message"]))
    raise TunedeckError.from_json(said)


def fetch(repo_id: str, revision: str, on_progress: Progress, allow_pickle: bool = False) -> Path:
    """The same in this process, which the hub may hold up; for the child. Raises what ``download`` does."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = snapshot_download(
            repo_id,
            revision=revision,
            allow_patterns=[*WANTED, *(PICKLED if allow_pickle else ())],
            ignore_patterns=list(UNWANTED),
            tqdm_class=_bar_class(Message("models.downloading", model=repo_id), on_progress),
        )
    except GatedRepoError:
        raise ModelError("models.gated", model=repo_id) from None
    except RevisionNotFoundError:
        raise ModelError("models.no-revision", model=repo_id, revision=revision) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise ModelError("models.not-on-hub", model=repo_id) from None
    except EntryNotFoundError as error:
        raise _unreachable(repo_id, error) from None
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403):
            raise ModelError("models.access-refused", model=repo_id, status=str(status)) from None
        raise _unreachable(repo_id, error) from None
    except OSError as error:
        if error.errno == 28:
            raise MachineError("models.disk-full", model=repo_id) from None
        raise _unreachable(repo_id, error) from None
    except Exception as error:
        # The library's HTTP client has its own errors, another family in each major version.
        if type(error).__module__.partition(".")[0].startswith(("httpx", "httpcore", "requests", "huggingface_hub")):
            raise _unreachable(repo_id, error) from None
        raise
    if not any(Path(folder).glob("*.safetensors")) and not allow_pickle:
        raise ModelError("models.no-safetensors", model=repo_id)
    return Path(folder)


def _unreachable(repo_id: str, error: BaseException) -> ModelError:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    said = shorten(f"{type(cause).__name__}: {cause}", 160)
    return ModelError("models.unreachable", model=repo_id, reason=said)


def _bar_class(message: Message, on_progress: Progress) -> type[Any]:
    """A progress bar that draws nothing and tells the furthest byte count of all bars instead."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    lock = threading.Lock()
    bars: list[Any] = []
    told = [0.0]

    class Quiet(tqdm):  # type: ignore[misc]
        monitor_interval = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            kwargs["disable"] = False
            kwargs["file"] = io.StringIO()
            super().__init__(*args, **kwargs)
            if self.unit == "B":
                bars.append(self)

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            pass

        def update(self, n: float | None = 1) -> Any:
            drawn = super().update(n)
            with lock:
                now = time.monotonic()
                if bars and now - told[0] >= _REPORT_EVERY_S:
                    told[0] = now
                    furthest = max(bars, key=lambda bar: bar.n)
                    on_progress(int(furthest.n), int(furthest.total) if furthest.total else None, message)
            return drawn

    return Quiet


def main(argv: list[str]) -> int:
    say = answers()
    hub_watch.guard(say, argv[0])
    try:
        folder = fetch(
            argv[0], argv[1], lambda done, total, message: say("progress", done=done, total=total, message=message),
            "--pickle" in argv[2:],
        )  # fmt: skip
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    say("done", path=str(folder))
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a thread that waits for the hub must not keep the process
