"""Libraries whose models are traced, where they are installed."""

from __future__ import annotations

import pytest
import torch


def needed(*libraries: str) -> None:
    """Skip a test where one of the libraries is not installed."""
    _name_operators()
    for library in libraries:
        pytest.importorskip(library)


def _name_operators() -> None:
    """PyPI's build of torchvision, which all of them import if it is installed, is for CUDA. Beside a torch for CPUs it
    has no operators, and cannot be imported where two of them have no name; no model here uses any of them."""
    try:
        import torchvision  # noqa: F401
    except ModuleNotFoundError:
        return
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
