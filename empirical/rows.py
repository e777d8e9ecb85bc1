"""Rows that accumulate: blocks of shape (..., k, n) put below one another without copying them each time."""

from __future__ import annotations

from torch import Tensor


class Rows:
    """All rows so far. Room is doubled when it runs out, so each is copied once on average."""

    def __init__(self, first: Tensor) -> None:
        self._buffer, self.count = first, first.shape[-2]

    @property
    def all(self) -> Tensor:
        """Shape (..., count, n); a view."""
        return self._buffer[..., : self.count, :]

    def append(self, rows: Tensor) -> None:
        start, self.count = self.count, self.count + rows.shape[-2]
        if self.count > self._buffer.shape[-2]:
            shape = list(self._buffer.shape)
            shape[-2] = max(self.count, 2 * start)
            larger = self._buffer.new_empty(shape)
            larger[..., :start, :] = self._buffer[..., :start, :]
            self._buffer = larger
        self._buffer[..., start : self.count, :] = rows
