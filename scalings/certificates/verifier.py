"""The verifier of certificates: a proof checker that depends on nothing but this page and exact fractions.

A program computes orders, each the largest of several affine forms. A proof collects facts, forms >= 0, by Farkas
identities: form = sum of factor * fact + slack, slack and factors of inequalities >= 0. left <= right holds if each
form of left is at most one of right: by a fact, by cases, or by a new fact (only if it is asked, not to be implied).

Threat model. The file is written by anybody, with this page before them: to have a reader believe what is false, to
print what they like, or to keep a machine busy. Nothing in it is believed or evaluated. Trusted are this page, Python,
its JSON and its fractions. A reader may conclude what `verify` returns: that over the real numbers the criteria hold
exactly in the union of the pieces, each of that many freedoms and with no bound too many; if some are implied, that
the others hold exactly there, and the implied ones too. A reader may not conclude that the program is a network's
(`symbolic.certificates.assembly` writes it anew and compares), that a name means what it says (it is a label, which
whoever prints it escapes), that parts belong together (`scalings.certificates.conclusions`), or that a theory is true
of training. Work is paid for before it is done, out of a budget in proportion to the size of the file.
"""

from fractions import Fraction
from typing import Any, NamedTuple

EFFORT, LONGEST = 3, 801  # coefficients computed for each character (proofs here: 0.4), characters of a number


class Refused(Exception):
    """The certificate does not prove what it says: the first thing that does not hold."""


class Proved(NamedTuple):
    """Which unknowns meet the criteria. A form has its coefficients by unknown, and its constant as "constant"."""

    unknowns: tuple[str, ...]
    criteria: tuple[tuple[str, str, str, str], ...]  # name, left, sign, right
    implied: frozenset[str]
    pieces: tuple[tuple[dict[str, Any], list[Any]], ...]  # the form of each unknown solved for, bounds >= 0

    def __str__(self) -> str:
        freedoms = " or ".join(str(len(self.unknowns) - len(solved)) for solved, _ in self.pieces) or "no solution in"
        return f"{len(self.criteria)} criteria leave {len(self.unknowns)} unknowns {freedoms} degrees of freedom"


def certify(document: Any) -> str:
    """What the certificate (parsed JSON) proves, in a sentence. Raises Refused if it does not prove it."""
    return "; ".join(f"{name}: {part}".removeprefix(": ") for name, part in verify(document).items())


def verify(document: Any) -> dict[str, Proved]:
    """What each part of the certificate (parsed JSON) proves, "" if it has none. Raises Refused if one does not."""
    try:
        parts = {name: _Proof(part) for name, part in document.get("parts", {"": document}).items()}
        lemmas = [(part.program, part.criteria) for part in parts.values() if part.implied]
        _check(len(parts) > 0 and lemmas[1:] == lemmas[:-1], "its lemmas are not about the same criteria")
        return {name: part.proved for name, part in parts.items()}
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Refused(f"it is not written as a certificate is ({type(error).__name__}: {error})") from None


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def _number(written: Any) -> Fraction:
    text = str(written) if type(written) in (int, str) else "neither a text nor a whole number"
    _check(len(text) <= LONGEST and {*text} <= {*"-/0123456789"}, f"{text:.40} is no number")
    return Fraction(text)


