"""What was found out while the draft was answered: plain data below every screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui.draft.relation import key_of

if TYPE_CHECKING:
    from engine.app.examine import Inspection
    from engine.app.findings import Finding
    from engine.app.old_adapter import OldAdapter
    from engine.data.mixing.source_figures import SourceFigures
    from engine.data.quality.findings import Report
    from engine.machine.snapshot import Machine
    from engine.memory.fit import Fit
    from engine.memory.history import Observation
    from engine.models.card import ModelCard
    from tui.draft.changes import Applied
    from tui.draft.draft import Draft
    from tui.draft.relation import Measured


@dataclass
class Facts:
    """What was found out while answering: never saved, found out again when the wizard opens anew.

    ``inspection`` and the doctor's ``report`` hold as long as the draft's rows are the ``inspected`` ones; ``repairs``
    are what was changed on the report's advice, oldest first. ``depth`` is that of the settings.
    ``machine`` is its newest reading, ``history`` what earlier runs here measured, ``fit`` the draft's on both,
    ``remedies`` what was changed so that it fits, oldest first. ``old_adapter`` is what the draft's adapter was found
    to be, ``measured`` how new rows relate to it. ``guessed`` are figures of sources nobody has examined. ``files`` is
    what model, adapter, data, disk and rights say of the draft with the values ``filed``. ``skipped`` is whether the
    strategy was passed over, since there is no earlier adapter. ``stops`` says of a model that was tested, by its
    folder, whether its answer ended by itself.
    """

    card: ModelCard | None = None
    machine: Machine | None = None
    history: tuple[Observation, ...] = ()
    fit: Fit | None = None
    remedies: list[Applied] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    guessed: dict[str, SourceFigures] = field(default_factory=dict)
    inspection: Inspection | None = None
    inspected: str = ""
    report: Report | None = None
    repairs: list[Applied] = field(default_factory=list)
    depth: int = 0
    old_adapter: OldAdapter | None = None
    measured: Measured | None = None
    files: tuple[Finding, ...] = ()
    filed: str = ""
    skipped: bool = False
    stops: dict[str, bool] = field(default_factory=dict)

    def forget(self) -> None:
        """Other answers begin: only what is known of the machine stays."""
        vars(self).update(vars(Facts(machine=self.machine, history=self.history)))

    def measured_of(self, draft: Draft) -> Measured | None:
        """The measured relation if it is of this adapter, model and rows, else None."""
        return self.measured if self.measured and self.measured.key == key_of(draft) else None

    def files_of(self, draft: Draft) -> tuple[Finding, ...] | None:
        """What the files say if they were looked at for this very draft, else None."""
        return self.files if self.filed == draft.values_key() else None
