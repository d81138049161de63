"""Pushing an exported folder to the hub: what would be sent, and the deed. The token is the hub library's; it is never
read here, kept or shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common.clean_text import shorten
from engine.common.errors import ConfigError, MachineError, ModelError
from engine.common.files import read_json
from engine.common.redact import redact
from engine.data.quality.privacy import without_secrets
from engine.models.adapter.config import CONFIG_FILE
from engine.runs import failures
from engine.runs.directory import RunDir
from engine.runs.exports import RECORD, Export

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]{0,95}")
_USER = re.compile(r"//[^/@\s]+@")
_DENIED, _TAKEN = (401, 403), 409


@dataclass(frozen=True)
class Push:
    """What goes to ``repo``: names and bytes of the files of ``folder``. ``private``: only its owner sees it.

    ``local_base`` is what the function of that name says.
    """

    repo: str
    folder: Path
    files: dict[str, int]
    private: bool = True
    local_base: str = ""

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def plan_push(made: Export, repo: str, private: bool = True) -> Push:
    """Of an export that is there.

    Raises ConfigError for a name that is none, and for files that are gone.
    """
    if not _REPO.fullmatch(repo):
        raise ConfigError("hub.bad-repo", repo=repo)
    folder = Path(made.path)
    if not made.is_there:
        raise ConfigError("hub.files-gone", folder=folder)
    return Push(repo, folder, files_of(made), private, local_base(made))


def files_of(made: Export) -> dict[str, int]:
    """What a push of ``made`` sends of what is still there: names and bytes."""
    paths = [Path(made.path) / name for name in made.files if name != RECORD]
    return {path.name: path.stat().st_size for path in paths if path.is_file()}


def local_base(made: Export) -> str:
    """The name that PEFT's config has for a base of this machine; "" where that is a hub id."""
    base = str(read_json(Path(made.path) / CONFIG_FILE).get("base_model_name_or_path") or "")
    return "" if base.count("/") == 1 else base


def push(planned: Push, api: Any = None, run: RunDir | None = None) -> str:
    """Create the repository if it is new, and send the files in one commit; its address.

    ``api`` is huggingface_hub's HfApi. A failed push leaves the repository as it was before the commit; that it failed
    is kept with ``run``, of which the files are. Raises ModelError and MachineError.
    """
    with failures.noted(run, "push", "adapter"):
        return _sent(planned, api)


def _sent(planned: Push, api: Any) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = api or HfApi()
    try:
        api.whoami()
        api.create_repo(planned.repo, private=planned.private, exist_ok=True, repo_type="model")
        operations = [CommitOperationAdd(name, str(planned.folder / name)) for name in planned.files]
        api.create_commit(planned.repo, operations, commit_message="Add adapter", repo_type="model")
        return str(api.repo_info(planned.repo).id)
    except LocalTokenNotFoundError:
        raise ModelError("hub.no-token", repo=planned.repo) from None
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in _DENIED:
            raise ModelError("hub.denied", repo=planned.repo, status=str(status)) from None
        if status == _TAKEN:
            raise ModelError("hub.taken", repo=planned.repo) from None
        raise MachineError("hub.push-failed", repo=planned.repo, reason=_why(error)) from None
    except Exception as error:
        # The library's HTTP client has its own errors, another family in each major version.
        if isinstance(error, OSError) or type(error).__module__.partition(".")[0].startswith(
            ("httpx", "httpcore", "requests")
        ):
            raise MachineError("hub.push-failed", repo=planned.repo, reason=_why(error)) from None
        raise


def _why(error: Exception) -> str:
    """What the library said, in one line and without a token, which an address in it may hold."""
    return shorten(without_secrets(_USER.sub("//", redact(str(error)))), 200)
