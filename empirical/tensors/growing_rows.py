"""Growing tensors: blocks of shape (..., k, n) appended below one another in amortised constant time per row."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Rows:
    """A tensor of rows that grows. Its memory, at first for `room` rows, is doubled when it runs out.

    >>> rows = Rows(torch.zeros(1, 2))
    >>> rows.append(torch.ones(2, 2))
    >>> rows.count, rows.all.shape
    (3, torch.Size([3, 2]))
    """

    def __init__(self, first: Tensor, room: int = 0) -> None:
        self._buffer, self.count = first, first.shape[-2]
        if room > self.count:
            self._grow(room)

    @property
    def all(self) -> Tensor:
        """All rows so far, of shape (..., count, n): a view."""
        return self._buffer[..., : self.count, :]

    def append(self, rows: Tensor) -> None:
        """Add rows of shape (..., k, n)."""
        self.extend(rows.shape[-2]).copy_(rows)

    def extend(self, number: int) -> Tensor:
        """Add `number` rows with undefined values, and return a view of them to write to."""
        start, self.count = self.count, self.count + number
        if self.count > self._buffer.shape[-2]:
            self._grow(max(self.count, 2 * start))
        return self._buffer[..., start : self.count, :]

    def _grow(self, room: int) -> None:
        shape = list(self._buffer.shape)
        start, shape[-2] = shape[-2], room
        if self._buffer.device.type == "cpu":
            # numpy asks the system for large pages, and pages that are never written to take no memory.
            single = self._buffer.dtype == torch.float32
            larger = torch.from_numpy(np.empty(shape, dtype=np.float32) if single else np.empty(shape))
        else:
            larger = self._buffer.new_empty(shape)
        larger[..., :start, :] = self._buffer
        self._buffer = larger
