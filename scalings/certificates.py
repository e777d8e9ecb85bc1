"""The verifier of certificates: a proof checker that knows nothing of networks, and trusts nothing but this page.

A program computes orders, each the largest of several affine forms; criteria relate them. A proof gathers facts (forms
>= 0). A claim is Farkas' identity, form = sum of factor_i * fact_i + slack, slack, factor_i >= 0 but for equations.
left <= right: each form on the left is exceeded by one on the right, by the facts, by learning the only one, or in a
case for each, down to -1 >= 0 or to facts that imply a piece of the answer, which implies all facts of one case."""

from fractions import Fraction
from typing import Any


class Refused(Exception):
    """The certificate does not prove what it says; the message is the first thing that does not hold."""


def certify(document: Any) -> str:
    """What the certificate (parsed JSON) proves, in a sentence. Raises Refused if it does not prove it."""
    try:
        return _Proof(document).proved
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Refused(f"it is not written as a certificate is ({type(error).__name__}: {error})") from None


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def _sum(*terms: tuple[Any, Any]) -> Any:
    """The sum of factor * form; a form is the tuple of its coefficients, the constant last."""
    columns = zip(*(form for _, form in terms), strict=True)
    return tuple(sum(factor * entry for (factor, _), entry in zip(terms, column, strict=True)) for column in columns)


