"""What loops for ever is ended, and a template that does is given up."""

from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path

import pytest

from engine.common.errors import ModelError
from engine.tokens import render
from engine.tokens.render import Renderer, choose_template
from engine.tokens.time_limit import TimeLimit, TooLong
from tests.engine.tokens.test_dataset import renderer
from tests.tiny import CHATML

ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}x"


def spin(seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_loop_is_ended_and_what_comes_after_it_is_not() -> None:
    limit = TimeLimit(0.3)
    for _ in range(2):
        with pytest.raises(TooLong), limit():
            spin()
        with limit():
            spin(0.01)
        spin(0.8)  # nothing is raised outside


def test_the_threads_that_watch_end_when_nothing_is_computed_and_begin_anew() -> None:
    before, limits = threading.active_count(), [TimeLimit(0.3) for _ in range(20)]
    for limit in limits:
        with limit():
            pass
    end = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.05)
    assert threading.active_count() <= before
    with pytest.raises(TooLong), limits[0]():
        spin()


def test_it_goes_with_what_is_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(TimeLimit(0.5))).seconds == 0.5


def test_an_endless_template_is_given_up_after_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_LIMIT_S", 0.3)
    made = renderer("chatml")
    made.tokenizer.chat_template = ENDLESS
    began = time.monotonic()
    endless = Renderer(made.tokenizer, made.stops)
    for _ in range(50):
        with pytest.raises(TimeoutError):
            endless._rendered([{"role": "user", "content": "Hello."}], None)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "template",
    ["{{ messages.__class__.__mro__ }}", "{{ ''.__class__.__base__.__subclasses__() }}",
     "{{ '{0.__class__.__mro__}'.format(messages) }}", "{% for i in range(10**12) %}{% endfor %}",
     "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
)  # fmt: skip
def test_a_template_reaches_nothing_outside_of_it(template: str) -> None:
    made = renderer("chatml")
    made.tokenizer.chat_template = template
    with pytest.raises(Exception, match=r"unsafe|too big|recursion"):
        made._rendered([{"role": "user", "content": "Hello."}], None)


def test_a_template_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    made = renderer("chatml")
    with pytest.raises(ModelError, match="can't be read"):
        choose_template(made.tokenizer, "/dev/zero")
    (tmp_path / "mine.jinja").write_text(CHATML)
    assert choose_template(made.tokenizer, str(tmp_path / "mine.jinja")) == str(tmp_path / "mine.jinja")
