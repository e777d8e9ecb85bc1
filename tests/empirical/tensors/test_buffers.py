"""Memory is used again when nothing looks at it any more, and never before."""

from __future__ import annotations

import torch
from torch import Tensor

from empirical.tensors.buffers import BufferPool, by_units
from empirical.tensors.growing_rows import Rows
from empirical.tensors.norms import inner, norms

SHAPE = (1, 3, 2**17)


def test_a_pool_gives_again_what_is_free() -> None:
    pool = BufferPool()
    first = pool.empty(*SHAPE)
    where = first.data_ptr()
    del first
    assert pool.empty(*SHAPE).data_ptr() == where
    assert pool.empty(2, 2**17).data_ptr() == where


def test_a_pool_gives_nothing_that_is_looked_at() -> None:
    """Neither a tensor, nor a view of one that is gone, nor what autograd has saved."""
    pool = BufferPool()
    whole, view = pool.empty(*SHAPE).fill_(1.0), pool.empty(*SHAPE).fill_(2.0)[0, 1:, 5:]
    leaf = torch.ones(SHAPE, dtype=torch.float64, requires_grad=True)
    product = (leaf * pool.empty(*SHAPE).fill_(3.0)).sum()
    for _ in range(4):
        pool.empty(*SHAPE).fill_(0.0)
    assert (whole == 1).all()
    assert (view == 2).all()
    product.backward()
    assert leaf.grad is not None
    assert (leaf.grad == 3).all()


def blocks() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 50_000, generator=generator, dtype=torch.float64) for _ in range(3)]


def test_work_in_slabs_is_that_on_whole_blocks() -> None:
    a, b, c = blocks()
    torch.testing.assert_close(by_units(BufferPool(), torch.add, a, b), a + b)
    one, two = norms((a,), (a, b, c))
    torch.testing.assert_close(one, torch.linalg.vector_norm(a, dim=(1, 2)) / 3**0.5)
    torch.testing.assert_close(two, torch.linalg.vector_norm(a + b + c, dim=(1, 2)) / 3**0.5)
    torch.testing.assert_close(inner((a, b), (c,)), ((a + b) * c).sum(dim=(1, 2)))


def test_rows_keep_what_they_had() -> None:
    first, second, third = (block[:, :, :7] for block in blocks())
    rows = Rows(first, room=4)
    rows.append(second)
    rows.extend(3).copy_(third)
    assert torch.equal(rows.all, torch.cat([first, second, third], dim=1))
