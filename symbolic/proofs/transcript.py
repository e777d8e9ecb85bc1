"""Training on orders as a straight-line program, which anybody can run again.

The run is made with `orders.recorder.Tracer`, the algebra that notes each operation. Structural zeros are left out (a
sum drops them, a product with one is zero), equal operations are noted once, operations on constants are carried
out, and min(a, b) is written a b / (a + b).

>>> from scalings.criteria.problem import Problem
>>> from scalings.criteria.tutorial import BOUNDED_OUTPUT
>>> from scalings.networks.architectures import mlp
>>> from scalings.hyperparameters.update_laws import optimizer
>>> program = write_program(Question(Problem(mlp(2), optimizer("sgd")), (BOUNDED_OUTPUT,)))
>>> asked = program.relations[0]
>>> print(asked.name, ":", asked.left, asked.sign, asked.right)
bounded output (layer2), step 0 : |z| layer2 step 0 <= 0
>>> for line in program.lines_for(["|z| layer2 step 0"]):
...     print(line)
Line(name='|z| layer1 step 0', operation='product', arguments=('sigma_1', '1/2'), exponent=None)
Line(name='|z| layer2 step 0', operation='product', arguments=('sigma_2', '|z| layer1 step 0'), exponent=None)
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from scalings.criteria.criterion import Sign
from scalings.criteria.observables import Observable, Quantity
from symbolic.orders.program import Program, Relation
from symbolic.orders.recorder import ZERO, Traced, Tracer
from symbolic.propagation.question import Question
from symbolic.propagation.training import Surroundings


def write_program(question: Question) -> Program:
    """The training run of a question, and its requirements as relations between orders.

    They are in the order in which both sides are there, a bound before an equation.
    """
    tracer, record = Tracer(), Transcript()
    record.train(question, tracer, tracer.unknown)
    names = tracer.named(record.labels)
    hidden = question.hidden_changes
    last = [record.orders.get(key, ZERO) for key in hidden]
    ever = [record.orders.get(replace(key, step=step), ZERO) for key in hidden for step in range(1, key.step + 1)]
    return Program(
        question.unknowns,
        tracer.lines(names),
        record.relations(names),
        tuple(dict.fromkeys(names[order] for order in last if order != ZERO)),
        frozenset(names[order] for key, order in record.orders.items() if key.quantity in _STATES and order != ZERO),
        tuple(dict.fromkeys(names[order] for order in ever if order != ZERO)),
    )


@dataclass
class Transcript:
    """A training run being written down: the name of each order, and the relations imposed on them."""

    orders: dict[Observable, Traced] = field(default_factory=dict)
    labels: dict[Traced, str] = field(default_factory=dict)
    asked: dict[str, tuple[Traced, Sign, Traced]] = field(default_factory=dict)

    def train(
        self,
        question: Question,
        tracer: Tracer,
        unknown: Callable[[str], Traced],
        boundary: Surroundings[Traced] | None = None,
        prefix: str = "",
    ) -> None:
        """Write down a run, all its names with this prefix."""
        for requirement in question.train(tracer, unknown, self.orders, boundary):
            for observable in requirement.observables:
                _label(self.labels, self.orders[observable], f"{prefix}{observable}")
            left, right = requirement.sides(self.orders, tracer)
            title = f"{requirement.criterion.name} ({requirement.layer.name}), step {requirement.step}"
            if (left, requirement.criterion.sign, right) not in self.asked.values():
                self.asked[_unused(prefix + title, self.asked)] = left, requirement.criterion.sign, right
        for observable, order in self.orders.items():
            _label(self.labels, order, f"{prefix}{observable}")

    def relations(self, names: Mapping[Traced, str]) -> tuple[Relation, ...]:
        """What is asked, in the order in which both sides are there, a bound before an equation."""
        listed = sorted(self.asked.items(), key=lambda item: (max(item[1][0], item[1][2]), item[1][1] == "~"))
        return tuple(Relation(title, names[left], sign, names[right]) for title, (left, sign, right) in listed)


_STATES: frozenset[Quantity] = frozenset({"z", "d", "dz", "dW_frobenius"})
"""What the rest of a run is computed from."""


def _label(labels: dict[Traced, str], order: Traced, label: str) -> None:
    if order != ZERO and order not in labels:
        labels[order] = _unused(label, labels.values())


def _unused(label: str, taken: Container[str]) -> str:
    """The label, or if a repeated block has used it for its first copy, the same of its last one."""
    while label in taken:
        label += ", last copy"
    return label
