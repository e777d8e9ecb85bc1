"""`parameterize`: a model that is set as it says trains alike at every width, whatever is done to it meanwhile."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import scalings
from scalings.errors import ArgumentError
from scalings.studies.prescribed_models import Parameterized
from tests.scalings.studies.models_to_set import BASE, GPT, IDS, INPUTS, adam, mlp, next_token, sgd

TORCHS_OWN = pytest.mark.filterwarnings("ignore")
"""What torch warns of itself when it compiles or shards."""


@pytest.fixture(scope="module")
def plain() -> Parameterized:
    return scalings.parameterize(mlp, adam, INPUTS, base_width=BASE)


@pytest.fixture(scope="module")
def split() -> Parameterized:
    rates = {"muon": 0.02, "adamw": 1e-3}
    return scalings.parameterize(GPT, "muon+adamw", IDS, next_token, base_width=BASE, lr=rates, decay=0.01)


def rates(groups: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    return {name: group["lr"] for listed in groups.values() for group in listed for name in group["param_names"]}


def sizes(model: nn.Module) -> dict[str, float]:
    return {name: float(parameter.detach().square().mean().sqrt()) for name, parameter in model.named_parameters()}


def test_nothing_changes_at_the_base_width(plain: Parameterized) -> None:
    torch.manual_seed(0)
    before = mlp(BASE)
    after = plain.apply(copy.deepcopy(before))
    assert all(torch.equal(after.state_dict()[name], one) for name, one in before.state_dict().items())
    assert set(rates(plain.groups(after)).values()) == {1e-3}


def test_elsewhere_each_number_moves_by_its_power(plain: Parameterized) -> None:
    """Adam's maximal update: the readout's start and the rates of what reads n units go like 1/n, and no others."""
    wide = 16 * BASE
    torch.manual_seed(0)
    before = mlp(wide)
    model = plain.apply(copy.deepcopy(before))
    found, given = sizes(model), sizes(before)
    assert found["4.weight"] == pytest.approx(given["4.weight"] / 4, rel=0.05)
    assert all(found[name] == given[name] for name in given if name != "4.weight")
    moved = {"2.weight": 1e-3 / 16, "4.weight": 1e-3 / 16}
    assert rates(plain.groups(model)) == pytest.approx({name: moved.get(name, 1e-3) for name in given})


def test_the_optimizer_is_the_users_own_but_for_its_rates(plain: Parameterized) -> None:
    model = mlp(4 * BASE)
    made = plain.optimizer(model)
    assert type(made) is torch.optim.Adam
    assert {group["betas"] for group in made.param_groups} == {(0.8, 0.9)}
    found = {name: group["lr"] for group in made.param_groups for name in group["param_names"]}
    assert found == pytest.approx(rates(plain.groups(model)))


@pytest.mark.slow
def test_a_class_is_given_all_parameters_and_its_own_keywords(plain: Parameterized) -> None:
    """As the function does that makes an Adam; and with other keywords it is another plan."""
    of_class = partial(scalings.parameterize, mlp, torch.optim.Adam, INPUTS, base_width=BASE, betas=(0.8, 0.9))
    found, other = of_class(lr=1e-3), of_class(lr=2e-3, weight_decay=0.1)
    assert found.prescription == plain.prescription
    assert {group["betas"] for group in found.optimizer(mlp(128)).param_groups} == {(0.8, 0.9)}
    assert rates(other.groups(mlp(BASE))) == dict.fromkeys(sizes(mlp(BASE)), 2e-3)
    assert "adam+l2" in {rule.law for rule in other.prescription.rules}


def test_one_call_gives_both_optimizers(split: Parameterized) -> None:
    model = split.build(4 * BASE)
    groups = split.groups(model)
    muon, other = torch.optim.Muon(groups["Muon"]), torch.optim.AdamW(groups["AdamW"])
    of_muon = {id(one) for group in muon.param_groups for one in group["params"]}
    assert of_muon == {id(one) for name, one in model.named_parameters() if "blocks" in name and one.dim() == 2}
    assert len(of_muon) + sum(len(group["params"]) for group in other.param_groups) == len(list(model.parameters()))
    by_name = {name: group for group in groups["AdamW"] for name in group["param_names"]}
    assert by_name["readout.weight"]["lr"] == pytest.approx(1e-3 / 4)
    assert by_name["readout.weight"]["weight_decay"] == pytest.approx(4e-2)
    assert by_name["norm.weight"]["weight_decay"] == 0


@pytest.mark.parametrize("which", ["plain", "split"])
def test_the_code_to_paste_does_the_same(which: str, request: pytest.FixtureRequest) -> None:
    answer: Parameterized = request.getfixturevalue(which)
    names: dict[str, Any] = {"torch": torch}
    exec(answer.code, names)
    torch.manual_seed(0)
    model = answer.model.build(4 * BASE)  # type: ignore[operator]
    found = names["groups"](model, 4 * BASE)
    torch.manual_seed(0)
    expected = answer.build(4 * BASE)
    assert rates(found) == pytest.approx(rates(answer.groups(expected)), rel=1e-3)
    assert sizes(model) == pytest.approx(sizes(expected), rel=0.05)


def wrapped(model: nn.Module) -> nn.Module:
    """Compiled, with blocks that are checkpointed, as torchtitan has them."""
    assert isinstance(model, GPT)
    for number, block in enumerate(model.blocks):
        model.blocks[number] = checkpoint_wrapper(torch.compile(block))
    return torch.compile(model)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "change", [lambda model: model, copy.deepcopy, pytest.param(wrapped, marks=[pytest.mark.slow, TORCHS_OWN])]
)
def test_whatever_is_made_of_the_model(split: Parameterized, change: Callable[[nn.Module], nn.Module]) -> None:
    """Nothing is remembered but names, and wrappers are looked through."""
    torch.manual_seed(0)
    expected = split.build(2 * BASE)
    torch.manual_seed(0)
    model = split.apply(change(GPT(2 * BASE)))
    assert list(sizes(model).values()) == list(sizes(expected).values())
    assert rates(split.groups(model)) == rates(split.groups(expected))
    assert [set(vars(one)) for one in model.parameters()] == [set(vars(one)) for one in GPT(8).parameters()]


def test_the_state_of_the_optimizer_is_saved_and_read_back(split: Parameterized) -> None:
    """With `state_dict` of model and optimizers in another process."""
    model = split.build(32)
    made = split.optimizer(model)
    next_token(model(IDS)).backward()
    file = io.BytesIO()
    for one in made:
        one.step()
    torch.save([model.state_dict(), *(one.state_dict() for one in made)], file)
    file.seek(0)
    other = GPT(32)
    weights, *states = torch.load(file)
    other.load_state_dict(weights)
    restored = split.optimizer(other)
    for one, state in zip(restored, states, strict=True):
        one.load_state_dict(state)
    both = [model, made], [other, restored]
    for trained, optimizers in both:
        for one in optimizers:
            one.zero_grad()
        next_token(trained(IDS)).backward()
        for one in optimizers:
            one.step()
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))


@pytest.fixture
def one_process() -> Iterator[None]:
    distributed = torch.distributed
    distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
    yield
    distributed.destroy_process_group()


def sharded(model: GPT) -> nn.Module:
    """By FSDP2, a block at a time."""
    from torch.distributed.fsdp import fully_shard

    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def compiled(model: GPT) -> nn.Module:
    """As `torch.compile` has it, without making code."""
    return torch.compile(model, backend="eager")  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
@TORCHS_OWN
@pytest.mark.parametrize("change", [sharded, compiled])
def test_sharded_and_compiled_models_train_as_plain_ones(
    split: Parameterized, change: Callable[[GPT], nn.Module]
) -> None:
    torch.manual_seed(0)
    plain = split.build(32)
    torch.manual_seed(0)
    changed = split.apply(change(GPT(32)))
    for model in (plain, changed):
        optimizers = split.optimizer(model)
        for _ in range(2):
            next_token(model(IDS)).backward()
            for one in optimizers:
                one.step()
                one.zero_grad()
    for one, other in zip(plain.parameters(), changed.parameters(), strict=True):
        whole = getattr(other, "full_tensor", other.detach)()
        torch.testing.assert_close(whole.detach(), one.detach())


@pytest.mark.slow
@TORCHS_OWN
def test_patterns_find_each_parameter_first_where_its_group_is(split: Parameterized) -> None:
    """As torchtitan searches: the first pattern that is found in a parameter's name has it."""
    model = wrapped(split.build(128))
    patterns, expected = split.patterns(128), split.groups(model)
    found: dict[tuple[str, float], set[int]] = {}
    for name, parameter in model.named_parameters():
        first = next(one for one in patterns if re.search(one["pattern"], name))
        found.setdefault((first["optimizer_name"], first["optimizer_kwargs"]["lr"]), set()).add(id(parameter))
    assert found == {
        (optimizer, lr): {id(one) for group in listed if group["lr"] == lr for one in group["params"]}
        for optimizer, listed in expected.items()
        for lr in {group["lr"] for group in listed}
    }
    assert not re.search(patterns[0]["pattern"], "blocks.0.embed.weight.more")