class _Proof:
    def __init__(self, document: Any) -> None:
        self.budget = EFFORT * len(str(document))
        self.unknowns, answer, self.implied = document["unknowns"], document["answer"], {*document.get("implied", [])}
        self.place, self.program = {*self.unknowns, "constant"}, {line["order"]: line for line in document["program"]}
        self.criteria = {line["criterion"]: line for line in document["criteria"]}
        names, orders = [*document["program"], *document["criteria"], *self.unknowns], {*self.program, *self.unknowns}
        _check(len(names) == len(orders | {*self.criteria}) and "constant" not in orders, "two have one name")
        _check(all(name[0].isalpha() or name[0] == "|" for name in orders), "a number is a name")
        _check(self.implied < {*self.criteria}, "nothing is asked")
        self.found, self.met = list[Any](), set[str]()
        self.forms = {name: self.piece(name, **piece) for name, piece in answer.items()}
        self.follow(document["proof"], {}, {}, {*self.criteria}, set())
        _check(self.met == {*answer}, "a piece of the answer is not shown to meet the criteria")
        criteria = tuple((name, one["left"], one["sign"], one["right"]) for name, one in self.criteria.items())
        self.proved = Proved(tuple(self.unknowns), criteria, frozenset(self.implied), tuple(self.found))

    def paid(self, work: int, number: Fraction = Fraction(0)) -> Fraction:
        self.budget -= work + ((number.numerator.bit_length() + number.denominator.bit_length()) // 64) ** 2
        _check(self.budget >= 0, "it takes more work than a file of its size may")
        return number

    def sum(self, *terms: tuple[Any, Any]) -> Any:
        """The sum of factor * form; a form is the set of its coefficients, by unknown, and of its constant."""
        total: dict[str, Fraction] = {}
        for factor, form in terms:
            for name, coefficient in form:
                total[name] = self.paid(1, total.get(name, Fraction(0)) + factor * coefficient)
        return frozenset((name, coefficient) for name, coefficient in total.items() if coefficient)

    def form(self, written: Any) -> Any:
        _check({*written} <= self.place, "a form speaks of something that is no unknown")
        self.paid(1 + len(written))
        return frozenset((name, number) for name, text in written.items() if (number := _number(text)))

    def piece(self, name: str, freedoms: int, solved: Any, inequalities: Any, points: Any) -> Any:
        """Its forms >= 0. Unknowns not solved for are free: all bounds are > 0 at the first point, then all but one."""
        bounds, values = [*map(self.form, inequalities)], {unknown: self.form(form) for unknown, form in solved.items()}
        used = {unknown for form in (*solved.values(), *inequalities) for unknown in form} - {"constant"}
        free = len({*self.unknowns} - {*solved} | used) == len(self.unknowns) - len(solved) == freedoms
        _check(free, f"{name} has not {freedoms} freedoms")
        for place, point in zip(range(len(bounds) + 1), points, strict=True):
            at, distances = {**dict(self.form(point["at"])), "constant": 1}, [*map(_number, point["distances"])]
            there = [sum((self.paid(1, c * at.get(x, 0)) for x, c in form), Fraction(0)) for form in bounds]
            beyond = [number for number, distance in enumerate(there, start=1) if distance <= 0]
            _check(there == distances and beyond == [place] * (place > 0), f"{name} has not {len(bounds)} facets")
        equations = [self.sum((1, self.form({unknown: 1})), (-1, value)) for unknown, value in values.items()]
        self.found.append(({unknown: dict(value) for unknown, value in values.items()}, [*map(dict, bounds)]))
        return [*equations, *(self.sum((-1, equation)) for equation in equations), *bounds]

    def order(self, name: str, orders: Any) -> Any:
        """The order of this name, computed by the program unless `orders` has it, simplified, already."""
        waiting = [name]
        while waiting:
            self.paid(1 + len((line := self.program.get(waiting[-1], {"of": []}))["of"]))
            if missing := [one for one in line["of"] if one not in orders and waiting[-1] not in orders]:
                waiting += missing
            elif (here := waiting.pop()) not in orders:
                orders[here] = self.computed(here, line, [orders[one] for one in line["of"]])
        return orders[name]

    def computed(self, name: str, line: Any, of: Any) -> Any:
        if name not in self.program:  # an unknown, or a number
            return frozenset({self.form({name: 1} if name in self.unknowns else {"constant": name})})
        sign, (found, *others) = {"total": 0, "power": 0, "product": 1, "ratio": -1}[line["is"]], of or [frozenset()]
        _check(len(of) > 0 or line["is"] == "total", f"{name} is computed from nothing")
        if line["is"] == "power":
            _check((exponent := _number(line["exponent"])) >= 0 == len(others), f"{name} is a negative power")
            found = frozenset(self.sum((exponent, form)) for form in found)
        for other in others:
            self.paid(len(found) + len(other))
            _check(sign >= 0 or len(other) == 1 == len(others), f"{name} divides by several forms")
            found = frozenset(self.sum((1, a), (sign, b)) for a in found for b in other) if sign else found | other
        return found

    def proves(self, by: Any, form: Any, facts: Any, known: Any) -> Any:
        """The form, if the identity `by` proves that it is >= 0; raises Refused otherwise."""
        factors, slack = {n: _number(factor) for n, factor in by.items() if n != "slack"}, _number(by["slack"])
        total = self.sum((slack, self.form({"constant": 1})), *((factor, facts[n]) for n, factor in factors.items()))
        _check(total == form, "a combination of facts is not what it is to prove nonnegative")
        below = [self.sum((-1, facts[n])) for n, factor in factors.items() if factor < 0]
        _check(slack >= 0 and known.issuperset(below), "a combination of facts may be negative")
        return form

    def follow(self, lines: Any, facts: Any, orders: Any, asked: Any, todo: Any) -> None:  # noqa: PLR0912 - a kind of line each
        """Check the lines of a case; `asked` are criteria that are not imposed yet, `todo` disjunctions not settled."""
        known = {*facts.values()}
        for line in lines[:-1]:
            if "drop" in line:
                order, (lesser, greater) = self.order(line["in"], orders), map(self.form, line["drop"])
                self.proves(line["by"], self.sum((1, greater), (-1, lesser)), facts, known)
                _check({lesser, greater} <= order and lesser != greater, f"what is dropped is not in {line['in']}")
                self.paid(len(order))
                orders[line["in"]] = order - {lesser}
            elif "lemma" in line:
                known.add(lemma := self.proves(line["by"], self.form(line["lemma"]), facts, known))
                facts[f"lemma {len(facts)}"] = lemma
            elif "impose" in line:
                criterion = self.criteria[line["impose"]]
                asked.remove(line["impose"])
                left, right = (self.order(criterion[side], orders) for side in ("left", "right"))
                for a, b in {"<=": [(left, right)], "~": [(left, right), (right, left)]}[criterion["sign"]]:
                    todo |= {frozenset(self.sum((1, greater), (-1, lesser)) for greater in b) for lesser in a}
            else:  # a disjunction is settled
                alternatives = frozenset(map(self.form, line["either"]))
                _check(alternatives in todo, "a disjunction is not, or no longer, to be settled")
                todo.remove(alternatives)
                if alternatives.isdisjoint(known):
                    _check(len(alternatives) == 1 and self.implied <= asked, "a disjunction is left open")
                    [facts[str(len(facts))]] = alternatives
                    known |= alternatives
        if "cases" in (line := lines[-1]):
            either = frozenset(self.form(one["if"]) for one in line["cases"])
            opposite = {self.sum((-1, form)) for form in either} == either != frozenset()
            _check(opposite or (either in todo and self.implied <= asked), "the cases are not all there are")
            for one in line["cases"]:
                self.paid(len(facts) + len(orders) + len(asked) + len(todo))
                then = {**facts, str(len(facts)): self.form(one["if"])}
                self.follow(one["then"], then, {**orders}, {*asked}, todo - {either})
        elif "contradiction" in line:
            self.proves(line["contradiction"], self.form({"constant": -1}), facts, known)
        else:
            _check(not asked and not todo, f"a case ends in {line['piece']} before all criteria are settled")
            piece = self.forms[line["piece"]]
            for form, by in zip(piece, line["within"], strict=True):
                self.proves(by, form, facts, known)
            if "whole" in line:
                self.met.add(line["piece"])
                whole, forms = {str(n): form for n, form in enumerate(piece)}, {*piece}
                for form, by in zip([facts[n] for n in facts if n.isdigit()], line["whole"], strict=True):
                    self.proves(by, form, whole, forms)
