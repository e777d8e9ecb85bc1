"""The same training written plainly in torch, with its own optimizers where it has them: the judge of the engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from empirical.engines.mlp.perceptron import Perceptron
from scalings.criteria.observables import Observable
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.nodes import Activation
from scalings.results.trials import Training

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": nn.functional.gelu,
    "linear": lambda z: z,
}


class Custom(torch.optim.Optimizer):
    """What torch does not have, or not with eps = 0: `direction(gradient, weight, state)` is subtracted times eta.

    `decay` is a name of scalings.hyperparameters.update_laws and lambda.
    """

    def __init__(
        self,
        groups: list[dict],
        direction: Callable[[Tensor, Tensor, dict], Tensor],
        decay: tuple[str, float] = ("none", 0.0),
    ) -> None:
        super().__init__(groups, {})
        self.direction, self.decay = direction, decay

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        kind, decay = self.decay
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["t"] = state.get("t", 0) + 1
                gradient = weight.grad + (decay * weight if kind == "l2" else 0)
                direction = self.direction(gradient, weight, state)
                if kind in ("coupled", "independent"):
                    weight.mul_(1 - decay * (group["lr"] if kind == "coupled" else 1))
                weight.sub_(group["lr"] * direction)


def lion(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    moment = state.get("m", torch.zeros_like(gradient))
    state["m"] = 0.99 * moment + 0.01 * gradient
    return torch.sign(0.9 * moment + 0.1 * gradient)


def momentum(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    state["m"] = 0.9 * state.get("m", 0) + gradient
    return state["m"]


def nesterov(gradient: Tensor, weight: Tensor, state: dict) -> Tensor:
    return gradient + 0.9 * momentum(gradient, weight, state)


def adam(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
    return (state["m"] / (1 - 0.9 ** state["t"])) / (state["v"] / (1 - 0.999 ** state["t"]) + 1e-200).sqrt()


def lamb(gradient: Tensor, weight: Tensor, state: dict, decay: float = 0.0) -> Tensor:
    step = adam(gradient, weight, state) + decay * weight
    return step * weight.norm() / step.norm()


def adafactor(gradient: Tensor, weight: Tensor, state: dict) -> Tensor:
    """arXiv 1804.04235, algorithms 4 to 6, eps_1 = eps_2 = 0 and without the bound on the learning rate."""
    share = state["t"] ** -0.8
    squared = gradient**2
    state["v"] = [
        (1 - share) * old + share * squared.mean(dim=dim, keepdim=True)
        for old, dim in zip(state.get("v", (0, 0)), (-1, -2) if gradient.dim() > 1 else (), strict=False)
    ]
    rows, columns = state["v"]
    step = gradient / (rows * columns / rows.mean()).sqrt()
    return step / max(1.0, float(step.square().mean().sqrt())) * weight.square().mean().sqrt()


def muon(gradient: Tensor, _: Tensor, state: dict, factor: Callable[[int, int], float] = lambda *_: 1.0) -> Tensor:
    """Newton-Schulz on the matrix itself."""
    state["m"] = 0.95 * state.get("m", 0) + gradient
    x = gradient + 0.95 * state["m"]
    x = x / x.norm()
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return factor(*gradient.shape) * x


def shampoo(gradient: Tensor, _: Tensor, state: dict, powers: tuple[float, float] = (0.25, 0.25)) -> Tensor:
    """Inverse roots on the range of L and R alone."""
    state["L"] = state.get("L", 0) + gradient @ gradient.T
    state["R"] = state.get("R", 0) + gradient.T @ gradient

    def inverse_root(gram: Tensor, power: float) -> Tensor:
        values, vectors = torch.linalg.eigh(gram)
        kept = values > 1e-12 * values[-1]
        return (vectors[:, kept] * values[kept] ** -power) @ vectors[:, kept].T

    return inverse_root(state["L"], powers[0]) @ gradient @ inverse_root(state["R"], powers[1])


DIRECTIONS: dict[str, Callable[..., Tensor]] = {
    "sgd": lambda g, *_: g,
    "normalized-sgd": lambda g, *_: g / g.norm(),
    "lars": lambda g, w, _: g * w.norm() / g.norm(),
    "muon": muon,
    "muon-jordan": partial(muon, factor=lambda rows, columns: max(1, rows / columns) ** 0.5),
    "muon-rms": partial(muon, factor=lambda rows, columns: 0.2 * max(rows, columns) ** 0.5),
    "muon-spectral": partial(muon, factor=lambda rows, columns: (rows / columns) ** 0.5),
    "shampoo": shampoo,
    "shampoo:1/8,3/8": partial(shampoo, powers=(1 / 8, 3 / 8)),
    "sign": lambda g, *_: g.sign(),
    "lion": lion,
    "lamb": lamb,
    "adafactor": adafactor,
}
TORCH = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    # Ours has eps = 0; 0/0 is not a step there, and with this eps it is none here.
    "adam": partial(torch.optim.Adam, eps=1e-100),
    "adafactor": partial(torch.optim.Adafactor, eps=(1e-100, 0.0)),
}
"""torch's own, whose weight_decay is l2, but for Adafactor's, which is coupled."""


def reference_optimizer(
    name: str, groups: list[dict], decay: float, *, torch_muon: bool = False
) -> torch.optim.Optimizer:
    """By a name of scalings.hyperparameters.update_laws; torch's own wherever there is one."""
    kind, law = optimizer(name).decay, name.partition("+")[0]
    law = {"adamw": "adam", "adamw-independent": "adam", "sgd-l2": "sgd"}.get(law, law)
    if torch_muon:
        return _torch_muon(law, groups, decay if kind == "coupled" else 0.0)
    if kind == "coupled" and law == "adam":
        return torch.optim.AdamW(groups, eps=1e-100, weight_decay=decay)
    own = "coupled" if law == "adafactor" else "l2"
    if law in TORCH and kind in ("none", own):
        return TORCH[law](groups, **({} if kind == "none" else {"weight_decay": decay}))
    if kind == "inside":
        return Custom(groups, partial(lamb, decay=decay))
    return Custom(
        groups, DIRECTIONS.get(law) or {"adam": adam, "momentum": momentum, "nesterov": nesterov}[law], (kind, decay)
    )


