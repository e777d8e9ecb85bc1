"""Keeping everything as it was: a module's state, its modes, hooks and gradients, and the random numbers."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """Afterwards the module is as it was before: its attributes, with lists, sets and dictionaries among them, its
    parameters and buffers by content, and their gradients by identity."""
    attributes = [(part, dict(part.__dict__)) for part in module.modules()]
    containers = [
        (one, one.copy()) for _, found in attributes for one in found.values() if isinstance(one, dict | list | set)
    ]
    tensors = [*module.parameters(), *module.buffers()]
    contents = [(one, one.detach().clone(), one.requires_grad, one.grad) for one in tensors]
    data = [one.data for one in tensors]
    try:
        yield
    finally:
        for part, found in attributes:
            part.__dict__.clear()
            part.__dict__.update(found)
        for one, content in containers:
            one.clear()
            one.extend(content) if isinstance(one, list) else one.update(content)
        for (one, content, needs_gradient, gradient), own in zip(contents, data, strict=True):
            if one.data_ptr() != own.data_ptr():
                one.data = own
            if not same(one, content):
                own.copy_(content)
            if one.is_leaf:
                one.requires_grad_(needs_gradient)
                one.grad = gradient


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Random numbers of torch, numpy and Python start from a seed, and afterwards go on as if nothing had been drawn."""
    numpy = sys.modules.get("numpy")
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    before = random.getstate(), numpy.random.get_state() if numpy else None
    with torch.random.fork_rng(list(devices)):
        torch.default_generator.manual_seed(seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(seed)
        random.seed(seed)
        if numpy:
            numpy.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            if numpy:
                numpy.random.set_state(before[1])


@contextmanager
def shifted(module: nn.Module, parameters: Mapping[str, Tensor]) -> Iterator[None]:
    """Meanwhile the module has other parameters, which take the place of its own by content."""
    with kept(module), torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(parameters[name])
        with torch.enable_grad():
            yield


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same content, with what is not a number in the same places."""
    return torch.equal(one, other) or bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124
