"""Counts the bytes of live tensors, real or fake, while code runs: torch's allocator without a GPU."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only


class TensorTracker(TorchDispatchMode):
    """``live`` and ``peak`` bytes of storages that operations made under this mode, and of those given to ``add``.

    torch's own MemTracker trips over frozen parameters; here each storage is counted once, until it is freed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._sizes: dict[int, int] = {}

    def add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._sizes:
            return
        self._sizes[key] = size
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._freed, key)

    def add_model(self, model: torch.nn.Module) -> None:
        """Count weights, buffers and the constants that quantized weights carry."""
        for tensor in (*model.parameters(), *model.buffers()):
            self.add(tensor)
            state = getattr(tensor, "quant_state", None)
            for holder in (state, getattr(state, "state2", None)):
                if holder is not None:
                    self.add(holder.absmax)
                    self.add(holder.code)

    def restart(self) -> None:
        """Count the peak from here."""
        self.peak = self.live

    def _freed(self, key: int) -> None:
        self.live -= self._sizes.pop(key, 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self.add, result)
        return result
