"""Which values are matrices that a network computes: those that nothing reads but products over one of two axes."""

from __future__ import annotations

import pytest

from scalings.networks.dimensions import ONE, WIDTH, fixed
from scalings.networks.network import Network
from scalings.networks.nodes import (
    INPUT,
    Bias,
    Dense,
    Elementwise,
    Embedding,
    Node,
    Product,
    Softmax,
    Sum,
    Weight,
)

SQUARE = WIDTH * WIDTH
FEW, MADE = Dense("few", INPUT, "w1", fixed(4), fixed(3)), Dense("made", "few", "w2", fixed(3), SQUARE)
HIDDEN = Dense("h", INPUT, "w3", fixed(4), WIDTH)
OUT = Dense("out", "z", "w4", WIDTH, fixed(1))


def applied(*nodes: Node, matrix: str, to: str = "h") -> Network:
    return Network((FEW, MADE, HIDDEN, *nodes, Product("z", matrix, to, WIDTH, WIDTH), OUT))


@pytest.mark.parametrize(
    ("nodes", "matrices"),
    [
        ((), {"made"}),
        ((Bias("shifted", "made", "b", SQUARE),), {"made", "shifted"}),
        ((Elementwise("bent", "made", "tanh"),), {"made", "bent"}),
        ((Weight("w", "w5", WIDTH, WIDTH), Sum("added", ("made", "w"))), {"made", "added"}),
        ((Elementwise("bent", "made", "relu"),), set()),
        ((Elementwise("bent", "made", "sigmoid"),), set()),
        ((Elementwise("bent", "made", "tanh"), Dense("read", "made", "w5", SQUARE, fixed(2))), {"bent"}),
        ((Softmax("shares", "made"),), set()),
    ],
    ids=["of a layer", "with a bias", "odd in it", "beside a weight", "relu", "sigmoid", "read otherwise", "shares"],
)
def test_what_layers_make_and_products_alone_read(nodes: tuple[Node, ...], matrices: set[str]) -> None:
    kept = tuple(one for one in nodes if one.name != "read")
    network = applied(*kept, matrix=kept[-1].name if kept else "made")
    if kept != nodes:
        network = Network(
            (*network.nodes[:-1], nodes[-1], Dense("out", "z", "w4", WIDTH, fixed(2)), Sum("f", ("out", "read")))
        )
    assert network.generated == matrices
    parts = {one.name: (one.kind, one.part, one.is_generated) for one in network.representations}
    assert {name for name, (_, part, computed) in parts.items() if part == "matrix" and computed} <= matrices
    assert (parts.get("z") == ("stream", "hidden", False)) == bool(matrices), "criteria ask what it makes"
    assert parts["few"][1] == parts["h"][1] == "hidden", "not what it is made of, nor what it multiplies"


def test_rows_of_a_table_are_matrices_of_things() -> None:
    table = Embedding("made", INPUT, "w2", fixed(5), SQUARE)
    assert Network((table, HIDDEN, Product("z", "made", "h", WIDTH, WIDTH), OUT)).generated == {"made"}


def test_one_axis_that_grows_is_none() -> None:
    """Of a query at a few positions, and of what is multiplied unit by unit, entries are asked to be of size 1."""
    query = Dense("query", INPUT, "w1", fixed(4), WIDTH)
    for product in (Product("z", "query", "h", ONE, WIDTH), Product("z", "query", "h", WIDTH)):
        out = Dense("out", "z", "w4", product.units, fixed(1))
        assert Network((query, HIDDEN, product, out)).generated == set()


def test_what_is_averaged_or_weighed_by_a_softmax_is_none() -> None:
    """Many values, and many queries of one key: products with shares are averages, and scores may be of any size."""
    shares = Softmax("shares", "h")
    assert applied(shares, matrix="made", to="shares").generated == set()
    scores = (FEW, MADE, HIDDEN, Product("z", "made", "h", WIDTH, WIDTH), Softmax("p", "z"))
    assert (
        Network((*scores, Product("mixed", "p", "h", WIDTH), Dense("out", "mixed", "w4", WIDTH, fixed(1)))).generated
        == set()
    )


def test_a_product_of_two_values_is_none() -> None:
    """An outer product is of low rank: it sends back along what it was made of."""
    outer = Product("outer", "h", "key", SQUARE)
    nodes = (HIDDEN, Dense("key", INPUT, "w1", fixed(4), WIDTH), outer, Product("z", "outer", "h", WIDTH, WIDTH), OUT)
    assert Network(nodes).generated == set()
