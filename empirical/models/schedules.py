"""Schedules: the largest learning rate of each group, which orders are asked about, since warm-ups start at zero.

A schedule is run ahead on the numbers in the groups alone, until its rates have not risen for long:

>>> import torch
>>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
>>> cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=20)
>>> round(optimizer.param_groups[0]["lr"], 3), peaks(optimizer, [cycle])
(0.02, [0.5])
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

_AHEAD = 100
"""A peak is the last if nothing exceeds it for as many steps as led to it, and so many more."""
_MOST = 20_000
"""The most steps that a schedule is run ahead."""


def peaks(optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> list[Any]:
    """The largest learning rate of each group. The schedulers are used up; but for rates, groups are as before.

    Of schedulers that are not given, the groups know the rate that they were made with, or the peak of a cycle.
    """
    groups = optimizer.param_groups
    if not schedulers:
        return [group.get("max_lr", group.get("initial_lr", group.get("lr"))) for group in groups]
    before = [dict(group) for group in groups]
    best, last = _rates(optimizer), 0
    running = [one for one in schedulers if not isinstance(one, ReduceLROnPlateau)]  # which never rises
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, that a scheduler is stepped before its optimizer is
        for step in range(1, _MOST + 1):
            try:
                for one in running:
                    one.step()
            except ValueError:  # a cycle has ended
                break
            rates = _rates(optimizer)
            if any(rate > known for rate, known in zip(rates, best, strict=True)):
                best, last = [max(pair) for pair in zip(rates, best, strict=True)], step
            elif step > 2 * last + _AHEAD:
                break
    for group, old in zip(groups, before, strict=True):
        group.update(old)  # cycles change momenta, too
    return best


def _rates(optimizer: Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]
