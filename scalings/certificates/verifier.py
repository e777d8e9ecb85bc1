"""The verifier of certificates: a proof checker that depends on nothing but this page and exact fractions.

A program computes orders, each the largest of several affine forms. A proof collects facts, forms >= 0, by Farkas
identities: form = sum of factor * fact + slack, slack and factors of inequalities >= 0. left <= right holds if each
form of left is at most one of right: by a fact, by cases, or by a new fact (only if it is asked, not to be implied)."""

from fractions import Fraction
from typing import Any


class Refused(Exception):
    """The certificate does not prove what it says; the message is the first thing that does not hold."""


def certify(document: Any) -> str:
    """What the certificate (parsed JSON) proves, in a sentence. Raises Refused if it does not prove it."""
    try:
        parts = {name: _Proof(part) for name, part in document.get("parts", {"": document}).items()}
        lemmas = [(part.program, part.criteria) for part in parts.values() if part.implied]
        _check(len(parts) > 0 and lemmas[1:] == lemmas[:-1], "its lemmas are not about the same criteria")
        return "; ".join(f"{name}: {part.proved}".removeprefix(": ") for name, part in parts.items())
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
        self.unknowns, answer, self.implied = document["unknowns"], document["answer"], {*document.get("implied", [])}
        self.program = {line["order"]: line for line in document["program"]}
        self.criteria = {line["criterion"]: line for line in document["criteria"]}
        names, orders = [*document["program"], *document["criteria"], *self.unknowns], {*self.program, *self.unknowns}
        _check(len(names) == len({*orders, *self.criteria}) and "constant" not in orders, "two have one name")
        _check(all(name[0].isalpha() or name[0] == "|" for name in orders), "a number is a name")
        _check(self.implied < {*self.criteria}, "nothing is asked")
        self.pieces, self.met = {name: self.piece(name, **piece) for name, piece in answer.items()}, set[str]()
        self.follow(document["proof"], {}, {}, frozenset(self.criteria), frozenset())
        _check(self.met == {*answer}, "a piece of the answer is not shown to meet the criteria")
        freedoms = " or ".join(str(piece["freedoms"]) for piece in answer.values()) or "no solution, let alone"
        asked = f"{len(self.criteria)} criteria" + f", {len(self.implied)} of them implied," * (len(self.implied) > 0)
        self.proved = f"{asked} leave {len(self.unknowns)} unknowns {freedoms} degrees of freedom"

    def form(self, written: Any) -> Any:
        _check({*written} <= {*self.unknowns, "constant"}, f"{written} speaks of something that is no unknown")
        return tuple(Fraction(written.get(name, 0)) for name in [*self.unknowns, "constant"])

    def piece(self, name: str, freedoms: int, solved: Any, inequalities: Any, points: Any) -> Any:
        """Its forms >= 0. Unknowns not solved for are free: all bounds are > 0 at the first point, then all but one."""
        bounds = [*map(self.form, inequalities)]
        used = {unknown for form in (*solved.values(), *inequalities) for unknown in form} - {"constant"}
        free = len({*self.unknowns} - {*solved} | used) == len(self.unknowns) - len(solved) == freedoms
        _check(free, f"{name} has not {freedoms} freedoms")
        for place, point in zip(range(len(bounds) + 1), points, strict=True):
            at, distances = (*self.form(point["at"])[:-1], 1), [*map(Fraction, point["distances"])]
            there = distances == [sum(x * y for x, y in zip(form, at, strict=True)) for form in bounds]
            beyond = [number for number, distance in enumerate(distances, start=1) if distance <= 0]
            _check(there and beyond == [place] * (place > 0), f"{name} has not {len(bounds)} facets")
        equations = [_sum((1, self.form({unknown: 1})), (-1, self.form(value))) for unknown, value in solved.items()]
        return {str(n): form for n, form in enumerate([*equations, *(_sum((-1, e)) for e in equations), *bounds])}

    def order(self, name: str, orders: Any) -> Any:
        """The order of this name, computed by the program unless `orders` has it, simplified, already."""
        if name not in self.program:  # an unknown, or a number
            return frozenset({self.form({name: 1} if name in self.unknowns else {"constant": name})})
        if name not in orders:
            line = self.program[name]
            found, *others = [self.order(argument, orders) for argument in line["of"]] or [frozenset()]
            if line["is"] == "power":
                _check(Fraction(line["exponent"]) >= 0 == len(others), f"{name} is a negative power")
                found = frozenset(_sum((Fraction(line["exponent"]), form)) for form in found)
            for other in others:
                sign = {"total": 0, "product": 1, "ratio": -1}[line["is"]]
                _check(sign >= 0 or len(other) == 1 == len(others), f"{name} divides by several forms")
                found = frozenset(_sum((1, a), (sign, b)) for a in found for b in other) if sign else found | other
            orders[name] = found
        return orders[name]

    def proves(self, by: Any, form: Any, facts: Any) -> Any:
        """The form, if the identity `by` proves that it is >= 0; raises Refused otherwise."""
        factors, slack = {n: Fraction(factor) for n, factor in by.items() if n != "slack"}, Fraction(by["slack"])
        total = _sum((1, self.form({"constant": slack})), *((factor, facts[n]) for n, factor in factors.items()))
        _check(total == form, f"the combination {by} of facts is not what it is to prove nonnegative")
        least = min([slack, *(factors[n] for n in factors if _sum((-1, facts[n])) not in facts.values())])
        _check(least >= 0, f"the combination {by} of facts may be negative")
        return form

    def follow(self, lines: Any, facts: Any, orders: Any, asked: Any, todo: Any) -> None:  # noqa: PLR0912 - a kind of line each
        """Check the lines of one case; `asked` are criteria not imposed yet, `todo` the disjunctions not settled."""
        for line in lines[:-1]:
            if "drop" in line:
                order, (lesser, greater) = self.order(line["in"], orders), map(self.form, line["drop"])
                self.proves(line["by"], _sum((1, greater), (-1, lesser)), facts)
                _check({lesser, greater} <= order and lesser != greater, f"{line['drop']} is not in {line['in']}")
                orders[line["in"]] = order - {lesser}
            elif "lemma" in line:
                facts = {**facts, f"lemma {len(facts)}": self.proves(line["by"], self.form(line["lemma"]), facts)}
            elif "monomial" in line:  # the form that is left of an order, its value, and the terms it comes from
                form, value = self.form(line["monomial"]), self.form({"constant": line["value"]})
                exactly = {n: fact for n, fact in facts.items() if _sum((-1, fact)) in facts.values()}
                self.proves({**line["by"], "slack": "0"}, _sum((1, form), (-1, value)), exactly)
                sides = {self.criteria[name][side] for name in asked for side in ("left", "right")}
                _check(line["of"] in sides and self.order(line["of"], orders) == {form}, f"{line['of']} is not just it")
                reached = [line["of"]]  # of each sum one source, of any other operation all sources
                for name in reached:
                    here, source = self.program.get(name, {"is": "known", "of": []}), line["path"].get(name)
                    same = source in here["of"] and self.order(name, orders) == self.order(source, orders)
                    _check((source is not None) == same == (here["is"] == "total"), f"{name} is not its {source}")
                    reached += {*([source] if same else here["of"])} - {*reached}
                _check({*line["path"]} <= {*reached}, f"the path does not lead to {line['of']}")
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
                    _check(len(alternatives) == 1 and self.implied <= asked, f"{line['either']} is left open")
                    facts = {**facts, str(len(facts)): min(alternatives)}
        line = lines[-1]
        if "cases" in line:
            forms = frozenset(self.form(case["if"]) for case in line["cases"])
            opposite = {_sum((-1, form)) for form in forms} == forms != frozenset()
            _check(opposite or (forms in todo and self.implied <= asked), "the cases are not all there are")
            for case in line["cases"]:
                known = {**facts, str(len(facts)): self.form(case["if"])}
                self.follow(case["then"], known, {**orders}, asked, todo - {forms})
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
