"""Keeping everything as it was: a module's state, its modes, hooks and gradients, and the random numbers."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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
    tensors = [
        (one, one.data, one.detach().clone(), one.requires_grad, one.grad)
        for one in (*module.parameters(), *module.buffers())
    ]
    try:
        yield
    finally:
        for part, found in attributes:
            part.__dict__.clear()
            part.__dict__.update(found)
        for one, content in containers:
            one.clear()
            one.extend(content) if isinstance(one, list) else one.update(content)
        for tensor, data, numbers, needs_gradient, gradient in tensors:
            if tensor.layout == torch.strided and tensor.data_ptr() != data.data_ptr():
                tensor.data = data
            if not _same(data, numbers):
                data.copy_(numbers)
            if tensor.is_leaf:
                tensor.requires_grad_(needs_gradient)
                tensor.grad = gradient


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Random numbers of torch, numpy and Python start from a seed, and afterwards go on as if none had been drawn."""
    numpy = sys.modules.get("numpy")
    cuda = sys.modules.get("torch.cuda")
    devices = range(torch.cuda.device_count()) if cuda and cuda.is_initialized() else ()
    before = random.getstate(), numpy.random.get_state() if numpy else None
    with torch.random.fork_rng(list(devices)):
        reseed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            if numpy:
                numpy.random.set_state(before[1])


def reseed(seed: int = 0) -> None:
    """Random numbers start from a seed, as they do once more in each pass and step of a run that is `seeded`: keeping
    them takes longer than many a pass."""
    torch.default_generator.manual_seed(seed)
    cuda = sys.modules.get("torch.cuda")
    for device in range(torch.cuda.device_count()) if cuda and cuda.is_initialized() else ():
        torch.cuda.default_generators[device].manual_seed(seed)
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)


@contextmanager
def shifted(module: nn.Module, parameters: Mapping[str, Tensor]) -> Iterator[None]:
    """Meanwhile the module's parameters have other numbers."""
    with kept(module):
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(parameters[name])
        yield


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same content, with what is not a number in the same places."""
    if one.layout != torch.strided:  # a sparse matrix, such as the edges of a graph: torch compares none
        one, other = one.to_dense(), other.to_dense()
    return torch.equal(one, other) or bool(((one == other) | (one.isnan() & other.isnan())).all())
