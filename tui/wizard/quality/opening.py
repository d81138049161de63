"""Opens the doctor over a step of the wizard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.wizard.quality.screen import DoctorScreen

if TYPE_CHECKING:
    from tui.wizard.step import Step


def open_doctor(step: Step) -> None:
    """Show what is wrong with the rows of the step's draft; they are examined unless that was done."""
    step.app.push_screen(DoctorScreen(step))
