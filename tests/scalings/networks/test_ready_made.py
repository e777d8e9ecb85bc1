"""The ready-made networks of today have the parts that their options name; wrong ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import scalings
from scalings.errors import ArgumentError
from scalings.networks.architectures import NETWORKS
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed, routed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Convolution,
    Dense,
    Embedding,
    Gain,
    Mix,
    Node,
    Norm,
    Pool,
    Rearrange,
    Scores,
    Top,
    Weight,
)
from scalings.networks.serialization import network_from_text, network_to_text

VARIANTS: dict[str, Callable[[], Network]] = {
    "llama": scalings.llama,
    "llama, all of it": lambda: scalings.llama(
        groups=2, qk_norm=True, softcap=True, post_norm=True, logit_scale=True, tied=True
    ),
    "llama, heads": lambda: scalings.llama(grows="heads", groups="1/4", qk_norm=True),
    "llama, ever more queries": lambda: scalings.llama(grows="heads", groups=2),
    "moe": lambda: scalings.moe(shared=2, router="sigmoid"),
    "vit": scalings.vit,
    "vit, mean": lambda: scalings.vit(class_token=False, qk_norm=True, gains=False),
    "resnet": lambda: scalings.resnet(stages=3, normalization="group"),
    "lora": lambda: scalings.lora(4, rank=2),
}


def node(network: Network, name: str) -> Any:
    return next(one for one in network.flat if one.name == name)


def kinds(network: Network) -> set[type[Node]]:
    return {type(one) for one in network.flat}


@pytest.mark.parametrize("build", VARIANTS.values(), ids=VARIANTS)
def test_they_survive_json(build: Callable[[], Network]) -> None:
    assert network_from_text(network_to_text(build())) == build()


def test_every_ready_made_network_is_a_function_of_this_package() -> None:
    assert {name: getattr(scalings, name) for name in NETWORKS} == NETWORKS
    assert {"llama", "moe", "vit", "resnet", "lora"} < NETWORKS.keys()


def test_grouped_queries_share_keys_and_values() -> None:
    assert scalings.llama(groups=2).units["key"] == scalings.llama(groups="1/4").units["value"]
    for network, keys in [
        (scalings.llama(), WIDTH),
        (scalings.llama(groups=2), Dimension(Fraction(1, 4), Fraction(1))),
        (scalings.llama(grows="heads", groups=Fraction(1, 4)), Dimension(Fraction(1, 4), Fraction(1))),
        (scalings.llama(grows="heads", groups=2), fixed(128)),
    ]:
        assert network.units["key"] == network.units["value"] == keys
        assert str(network.units["mix"]) == str(WIDTH)


def test_options_add_what_they_name() -> None:
    assert node(scalings.llama(qk_norm=True), "scores").sources == ("query_gain", "key_gain")
    assert node(scalings.llama(qk_norm=True, groups=2), "key_norm").groups == fixed(2)
    assert node(scalings.llama(qk_norm=True, groups=2), "query_norm").groups == fixed(8)
    capped = scalings.llama(softcap=True)
    assert (capped.output.name, capped.function.name) == ("readout_capped", "readout")
    assert node(capped, "mix").scores == "scores_capped"
    after = scalings.llama(post_norm=True)
    assert (node(after, "query").source, node(after, "attention_norm").source) == ("block", "projection")
    assert Gain not in kinds(scalings.llama(gains=False))
    assert [one.name for one in scalings.llama(logit_scale=True).multipliers][-1] == "logit_scale"
    assert node(scalings.llama(tied=True), "readout").weight == "weight_embedding"


def test_rotary_positions_and_who_attends_to_whom() -> None:
    for network, rotary, bidirectional in ((scalings.llama(), True, False), (scalings.vit(), False, True)):
        assert node(network, "scores").rotary is rotary
        assert node(network, "mix").bidirectional is bidirectional


def test_experts_are_chosen_by_a_router_that_is_no_hidden_layer() -> None:
    network = scalings.moe(experts=4, top=3, shared=2)
    assert node(network, "chosen") == Top("chosen", "weights", routed(4), 3, shares=True)
    assert str(network.units["up"]) == "4 n E"
    assert network.units["shared_up"] == Dimension(2, Fraction(1))
    router = next(one for one in network.representations if one.name == "router")
    assert (router.part, router.is_hidden, router.is_score) == ("gate", False, True)
    assert not node(scalings.moe(top=1), "chosen").shares, "one expert's share would be 1, whatever the router says"


def test_the_head_of_a_vit_reads_a_class_token_or_the_mean() -> None:
    token, mean = scalings.vit(), scalings.vit(class_token=False)
    assert (node(token, "pool").first, node(mean, "pool").first) == (True, False)
    assert node(token, "positions").fan_in == fixed(17)
    assert node(mean, "positions").fan_in == fixed(16)
    assert token.units["positions"] == WIDTH


def test_stages_of_a_resnet_double_their_channels() -> None:
    network = scalings.resnet(stages=3)
    assert [str(network.units[f"stage{number}"]) for number in (1, 2, 3)] == ["1/4 n", "1/2 n", "1 n"]
    assert all(one.batch for one in network.flat if isinstance(one, Norm))
    assert {str(one.groups) for one in scalings.resnet(normalization="group").flat if isinstance(one, Norm)} == {"8"}
    assert not {Norm, Gain} & kinds(scalings.resnet(normalization="none"))


def test_only_adapters_of_lora_are_trained_and_their_rank_is_a_scale_variable() -> None:
    network = scalings.lora()
    assert [one.name for one in network.layers if not one.frozen] == ["A2", "B2"]
    assert network.scales == ("width", "rank")
    assert [one.start for one in network.layers if not one.frozen] == ["random", "zero"]


def test_looped_blocks_share_their_weights() -> None:
    once, thrice = scalings.llama(), scalings.llama(loops=3)
    assert thrice.layers == once.layers
    assert len(thrice.multipliers) == 3 * len(once.multipliers)
    assert node(thrice, "attention_norm.2").source == "stream2"
    assert node(thrice, "stream1.3").sources == ("stream2.2", "attention_scale.3")
    assert node(thrice, "query.3").weight == "weight_query"
    assert network_from_text(network_to_text(thrice)) == thrice


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: scalings.llama(0), "blocks: expected 1 to 10000, but got 0"),
        (lambda: scalings.llama(vocabulary=1), "vocabulary: expected 2 to 10000, but got 1"),
        (lambda: scalings.llama(grows="both"), "grows: expected one of head-size, heads, but got 'both'"),  # type: ignore[arg-type]
        (lambda: scalings.llama(groups=3), "groups: expected a number of heads of keys that divides the 8 heads, or"),
        (lambda: scalings.llama(groups="3/4"), "a share of them such as 1/4, but got 3/4"),
        (lambda: scalings.llama(groups="1/16"), "but got 1/16"),
        (lambda: scalings.llama(grows="heads", groups="2/3"), "divides the heads, or a share of them"),
        (lambda: scalings.llama(groups=0), "but got 0"),
        (lambda: scalings.llama(groups="1/0"), "but got 1/0"),
        (
            lambda: scalings.llama(qknorm=True),
            "options: did you mean qk_norm? expected one of grows, groups, vocabulary",
        ),  # type: ignore[call-arg]
        (lambda: scalings.llama(loops=9), "loops: expected 1 to 8, but got 9"),
        (lambda: scalings.moe(experts=4, top=5), "top: expected 1 to 4, as there are experts, but got 5"),
        (lambda: scalings.moe(experts=0), "experts: expected 1 to 10000, but got 0"),
        (lambda: scalings.moe(shared=-1), "shared: expected 0 to 10000, but got -1"),
        (lambda: scalings.moe(router="none"), "router: expected one of softmax, sigmoid, but got 'none'"),  # type: ignore[arg-type]
        (lambda: scalings.vit(patch=0), "patch: expected 1 to 10000, but got 0"),
        (lambda: scalings.resnet(stages=9), "stages: expected 1 to 8, but got 9"),
        (lambda: scalings.resnet(normalization="layer"), "normalization: expected one of batch, group, none"),  # type: ignore[arg-type]
        (lambda: scalings.lora(2), "depth: expected 3 to 10000 weight matrices, but got 2"),
        (lambda: scalings.lora(rank=0), "rank: expected 1 to 10000, but got 0"),
    ],
)
def test_what_they_are_not_is_refused(build: Callable[[], Network], message: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        build()
    assert message in str(refused.value)


def attention(keys: Dimension) -> tuple[Node, ...]:
    """Of eight heads of queries."""
    return (
        Embedding("embedding", INPUT, "weight0", fixed(16), WIDTH),
        Dense("query", "embedding", "weight1", WIDTH, WIDTH),
        *(Dense(name, "embedding", f"weight_{name}", WIDTH, keys) for name in ("key", "value")),
        Scores("scores", "query", "key", fixed(8), WIDTH / fixed(8)),
        Mix("mix", "scores", "value"),
        Dense("readout", "mix", "weight2", WIDTH, fixed(16)),
    )


@pytest.mark.parametrize("share", [1, 2, 4, 8])
def test_keys_of_heads_that_divide_those_of_queries(share: int) -> None:
    network = Network(attention(WIDTH / fixed(share)))
    assert str(network.units["mix"]) == "1 n"


@pytest.mark.parametrize("keys", [WIDTH / fixed(3), WIDTH / fixed(16), WIDTH * fixed(2), fixed(64)])
def test_keys_that_queries_cannot_share_are_refused(keys: Dimension) -> None:
    with pytest.raises(ArgumentError, match="scores takes as keys a number of heads that divides 8, but key gives"):
        Network(attention(keys))


def test_no_more_can_be_chosen_than_there_are() -> None:
    layer = Dense("layer", INPUT, "weight1", fixed(64), WIDTH)
    readout = Dense("readout", "top", "weight2", WIDTH, fixed(10))
    assert Network((layer, Top("top", "layer", fixed(4), 4), readout)).units["top"] == WIDTH
    with pytest.raises(ArgumentError, match="top takes the 5 largest, but of 4 units"):
        Network((layer, Top("top", "layer", fixed(4), 5), readout))
    with pytest.raises(ArgumentError, match=r"pool takes 1 n\^2 units, but layer gives 1 n"):
        Network((layer, Top("pool", "layer", WIDTH * WIDTH, 5), Pool("top", "pool"), readout))


def normalized(**options: Any) -> Network:
    layer = Dense("layer", INPUT, "weight1", fixed(64), WIDTH)
    return Network((layer, Norm("norm", "layer", **options), Dense("readout", "norm", "weight2", WIDTH, fixed(10))))


def joined(token: Weight) -> Network:
    """A token before what the data gives."""
    tokens = Rearrange("tokens", (token.name, "patches"), WIDTH, joined=True)
    patches = Convolution("patches", INPUT, "weight1", fixed(3), WIDTH, 1)
    return Network((patches, token, tokens, Pool("pool", "tokens"), Dense("head", "pool", "weight3", WIDTH, fixed(10))))


def chosen(over: Dimension, count: int) -> Network:
    layer = Dense("layer", INPUT, "weight1", fixed(64), WIDTH)
    return Network((layer, Top("top", "layer", over, count), Dense("readout", "top", "weight2", WIDTH, fixed(10))))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: normalized(groups=fixed(8), batch=True), "norm normalizes by groups or over the batch, but both were"),
        (
            lambda: normalized(groups=WIDTH),
            "norm takes groups of two units or more, but layer gives 1 n for 1 n groups",
        ),
        (
            lambda: normalized(groups=WIDTH * WIDTH),
            "norm takes groups of two units or more, but layer gives 1 n for 1 ",
        ),
        (lambda: normalized(groups=Dimension(Fraction(1, 2))), "but layer gives 1 n for 1/2 groups"),
        (lambda: joined(Weight("token", "weight2", ONE, fixed(3))), "tokens takes 1 n units, but token gives 3"),
        (
            lambda: joined(Weight("token", "weight2", WIDTH, WIDTH, by_position=True)),
            "token takes a fixed number of positions, but got 1 n",
        ),
        (lambda: chosen(fixed(4), 0), "top takes the 0 largest, but of 4 units"),
        (lambda: chosen(Dimension(Fraction(4, 3)), 1), "top takes the largest of 4/3 units; expected whole units"),
    ],
)
def test_options_of_nodes_that_cannot_be_are_refused(build: Callable[[], Network], message: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        build()
    assert message in str(refused.value)


def test_their_neighbours_are_not() -> None:
    for build in (
        lambda: normalized(groups=WIDTH / fixed(2)),
        lambda: normalized(batch=True),
        lambda: joined(Weight("token", "weight2", fixed(2), WIDTH, by_position=True)),
        lambda: chosen(fixed(4), 1),
    ):
        assert network_from_text(network_to_text(build())) == build()
