"""The wizard's fixtures: the columns screen lies over its steps."""

from tests.tui.wizard.conftest import model, open_wizard, rows

__all__ = ["model", "open_wizard", "rows"]
