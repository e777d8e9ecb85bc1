"""Update laws: an optimizer as the size of the change that one step makes to a weight matrix.

    |dW|_F  =  eta |G|_F^p  fan_in^(q_in/2) fan_out^(q_out/2)  max(fan_in, fan_out)^m  |W|_F^s  |h|^x

with eta the layer's learning rate and G the gradient of the raw weight W. SGD has p = 1 and all else 0; Adam at
epsilon -> 0 changes each of the fan_in fan_out entries by eta, so q_in = q_out = 1 and all else 0. Steps that divide by
more than the gradient have p < 0, as Shampoo with the exponents 1/2 and 1/2, and K-FAC (`kfac`), the one law with a
power x of what the layer reads:

>>> adam = optimizer("adam")
>>> [str(power) for power in (adam.gradient, adam.fan_in, adam.fan_out, adam.larger_fan, adam.weight)]
['0', '1', '1', '0', '0']

Momentum changes no exponent: it is a sum of a fixed number of gradients. Four more things may belong to a law:

- `epsilon`, the power of n of the constant that Adam adds to the size of a gradient's entries before dividing by it.
  Where entries are smaller than that, |dW|_F is smaller by |G|_F / (epsilon sqrt(fan_in fan_out)): SGD's law.
- `decay` by lambda: W loses eta lambda W in each step ("coupled", AdamW in torch) or lambda W ("independent"); or
  lambda W is added to the gradient ("l2"), or to LAMB's step before that is scaled to |W| ("inside"). Any law may
  have one, as in "lion+coupled", "momentum+l2", "law:0,1,1+independent".
- clipping by the global norm ("clip"): all gradients are divided by max(1, |G|_F of all weights together), as those of
  torch's clip_grad_norm_. It couples layers, and is for all weights or none, as in "sgd+clip" and "adam+sgd+clip".
- assumed alignments: `alpha`, of an update with its own input, and `omega`, of the readout's initial weights with the
  change of what they read; 1 (the default) is full alignment, 0 that of independent vectors. Everett et al.,
  arXiv 2407.05872, use these names.

>>> optimizer("adamw").decay, str(optimizer("shampoo:1/8,1/8").gradient), str(optimizer("law:1,0,0,0,0").gauge_power)
('coupled', '1/2', '2')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from scalings.errors import ArgumentError, unknown_name
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent, parse_power

Decay = Literal["none", "coupled", "independent", "l2", "inside"]
AtZero = Literal["alike", "gradient", "entries"]
Clip = Literal["none", "norm"]
CLIP = "clip"
"""What follows a + behind laws whose gradients are clipped."""
_ZERO, _HALF, _ONE = Fraction(0), Fraction(1, 2), Fraction(1)


@dataclass(frozen=True)
class UpdateLaw:
    """An optimizer as the powers in the size of its step (dimensionless exponents), and its weight decay."""

    name: str
    gradient: Fraction
    """p, the power of |G|_F: 1 for SGD, 0 for optimizers that normalise their gradient."""
    fan_in: Fraction = _ZERO
    """q_in, the power of fan_in^(1/2)."""
    fan_out: Fraction = _ZERO
    """q_out, the power of fan_out^(1/2)."""
    larger_fan: Fraction = _ZERO
    """m, the power of max(fan_in, fan_out)."""
    weight: Fraction = _ZERO
    """s, the power of |W|_F."""
    decay: Decay = "none"
    epsilon: Exponent = MINUS_INFINITY
    """The power of n of the epsilon that a gradient's entries are compared with; -oo for epsilon -> 0."""
    alpha: Fraction = _ONE
    """Assumed alignment of an update with its own input, from 0 to 1."""
    omega: Fraction = _ONE
    """Assumed alignment of the readout's initial weights with the change of what they read, from 0 to 1."""
    input: Fraction = _ZERO
    """x, the power of |h|, the root-mean-square norm over examples of what the layer reads."""
    clip: Clip = "none"
    """Whether gradients are clipped by the norm of those of all weights, at a constant."""
    at_zero: AtZero = "alike"
    """The step from weights that are all zero under a law proportional to |W|, if it makes an exception: eta G
    ("gradient") or eta in each entry ("entries"). Without one ("alike") and with s > 0 such weights never move."""

    def among(self, layers: Sequence[object]) -> tuple[UpdateLaw, ...]:
        """The law of each of these layers, the same one; `scalings.hyperparameters.splits` has others."""
        return (self,) * len(layers)

    def each(self, change: Callable[[UpdateLaw], UpdateLaw]) -> UpdateLaw:
        """The changed law."""
        return change(self)

    @property
    def parts(self) -> tuple[UpdateLaw, ...]:
        """The laws that are named: this one."""
        return (self,)

    @property
    def sees_size(self) -> bool:
        """Whether a step depends on the size of the gradient, and so on clipping."""
        return self.gradient != 0 or self.decay == "l2"

    @property
    def gauge_power(self) -> Fraction:
        """1 + p - s: the gauge (g, sigma) -> (n^t g, n^-t sigma) takes eta to n^(-(1 + p - s) t) eta."""
        return 1 + self.gradient - self.weight

    @property
    def decay_gauge_power(self) -> Fraction:
        """The power c for which the same gauge takes lambda to n^(c t) lambda, so that weights decay as before."""
        return {
            "none": _ZERO,
            "coupled": self.gauge_power,
            "independent": _ZERO,
            "l2": Fraction(2),
            "inside": _ONE,
        }[self.decay]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed of the optimizer, as sentences."""
        aligned = (
            "aligns with its own input" if self.alpha == 1 else f"aligns with its own input by alpha = {self.alpha}"
        )
        found = [f"one update changes a weight by the law of {self.name}, and {aligned}"]
        if self.omega != 1:
            found.append(f"the readout's initial weights align with what moves by omega = {self.omega}")
        if self.epsilon != MINUS_INFINITY:
            found.append(
                "epsilon, beside which smaller entries of a gradient count for nothing, is the power "
                f"{self.epsilon} of the scale variable"
            )
        if self.clip != "none":
            found.append("gradients are divided by the norm of those of all weights, where that is above a constant")
        if is_factored(self):
            found.append(f"the factors of {self.name} are those of a step's own examples, on their ranges, undamped")
        if self.at_zero != "alike":
            found.append(f"weights that are all zero take another first step: {_AT_ZERO[self.at_zero]}")
        if self.decay != "none":
            found.append(f"matrices decay by a power of the scale variable, {DECAYS[self.decay]}")
        return tuple(found)


_AT_ZERO = {
    "gradient": "that of sgd, with a trust ratio of 1",
    "entries": "the learning rate in each entry, with a trust ratio of 1 or an eps_2 of order 1",
}
DECAYS = {
    "coupled": "times the learning rate, in each step",
    "independent": "in each step, whatever the learning rate",
    "l2": "as a term decay |W|^2 / 2 of the loss",
    "inside": "as a term decay W of the step, before it is scaled to the size of the weights",
}


def shampoo(left: Fraction, right: Fraction) -> UpdateLaw:
    """Shampoo's step L^(-left) G R^(-right), L = G G^T and R = G^T G (Gupta et al., arXiv 1802.09568: 1/4 and 1/4)."""
    return UpdateLaw("shampoo", 1 - 2 * (left + right))


