"""Minimal reasons: the fewest criteria from which another criterion follows, found by proof.

An implied relation rarely needs all earlier criteria. It is proved again from few of them, on a smaller program in
which the observables that the relations mention are computed from their neighbours, and those are free unknowns:

    z, d, dz, dW    are taken as they come, unless a relation speaks of them,
    everything else is what the training loop computes from them.

A proof with free unknowns holds for every value of them, and so for the run's own. The empty set, single relations and
pairs are tried in this order, so the first set that works is minimal.

>>> from scalings.criteria.problem import Problem
>>> from scalings.hyperparameters.update_laws import optimizer
>>> from symbolic.proofs.transcript import write_program
>>> from symbolic.propagation.question import Question
>>> from scalings.networks.architectures import mlp
>>> program = write_program(Question(Problem(mlp(3), optimizer("sgd"))))
>>> reasons = Reasons(program)
>>> reasons.of("stable features (layer1), step 1", [name for name in program.names if not name.endswith(("2", "3"))])
('maximality (layer2), step 1', 'signal propagation (layer1), step 0')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations

from symbolic.orders.program import Line, Program, Relation
from symbolic.polyhedra import inequalities
from symbolic.proofs.branch import Branch, TooMuch, Undecided
from symbolic.proofs.prover import prove

NEAREST = 8
"""How many relations are tried, and pairs of four of them."""
LARGEST = 8
"""Proofs with more forms in an order are given up."""
LONGEST = 36
"""What is computed by more operations is no longer near."""
MOST_PROOFS = 60
"""Afterwards no more are tried: it is a search for better reasons, not for any."""


@dataclass
class Reasons:
    """Implications between the relations of a program; programs equal up to names are proved once."""

    program: Program
    known: dict[Program, bool] = field(default_factory=dict)

    def of(self, name: str, others: Sequence[str]) -> tuple[str, ...] | None:
        """A minimal set of at most two of the others that implies this relation; None if there is none.

        Those that share the most observables with it are tried first; of a pair, the second may be any that speaks of
        less than the first.
        """
        relations = {relation.name: relation for relation in self.program.relations}
        touched = self._atoms([relations[name]])
        shared = {other: len(touched & self._atoms([relations[other]])) for other in others if other != name}
        near = sorted((other for other, number in shared.items() if number), key=lambda other: -shared[other])
        nearest = sorted(near, key=lambda other: self._beyond(relations[other], touched))[:4]
        atoms = {other: self._atoms([relations[other]]) for other in shared}
        rest = sorted((other for other in shared if other not in nearest), key=lambda other: len(atoms[other]))
        linked = ((one, other) for one in near[:NEAREST] for other in rest if atoms[other] < atoms[one])
        alone = [(), *((other,) for other in near[:NEAREST])]
        for chosen in chain[tuple[str, ...]](alone, combinations(nearest, 2), linked):
            if self._follows(relations[name], [relations[other] for other in chosen]):
                return chosen
        return None

    def _beyond(self, relation: Relation, touched: set[str]) -> int:
        """How many orders a relation speaks of directly that are not touched."""
        return len({relation.left, relation.right} - touched - {"0"})

    def _follows(self, relation: Relation, others: Sequence[Relation]) -> bool:
        local = _canonical(self._nearby([*others, relation]))
        if local not in self.known:
            if len(self.known) == MOST_PROOFS or len(local.lines) > LONGEST:
                return False
            self.known[local] = _last_follows(local)
        return self.known[local]

    def _atoms(self, relations: Sequence[Relation]) -> set[str]:
        """The observables that these relations, or what is computed from them nearby, speak of."""
        nearby = self._nearby(relations)
        return {line.name for line in nearby.lines if line.operation == "unknown"} | (
            self.program.observed & {line.name for line in nearby.lines}
        )

    def _nearby(self, relations: Sequence[Relation]) -> Program:
        """What the relations speak of, spelled out to the next observables."""
        spelled = {side for relation in relations for side in (relation.left, relation.right)}
        for side in tuple(spelled - self.program.observed):  # a product of observables
            spelled.update(self.program.line[side].arguments)
        lines: dict[str, Line] = {}

        def visit(name: str) -> None:
            line = self.program.line[name]
            if name in self.program.observed - spelled:
                line = Line(name, "unknown")
            if name not in lines:
                for argument in line.arguments:
                    visit(argument)
                lines[name] = line

        for side in sorted(spelled):
            visit(side)
        unknowns = tuple(line.name for line in lines.values() if line.operation == "unknown")
        return Program(unknowns, tuple(lines.values()), tuple(relations), ())


def _canonical(program: Program) -> Program:
    """The program with its names replaced by numbers, in order of appearance."""
    names = {line.name: f"x{number}" for number, line in enumerate(program.lines)}
    return replace(
        program,
        unknowns=tuple(names[name] for name in program.unknowns),
        lines=tuple(
            replace(line, name=names[line.name], arguments=tuple(map(names.__getitem__, line.arguments)))
            for line in program.lines
        ),
        relations=tuple(
            Relation(str(number), names[relation.left], relation.sign, names[relation.right])
            for number, relation in enumerate(program.relations)
        ),
    )


def _last_follows(program: Program) -> bool:
    """Whether the last relation of a program follows from those before it."""
    *others, last = program.relations
    try:
        _, cases = prove(replace(program, relations=tuple(others)), LARGEST)
        return all(_holds(case, last) for case in cases)
    except TooMuch:
        return False


def _holds(case: Branch, relation: Relation) -> bool:
    """Whether a case's facts imply a relation."""
    try:
        case.impose(relation)
    except Undecided:
        return False
    return all(
        any(inequalities.follows(case.facts, case.as_form(form)) for form in disjunction)
        for disjunction in case.unsettled
    )
