"""Bombs: small files that would take unbounded time or memory, were the work not paid for before it is done."""

from __future__ import annotations

import copy
from functools import partial
from itertools import pairwise
from typing import Any

from scalings.networks.architectures import mlp
from scalings.networks.serialization import network_to_json
from tests.symbolic.certificates.forgeries import Writer, about, forgery
from tests.symbolic.certificates.written import certificate

BOMBS: dict[str, Writer] = {}
bomb = partial(forgery, among=BOMBS)


def tower(height: int, operation: str = "product") -> Any:
    """A few lines whose order is a product of sums with 2^(2^height) terms or more, multiplied out."""
    names = [f"|z| layer{number} step 0" for number in range(height + 1)]
    program = [{"order": names[0], "is": "total", "of": ["x", "y", "z", "0"]}]
    program += [{"order": two, "is": operation, "of": [one] * 2} for one, two in pairwise(names)]
    document = certificate("contradiction")
    criteria = [{"criterion": "bounded", "left": names[-1], "sign": "<=", "right": "0"}]
    proof = [{"impose": "bounded"}, {"contradiction": {"slack": "-1"}}]
    return {**document, "unknowns": ["x", "y", "z"], "program": program, "criteria": criteria, "proof": proof}


@bomb("products of sums, squared again and again")
def squares() -> Any:
    return tower(40)


@bomb("a product of a thousand sums")
def thousand_factors() -> Any:
    document = tower(0)
    one = document["program"][0]["order"]
    document["program"].append({"order": "|z| layer9 step 0", "is": "product", "of": [one] * 1000})
    document["criteria"][0]["left"] = "|z| layer9 step 0"
    return document


@bomb("a hundred criteria on a network of a thousand layers, and next to no proof")
def much_to_write() -> Any:
    document = certificate("contradiction")
    deep = network_to_json(mlp(1000))
    asked = [{"name": f"own {k}", "asks": f"z * z * z <= n^({k}) at layers after updates"} for k in range(100)]
    return about(document, network=deep, criteria=asked)


@bomb("a criterion of a thousand factors")
def thousand_factors_asked() -> Any:
    document = certificate("contradiction")
    criteria = [{"name": "many", "asks": f"{' * '.join(['dz'] * 1000)} <= 1 at layers after updates"}]
    return about(document, criteria=criteria)


@bomb("numbers of many digits, added up")
def many_digits() -> Any:
    document = tower(0)
    numbers = [str(10**399 + 2 * number + 1) for number in range(2000)]
    document["program"] = [
        {"order": f"order {n}", "is": "power", "of": ["x"], "exponent": f"1/{number}"}
        for n, number in enumerate(numbers)
    ]
    document["program"].append(
        {"order": "order all", "is": "product", "of": [line["order"] for line in document["program"]]}
    )
    document["criteria"][0]["left"] = "order all"
    return document


@bomb("a thousand facts, in each of which the opposites of a hundred are looked for")
def many_facts() -> Any:
    document = tower(0)
    proof = [{"lemma": {"constant": "1"}, "by": {"slack": "1"}}] * 1000
    factors = {**{f"lemma {number}": "-1" for number in range(100)}, "slack": "0"}
    proof += [{"lemma": {"constant": "-100"}, "by": factors}] * 100
    document["proof"] = [*proof, *document["proof"]]
    return document


@bomb("a program that runs in circles")
def circles() -> Any:
    document = tower(3)
    document["program"][0]["of"] = [document["program"][-1]["order"]]
    return document


@bomb("a huge constant")
def huge_constant() -> Any:
    document = copy.deepcopy(tower(0))
    document["criteria"][0]["right"] = "1e999999999"
    return document