def kfac(left: Fraction, right: Fraction) -> UpdateLaw:
    """K-FAC's step B^(-left) G A^(-right), A = E[h h^T] of what a layer reads and B = E[d d^T] of what comes back.

    With d the derivative by W h, |A| = |h|^2, |B| = |d|^2 and |G| = |d| |h|, so that

        |dW|  =  eta |G| |d|^(-2 left) |h|^(-2 right)  =  eta |G|^(1 - 2 left) |h|^(2 left - 2 right).

    1 and 1 are K-FAC (Martens and Grosse, arXiv 1503.05671), 0 and 1 FOOF (Benzing, arXiv 2201.12250); any two of them,
    undamped: Ishikawa and Karakida, arXiv 2312.12226.

    >>> [str(law.gradient) for law in (kfac(_ONE, _ONE), kfac(_ZERO, _ONE))], str(kfac(_ZERO, _ONE).input)
    (['-1', '1'], '-2')
    """
    return UpdateLaw("kfac", 1 - 2 * left, input=2 * (left - right))


def is_factored(law: UpdateLaw) -> bool:
    """Whether it takes a gradient apart, into what a layer reads and what comes back to it, as K-FAC does."""
    return law.name.partition("+")[0].partition(":")[0] in ("kfac", "foof")


OPTIMIZERS: dict[str, UpdateLaw] = {
    law.name: law
    for law in (
        UpdateLaw("sgd", _ONE),
        UpdateLaw("momentum", _ONE),
        UpdateLaw("nesterov", _ONE),
        UpdateLaw("sgd-l2", _ONE, decay="l2"),
        UpdateLaw("sign", _ZERO, fan_in=_ONE, fan_out=_ONE),
        UpdateLaw("lion", _ZERO, fan_in=_ONE, fan_out=_ONE, decay="none"),
        # Adam at eps -> 0 moves every entry by about eta, as signSGD does.
        UpdateLaw("adam", _ZERO, fan_in=_ONE, fan_out=_ONE),
        UpdateLaw("adamw", _ZERO, fan_in=_ONE, fan_out=_ONE, decay="coupled"),
        UpdateLaw("adamw-independent", _ZERO, fan_in=_ONE, fan_out=_ONE, decay="independent"),
        UpdateLaw("normalized-sgd", _ZERO),
        # An orthogonalised rank-O(1) gradient: singular values 1, without any fan adjustment.
        UpdateLaw("muon", _ZERO),
        # Muon's usual learning rate factors: sqrt(max(1, fan_out / fan_in)) (Jordan); 0.2 sqrt(max(fan_in, fan_out)),
        # the root mean square of Adam's steps (Moonlight, arXiv 2502.16982); sqrt(fan_out / fan_in), the spectral norm
        # of a step for which features are learned (Yang, Simon and Bernstein, arXiv 2310.17813).
        UpdateLaw("muon-jordan", _ZERO, fan_in=-_ONE, larger_fan=_HALF),
        UpdateLaw("muon-rms", _ZERO, larger_fan=_HALF),
        UpdateLaw("muon-spectral", _ZERO, fan_in=-_ONE, fan_out=_ONE),
        # The step from zero weights, such as biases, follows the code of their papers: a trust ratio of 1, and at least
        # eps_2 in place of the root mean square of the weights (Shazeer and Stern, arXiv 1804.04235, section 8).
        UpdateLaw("lars", _ZERO, weight=_ONE, at_zero="gradient"),
        UpdateLaw("lamb", _ZERO, weight=_ONE, at_zero="entries"),
        UpdateLaw("adafactor", _ZERO, weight=_ONE, at_zero="entries"),
        shampoo(Fraction(1, 4), Fraction(1, 4)),
        kfac(_ONE, _ONE),
        replace(kfac(_ZERO, _ONE), name="foof"),
    )
}
_LONGEST_NAME = 500
"""Characters of an optimizer; a law of five powers takes up to 200."""
_CUSTOM = (
    "law:p,q_in,q_out,m,s, shampoo:e_left,e_right and kfac:e_left,e_right take exponents of their own, +l2 or +coupled "
    "adds decay, and "
    "+clip clips"
)


