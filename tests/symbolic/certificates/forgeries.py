"""Forgeries: files by somebody who knows the format, and wants a reader to believe what is false.

Each has a correct checksum, and most contain a proof of something that is true.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from scalings.certificates import statements
from scalings.certificates.statements import statement_from_json
from scalings.criteria.parsing import parse_criterion
from scalings.criteria.problem import Problem
from scalings.criteria.tutorial import TUTORIAL
from scalings.hyperparameters.exponents import format_exponent
from scalings.hyperparameters.parameterizations import Parameterization
from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.architectures import mlp
from symbolic.certificates import writing
from symbolic.certificates.assembly import assemble, spell_out, transcribe
from symbolic.certificates.writing import derivation_certificate, parameterization_certificate
from symbolic.proofs.prover import prove
from tests.symbolic.certificates.written import certificate, problem

Writer = Callable[[], Any]
FORGERIES: dict[str, Writer] = {}
"""By what is false in them."""


def forgery(name: str, among: dict[str, Writer] = FORGERIES) -> Callable[[Writer], Writer]:
    def keep(write: Writer) -> Writer:
        among[name] = write
        return write

    return keep


def written_again(document: Any) -> Any:
    """As it comes out of a file."""
    return json.loads(json.dumps(document))


def checked_again(about: Any) -> Any:
    """A statement whose content was changed by hand, with the checksum of its new content."""
    content = {name: value for name, value in about.items() if name != "checksum"}
    return {**content, "checksum": statements._checksum(content)}


def about(document: Any, **changes: Any) -> Any:
    """The same certificate about something else."""
    return {**document, "about": checked_again({**document["about"], **changes})}


# 1. False values


def after(imposed: str, shown: str, false: Fraction) -> Any:
    """A refusal in which a violated equation is imposed, and then the left side of another criterion is shown.

    The equation contradicts what is given; so any value follows.
    """
    given = Parameterization.of(multiplier="0,0,0", init="1/2,1/2,1/2", lr="0,0,0")
    honest = parameterization_certificate(problem(mlp(3)), given)
    statement = statement_from_json(honest["about"])
    whole = transcribe(statement)
    program = assemble(statement, whole, {imposed, shown})
    kept = [one for one in program.relations if one.name != shown]
    other = next(one for one in program.relations if one.name == shown)
    lines, _ = prove(replace(program, relations=tuple(kept)))
    absurd = {number: Fraction(factor) for number, factor in lines.pop()["contradiction"].items()}
    layer = int(shown.partition("(layer")[2][0])
    form = {**{f"sigma_{number}": "1" for number in range(1, layer + 1)}, "constant": str(Fraction(layer, 2))}
    value = Fraction(layer, 2) + sum(Fraction(dict(statement.given)[f"sigma_{n}"]) for n in range(1, layer + 1))
    learned = [line["either"][0] for line in lines if "either" in line]
    by = {str(n): Fraction(1) for n, fact in enumerate(learned) if sorted(fact.values()) == ["-1/2", "1"]}
    for number, factor in absurd.items():
        if number != "slack":
            by[number] = by.get(number, Fraction(0)) - (value - false) * factor
    said = {"monomial": form, "of": other.left, "value": str(false), "path": {}}  # as it was once said in proofs
    line = {**said, "by": {number: str(factor) for number, factor in by.items()}}
    end = {"contradiction": {number: str(factor) for number, factor in absurd.items()}}
    document = {"about": honest["about"], **spell_out(program), "answer": {}, "proof": [*lines, line, end]}
    return written_again(document)


@forgery("a monomial's exponent, after an equation that contradicts what is given")
def false_monomial() -> Any:
    return after("signal propagation (layer1), step 0", "signal propagation (layer2), step 0", Fraction(-7))


# 2. The law and the network under false names


def law_called(name: str, true: str = "adam", **stated: str) -> Any:
    """A family under one law, which is called by the name of another."""
    document = written_again(derivation_certificate(Problem(mlp(3), optimizer(true))))
    return about(document, law={**document["about"]["law"], "name": name, **stated})


SGD = {"gradient": "1", "fan_in": "0", "fan_out": "0"}
FORGERIES |= {
    "adam under the name of sgd": lambda: law_called("sgd"),
    "adam under the name and the exponents of sgd": lambda: law_called("sgd", **SGD),
    "adamw under the name of adam": lambda: law_called("adam", "adamw"),
    "adam under a sentence as its name": lambda: law_called("sgd (mse). Nothing is assumed of adam"),
    "a law without a name": lambda: law_called(""),
    "a law with a hundred thousand decays": lambda: law_called(f"adam{'+l2' * 100_000}"),
    "a decay that is none": lambda: law_called("adam", decay="sometimes"),
    "an alignment of 2": lambda: law_called("adam", alpha="2"),
    "an alignment of -oo": lambda: law_called("adam", alpha="-oo"),
    "full alignment, where none was assumed": lambda: law_called("adam", omega="0"),
}


def split_where(layer: str, law: str, name: str = "muon+adam", true: str = "muon+adam", **stated: str) -> Any:
    """A family under a split, in which the law of one layer is called, and stated, as another one."""
    document = written_again(derivation_certificate(Problem.of(mlp(3), true)))
    weights = document["about"]["law"]["weights"]
    one = written_again(derivation_certificate(Problem.of(mlp(2), law)))["about"]["law"]
    return about(document, law={"name": name, "weights": {**weights, layer: {**one, **stated}}})


FORGERIES |= {
    "muon of one layer under the name and the exponents of adam": lambda: split_where("layer2", "adam"),
    "the same, in the name of the split too": lambda: split_where("layer2", "adam", "adam+adam"),
    "the same, in the name of one law": lambda: split_where("layer2", "adam", "adam"),
    "adam of one layer under the name of muon": lambda: split_where("layer1", "muon", "muon+adam;layer1=muon"),
    "a split under another name": lambda: split_where("layer2", "muon", "muon+sgd"),
    "a split under no name": lambda: split_where("layer2", "muon", ""),
    "an exponent of one layer": lambda: split_where("layer2", "muon", fan_in="1"),
    "an alignment of one layer": lambda: split_where("layer3", "adam", omega="0"),
    "an epsilon of one layer": lambda: split_where("layer1", "adam", epsilon="-1"),
    "a decay of one layer": lambda: split_where("layer1", "adam", decay="coupled"),
    "a law of a layer that is not there": lambda: split_where("layer4", "adam"),
    "a name with a law of a layer that is not there": lambda: split_where("layer2", "muon", "muon+adam;layer4=sgd"),
    "clipping that is not stated": lambda: law_called("sgd+clip", "sgd"),
    "clipping under the name of sgd": lambda: law_called("sgd", "sgd+clip"),
    "clipping under the name and the exponents of sgd": lambda: law_called("sgd", "sgd+clip", clip="none"),
    "clipping where there is none": lambda: law_called("sgd+clip", "sgd", clip="norm"),
    "clipping of one layer": lambda: split_where("layer1", "adam", clip="norm"),
    "a name of a hundred thousand laws": lambda: split_where("layer2", "muon", "muon" + "+adam" * 100_000),
    "a name of a hundred thousand layers": lambda: split_where("layer2", "muon", "muon+adam" + ";a=adam" * 100_000),
}


@forgery("a split of which a layer is left out")
def layer_left_out() -> Any:
    document = written_again(derivation_certificate(Problem.of(mlp(3), "muon+adam")))
    law = document["about"]["law"]
    return about(document, law={**law, "weights": {name: law["weights"][name] for name in ("layer1", "layer2")}})


@forgery("a split that is one law as well")
def split_and_one_law() -> Any:
    document = written_again(derivation_certificate(Problem.of(mlp(3), "muon+adam")))
    law = document["about"]["law"]
    return about(document, law={**law, **law["weights"]["layer1"], "name": law["name"]})


@forgery("a law of which an exponent is left out")
def exponent_left_out() -> Any:
    document = written_again(derivation_certificate(Problem(mlp(3), optimizer("adam"))))
    return about(document, law={key: value for key, value in document["about"]["law"].items() if key != "fan_in"})


@forgery("hidden widths n^2 under orders of n")
def wide_layers() -> Any:
    document = written_again(derivation_certificate(problem(mlp(2))))
    wider = json.loads(json.dumps(document["about"]["network"]).replace('"order": "1"', '"order": "2"'))
    return about(document, network=wider)


# 3. Text


OWN = "dz <= n^(5) at hidden after updates"
LINE = "stable\nvalid\nEverything that is asked holds"
MARKUP = "[conceal]hidden[/conceal]"


def criterion_named(name: str) -> Any:
    """A family with one more criterion, that is called so."""
    document = derivation_certificate(problem(mlp(2)), [*TUTORIAL, parse_criterion(f"OWN: {OWN}")])
    return about(json.loads(json.dumps(document).replace('"OWN', json.dumps(name)[:-1])))


NAMES = {
    "a line break": LINE,
    "a carriage return": "asked\rvalid",
    "an escape sequence": "\x1b[2J\x1b[1;1Hvalid",
    "markup that hides": MARKUP,
    "markup that is wrong": "[/]",
    "a lone surrogate": "\ud800",
    "a direction mark": "\u202evalid",
    "letters that look like others": "m\u0430ximality",
}
"""What a criterion may be called in a file; none of it is shown as it is."""


@forgery("a criterion that is called as a given exponent is")
def criterion_as_given() -> Any:
    return criterion_named("given: sigma_1")


@forgery("a title that is free")
def free_title() -> Any:
    return {"parts": {"proved for all networks": certificate("sgd")}}


@forgery("a title with a line break")
def broken_title() -> Any:
    return {"parts": {LINE: certificate("sgd")}}


@forgery("repaired, over a network that has nothing to do with the one refused")
def repaired_elsewhere() -> Any:
    other = parameterization_certificate(
        problem(mlp(3), "adam"), Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="0,-1,-1"), TUTORIAL
    )
    return written_again({"parts": {"refused": certificate("refused"), "repaired": other}})


@forgery("repaired, and refused once more")
def repaired_and_refused() -> Any:
    return {"parts": {"refused": certificate("refused"), "repaired": certificate("refused")}}


@forgery("refused, and accepted")
def refused_and_accepted() -> Any:
    accepted = certificate("wished and repaired")["parts"]["repaired"]
    return {"parts": {"refused": accepted, "repaired": accepted}}


@forgery("repaired, by exponents of which next to nothing is asked")
def repaired_for_nothing() -> Any:
    given = Parameterization.of(multiplier="0,0,0", init="0,-1/2,-1", lr="-9,-9,-9")
    statement = statement_from_json(certificate("refused")["about"])
    asked = replace(parse_criterion(f"own: {OWN}"), name="own")
    exponents = {**dict(statement.given), **given.by_name(0)}
    known = tuple((name, exponents[name]) for name, _ in statement.given)
    statement = replace(statement, criteria=(asked,), given=known)
    return {
        "parts": {"refused": certificate("refused"), "repaired": writing._certificate(statement, transcribe(statement))}
    }


@forgery("forbidden by criteria on another network")
def forbidden_elsewhere() -> Any:
    parts = certificate("forbidden")["parts"]
    return {"parts": {"refused": certificate("refused"), "forbidden": parts["forbidden"]}}


@forgery("given exponents that the network has not, with a line break")
def given_text() -> Any:
    document = certificate("refused")
    return about(document, given={**document["about"]["given"], "eta_9\nvalid": "0"})


@forgery("a given exponent of no layer")
def given_elsewhere() -> Any:
    document = certificate("sgd")
    return about(document, given={"sigma_9": "0"})


@forgery("a given init scale of weights that start at zero")
def given_of_zero() -> Any:
    document = certificate("given")
    network = copy.deepcopy(document["about"]["network"])
    network[-1]["start"] = "zero"
    return about(document, network=network)


# 4. Inductions that claim more than their lemmas prove


def induction(base: Any, **changes: Any) -> Any:
    """The lemmas restated with these changes, and a base that has them too."""
    parts = certificate("induction")["parts"]
    lemmas = {name: about(part, **changes) for name, part in parts.items() if name.startswith("layer")}
    return written_again({"parts": {"derivation": base, **lemmas}})


@forgery("an induction with sigma_2 given: depth 2 has no freedoms, depth 3 no solution")
def induction_with_given() -> Any:
    given = {"sigma_2": Fraction(-1)}
    base = derivation_certificate(problem(mlp(2)), given=given)
    return induction(base, given={name: format_exponent(value) for name, value in given.items()})


@forgery("an induction for cross-entropy by lemmas for the squared error")
def induction_with_loss() -> Any:
    base = derivation_certificate(Problem(mlp(2), optimizer("sgd"), loss="cross-entropy"))
    return induction(base, loss="cross-entropy")


@forgery("an induction in the batch size by lemmas in the width")
def induction_with_scale() -> Any:
    base = derivation_certificate(problem(mlp(2), scale="batch:noise"))
    return induction(base, scale="batch:noise")


@forgery("an induction at a richness")
def induction_with_richness() -> Any:
    return induction(certificate("induction")["parts"]["derivation"], richness="1/4")


@forgery("a lemma without its converse")
def lemma_without_converse() -> Any:
    parts = dict(certificate("induction")["parts"])
    parts["layer removed"] = parts["layer inserted"]
    return {"parts": parts}


@forgery("lemmas about other criteria than the derivation's")
def lemmas_about_others() -> Any:
    parts = dict(certificate("induction")["parts"])
    parts["derivation"] = certificate("lars")
    return {"parts": parts}


@forgery("growth, where something else is asked")
def growth_of_something_else() -> Any:
    document = certificate("growing")
    own = {"name": "settled orders", "asks": "dz <= n^(-50) at layers after updates"}
    return about(document, criteria=[own])