def moved(answer: Parameterized, width: int) -> tuple[float, float]:
    """How far the last hidden preactivation and the output of a model move in one step."""
    torch.manual_seed(0)
    model = answer.build(width)
    assert isinstance(model, nn.Sequential)
    with torch.no_grad():
        before = model[:3](INPUTS), model(INPUTS)
    (model(INPUTS) - 1).square().mean().backward()
    answer.optimizer(model).step()
    with torch.no_grad():
        after = model[:3](INPUTS), model(INPUTS)
    hidden, output = (float((one - two).norm()) for one, two in zip(before, after, strict=True))
    return hidden, output


@pytest.mark.slow
def test_gamma_moves_along_the_richness() -> None:
    """Hidden layers move gamma times as far, and the output as far as before."""
    answer = scalings.parameterize(mlp, sgd, INPUTS, base_width=BASE)
    ratios = [rich / plain for rich, plain in zip(moved(answer.rescaled(3), 512), moved(answer, 512), strict=True)]
    assert ratios[0] == pytest.approx(3, rel=0.1)
    assert ratios[1] == pytest.approx(1, rel=0.3)
    assert moved(answer.rescaled(3).rescaled(1 / 3), 512) == pytest.approx(moved(answer, 512))
    torch.manual_seed(0)
    model = mlp(512)
    richer = answer.rescale(model, 3)
    torch.manual_seed(0)
    assert sizes(model) == sizes(answer.rescaled(3).build(512)) != sizes(answer.apply(mlp(512)))
    assert rates(richer.groups(model)) == rates(answer.rescaled(3).groups(model))
    with pytest.raises(ArgumentError, match="expected a number above 0"):
        answer.rescaled(0)