def optimizer(name: str) -> UpdateLaw:
    """The update law of this name, or "law:p,q_in,q_out,m,s" (later ones 0 if left out), "shampoo:1/4,1/4", "kfac:0,1".

    "+coupled", "+independent" or "+l2" behind the name adds weight decay; LAMB's own is "lamb+inside". Raises
    ArgumentError, with a list of the known names, for any other.
    """
    if len(name) > _LONGEST_NAME:
        raise ArgumentError("optimizer", f"expected at most {_LONGEST_NAME} characters, but got {len(name)}")
    if ";" in name or len(parts(name)) > 1:
        raise ArgumentError("optimizer", f"expected one law for all weights, but got {name!r:.100}")
    base, plus, decay = name.rpartition("+")
    if plus and decay == CLIP:
        return clipped(optimizer(base))
    if plus and (base in OPTIMIZERS or decay in DECAYS):
        return _decaying(optimizer(base), decay)
    kind, colon, listed = name.partition(":")
    if colon and kind == "law":
        p, q_in, q_out, m, s = (_numbers(listed, 5) + [_ZERO] * 5)[:5]
        return UpdateLaw(name, p, q_in, q_out, m, s)
    if colon and kind in _BY_EXPONENTS:
        return replace(_BY_EXPONENTS[kind](*(_numbers(listed, 2) * 2)[:2]), name=name)
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS, more=f"; {_CUSTOM}")
    return OPTIMIZERS[name]


