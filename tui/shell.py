"""The shell commands that do what keys do, for a script or for another machine."""

from __future__ import annotations

import shlex

COMMANDS = {
    "open": "tunedeck attach {runs}",
    "resume": "tunedeck resume {runs}",
    "stop": "tunedeck stop {runs}",
    "pause": "tunedeck pause {runs}",
    "save": "tunedeck save {runs}",
    "report": "tunedeck report {runs}",
    "evaluate": "tunedeck evaluate {runs}",
    "strength": "tunedeck strength {runs}",
    "measure": "tunedeck strength {runs}",
    "losses": "tunedeck strength {runs} --losses-only",
    "talk": "tunedeck chat {runs}",
    "judge": "tunedeck judge {runs}",
    "export": "tunedeck export {runs} --to gguf",
    "adapter": "tunedeck adapter inspect {runs}",
    "family": "tunedeck lineage {runs}",
    "compare": "tunedeck compare {runs}",
    "mix": "tunedeck mix {runs}",
    "more_replay": "tunedeck set {runs} replay=more",
    "stop_at_best": "tunedeck stop {runs} --at-best",
    "lower_rate": "tunedeck set {runs} rate=0.5",
    "skip_rows": "tunedeck rollback {runs} --skip-rows",
    "roll_back": "tunedeck rollback {runs}",
    "demo": "tunedeck demo",
    "check": "tunedeck data check {runs}",
    "xray": "tunedeck data show {runs}",
    "inspect": "tunedeck adapter inspect {runs}",
}
"""By the name of an action: what is typed. In place of runs, data and adapters are named."""

_OF_SEVERAL = ("compare", "mix")


def command(action: str, *runs: str) -> str:
    """The command that does ``action`` with ``runs`` (ids, names or paths); "" where there is none."""
    made = COMMANDS.get(action, "")
    fewest = 2 if action in _OF_SEVERAL else 1 if "{runs}" in made else 0
    return "" if len(runs) < fewest else made.format(runs=shlex.join(runs))