class _Proof:
    def __init__(self, document: Any) -> None:
        self.unknowns, answer = document["unknowns"], document["answer"]
        self.program = {line["order"]: line for line in document["program"]}
        self.criteria = {line["criterion"]: line for line in document["criteria"]}
        names = [*document["program"], *document["criteria"], *self.unknowns, "constant"]
        _check(len(names) == len({*self.program, *self.criteria, *self.unknowns, "constant"}), "two have one name")
        self.pieces, self.met = {name: self.piece(name, **piece) for name, piece in answer.items()}, set[str]()
        self.follow(document["proof"], {}, {}, frozenset(self.criteria), frozenset())
        _check(self.met == {*answer}, "a piece of the answer is not shown to meet the criteria")
        freedoms = " or ".join(str(piece["freedoms"]) for piece in answer.values()) or "no solution, let alone"
        self.proved = f"{len(self.criteria)} criteria leave {len(self.unknowns)} unknowns {freedoms} degrees of freedom"

    def form(self, written: Any) -> Any:
        _check({*written} <= {*self.unknowns, "constant"}, f"{written} speaks of something that is no unknown")
        return tuple(Fraction(written.get(name, 0)) for name in [*self.unknowns, "constant"])

    def piece(self, name: str, freedoms: int, solved: Any, inequalities: Any, inside: Any, distances: Any) -> Any:
        """Its forms >= 0. What is not solved for is free, if at some point inside no inequality is tight."""
        bounds, point = [*map(self.form, inequalities)], (*self.form(inside)[:-1], Fraction(1))
        values = [sum(x * y for x, y in zip(form, point, strict=True)) for form in bounds]
        bound = {*solved} & {unknown for form in (*solved.values(), *inequalities) for unknown in form}
        _check(not bound and freedoms == len(self.unknowns) - len(solved), f"{name} has not {freedoms} freedoms")
        _check(values == [*map(Fraction, distances)] and min(values, default=1) > 0, f"the point is not inside {name}")
        zeros = [_sum((1, self.form({unknown: 1})), (-1, self.form(value))) for unknown, value in solved.items()]
        return {str(n): form for n, form in enumerate([*zeros, *(_sum((-1, zero)) for zero in zeros), *bounds])}

    def order(self, name: str, orders: Any) -> Any:
        """What the program computes from orders, some of which have been simplified."""
        if name not in self.program:  # an unknown, or a number
            return frozenset({self.form({name: 1} if name in self.unknowns else {"constant": name})})
        if name not in orders:
            line = self.program[name]
            found, *others = [self.order(argument, orders) for argument in line["of"]] or [frozenset()]
            if line["is"] == "power":
                _check(Fraction(line["exponent"]) >= 0 == len(others), f"{name} is a negative power")
                return frozenset(_sum((Fraction(line["exponent"]), form)) for form in found)
            sign = {"total": 0, "product": 1, "ratio": -1}[line["is"]]
            for other in others:
                _check(sign >= 0 or len(other) == 1 == len(others), f"{name} divides by several forms")
                found = frozenset(_sum((1, a), (sign, b)) for a in found for b in other) if sign else found | other
            orders[name] = found
        return orders[name]

    def proves(self, by: Any, form: Any, facts: Any) -> Any:
        """The form, once the identity that proves it >= 0 is checked."""
        factors = {number: Fraction(factor) for number, factor in by.items() if number != "slack"}
        total = _sum((1, self.form({"constant": by["slack"]})), *((factor, facts[n]) for n, factor in factors.items()))
        _check(total == form, f"the combination {by} of facts is not what it is to prove nonnegative")
        negative = [n for n, factor in factors.items() if factor < 0 and _sum((-1, facts[n])) not in facts.values()]
        _check(not negative and Fraction(by["slack"]) >= 0, f"the combination {by} of facts may be negative")
        return form

    def below(self, claim: Any, facts: Any) -> Any:
        lesser, greater = self.form(claim["form"]), self.form(claim["below"])
        self.proves(claim["by"], _sum((1, greater), (-1, lesser)), facts)
        return lesser, greater

    def follow(self, lines: Any, facts: Any, orders: Any, asked: Any, todo: Any) -> None:
        """Check a case, from what is known to its end; `asked` is not imposed yet, `todo` not settled."""
        for line in lines[:-1]:
            if "drop" in line:
                order, (lesser, greater) = self.order(line["in"], orders), self.below(line["drop"], facts)
                _check({lesser, greater} <= order and lesser != greater, f"{line['drop']} is not in {line['in']}")
                orders[line["in"]] = order - {lesser}
            elif "smaller" in line:  # min(max a, max b) = max over all pairs of min(a, b)
                first, second = (self.order(name, orders) for name in self.program[line["in"]]["of"])
                least = {frozenset(claim): claim[0] for claim in (self.below(one, facts) for one in line["smaller"])}
                pairs = {frozenset({a, b}) for a in first for b in second}
                _check({*least} == pairs and self.program[line["in"]]["is"] == "smaller", f"{line['in']} is undecided")
                orders[line["in"]] = frozenset(least.values())
            elif "lemma" in line:
                facts = {**facts, f"lemma {len(facts)}": self.proves(line["by"], self.form(line["lemma"]), facts)}
            elif "monomial" in line:  # what is left of an order, how it came there, and how large it is
                form, value = self.form(line["monomial"]), self.form({"constant": line["value"]})
                exact = {n: fact for n, fact in facts.items() if _sum((-1, fact)) in facts.values()}
                self.proves(line["by"], _sum((1, form), (-1, value)), exact)
                sides = {self.criteria[name][side] for name in asked for side in ("left", "right")}
                _check(line["by"]["slack"] == "0" and line["of"] in sides, f"{line['of']} is not just that")
                _check(self.order(line["of"], orders) == {form}, f"{line['of']} is not just {line['monomial']}")
                for name, source in line["path"].items():
                    same = source in self.program[name]["of"] and self.order(name, orders) == self.order(source, orders)
                    _check(same, f"{name} is not of the order of its {source}")
            elif "impose" in line:
                criterion, asked = self.criteria[line["impose"]], asked - {line["impose"]}
                left, right = (self.order(criterion[side], orders) for side in ("left", "right"))
                for a, b in {"<=": [(left, right)], "~": [(left, right), (right, left)]}[criterion["sign"]]:
                    todo |= {frozenset(_sum((1, greater), (-1, lesser)) for greater in b) for lesser in a}
            else:  # a disjunction is settled
                alternatives = frozenset(map(self.form, line["either"]))
                _check(alternatives in todo, f"{line['either']} is not, or no longer, to be settled")
                todo -= {alternatives}
                if not alternatives & {*facts.values()}:
                    _check(len(alternatives) == 1, f"{line['either']} is left open")
                    facts = {**facts, str(len(facts)): min(alternatives)}
        self.end(lines[-1], facts, orders, asked, todo)

    def end(self, line: Any, facts: Any, orders: Any, asked: Any, todo: Any) -> None:
        if "cases" in line:
            forms = [self.form(case["if"]) for case in line["cases"]]
            opposite = {_sum((-1, form)) for form in forms} == {*forms} != set()
            _check(opposite or frozenset(forms) in todo, f"the cases {forms} are not all there are")
            for form, case in zip(forms, line["cases"], strict=True):
                known = {**facts, str(len(facts)): form}
                self.follow(case["then"], known, {**orders}, asked, todo - {frozenset(forms)})
        elif "contradiction" in line:
            self.proves(line["contradiction"], self.form({"constant": -1}), facts)
        else:
            _check(not asked and not todo, f"a case ends in {line['piece']} before all criteria are settled")
            for form, by in zip(self.pieces[line["piece"]].values(), line["within"], strict=True):
                self.proves(by, form, facts)
            if "whole" in line:
                self.met.add(line["piece"])
                for form, by in zip([facts[n] for n in facts if n.isdigit()], line["whole"], strict=True):
                    self.proves(by, form, self.pieces[line["piece"]])