_BY_EXPONENTS = {"shampoo": shampoo, "kfac": kfac}


def clipped(law: UpdateLaw) -> UpdateLaw:
    """The law, of gradients that are clipped by the norm of those of all weights.

    Raises ArgumentError if they are clipped already, and for K-FAC.
    """
    if is_factored(law):
        raise ArgumentError("optimizer", f"expected no +{CLIP} with {law.name}, whose factors are not clipped")
    if law.clip != "none":
        raise ArgumentError("optimizer", f"expected +{CLIP} once, but got it twice")
    return replace(law, name=f"{law.name}+{CLIP}", clip="norm")


def parts(text: str) -> list[str]:
    """The names of laws in a text: what follows a + is the next law, or the decay of the one before.

    No decay is called like an optimizer, and an exponent such as +1 begins with no letter.

    >>> parts("muon+coupled+law:0,+1,1+l2"), parts("adam+cuopled")
    (['muon+coupled', 'law:0,+1,1+l2'], ['adam+cuopled'])
    """
    found: list[str] = []
    for token in re.split(r"\+(?=[a-z])", text):
        if not found or token.partition(":")[0] in ("law", *OPTIMIZERS):
            found.append(token)
        else:
            found[-1] += f"+{token}"
    return found


def law_text(law: UpdateLaw, decay: Decay = "none") -> str:
    """The five powers as `optimizer` reads them.

    >>> law_text(optimizer("adam")), law_text(optimizer("adam"), "coupled")
    ('law:0,1,1,0,0', 'law:0,1,1,0,0+coupled')
    """
    powers = (law.gradient, law.fan_in, law.fan_out, law.larger_fan, law.weight)
    return f"law:{','.join(map(str, powers))}{'' if decay == 'none' else f'+{decay}'}"


def _decaying(law: UpdateLaw, decay: str) -> UpdateLaw:
    if decay not in DECAYS:
        decays = ", ".join(DECAYS)
        raise ArgumentError("optimizer", f"expected {decays} behind the +, or another optimizer, but got {decay!r}")
    if law.decay != "none":
        raise ArgumentError("optimizer", f"{law.name} decays already, so nothing is understood behind the +")
    if decay == "l2" and is_factored(law):
        raise ArgumentError(
            "optimizer", f"the factors of {law.name} know no loss of weights; expected {law.name}+coupled"
        )
    if decay == "inside" and law.name != "lamb":
        raise ArgumentError("optimizer", f"decay inside the step is lamb's; expected {law.name}+coupled, or another")
    return replace(law, name=f"{law.name}+{decay}", decay=decay)  # type: ignore[arg-type]


def _numbers(listed: str, most: int) -> list[Fraction]:
    try:
        numbers = [parse_power(item) for item in listed.split(",")]
    except ValueError as error:
        raise ArgumentError("optimizer", f"{error} in {listed!r:.100}") from None
    if len(numbers) > most:
        raise ArgumentError("optimizer", f"expected at most {most} exponents, but got {len(numbers)} ({listed!r})")
    return numbers
