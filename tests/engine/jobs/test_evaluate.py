"""When a child that evaluates hears that it is to end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CHILD = """
import os, signal, sys, time
from engine.jobs.evaluate import serve
from engine.runs.evaluation_request import EvaluationRequest

def answer(request, say, sink, check):
    {first}
    os.kill(os.getpid(), signal.{number})
    {then}
    return {{"name": request.name}}

sys.exit(serve(sys.argv[1:], EvaluationRequest, "evaluate.failed", answer))
"""
REQUEST = json.dumps({"run": "/nowhere", "name": "mine"})


def ended(first: str, number: str, then: str) -> tuple[int, list[str]]:
    """Exit status and last words of a child that does one thing, hears a signal and does another."""
    code = CHILD.format(first=first, number=number, then=then)
    done = subprocess.run([sys.executable, "-c", code, REQUEST], stdout=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, [json.loads(line)["type"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_what_still_loads_ends_at_once(number: str) -> None:
    assert ended("pass", number, "time.sleep(600)") == (130, ["stopped"])


def test_what_answers_ends_between_two_answers() -> None:
    assert ended("check()", "SIGTERM", "say('note', kept=True); check()") == (130, ["note", "stopped"])