@pytest.mark.slow
def test_the_richness_is_the_one_that_is_asked_for() -> None:
    lazy = scalings.parameterize(mlp, sgd, INPUTS, base_width=BASE, richness=0)
    assert lazy.prescription.richness == 0
    assert scalings.parameterize(mlp, sgd, INPUTS, base_width=BASE).prescription.richness == Fraction(1, 2)
    assert rates(lazy.groups(lazy.build(4 * BASE)))["4.weight"] == pytest.approx(1e-2 / 4)


def test_json_has_the_same(plain: Parameterized) -> None:
    document = json.loads(plain.to_json())
    by_name = {one["parameter"]: one for one in document["parameters"]}
    assert by_name["4.weight"]["lr"] == {"constant": pytest.approx(1e-3), "power": "-1"}
    assert by_name["4.weight"]["changed"] == ["init", "lr"]
    assert by_name["0.bias"]["changed"] == []


def with_scheduler(model: nn.Module) -> Any:
    made = adam(model)
    return made, torch.optim.lr_scheduler.ConstantLR(made)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adam", "lr": "1e-3"}, "lr: expected a number above 0 for adam, but got '1e-3'"),
        ({"optimizer": "adamw", "lr": 1e-3, "decay": -1}, "decay: expected a number of at least 0, but got -1"),
        ({"decay": 0.1}, "decay: expected none, since the optimizer that is made has its own"),
        ({"richness": float("nan")}, "richness: expected a fraction"),
        ({"optimizer": "adam"}, "lr: expected the learning rate at the base width"),
        ({"optimizer": "adam", "lr": -1.0}, "lr: expected a number above 0 for adam, but got -1.0"),
        ({"optimizer": "muon+adamw", "lr": {"muon": 0.1}}, "lr: expected one for each of muon, adamw, but got muon"),
        ({"optimizer": "lion", "lr": 1.0}, "optimizer: torch has none of the law 'lion'"),
        ({"optimizer": "adam+coupled", "lr": 1.0}, "optimizer: torch has none of the law 'adam+coupled'"),
        ({"optimizer": "adam", "lr": 1.0, "decay": 0.1}, "decay: expected none, since adam does not decay"),
        ({"optimizer": 3}, "optimizer: expected a function"),
        ({"optimizer": nn.Linear}, "optimizer: expected a class of torch optimizers, as torch.optim.AdamW, but got"),
        ({"optimizer": torch.optim.AdamW, "momentum": 0.9}, "momentum: expected none, since AdamW takes lr, betas, "),
        ({"optimizer": torch.optim.AdamW, "lr": {"adamw": 1}}, "lr: expected one number, since AdamW is one optimizer"),
        ({"optimizer": torch.optim.AdamW, "decay": 1, "weight_decay": 1}, "decay: expected none beside weight_decay"),
        ({"optimizer": torch.optim.Muon}, "optimizer: torch's Muon takes matrices alone: give the name"),
        ({"betas": (0.9, 0.95)}, "betas: expected none, since only a class of torch, as torch.optim.AdamW, is given"),
        ({"build": mlp(8)}, "build: expected a function that is given the width and makes the module, but got a Seq"),
        ({"lr": 0.1}, "lr: expected none"),
        ({"base_width": 0}, "base_width: expected a whole number of at least 1, but got 0"),
        ({"richness": "3/4"}, "richness: no init scales and learning rates have r = 3/4: "),
        ({"richness": []}, "richness: "),
        ({"richness": "much"}, "richness: expected a fraction"),
    ],
)
def test_wrong_arguments_are_one_line(options: dict[str, Any], message: str) -> None:
    given = {"build": mlp, "optimizer": adam, "base_width": BASE, **options}
    with pytest.raises(ArgumentError) as error:
        scalings.parameterize(data=INPUTS, **given)
    assert str(error.value).startswith(message)


