"""The arithmetic of a merge, in float32: a block of rows of a tensor with the adapters' changes in it.

LoRA (Hu et al. 2021, arXiv:2106.09685): W' = W + s B A with s = alpha / r; rsLoRA (Kalajdzievski 2023,
arXiv:2312.03732): s = alpha / sqrt(r); DoRA (Liu et al. 2024, arXiv:2402.09353): W' = m (W + s B A) / ||W + s B A||,
the norm taken per output.
"""

from __future__ import annotations

import torch

from engine.export.merge.adapter_change import Part

BLOCK_NUMBERS = 8 << 20  # of a block of rows: 32 MiB in float32, and five such at most


def needs_all_rows(part: Part) -> bool:
    """Whether a row of the result depends on all rows of the base tensor."""
    by_column = part.kind == "embedding" or (part.kind == "linear" and part.transposed)
    return bool(part.residual) or bool(part.magnitude and by_column)


def merged_rows(base: torch.Tensor, parts: tuple[Part, ...], start: int, as_stored: torch.dtype) -> torch.Tensor:
    """Rows from ``start`` on of the merged tensor, float32; ``base`` are these rows of the base's, float32.

    ``as_stored`` is the base's dtype: residuals were rounded to it before the adapter was trained.
    """
    if len(parts) == 1 and parts[0].weight == 1:
        return _changed(base, parts[0], start, as_stored)
    total = base.clone()
    for part in parts:
        total.add_(_changed(base, part, start, as_stored).sub_(base), alpha=part.weight)
    return total


def _changed(base: torch.Tensor, part: Part, start: int, as_stored: torch.dtype) -> torch.Tensor:
    """``base`` as the one adapter would have it; always a tensor of its own."""
    stop = start + base.shape[0]
    result = _float(part, part.whole, start, stop) if part.whole else base.clone()
    for row, at in enumerate(part.token_ids):
        if start <= at < stop:
            result[at - start] = _float(part, part.tokens, row, row + 1)[0]
    if part.kind == "bias":
        result.add_(_float(part, part.b), alpha=part.scaling)
    elif part.kind != "none":
        if part.residual:
            result = _residual(result, part).to(as_stored).float()
        _add_product(result, part, start, stop)
        if part.magnitude:
            magnitude = _float(part, part.magnitude).flatten()
            if part.kind == "embedding" or part.transposed:
                result.mul_(magnitude / torch.linalg.vector_norm(result, dim=0))
            else:
                result.mul_((magnitude[start:stop] / torch.linalg.vector_norm(result, dim=1)).unsqueeze(1))
    return result


def _add_product(result: torch.Tensor, part: Part, start: int, stop: int) -> None:
    """Add scaling * B A to the rows ``start`` to ``stop`` of a matrix, or its transpose where that is stored."""
    if part.kind == "experts":
        _add_experts(result, part, start, stop)
    elif part.kind == "embedding" or part.transposed:
        a = _float(part, part.a)[:, start:stop]
        result.addmm_(a.T, _float(part, part.b).T, alpha=part.scaling)
    else:
        result.addmm_(_float(part, part.b, start, stop), _float(part, part.a), alpha=part.scaling)


def _add_experts(result: torch.Tensor, part: Part, start: int, stop: int) -> None:
    """The same for the rows ``start`` to ``stop`` of one expert's matrix, or for these experts of a fused tensor."""
    rank = part.source.slots[part.a].shape[0] // part.experts
    if part.expert is not None:
        b = _float(part, part.b, part.first_row + start, part.first_row + stop)[:, part.expert :: part.experts]
        a = _float(part, part.a, part.expert * rank, (part.expert + 1) * rank)
        result.addmm_(b, a, alpha=part.scaling)
        return
    factors = _float(part, part.b)
    for expert in range(start, stop):
        b, a = factors[:, expert :: part.experts], _float(part, part.a, expert * rank, (expert + 1) * rank)
        left, right = (a.T, b.T) if part.transposed else (b, a)
        result[expert - start].addmm_(left, right, alpha=part.scaling)


def _residual(weight: torch.Tensor, part: Part) -> torch.Tensor:
    """The base after PEFT took the start of A and B out of it: its top singular parts, or its first QR columns.

    Both products are unique however the factors' signs come out, so they need not have been saved.
    """
    rank = part.source.slots[part.a].shape[0]
    matrix = weight.T if part.transposed else weight
    if part.residual == "pissa":
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        left = matrix - (u[:, :rank] * s[:rank]) @ v[:rank]
    else:
        q, r = torch.linalg.qr(weight)  # PEFT does not transpose here
        return weight - part.scaling * (q[:, :rank] @ r[:rank])
    return left.T.contiguous() if part.transposed else left


def _float(part: Part, name: str, start: int = 0, stop: int | None = None) -> torch.Tensor:
    return part.source.rows(name, start, stop).float()
