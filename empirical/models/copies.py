"""Copies of a block, which are one in theory: whether a model and its optimizer treat them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from empirical.models.optimizers import Options, options_of
from empirical.tracing.state import seeded
from empirical.tracing.trace import Build, built
from empirical.tracing.user_code import user_code


def treated_alike(
    build: Build, optimizer: Callable[[nn.Module], Any], width: int, copies: Iterable[Sequence[str]]
) -> bool:
    """Whether the copies of each parameter, by their names, are trained alike at a width, but for their numbers.

    They are not where some are frozen, in no group or in another optimizer, have a rate of 0 or are moved twice.
    """
    model = built(build, width)
    with user_code("optimizer", f"it fails at width {width}"), seeded():
        made = optimizer(model)
    options, parameters = options_of(made, model), dict(model.named_parameters())
    return all(
        len({(parameters[name].requires_grad, _kind(options.get(name))) for name in names}) == 1 for names in copies
    )


def _kind(options: Options | None) -> tuple[object, ...]:
    return () if options is None else (options.optimizer, options.law, options.lr > 0, options.others)
