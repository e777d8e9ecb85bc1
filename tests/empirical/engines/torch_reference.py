"""The same training written plainly in torch, with its own optimizers where it has them: the judge of the engines."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from empirical.engines.mlp.chain import Chain
from scalings.criteria.observables import Observable
from scalings.networks.nodes import Activation
from scalings.results.trials import Training

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": nn.functional.gelu,
    "linear": lambda z: z,
}


class Custom(torch.optim.Optimizer):
    """What torch does not have, or not with eps = 0: `direction(gradient, weight, state)` is subtracted times eta."""

    def __init__(self, groups: list[dict], direction: Callable[[Tensor, Tensor, dict], Tensor]) -> None:
        super().__init__(groups, {})
        self.direction = direction

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["t"] = state.get("t", 0) + 1
                weight.sub_(group["lr"] * self.direction(weight.grad, weight, state))


def lion(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    moment = state.get("m", torch.zeros_like(gradient))
    state["m"] = 0.99 * moment + 0.01 * gradient
    return torch.sign(0.9 * moment + 0.1 * gradient)


def lamb(gradient: Tensor, weight: Tensor, state: dict) -> Tensor:
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
    step = (state["m"] / (1 - 0.9 ** state["t"])) / (state["v"] / (1 - 0.999 ** state["t"]) + 1e-200).sqrt()
    return step * weight.norm() / step.norm()


def muon(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    """Newton-Schulz on the matrix itself."""
    state["m"] = 0.95 * state.get("m", 0) + gradient
    x = gradient + 0.95 * state["m"]
    x = x / x.norm()
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x


def shampoo(gradient: Tensor, _: Tensor, state: dict) -> Tensor:
    """Inverse roots on the range of L and R alone."""
    state["L"] = state.get("L", 0) + gradient @ gradient.T
    state["R"] = state.get("R", 0) + gradient.T @ gradient

    def inverse_root(gram: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(gram)
        kept = values > 1e-12 * values[-1]
        return (vectors[:, kept] * values[kept] ** -0.25) @ vectors[:, kept].T

    return inverse_root(state["L"]) @ gradient @ inverse_root(state["R"])


OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, momentum=0.9, nesterov=True),
    "normalized-sgd": lambda groups: Custom(groups, lambda g, *_: g / g.norm()),
    "lars": lambda groups: Custom(groups, lambda g, w, _: g * w.norm() / g.norm()),
    "muon": lambda groups: Custom(groups, muon),
    "muon-jordan": lambda groups: Custom(groups, lambda g, w, s: max(1, len(w) / len(w.T)) ** 0.5 * muon(g, w, s)),
    "muon-rms": lambda groups: Custom(groups, lambda g, w, s: 0.2 * max(w.shape) ** 0.5 * muon(g, w, s)),
    "muon-spectral": lambda groups: Custom(groups, lambda g, w, s: (len(w) / len(w.T)) ** 0.5 * muon(g, w, s)),
    "shampoo": lambda groups: Custom(groups, shampoo),
    "sign": lambda groups: Custom(groups, lambda g, *_: g.sign()),
    "lion": lambda groups: Custom(groups, lion),
    # Ours has eps = 0; 0/0 is not a step there, and with this eps it is none here.
    "adam": lambda groups: torch.optim.Adam(groups, eps=1e-100),
    "lamb": lambda groups: Custom(groups, lamb),
    "adafactor": lambda groups: torch.optim.Adafactor(groups, eps=(1e-100, 0.0)),
}


class Reference(nn.Module):
    """One seed of the same network, keeping every layer's input and preactivation."""

    def __init__(self, at: Chain, weights: list[Tensor], activation: Activation) -> None:
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


def reference_values(model: Reference, at: Chain, setup: Training, x: Tensor, y: Tensor):
    """Every observable of one seed, from subtracted states and dense matrices."""
    groups = [{"params": p.weight, "lr": layer.lr} for p, layer in zip(model.linears, at.layers, strict=True)]
    optimizer = OPTIMIZERS[setup.optimizer](groups)
    values: dict[Observable, float] = {}
    start: dict[str, list[Tensor]] = {}
    sizes: list[float] = []
    residual = first_kernel = torch.empty(0)

    def rms(block: Tensor) -> float:
        return float((block**2).sum(dim=1).mean().sqrt())

    for step in range(setup.steps + 1):
        optimizer.zero_grad()
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
        sizes = [float(linear.weight.grad.norm()) for linear in model.linears]
        optimizer.step()
    return values


def tangent_kernel(model: Reference, at: Chain, residual: Tensor, x: Tensor) -> Tensor:
    """K of scalings.criteria.observables, from one gradient of residual . f an example, layer by layer."""
    rows = []
    for example, r in zip(x, residual, strict=True):
        grads = torch.autograd.grad((model(example[None])[0] * r).sum(), [p.weight for p in model.linears])
        rows.append(torch.cat([g.flatten() * layer.lr**0.5 for g, layer in zip(grads, at.layers, strict=True)]))
    stacked = torch.stack(rows)
    return stacked @ stacked.T
