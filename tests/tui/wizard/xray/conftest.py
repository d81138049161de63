"""The wizard's fixtures, as the X-ray is opened from there."""

from __future__ import annotations

from tests.tui.wizard.conftest import model, open_wizard, rows

__all__ = ["model", "open_wizard", "rows"]