def _torch_muon(law: str, groups: list[dict], decay: float) -> torch.optim.Optimizer:
    """Its decay is eta lambda, without the adjustment."""
    if law == "muon":  # which torch has with an adjustment only, taken out of eta here and put into lambda
        for group in groups:
            rows, columns = group["params"].shape
            by = max(1, rows / columns) ** 0.5
            group["lr"], decay = group["lr"] / by, decay * by
    adjust = "match_rms_adamw" if law == "muon-rms" else "original"
    return torch.optim.Muon(groups, weight_decay=decay, adjust_lr_fn=adjust, eps=1e-100)


class Reference(nn.Module):
    """One seed of the same network, keeping every layer's input and preactivation."""

    def __init__(self, at: Perceptron, weights: list[Tensor], activation: Activation) -> None:
        super().__init__()
        self.multipliers = [layer.multiplier for layer in at.layers]
        self.phi = PHI[activation]
        self.linears = nn.ModuleList()
        for weight in weights:
            linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float64)
            linear.weight.data = weight.clone()
            self.linears.append(linear)

    def forward(self, h: Tensor) -> Tensor:
        self.h, self.z = [], []
        for g, linear in zip(self.multipliers, self.linears, strict=True):
            self.h.append(h)
            self.z.append(g * linear(h))
            self.z[-1].retain_grad()
            h = self.phi(self.z[-1])
        return self.z[-1]


