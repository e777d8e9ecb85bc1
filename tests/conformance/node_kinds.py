"""What every node kind owes: one line, `class TestMine(NodeKind): network = ...`, inherits all of it.

The network should be small, have one of the kind, leave one freedom at most, and grow in the width.
"""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from typing import ClassVar

import pytest

import scalings
from scalings.certificates.verifier import Refused, certify
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.errors import ArgumentError
from scalings.hyperparameters.exponents import MINUS_INFINITY
from scalings.hyperparameters.gauges import shifted
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import OPTIMIZERS, UpdateLaw
from scalings.networks.dimensions import Dimension
from scalings.networks.network import Network
from scalings.networks.nodes import Embedding, Node
from scalings.networks.serialization import network_from_json, network_to_json
from scalings.results.derivations import Derivation
from scalings.results.fits import Fit
from scalings.results.trials import Training
from scalings.studies.measuring import gentle
from symbolic.certificates.writing import derivation_certificate

every_law = pytest.mark.parametrize(
    "law", [OPTIMIZERS[name] for name in ("sgd", "adam", "muon")], ids=lambda law: law.name
)
WIDTHS = (16, 32, 64)


@cache
def derivation(network: Network, law: UpdateLaw) -> Derivation:
    return scalings.derive(network, law)


def members(network: Network, law: UpdateLaw) -> dict[Fraction, Parameterization]:
    """Parameterizations that meet the criteria, by richness: the ends and the middle of a family, else the rich one.

    Networks with attention leave no more than that.
    """
    found = derivation(network, law)
    if found.family:
        low, high = found.family.low, found.family.high
        assert low < high
        return {r: found.family.member(r) for r in (low, (low + high) / 2, high)}
    assert (found.degrees_of_freedom, len(found.polyhedra)) == (0, 1), (
        "the network of a conformance test leaves one freedom at most"
    )
    [polyhedron] = found.polyhedra
    layers = tuple(layer.each(lambda exponent: exponent.at()) for layer in polyhedron.layers)
    return {Fraction(1, 2): Parameterization(layers, scales=tuple(exponent.at() for exponent in polyhedron.scales))}


