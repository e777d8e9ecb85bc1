"""Rows that accumulate: blocks of shape (..., k, n) put below one another without copying them each time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Rows:
    """All rows so far. Room is doubled when it runs out, so each is copied once on average; `room` to begin with."""

    def __init__(self, first: Tensor, room: int = 0) -> None:
        self._buffer, self.count = first, first.shape[-2]
        if room > self.count:
            self._grow(room)

    @property
    def all(self) -> Tensor:
        """Shape (..., count, n); a view."""
        return self._buffer[..., : self.count, :]

    def append(self, rows: Tensor) -> None:
        self.extend(rows.shape[-2]).copy_(rows)

    def extend(self, number: int) -> Tensor:
        """So many more rows, a view to be written to."""
        start, self.count = self.count, self.count + number
        if self.count > self._buffer.shape[-2]:
            self._grow(max(self.count, 2 * start))
        return self._buffer[..., start : self.count, :]

    def _grow(self, room: int) -> None:
        shape = list(self._buffer.shape)
        start, shape[-2] = shape[-2], room
        if self._buffer.device.type == "cpu":
            # numpy asks for large pages; memory that is not written to is not there.
            single = self._buffer.dtype == torch.float32
            larger = torch.from_numpy(np.empty(shape, dtype=np.float32) if single else np.empty(shape))
        else:
            larger = self._buffer.new_empty(shape)
        larger[..., :start, :] = self._buffer
        self._buffer = larger
