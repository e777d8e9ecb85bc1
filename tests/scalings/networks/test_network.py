"""Networks are lists of operations that read one another; what cannot be such a list is refused by name."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scalings.errors import ArgumentError
from scalings.networks.architectures import cnn, mlp, resmlp, transformer
from scalings.networks.dimensions import ONE, WIDTH, Dimension, fixed, times
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Convolution,
    Dense,
    Elementwise,
    Embedding,
    Factor,
    Gain,
    Mean,
    Mix,
    Node,
    Norm,
    Power,
    Product,
    Repeat,
    Scale,
    Scores,
    Softmax,
    Sum,
    Weight,
)


def test_sizes_and_orders() -> None:
    network = transformer(grows="heads")
    assert network.units["scores"].order == 1
    assert network.units["mix"] == WIDTH
    assert network.copies["query"].order_in("depth") == 1
    assert transformer().units["scores"].order == 0
    assert Dimension(4, Fraction(1)).at(32) == 128
    assert [layer.role for layer in mlp(3, biases=True).layers] == [
        "input", "input", "hidden", "input", "output", "output",
    ]  # fmt: skip


@pytest.mark.parametrize("grows", ["head-size", "heads"])
def test_heads_share_the_units_of_a_transformer_in_number(grows: str) -> None:
    network = transformer(grows=grows)  # type: ignore[arg-type]
    (scores,) = (node for node in network.flat if isinstance(node, Scores))
    assert scores.heads * scores.head_size == WIDTH == network.units["query"]
    for width in (128, 512):
        assert scores.heads.at(width) * scores.head_size.at(width) == width


@pytest.mark.parametrize("name", ["layers.0/attn:query-2", "h.*.attn.weight", "Größe", "x" * 100])
def test_names_of_modules_and_other_alphabets_can_be_used(name: str) -> None:
    assert Network((dense(name, INPUT),)).layers[0].name == name
    with pytest.raises(ArgumentError, match="expected a name"):
        Network((dense(f"{name} {name}", INPUT),))


def test_scale_variables_are_those_of_sizes() -> None:
    assert Network((Dense("a", INPUT, "w", fixed(64), fixed(10)),)).scales == (), "nothing grows"
    assert Network((Dense("a", INPUT, "w", WIDTH, fixed(10)),)).scales == ("width",), "its input does"
    zeroth = Dimension(2, others=(("depth", Fraction(0)),))
    assert Network((Dense("a", INPUT, "w", fixed(64), zeroth),)).scales == ()


def test_what_is_read_from_inside_a_block_is_read() -> None:
    block = Repeat("r", "a", (Norm("n", "r"), Sum("s", ("r", "n"))), times(2))
    assert Network((dense("a", INPUT), block, Sum("out", ("r", "n")))).depth == 1


def test_normalized_inputs_have_the_datas_size() -> None:
    Network((Norm("norm", INPUT), Dense("a", "norm", "w", fixed(64), WIDTH)))


def test_shared_weights_are_one_parameter() -> None:
    assert [layer.name for layer in transformer(tied=True).layers].count("readout") == 0
    assert transformer(tied=True).depth == transformer().depth - 1


def test_queries_and_keys_are_behind_scores() -> None:
    late = {one.name for one in transformer(gains=True).representations if one.first_update == 2}
    assert late == {"query", "key"}


def test_what_a_product_sums_back_over_is_dormant() -> None:
    """Gates of a router, of which each multiplies all units of an expert; not what multiplies unit by unit."""
    before = (Dense("first", INPUT, "w1", fixed(64), WIDTH), Dense("expert", "first", "w2", WIDTH, WIDTH))
    router, gate = Dense("gate", "first", "w3", WIDTH, fixed(4)), Dense("gate", "first", "w3", WIDTH, WIDTH)
    for one, dormant, part in ((router, {"gate"}, "gate"), (gate, set[str](), "hidden")):
        network = Network((*before, one, Product("h", "gate", "expert", WIDTH)))
        assert network.dormant == dormant
        assert {one.part for one in network.representations if one.name == "gate"} == {part}
    read_otherwise = Network((*before, router, Product("h", "gate", "expert", WIDTH), Product("f", "gate", "h", WIDTH)))
    assert read_otherwise.dormant == {"gate"}
    summed = Network((*before, gate, Product("h", "gate", "expert", ONE, WIDTH)))
    assert summed.dormant == set(), "there is nothing over which it would be repeated"


def test_scores_are_what_a_softmax_reads_of_a_sum_over_units() -> None:
    first, second = dense("a", INPUT, "w1"), dense("b", INPUT, "w2")
    product = Product("p", "a", "b", ONE, WIDTH)
    nodes = [
        first,
        second,
        product,
        Factor("scaled", "p", Fraction(-1)),
        Softmax("s", "scaled"),
        Product("f", "s", "a", WIDTH),
    ]
    kinds = {one.name: one.kind for one in Network(tuple(nodes)).representations}
    assert kinds == {"a": "layer", "b": "layer", "scaled": "scores"}
    nodes[2] = Product("p", "a", "b", WIDTH)
    assert {one.name for one in Network(tuple(nodes)).representations} == {"a", "b"}


def test_a_matrix_that_is_a_value_makes_a_layer_of_a_product() -> None:
    matrix = Weight("m", "w2", WIDTH, WIDTH)
    network = Network(
        (dense("a", INPUT, "w1"), matrix, Norm("rescaled", "m"), Product("z", "a", "rescaled", WIDTH, WIDTH))
    )
    assert network.made_of_weights == {"m", "rescaled"}
    kinds = {one.name: (one.kind, one.part) for one in network.representations}
    assert kinds == {"a": ("layer", "hidden"), "m": ("layer", "matrix"), "z": ("stream", "hidden")}


def test_a_block_that_does_not_grow_in_number_need_not_be_residual() -> None:
    post_norm = (dense("a", "r"), Sum("s", ("r", "a")), Norm("n", "s"))
    Network((dense("first", INPUT, "w1"), Repeat("r", "first", post_norm, fixed(2))))
    with pytest.raises(ArgumentError, match="r is not residual"):
        Network((dense("first", INPUT, "w1"), Repeat("r", "first", post_norm, times(2))))
    narrow = (Dense("a", "r", "w", WIDTH, fixed(3)),)
    with pytest.raises(ArgumentError, match="r takes 1 n units, but a gives 3"):
        Network((dense("first", INPUT, "w1"), Repeat("r", "first", narrow, fixed(2))))


def dense(name: str, source: str, weight: str = "w") -> Dense:
    return Dense(name, source, weight, WIDTH, WIDTH)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "expected at least one operation"),
        ([dense("", INPUT)], r"expected a name of 1 to 100 letters, digits and any of _ . : / \* -, but got ''"),
        ([dense("[/]", INPUT)], r"but got '\[/\]'"),
        ([dense("a\n", INPUT)], r"but got 'a\\n'"),
        ([dense("a", INPUT, "two words")], "but got 'two words'"),
        ([dense(3, INPUT)], "but got 3"),  # type: ignore[arg-type]
        ([dense("a", INPUT), Sum("s", ())], "s reads nothing; expected at least one source"),
        ([dense("a", INPUT), Elementwise("e", "a", "sine")], "e: expected one of relu, tanh, gelu, .* but got 'sine'"),
        ([dense("a", INPUT), Power("p", "a", Fraction(0))], "p: expected an exponent other than 0"),
        (
            [dense("a", INPUT), Factor("f", "a", Fraction(0), float("inf"))],
            "f: expected a size that is finite and not 0",
        ),
        (
            [dense("a", INPUT), Product("p", "a", "a", ONE, fixed(2))],
            r"p takes no product of a \(1 n\) and a \(1 n\) that sums over 2 and gives 1",
        ),
        ([dense("a", INPUT), Mean("m", "a", WIDTH, WIDTH)], r"m takes 1 n\^2 units, but a gives 1 n"),
        ([Dense("a", INPUT, "w", WIDTH, fixed(4)), Softmax("s", "a", WIDTH)], "s takes 1 n units, but a gives 4"),
        ([Norm("a", INPUT)], "nothing in it is trained; expected an operation with a weight"),
        ([dense("a", INPUT), Mix("m", "a", "a")], "m mixes by a; expected the name of attention scores"),
        ([dense("a", INPUT), Embedding("e", "a", "v", fixed(9), WIDTH)], "e embeds a; expected tokens"),
        (
            [dense("a", INPUT), dense("b", "a", "v"), dense("c", "a", "u")],
            "nothing reads b; expected every operation but the last, c, to be read by another",
        ),
        (
            [Repeat("r", INPUT, (Norm("n", "r"), dense("d", "r"), Sum("s", ("r", "d"))), times(2))],
            "nothing reads n; expected every operation but the last, s,",
        ),
        (
            [dense("a", INPUT), Repeat("r", "a", (Norm("n", "r"), Sum("s", ("r", "n"))), times(2)), Norm("z", "a")],
            "nothing reads r; expected every operation but the last, z,",
        ),
        ([dense("a", "b")], "a reads 'b', which does not come before it"),
        ([dense("a", INPUT), dense("a", "a", "v")], "expected names that differ, but got 'a' twice"),
        ([dense("a", INPUT), Gain("b", "a", "w", WIDTH)], "a and b cannot share w"),
        ([Repeat("r", INPUT, (dense("a", "r"),), times(2))], "r is not residual"),
        ([Repeat("r", INPUT, (Sum("s", (INPUT, "r")),), times(2))], "s reads 'input'"),
        ([dense("a", INPUT), Repeat("r", "a", (Scale("a", "r"), Sum("s", ("r", "a"))), times(2))], "'a' twice"),
        (
            [Repeat("r", INPUT, (Repeat("q", "r", (Sum("s", ("q",)),), times(2)), Sum("t", ("r", "q"))), times(2))],
            "one level is understood",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "v", fixed(10), WIDTH)],
            "b takes 10 units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Convolution("c", "a", "v", Dimension(2, Fraction(1)), WIDTH, 9)],
            "c takes 2 n units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Bias("b", "a", "v", Dimension(1, Fraction(1, 2)))],
            "b takes 1 n\\^1/2 units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "v", WIDTH, fixed(10)), Sum("s", ("a", "b"))],
            "s takes 1 n units, but b gives 10",
        ),
        (
            [dense("a", INPUT), dense("b", "a", "v"), Scores("s", "a", "b", fixed(8), WIDTH)],
            "s takes 8 n units, but a gives 1 n",
        ),
        (
            [dense("a", INPUT), Dense("b", "a", "w", WIDTH, fixed(10))],
            "a and b cannot share w: it is 1 n by 1 n for one and 10 by 1 n for the other",
        ),
        (
            [Embedding("e", INPUT, "w", fixed(50), WIDTH), Dense("b", "e", "w", WIDTH, fixed(49))],
            "e and b cannot share w: it is 1 n by 50 for one and 49 by 1 n for the other",
        ),
    ],
)
def test_what_is_not_a_network_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Network(tuple(nodes))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cnn(1), "depth: expected 2 to 10000 weight matrices, but got 1"),
        (lambda: cnn(3, kernel=0), "kernel: expected 1 to"),
        (lambda: resmlp(branch=3), "branch: expected 1 or 2 layers in a branch, but got 3"),
        (lambda: resmlp(0), "blocks: expected 1 to"),
        (lambda: transformer(grows="depth"), "grows: expected one of head-size, heads, but got 'depth'"),  # type: ignore[arg-type]
        (lambda: transformer(activation="softmax"), "activation: expected one of relu"),  # type: ignore[arg-type]
    ],
)
def test_architectures_refuse_what_they_are_not(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=message):
        build()