def reference_values(model: Reference, at: Perceptron, setup: Training, x: Tensor, y: Tensor):
    """Every observable of one seed, from subtracted states and dense matrices."""
    groups = [{"params": p.weight, "lr": layer.lr} for p, layer in zip(model.linears, at.layers, strict=True)]
    stepper = reference_optimizer(setup.optimizer, groups, setup.decay)
    values: dict[Observable, float] = {}
    start: dict[str, list[Tensor]] = {}
    sizes: list[float] = []
    residual = first_kernel = torch.empty(0)

    def rms(block: Tensor) -> float:
        return float((block**2).sum(dim=1).mean().sqrt())

    for step in range(setup.steps + 1):
        stepper.zero_grad()
        output = model(x)
        residual = (output.detach() * (not setup.centered) - y) if not step else residual
        kernel = tangent_kernel(model, at, residual, x)
        first_kernel = kernel if not step else first_kernel
        if step:
            change = torch.linalg.norm(kernel - first_kernel) / torch.linalg.norm(first_kernel)
            values[Observable("ntk_change", "", step)] = float(change)
        output = model(x)
        offset = start["z"][-1] if step and setup.centered else output.detach() if setup.centered else 0.0
        loss = ((output - offset - y) ** 2).sum() / (2 * len(x))
        loss.backward()
        now = {
            "h": [h.detach().clone() for h in model.h],
            "z": [z.detach().clone() for z in model.z],
            "d": [z.grad * len(x) for z in model.z],
            "W": [linear.weight.detach().clone() for linear in model.linears],
        }
        start = start or now
        values[Observable("loss", "", step)] = float(loss.detach())
        for index, layer in enumerate(at.layers):
            g = layer.multiplier
            h, w = start["h"][index], start["W"][index]
            dh, dw = now["h"][index] - h, now["W"][index] - w
            found = {
                "z": rms(now["z"][index]),
                "d": rms(now["d"][index]),
                "W_frobenius": float(torch.linalg.matrix_norm(now["W"][index])),
                "W_spectral": float(torch.linalg.matrix_norm(now["W"][index], ord=2)),
            }
            if step:
                size = float(torch.linalg.matrix_norm(dw))
                own = rms(g * h @ dw.T)
                found |= {
                    "dz": rms(now["z"][index] - start["z"][index]),
                    "dd": rms(now["d"][index] - start["d"][index]),
                    "layer": own,
                    "alignment": own / (g * size * rms(h)),
                    "gradient": sizes[index],
                    "dW_frobenius": size,
                    "dW_spectral": float(torch.linalg.matrix_norm(dw, ord=2)),
                }
            if step and index:
                through, both = rms(g * dh @ w.T), rms(g * dh @ dw.T)
                found |= {"passthrough": through, "interaction": both}
                found["passthrough_alignment"] = through / (g * float(torch.linalg.matrix_norm(w)) * rms(dh))
                found["interaction_alignment"] = both / (g * size * rms(dh))
            for quantity, value in found.items():
                values[Observable(quantity, layer.name, step)] = value
        penalty = setup.decay if optimizer(setup.optimizer).decay == "l2" else 0.0
        sizes = [float((p.weight.grad + penalty * p.weight.detach()).norm()) for p in model.linears]
        if optimizer(setup.optimizer).clip != "none":
            clip_at_one([parameter for group in groups for parameter in group["params"]])
        stepper.step()
    return values


def clip_at_one(parameters: list[Tensor]) -> None:
    """torch.nn.utils.clip_grad_norm_ at 1, without the 1e-6 that it adds to the norm."""
    norm = torch.stack([parameter.grad.norm() for parameter in parameters]).norm()
    for parameter in parameters:
        parameter.grad /= norm.clamp(min=1.0)


def tangent_kernel(model: Reference, at: Perceptron, residual: Tensor, x: Tensor) -> Tensor:
    """K of scalings.criteria.observables, from one gradient of residual . f an example, layer by layer."""
    rows = []
    for example, r in zip(x, residual, strict=True):
        grads = torch.autograd.grad((model(example[None])[0] * r).sum(), [p.weight for p in model.linears])
        rows.append(torch.cat([g.flatten() * layer.lr**0.5 for g, layer in zip(grads, at.layers, strict=True)]))
    stacked = torch.stack(rows)
    return stacked @ stacked.T