@pytest.mark.slow
def test_tied_weights_need_a_multiplier() -> None:
    """Their readout, as it is or divided by the root of the width; divided by the width there is a family."""

    class Tied(GPT):
        def __init__(self, width: int, power: float) -> None:
            super().__init__(width)
            self.readout.weight, self.factor = self.embed.weight, width**power

        def forward(self, ids: Tensor) -> Tensor:
            return self.factor * super().forward(ids)

    options = {"data": IDS, "loss": next_token, "base_width": BASE}
    for power in (0, -0.5):
        with pytest.raises(
            ArgumentError, match=r"^build: .* together: what helps is a multiplier in your code, in readout,"
        ):
            scalings.parameterize(partial(Tied, power=power), adam, **options)
    found = scalings.parameterize(partial(Tied, power=-1), adam, **options)
    assert found.prescription.richness == Fraction(1, 2)


@pytest.mark.slow
def test_other_models_are_refused(plain: Parameterized) -> None:
    with pytest.raises(ArgumentError, match=r"model: 2.weight has the shape \(48, 32\), and expected is \(32, 32\)"):
        plain.apply(nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 48)))
    with pytest.raises(ArgumentError, match=r"model: it has a parameter '6\.weight'"):
        plain.apply(mlp(32).append(nn.Tanh()).append(nn.Linear(3, 3)))
    scheduled = scalings.parameterize(mlp, with_scheduler, INPUTS, base_width=BASE)
    with pytest.raises(ArgumentError, match="optimizer: expected optimizers alone, but got a ConstantLR"):
        scheduled.optimizer(mlp(32))
