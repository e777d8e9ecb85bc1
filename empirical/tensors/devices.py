"""Devices: which one is meant, and whether it is there."""

from __future__ import annotations

import torch

from scalings.errors import ArgumentError, wrong_type
from scalings.results.trials import check_device


def choose_device(device: str) -> str:
    """ "cpu" or "cuda", also from "auto". Raises ArgumentError for a GPU that is not there."""
    check_device(device)
    if device == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("device", "expected cpu or auto, since torch finds no CUDA device, but got 'cuda'")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def device_of(given: object) -> torch.device | None:
    """The device that is named; None stands for wherever tensors are. Raises ArgumentError for one that is not there.

    >>> device_of("cpu"), device_of(torch.device("cpu")), device_of(None)
    (device(type='cpu'), device(type='cpu'), None)
    >>> device_of(torch.device("meta"))
    Traceback (most recent call last):
    scalings.errors.ArgumentError: device: expected one of auto, cpu, cuda, but got 'meta'
    """
    if given is None:
        return None
    if not isinstance(given, str | torch.device):
        raise wrong_type("device", "auto, cpu, cuda or a torch device", given)
    kind, _, number = str(given).partition(":")
    chosen = choose_device(kind)
    if number and not (number.isdecimal() and (chosen == "cpu" or int(number) < torch.cuda.device_count())):
        raise ArgumentError("device", f"expected a device that is there, but got {str(given)!r:.100}")
    return torch.device(chosen, int(number)) if number else torch.device(chosen)