class NodeKind:
    """Inherited by a test class for each node kind; `network` has one node of the kind, called `name`."""

    network: ClassVar[Network]
    name: ClassVar[str]

    @property
    def node(self) -> Node:
        return next(node for node in self.network.flat if node.name == self.name)

    def rich(self, law: UpdateLaw) -> Parameterization:
        return max(members(self.network, law).items())[1]

    def moved(self, given: Parameterization, number: int, **by: Fraction) -> Parameterization:
        """The same with exponents of one layer moved."""
        layers = list(given.layers)
        layers[number] = replace(
            layers[number], **{which: getattr(layers[number], which) + step for which, step in by.items()}
        )
        return replace(given, layers=tuple(layers))

    def test_it_is_written_and_read(self) -> None:
        assert network_from_json(network_to_json(self.network)) == self.network

    def test_what_is_misspelled_is_refused(self) -> None:
        document = network_to_json(self.network)
        document[0]["fan-out"] = 3
        with pytest.raises(ArgumentError, match="fan-out"):
            network_from_json(document)

    def test_sizes_that_do_not_fit_are_refused(self) -> None:
        """Each size of it, 3 n^2 times as large, is not what its neighbours have; a vocabulary is its own."""
        sizes = [one.name for one in fields(self.node) if isinstance(getattr(self.node, one.name), Dimension)]
        free = {"vocabulary", "times"} if isinstance(self.node, Embedding) else {"times"}
        for size in set(sizes) - free:
            given = getattr(self.node, size)
            odd = replace(self.node, **{size: given * Dimension(3, Fraction(2))})
            with pytest.raises(ArgumentError, match=r"takes|share"):
                self._with(odd)

    def _with(self, other: Node) -> Network:
        def swapped(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
            return tuple(
                other
                if node.name == self.name
                else replace(node, nodes=swapped(node.nodes))  # type: ignore[arg-type]
                if hasattr(node, "nodes")
                else node
                for node in nodes
            )

        return Network(swapped(self.network.nodes))

    @every_law
    def test_what_meets_the_criteria_trains_and_has_its_richness(self, law: UpdateLaw) -> None:
        for richness, given in members(self.network, law).items():
            verdict = scalings.check(self.network, given, law)
            assert (verdict.stable, verdict.nontrivial, verdict.richness) == (True, True, richness)
            assert all(finding.satisfied for finding in verdict.findings if finding.criterion in TUTORIAL)

    @every_law
    def test_neighbours_are_refused(self, law: UpdateLaw) -> None:
        """Each learning rate and each init scale, moved by 1/4 either way, off the middle of the family."""
        several = members(self.network, law)
        given = sorted(several.items())[len(several) // 2][1]
        for number, layer in enumerate(self.network.layers):
            for which in ("init", "lr") if layer.start == "random" else ("lr",):
                for by in (Fraction(1, 4), Fraction(-1, 4)):
                    verdict = scalings.check(self.network, self.moved(given, number, **{which: by}), law)
                    wrong = [one for one in verdict.findings if one.criterion in TUTORIAL and not one.satisfied]
                    assert wrong, f"{which} of {layer.name} by {by}"

    @every_law
    def test_a_gauge_changes_no_order(self, law: UpdateLaw) -> None:
        given = self.rich(law)
        expected = scalings.predict(self.network, given, law)
        for number, layer in enumerate(self.network.layers):
            if layer.start == "random":
                layers = list(given.layers)
                layers[number] = shifted(layers[number], Fraction(1, 3), law)
                found = scalings.predict(self.network, replace(given, layers=tuple(layers)), law)
                of_network = [key for key in expected if key.quantity in ("z", "dz", "d", "layer", "loss")]
                assert of_network
                assert {key: found[key] for key in of_network} == {key: expected[key] for key in of_network}

    @every_law
    def test_without_learning_rates_nothing_moves(self, law: UpdateLaw) -> None:
        given = self.rich(law)
        frozen = replace(given, layers=tuple(replace(layer, lr=MINUS_INFINITY) for layer in given.layers))
        orders = scalings.predict(self.network, frozen, law)
        moves = {key.quantity: order for key, order in orders.items() if key.quantity in ("dz", "dW_frobenius")}
        assert set(moves) == {"dz", "dW_frobenius"}
        assert set(moves.values()) == {MINUS_INFINITY}

    @every_law
    def test_weights_of_zero_have_orders_too(self, law: UpdateLaw) -> None:
        given = self.rich(law)
        for number in range(given.depth):
            layers = list(given.layers)
            layers[number] = replace(layers[number], init=MINUS_INFINITY)
            try:
                orders = scalings.predict(self.network, replace(given, layers=tuple(layers)), law)
            except ArgumentError as refused:  # what is normalized may not be zero
                assert "zero" in refused.message  # noqa: PT017 - one of two right answers
                continue
            assert all(order == MINUS_INFINITY or isinstance(order, Fraction) for order in orders.values())

    @every_law
    def test_its_certificate_is_accepted_and_no_other(self, law: UpdateLaw) -> None:
        document = derivation_certificate(Problem(self.network, law), derivation=derivation(self.network, law))
        assert certify(document)
        solved = document["answer"]["A"]["solved"]
        solved[next(iter(solved))]["constant"] = "1/7"
        with pytest.raises(Refused):
            certify(document)

    def test_it_is_trained_and_observed_as_derived(self) -> None:
        """Every order that is derived for a trained network is of something that was seen, and finite."""
        law = OPTIMIZERS["sgd"]
        training = gentle(Training.of("sgd", steps=2, batch=4), self.network, "width")
        measurement = scalings.measure(self.network, self.rich(law), training, widths=WIDTHS, seeds=1)
        orders = scalings.predict(self.network, self.rich(law), law, 2)
        watched = ("z", "dz", "d", "layer", "passthrough", "dW_frobenius", "gradient", "loss")
        for key, order in orders.items():
            if key.quantity in watched and order != MINUS_INFINITY:
                assert isinstance(measurement.fits.get(key), Fit), key
