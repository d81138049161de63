"""Numbers are written one way, wherever they stand."""

from __future__ import annotations

import io
import math
import re
import tokenize
from pathlib import Path

import engine
from engine.units import amount, percent

_ROOT = Path(engine.__file__).parent.parent
_APART = re.compile(r"[\d}] %(?![\w(\[{])|\dM? M\b")


def test_shares_are_written_with_the_sign_at_the_number() -> None:
    assert [percent(share) for share in (0, 0.003, 0.42, 1.0, None, math.nan)] == ["0%", "<1%", "42%", "100%", "-", "-"]
    assert [percent(share, decimals=True) for share in (0.125, 0.7, 0.0002, 0)] == ["12.5%", "70%", "<0.1%", "0%"]


def test_large_counts_carry_their_letter() -> None:
    assert [amount(number) for number in (134_515_008, 7.24e9, 950, 1_000)] == ["135M", "7.24B", "950", "1k"]


def test_no_text_of_the_program_writes_a_percent_sign_apart() -> None:
    found = []
    for folder in ("engine", "tui"):
        for path in (_ROOT / folder).rglob("*.py"):
            for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
                if token.type == tokenize.STRING and _APART.search(token.string):
                    found.append(f"{path.relative_to(_ROOT)}:{token.start[0]}: {token.string}")
    assert found == []
