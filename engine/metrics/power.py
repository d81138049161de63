"""What n rows can show: the smallest difference that is likely to be seen, and the rows that a difference needs.

With a share d of discordant rows (one candidate is right, the other wrong) the paired difference has the standard error
sqrt(d / n) at most, and is seen at 5 % in four of five evaluations where it is 2.8 times that (Miller, arXiv
2411.00640, sec. 5; 2.8 = 1.96 + 0.84). The exact test asks for a little more on few rows.
"""

from __future__ import annotations

import math

FACTOR = 1.959964 + 0.841621
"""Normal quantiles of 5 % two-sided and of 80 % power."""
USUAL_DISCORDANT = 0.2
"""Share of discordant rows that is taken where nothing is known."""
FEWEST_ROWS = 6
"""Fewer can't show a thing: where all of five differ to the same side, the exact test still says 6 %."""


def smallest_difference(rows: int, discordant: float = USUAL_DISCORDANT) -> float:
    """The difference in a share of rows (0.125: 12.5 points) that ``rows`` show with 80 % power; 1.0 at most.

    Never less than ``FEWEST_ROWS`` of the rows, which the exact test asks for; below so many rows nothing shows. Rows
    in groups that resemble each other show less: count groups then.
    """
    return min(1.0, max(FACTOR * math.sqrt(discordant / rows), FEWEST_ROWS / rows)) if rows > 0 else 1.0


def rows_needed(difference: float = 0.05, discordant: float = USUAL_DISCORDANT) -> int:
    """The rows that show ``difference`` with 80 % power, rounded up to two digits: 630 for 5 points. Raises ValueError.

    No difference can be larger than the share of rows that are discordant.
    """
    if not 0 < difference <= 1 or not 0 < discordant <= 1:
        raise ValueError(f"{difference}, {discordant}")
    rows = math.ceil(max(discordant, difference) * (FACTOR / difference) ** 2)
    unit = int(10 ** max(0, len(str(rows)) - 2))
    return -(-rows // unit) * unit
