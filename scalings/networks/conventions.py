"""Parameterizations as other programs write them: abc exponents, the rules of microsoft/mup and of mupify, and
Megatron's `use_mup`.

Each becomes a `Parameterization`, on which `check` and `repair` run:

>>> from scalings.networks.architectures import mlp
>>> for layer in from_mup(mlp(3), "adam").layers:
...     print(layer.multiplier, layer.init, layer.lr)
0 0 0
0 -1/2 -1
-1 0 0

Their numbers at the base width have no power of it. Adam's epsilon, which Megatron divides by the width as well,
belongs to the law (`--epsilon`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, get_args

from scalings.errors import ArgumentError, unknown_name
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.hyperparameters.gauges import LayerExponents
from scalings.hyperparameters.parameterizations import Exponents, Parameterization
from scalings.hyperparameters.splits import Laws, as_laws
from scalings.hyperparameters.update_laws import UpdateLaw
from scalings.networks.architectures import Translatable, as_network
from scalings.networks.network import Network
from scalings.networks.nodes import MATRICES, Convolution, Dense, Embedding, Scores, Weighted

Mupified = Literal["mup", "mup-lr", "mfp", "ntp", "ntp-lr"]
_ZERO, _HALF, _ONE = Fraction(0), Fraction(1, 2), Fraction(1)


def from_abc(a: Exponents, b: Exponents, c: Exponents | int | Fraction = 0) -> Parameterization:
    """The parameterization W_l = n^(-a_l) w_l, w_l ~ N(0, n^(-2 b_l)), with the learning rate n^(-c) or n^(-c_l).

    Yang and Hu, arXiv 2011.14522, section 3, have one c for all; Everett et al., arXiv 2407.05872, one for each layer.
    Raises ArgumentError for lists of different lengths and for what is no exponent.

    >>> from_abc("-1/2,0,1/2", "1/2,1/2,1/2").layers[0].named == {"multiplier": _HALF, "init": -_HALF, "lr": _ZERO}
    True
    """
    read = Parameterization.of(multiplier=a, init=b, lr=a)
    if isinstance(c, int | Fraction):
        c = (c,) * read.depth
    read = Parameterization.of(multiplier=a, init=b, lr=c)
    if any(MINUS_INFINITY in layer.named.values() for layer in read.layers):
        raise ArgumentError("abc", "expected fractions, since n^(-a) with a = -oo is no number")
    return Parameterization(tuple(layer.each(lambda exponent: -exponent) for layer in read.layers), "abc")


def from_mup(network: Network | Translatable | str, law: Laws | str = "adam") -> Parameterization:
    """What microsoft/mup makes of a model in torch's own starts, with `MuReadout` and `MuAdam`, `MuAdamW` or `MuSGD`.

    By the dimensions of a parameter that grow: of two, Adam's learning rate is n^(-1); of one, SGD's is n. Decay goes
    the other way. A readout is multiplied by n^(-1), and rescaled to start at n^0; scores of attention are divided by
    the size of a head, as its examples do. Yang et al., arXiv 2203.03466, table 8.

    Raises ArgumentError for a readout that shares its weight, and for laws that mup has not.
    """
    found, each = _read(network, law)

    def layer(node: Weighted, own: UpdateLaw) -> LayerExponents[Exponent]:
        lr = _by_growth(node, adam=(_ZERO, _ZERO, -_ONE), sgd=(_ZERO, _ONE, _ZERO), law=own)
        readout = isinstance(node, Dense) and node.role == "output" and node.fan_in.grows
        return _layer(node, own, -_ONE if readout else _ZERO, _start(node, -_HALF), lr)

    return Parameterization(tuple(map(layer, found.layers, each)), "mup", scales=_scales(found))


def from_mupify(network: Network | Translatable | str, param: Mupified = "mup") -> Parameterization:
    """What `mupify(model, optimizer, param)` of github.com/dkarkada/mupify makes of a model that SGD trains.

    A layer whose features are to change by n^a has q = n^(2a) / fan_in, a readout q = 1 / fan_in; of these

        mup-lr, ntp-lr   g = 1               lr = q        scale = sqrt(q) / n^a
        mup              g = sqrt(q)         lr = 1        scale = 1 / n^a
        mfp, ntp         g = sqrt(q) / n^a   lr = n^(2a)   scale = 1

    with a = 1/2 but for ntp. Of a perceptron these are the presets of the same names.

    Raises ArgumentError for another `param`, and for all but layers without biases, normalizations and embeddings.
    """
    if param not in get_args(Mupified):
        raise unknown_name("param", str(param), get_args(Mupified))
    found, _ = _read(network, "sgd")
    rich = _ZERO if param.startswith("ntp") else _HALF

    def layer(node: Weighted) -> LayerExponents[Exponent]:
        if not isinstance(node, Dense | Convolution):
            kind = type(node).__name__.lower()
            raise ArgumentError("network", f"expected dense layers and convolutions, but {node.name} is a {kind}")
        q = -node.fan_in.order + (_ZERO if node.role == "output" else 2 * rich)
        multiplier, lr, init = {
            "lr": (_ZERO, q, q / 2 - rich),
            "mup": (q / 2, _ZERO, -rich),
            "mfp": (q / 2 - rich, 2 * rich, _ZERO),
            "ntp": (q / 2 - rich, 2 * rich, _ZERO),
        }[param.rpartition("-")[2]]
        return LayerExponents(multiplier, init, lr)

    return Parameterization(tuple(map(layer, found.layers)), param, scales=(_ZERO,) * len(found.multipliers))


def from_megatron(network: Network | Translatable | str, law: Laws | str = "adam") -> Parameterization:
    """What Megatron-LM makes of a model with `--use-mup`, as its `get_mup_config_overrides` and configuration say.

    Embeddings, gains and biases are as they are, hidden matrices as in mup. An untied output layer starts at n^0 and
    its logits are multiplied by `mup_output_mult`, n^(-1); being a matrix, it has the learning rate n^(-1) of Adam as
    well, unlike mup's. Under SGD what has one axis, and embeddings, have the learning rate n. Matrices that Muon trains
    have its own factors alone.

    Raises ArgumentError for a readout that shares its weight, and for other laws.
    """
    found, each = _read(network, law, muon=True)

    def layer(node: Weighted, own: UpdateLaw) -> LayerExponents[Exponent]:
        is_matrix = isinstance(node, MATRICES) and not isinstance(node, Embedding)
        lr = (-_ONE if is_matrix else _ZERO) if _is_adam(own) else (_ZERO if is_matrix else _ONE)
        readout = is_matrix and node.role == "output"
        return _layer(node, own, -_ONE if readout else _ZERO, _start(node, -_HALF), lr)

    return Parameterization(tuple(map(layer, found.layers, each)), "megatron", scales=_scales(found))


def _read(
    network: Network | Translatable | str, law: Laws | str, *, muon: bool = False
) -> tuple[Network, Sequence[UpdateLaw]]:
    found = as_network(network)
    users = [node.weight for node in found.flat if isinstance(node, MATRICES)]
    if shared := [weight for weight in users if users.count(weight) > 1]:
        raise ArgumentError("network", f"expected weights that are used once, but {shared[0]} is tied: check the model")
    each = as_laws(law).among(found.layers)
    for node, one in zip(found.layers, each, strict=True):
        is_muon = muon and one.name.startswith("muon") and node.role == "hidden" and isinstance(node, MATRICES)
        if not _is_adam(one) and one.gradient != 1 and not is_muon:
            also = ", or muon of hidden matrices" if muon else ""
            known = f"expected sgd, adam or adamw{also}, which it has rules for"
            raise ArgumentError("law", f"{known}, but got {one.name!r:.60}")
    return found, each


def _is_adam(law: UpdateLaw) -> bool:
    return law.gradient == 0 and law.fan_in == law.fan_out == 1 and not law.weight


def _by_growth(node: Weighted, *, adam: Sequence[Exponent], sgd: Sequence[Exponent], law: UpdateLaw) -> Exponent:
    """What a parameter has of which no, one or two dimensions grow."""
    grow = int(node.fan_in.grows) + int(node.fan_out.grows)
    return (adam if _is_adam(law) else sgd)[grow]


def _scales(network: Network) -> tuple[Exponent, ...]:
    """Of multipliers without a weight: those of scores, and none of others."""
    return tuple(-node.head_size.order if isinstance(node, Scores) else _ZERO for node in network.multipliers)


def _start(node: Weighted, hidden: Exponent) -> Exponent:
    if node.start == "zero":
        return MINUS_INFINITY
    return hidden if node.role == "hidden" and isinstance(node, MATRICES) else _ZERO


def _layer(
    node: Weighted, law: UpdateLaw, multiplier: Exponent, init: Exponent, lr: Exponent
) -> LayerExponents[Exponent]:
    decays = law.decay != "none" and isinstance(node, MATRICES) and not node.frozen
    return LayerExponents(multiplier, init, MINUS_INFINITY if node.frozen else lr, -lr if decays else None)
