"""Observations: every observable of training, from step 0 and what has changed since (scalings.criteria.observables).

An engine shows a `View` of its network after some update. Whether it carries changes or subtracts values, forms
matrices or keeps their factors, observables are taken here, in one convention: norms are Euclidean over units and
root-mean-square over examples (and positions). What an engine does not have, or nobody asked for, is empty in its view
or None, and the observables that need it are left out.

Blocks are (seeds, examples, units), or sums of such; norms are (seeds,).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from empirical.tensors.buffers import Terms
from empirical.tensors.norms import gram_change, norms
from scalings.criteria.observables import Observable, Quantity


@dataclass(frozen=True)
class Weight:
    """The norms of a layer's own weight: of W(0), and of W as it is now. Spectral norms are those of matrices."""

    initial: Tensor
    frobenius: Tensor
    spectral: Tensor | None = None


@dataclass(frozen=True)
class Update:
    """The norms of dW, without what decay took; of the gradient that made the last step; and what decay took."""

    frobenius: Tensor
    gradient: Tensor
    spectral: Tensor | None = None
    decay: Tensor | None = None


@dataclass(frozen=True)
class Product:
    """z = g W h since step 0: the three terms of dz, and what their alignments divide by.

    `passthrough` and `interaction` are None where h is the data. `h` is None where W is no matrix: what vectors do to
    their inputs entry by entry is no question of alignment.
    """

    layer: Tensor
    passthrough: Tensor | None = None
    interaction: Tensor | None = None
    h: Tensor | None = None
    dh: Tensor | None = None
    scale: float = 1.0
    """|g h| / |h|: g, or of a convolution, which reads every unit once for each place in its kernel, g kernel^(1/2)."""


@dataclass(frozen=True)
class Representation:
    """One z, its signal d, and its weight if it has one; changes are empty at step 0."""

    label: str
    z: Terms
    dz: Terms = ()
    d: Terms = ()
    dd: Terms = ()
    weight: Weight | None = None
    update: Update | None = None
    product: Product | None = None


@dataclass(frozen=True)
class KernelLayer:
    """One layer's part of the tangent kernel: eta g^2, h and j at step 0, their Gram matrices and their changes."""

    rate: float
    h: Tensor
    j: Tensor
    grams: tuple[Tensor, Tensor]
    dh: Tensor | None
    dj: Tensor


@dataclass(frozen=True)
class View:
    """A network after `step` updates; `representations` can be gone through once, and before the next update."""

    step: int
    loss: Tensor
    representations: Iterator[Representation]
    kernel: Sequence[KernelLayer] = ()


def observe(view: View) -> dict[Observable, Tensor]:
    """Every observable of a view, each of shape (seeds,)."""
    values: dict[Observable, Tensor] = {}
    for one in view.representations:
        sizes = _sizes(one)
        found = {**sizes, **_terms(one, sizes), **_of_weight(one.weight, one.update)}
        values |= {Observable(quantity, one.label, view.step): value for quantity, value in found.items()}
    if view.kernel:
        values[Observable("ntk_change", "", view.step)] = kernel_change(view.kernel)
    values[Observable("loss", "", view.step)] = view.loss
    return values


def _sizes(one: Representation) -> dict[Quantity, Tensor]:
    """Those of blocks that are all there, in one pass over them."""
    blocks: dict[Quantity, Terms] = {"z": one.z, "dz": one.dz, "d": one.d, "dd": one.dd}
    blocks["layer"] = (one.product.layer,) if one.product else ()
    asked = {quantity: terms for quantity, terms in blocks.items() if terms}
    return dict(zip(asked, norms(*asked.values()), strict=True)) if asked else {}


def _terms(one: Representation, sizes: dict[Quantity, Tensor]) -> dict[Quantity, Tensor]:
    """The terms of dz that what is read has a part in, and how far each term is aligned with its factors."""
    product, found = one.product, dict[Quantity, Tensor]()
    if product is None:
        return found
    others: dict[Quantity, Tensor | None] = {"passthrough": product.passthrough, "interaction": product.interaction}
    given = {quantity: (block,) for quantity, block in others.items() if block is not None}
    if given:
        found |= zip(given, norms(*given.values()), strict=True)
    if one.update and product.h is not None:
        found["alignment"] = _ratio(sizes["layer"], product.scale * one.update.frobenius * norms((product.h,))[0])
    if one.weight and one.update and product.dh is not None:
        dh = product.scale * norms((product.dh,))[0]
        found["passthrough_alignment"] = _ratio(found["passthrough"], one.weight.initial * dh)
        found["interaction_alignment"] = _ratio(found["interaction"], one.update.frobenius * dh)
    return found


def _of_weight(weight: Weight | None, update: Update | None) -> dict[Quantity, Tensor]:
    found: dict[Quantity, Tensor | None] = {}
    if weight:
        found |= {"W_frobenius": weight.frobenius, "W_spectral": weight.spectral}
    if update:
        found |= {"dW_frobenius": update.frobenius, "dW_spectral": update.spectral}
        found |= {"gradient": update.gradient, "decay": update.decay}
    return {quantity: value for quantity, value in found.items() if value is not None}


def kernel_change(layers: Sequence[KernelLayer]) -> Tensor:
    """|K(t) - K(0)|_F / |K(0)|_F, with K = sum_l eta g^2 (j j^T) * (h h^T), entry by entry."""
    before = sum(layer.rate * (layer.grams[0] * layer.grams[1]) for layer in layers)
    change = sum(layer.rate * _product_change(layer) for layer in layers)
    return _ratio(*(torch.linalg.vector_norm(torch.as_tensor(kernel), dim=(1, 2)) for kernel in (change, before)))


def _product_change(layer: KernelLayer) -> Tensor:
    representations, signals = layer.grams
    signals_change = gram_change(layer.j, layer.dj)
    if layer.dh is None:
        return representations * signals_change
    representations_change = gram_change(layer.h, layer.dh)
    return representations_change * (signals + signals_change) + representations * signals_change


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0, 0.0, part / whole)
