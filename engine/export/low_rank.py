"""The nearest matrix of a low rank, and exactly how much of the matrix it leaves out."""

from __future__ import annotations

import torch

_MORE, _PASSES = 16, 4
_BLOCK_NUMBERS = 8 << 20


@torch.no_grad()
def low_rank(matrix: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """A (rank, in) and B (out, rank) with B A nearest to ``matrix`` (out, in) in float32, and ||matrix - B A||².

    Singular vectors by random projection (Halko et al. 2011, arXiv:0909.4061), of 16 more than wanted and four passes,
    the same each time. Where that would be all of them they are computed in full.
    """
    wanted = rank + _MORE
    if wanted >= min(matrix.shape):
        left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
        right = right.T
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            left, sizes, right = torch.svd_lowrank(matrix, wanted, niter=_PASSES)
    root = sizes[:rank].sqrt()
    a, b = (right[:, :rank] * root).T.contiguous(), (left[:, :rank] * root).contiguous()
    return a, b, left_out(matrix, a, b)


@torch.no_grad()
def left_out(matrix: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> float:
    """||matrix - B A||², some rows at a time."""
    step = max(1, _BLOCK_NUMBERS // max(1, matrix.shape[1]))
    total = 0.0
    for start in range(0, matrix.shape[0], step):
        rest = torch.addmm(matrix[start : start + step], b[start : start + step], a, alpha=-1)
        total += float(squared(rest))
    return total


@torch.no_grad()
def squared(tensor: torch.Tensor) -> float:
    """The sum of squares, added up in float64."""
    return float(torch.linalg.vector_norm(tensor.float(), dtype=torch.float64)) ** 2


@torch.no_grad()
def of_product(a: torch.Tensor, b: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """The same of B A, without making it: factors of ``rank``, ||B A||² and the part of it that is left out."""
    inner_b, outer_b = torch.linalg.qr(b)
    inner_a, outer_a = torch.linalg.qr(a.T)
    left, sizes, right = torch.linalg.svd(outer_b @ outer_a.T, full_matrices=False)
    root = sizes[:rank].sqrt()
    new_a = ((inner_a @ right.T)[:, :rank] * root).T.contiguous()
    new_b = ((inner_b @ left)[:, :rank] * root).contiguous()
    return new_a, new_b, squared(sizes), squared(sizes[rank:])
