"""Opens the X-ray over a step of the wizard, on the rows as the draft has them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config import toml
from tui.wizard.xray.screen import XrayScreen

if TYPE_CHECKING:
    from tui.wizard.step import Step


def open_xray(step: Step, source: int = 0, at: tuple[str, int] | None = None) -> None:
    """Show the row ``at`` a file and its number there, else the first of the source; a draft that is none is said."""
    try:
        config_text = toml.dumps(step.draft.resolve())
    except ConfigError as error:
        step.notify(error.said, severity="warning", markup=False)
        return
    step.app.push_screen(XrayScreen(step.services.xray_command, config_text, at, source))
