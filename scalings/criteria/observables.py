"""Observables: the norms that the theory predicts (exact orders) and training measures (fitted exponents).

Notation (docs/explanation/orders-of-magnitude.md): z_l = g_l W_l h_(l-1) is the preactivation of layer l,
d_l = dLoss/dz_l (per example), dX(t) = X(t) - X(0) a change since initialization, and

    dz_l(t) = g dW h(0)  +  g W(0) dh  +  g dW dh
              [layer]      [passthrough]  [interaction]

Norms are Euclidean over units and root-mean-square over examples. `gradient` is |G|_F of the gradient by the raw weight
W that this step's update was made from; `decay` the fraction by which weight decay has made a weight smaller.
Alignments divide by |W(0)|_F and |dW|_F.

K is the neural tangent kernel along the initial residuals, over pairs of examples, with each layer weighted by its
learning rate,

    K(b, b')  =  sum_l eta_l g_l^2 <j_l(b), j_l(b')> <h_(l-1)(b), h_(l-1)(b')>,    j_l = (df/dz_l)^T residual(0),

so that j_l(0) = d_l(0), and -dloss/dt = mean K(b, b') at step 0 under gradient flow. Like training, it is the same in
every gauge. `ntk_change` is |K(t) - K(0)|_F / |K(0)|_F.

>>> print(Observable("dz", "layer2", 3))
|dz| layer2 step 3
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Quantity = Literal[
    "z",
    "dz",
    "d",
    "dd",
    "layer",
    "passthrough",
    "interaction",
    "alignment",
    "passthrough_alignment",
    "interaction_alignment",
    "gradient",
    "dW_frobenius",
    "dW_spectral",
    "W_frobenius",
    "W_spectral",
    "decay",
    "loss",
    "ntk_change",
]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
TERMS: tuple[Quantity, Quantity, Quantity] = ("layer", "passthrough", "interaction")
"""The three terms of dz."""

SYMBOLS: dict[Quantity, str] = {
    "z": "|z|",
    "dz": "|dz|",
    "d": "|d|",
    "dd": "|dd|",
    "layer": "|g dW h|",
    "passthrough": "|g W dh|",
    "interaction": "|g dW dh|",
    "alignment": "|dW h|/(|dW||h|)",
    "passthrough_alignment": "|W dh|/(|W||dh|)",
    "interaction_alignment": "|dW dh|/(|dW||dh|)",
    "gradient": "|G|_F",
    "dW_frobenius": "|dW|_F",
    "dW_spectral": "|dW|_2",
    "W_frobenius": "|W|_F",
    "W_spectral": "|W|_2",
    "decay": "decay",
    "loss": "loss",
    "ntk_change": "|dK|/|K|",
}


@dataclass(frozen=True, order=True)
class Observable:
    """The name of one number of a training run: a quantity, of a layer, after a number of updates.

    `layer` is the layer's name ("layer1", ...), or "" for a quantity of the whole network (the loss);
    `step` counts updates, 0 being initialization.
    """

    quantity: Quantity
    layer: str
    step: int

    def __str__(self) -> str:
        return f"{SYMBOLS[self.quantity]} {self.layer or 'network'} step {self.step}"
