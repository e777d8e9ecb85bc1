"""What the engine of graphs computes for attention, choices and normalizations, beside torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import scalings
from empirical.engines.graph import operations
from empirical.engines.graph.module import Graph
from empirical.engines.graph.setting import Setting
from scalings.errors import ArgumentError
from scalings.networks.architectures import NETWORKS
from scalings.networks.dimensions import ONE, WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import INPUT, Convolution, Dense, Norm, Pool, Rearrange, Sum, Weight
from scalings.results.trials import Training

HEADS, GROUPS, SIZE, POSITIONS = 4, 2, 6, 5


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """(seeds, batch, positions, units)"""
    return torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_head(value: Tensor, heads: int) -> Tensor:
    return value.unflatten(-1, (heads, -1)).transpose(2, 3)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("groups", [1, GROUPS, HEADS])
def test_grouped_attention_is_torchs(groups: int, bidirectional: bool) -> None:
    query = drawn(POSITIONS, HEADS * SIZE)
    key, value = (drawn(POSITIONS, groups * SIZE, seed=seed) for seed in (1, 2))
    scores = operations.scores(query, key, HEADS, groups) / SIZE**0.5
    found = operations.mix(scores, value, groups, bidirectional=bidirectional)
    expected = functional.scaled_dot_product_attention(
        by_head(query, HEADS),
        by_head(key, groups),
        by_head(value, groups),
        is_causal=not bidirectional,
        enable_gqa=True,
    )
    torch.testing.assert_close(found, expected.transpose(2, 3).flatten(3))
    other = operations.mix(scores, value, groups, bidirectional=not bidirectional)
    assert not torch.allclose(found, other)


@pytest.mark.parametrize("size", [6, 7])
def test_rotary_scores_know_distances_alone(size: int) -> None:
    """The same query and key at every position: a score depends on i - j, and on nothing without rotation."""
    query, key = (drawn(1, HEADS * size, seed=seed).expand(-1, -1, POSITIONS, -1) for seed in (0, 1))
    scores = operations.scores(query, key, HEADS, HEADS, rotary=True).unflatten(2, (POSITIONS, POSITIONS))
    torch.testing.assert_close(scores[:, :, 1:, 1:], scores[:, :, :-1, :-1])
    assert not torch.allclose(scores[:, :, 0, 1:], scores[:, :, 0, :-1])
    torch.testing.assert_close(scores[:, :, 0, 0], operations.scores(query, key, HEADS, HEADS)[:, :, 0])


def test_turning_keeps_norms() -> None:
    value = by_head(drawn(POSITIONS, HEADS * SIZE), HEADS)
    turned = operations._turned(value)
    torch.testing.assert_close(turned.norm(dim=-1), value.norm(dim=-1))
    assert not torch.allclose(turned[..., 1:, :], value[..., 1:, :])


def test_the_largest_are_kept() -> None:
    p = torch.tensor([0.1, 0.4, 0.3, 0.2, 3.0, 1.0, 0.0, 2.0]).view(1, 1, 1, 8)
    kept = operations.top(p, 4, 2, shares=False).flatten().tolist()
    assert kept == pytest.approx([0, 0.4, 0.3, 0, 3, 0, 0, 2])
    shares = operations.top(p, 4, 2, shares=True).flatten().tolist()
    assert shares == pytest.approx([0, 4 / 7, 3 / 7, 0, 3 / 5, 0, 0, 2 / 5])


def test_groups_are_normalized_each_by_itself() -> None:
    z = drawn(POSITIONS, 12)
    found = operations.normalize(z, 3)
    expected = functional.rms_norm(z.unflatten(-1, (3, 4)), (4,)).flatten(-2)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(operations.normalize(z), functional.rms_norm(z, (12,)))
    assert not torch.allclose(found, operations.normalize(z))


def test_a_batch_is_normalized_unit_by_unit() -> None:
    found = operations.normalize_batch(drawn(POSITIONS, 4) * torch.arange(1.0, 5.0))
    torch.testing.assert_close(found.square().mean(dim=(1, 2)), torch.ones(2, 4, dtype=torch.float64))


def test_a_class_token_stands_before_the_image_and_is_what_is_read() -> None:
    network = Network(
        (
            Convolution("patches", INPUT, "w1", fixed(3), WIDTH, 1),
            Weight("token", "w2", ONE, WIDTH),
            Rearrange("tokens", ("token", "patches"), WIDTH, joined=True),
            Weight("positions", "w3", fixed(17), WIDTH, by_position=True),
            Sum("both", ("tokens", "positions")),
            Pool("pool", "both", first=True),
            Dense("head", "pool", "w4", WIDTH, fixed(10)),
        )
    )
    graph = Graph(Setting(network, {"width": 8}, {}), [0, 1])
    with torch.no_grad():
        values = graph(torch.ones(3, 16, 3, dtype=torch.float64))
        token, positions = (graph.initial[weight][0] for weight in ("w2", "w3"))
    assert values["tokens", 0].shape == (2, 3, 17, 8)
    assert positions.shape == (2, 8, 17)
    torch.testing.assert_close(
        values["pool", 0], (token.flatten(1) + positions[..., 0])[:, None, None].expand(-1, 3, -1, -1)
    )


def test_positions_that_the_data_does_not_have_are_refused() -> None:
    def values(positions: int) -> dict[tuple[str, int], Tensor]:
        network = Network(
            (
                Convolution("patches", INPUT, "w1", fixed(3), WIDTH, 1),
                Weight("positions", "w2", fixed(positions), WIDTH, by_position=True),
                Sum("both", ("patches", "positions")),
                Pool("pool", "both"),
                Dense("head", "pool", "w3", WIDTH, fixed(10)),
            )
        )
        return Graph(Setting(network, {"width": 8}, {}), [0])(torch.ones(3, 16, 3, dtype=torch.float64))

    assert values(16)["both", 0].shape == values(1)["both", 0].shape == (1, 3, 16, 8)
    with pytest.raises(ArgumentError, match="both adds 16, 5 positions of patches, positions; expected as many of eac"):
        values(5)


def test_groups_that_do_not_divide_the_units_of_a_width_are_refused() -> None:
    network = Network(
        (
            Dense("layer", INPUT, "w1", fixed(64), WIDTH),
            Norm("norm", "layer", fixed(8)),
            Dense("readout", "norm", "w2", WIDTH, fixed(10)),
        )
    )
    Setting(network, {"width": 24}, {}).check()
    with pytest.raises(ArgumentError, match="norm has orders, but is not trained: 20 units are not 8 groups of the"):
        Setting(network, {"width": 20}, {}).check()


def test_queries_that_cannot_share_their_keys_at_a_width_are_refused() -> None:
    network = scalings.llama(grows="heads", groups=2)
    Setting(network, {"width": 256}, {}).check()
    with pytest.raises(ArgumentError, match="scores: 3 heads of queries cannot share 128 units of keys"):
        Setting(network, {"width": 192}, {}).check()


@pytest.mark.slow
def test_ever_more_experts_are_not_trained_by_a_batch_that_is_fixed() -> None:
    network = scalings.moe(router="sigmoid")
    given = scalings.member(network, "adam", "0", scale="experts")
    with pytest.raises(ArgumentError, match="expected one of width, depth, with which networks grow here, but got 'ex"):
        scalings.measure(network, given, Training.of("adam", batch=2), scale="experts")


@pytest.mark.parametrize("name", ["llama", "moe", "vit", "resnet", "lora"])
def test_a_small_width_of_each_ready_made_network_computes(name: str) -> None:
    """Every value is finite, and the output has the sizes of the targets."""
    network = NETWORKS[name]()
    graph = Graph(Setting(network, {"width": 16, "depth": 1}, {}), [0])
    first = network.nodes[0]
    shape = {"patches": (2, 16, 3), "stem": (2, 16, 3), "layer1": (2, 1, 64)}.get(first.name, (2, 8, 256))
    with torch.no_grad():
        values = graph(torch.rand(shape, dtype=torch.float64))
    assert all(value.isfinite().all() for value in values.values())
    output = values[network.output.name, 0]
    assert output.shape[-1] == network.units[network.output.name].at(16)
