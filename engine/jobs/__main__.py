"""Answers heavy questions about a run before it starts, in a child process: JSON lines on stdout.

``python -m engine.jobs QUESTION --config FILE``, with a question of ``engine/jobs``: ``examine`` says what is
wrong with the rows and what they are as tokens, of which ``data`` (they as the training takes them) and ``quality``
(what is wrong with a sample as tokens) are parts, ``relation`` compares them with what an old adapter has learnt,
``probe`` trains three steps and says how fast they were, ``kind`` asks the model whether it is base or chat, ``xray``
shows rows token by token as they are asked for on stdin. Lines are of type progress, then one result, error or
unavailable. The process can be killed at any time, and a broken tokenizer can't take the screen down.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.common import hub_watch
from engine.common.child import answers
from engine.common.clean_text import in_words
from engine.common.errors import TunedeckError
from engine.config import toml

QUESTIONS = {
    "data": "jobs.no-data", "relation": "jobs.no-relation", "probe": "jobs.no-probe", "kind": "jobs.no-kind",
    "quality": "jobs.no-quality", "examine": "jobs.no-quality", "xray": "jobs.no-xray",
}  # fmt: skip
"""Modules of ``engine/jobs``, each with the code of an error that nobody foresaw."""


def main(argv: Sequence[str]) -> int:
    """Run one question; the exit code is 0 when there was an answer."""
    parser = argparse.ArgumentParser(prog="engine.jobs")
    parser.add_argument("question", choices=list(QUESTIONS))
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args(argv)
    say = answers()
    try:
        question = importlib.import_module(f"engine.jobs.{options.question}")
        with hub_watch.listening(lambda message: say("progress", message=message)):
            answer = question.answer(toml.load(options.config).config, say)
    except TunedeckError as error:
        say("error", **error.as_json())
        return 1
    except Exception as error:
        say("error", **TunedeckError(QUESTIONS[options.question], reason=in_words(error)).as_json())
        return 1
    say(answer.pop("kind"), **answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
