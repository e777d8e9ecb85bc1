"""Kinds of tampering: what may be done to a certificate, to its numbers, its structure, its names and its statement.

A kind changes a document in place, somewhere; it raises NotThere if there is nothing of its kind to change. Checksums
are right afterwards, as anybody can make them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import Any

from scalings.certificates import statements
from scalings.hyperparameters.update_laws import OPTIMIZERS

Kind = Callable[[Any, Random], None]
KINDS: dict[str, Kind] = {}


class NotThere(Exception):
    """There is nothing of this kind to change."""


def kind(change: Kind) -> Kind:
    KINDS[change.__name__.replace("_", " ")] = change
    return change


def mutated(document: Any, random: Random) -> tuple[Any, list[str]]:
    """A copy with one to three changes, and their kinds."""
    document, names = copy.deepcopy(document), []
    for _ in range(random.choice([1, 1, 2, 3])):
        name = random.choice(list(KINDS))
        try:
            KINDS[name](document, random)
        except NotThere:
            continue
        names.append(name)
    for part in parts(document):
        if isinstance(part, dict) and isinstance(part.get("about"), dict):
            content = {key: value for key, value in part["about"].items() if key != "checksum"}
            part["about"]["checksum"] = statements._checksum(content)
    return document, names


def parts(document: Any) -> list[Any]:
    several = document.get("parts", [document])
    return list(several.values()) if isinstance(several, dict) else list(several)


def nodes(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in the document: what contains it, and its key or number."""
    inside = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(inside):
        yield document, key
        if isinstance(value, dict | list):
            yield from nodes(value)


def somewhere(document: Any, random: Random, wanted: Callable[[Any, Any], bool]) -> tuple[Any, Any]:
    found = [(node, key) for node, key in nodes(document) if wanted(node, key)]
    if not found:
        raise NotThere
    return random.choice(found)


def is_number(node: Any, key: Any) -> bool:
    value = node[key]
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text.lstrip("-").replace("/", "").isdecimal() and text.isascii() and len(text) < 1000


def is_list(node: Any, key: Any) -> bool:
    return isinstance(node[key], list) and len(node[key]) > 0


def is_text(node: Any, key: Any) -> bool:
    return isinstance(node[key], str) and not is_number(node, key)


def set_number(document: Any, random: Random, change: Callable[[Fraction], object]) -> None:
    node, key = somewhere(document, random, is_number)
    after = change(Fraction(node[key]))
    is_whole = isinstance(node[key], int) and str(after).lstrip("-").isdecimal() and len(str(after)) < 1000
    node[key] = int(str(after)) if is_whole else str(after)


# Numbers


@kind
def a_number_is_larger(document: Any, random: Random) -> None:
    set_number(document, random, lambda x: x + random.choice([Fraction(1), Fraction(1, 2), Fraction(1, 10**9)]))


@kind
def a_number_has_the_other_sign(document: Any, random: Random) -> None:
    set_number(document, random, lambda x: -x)


@kind
def a_number_is_zero(document: Any, random: Random) -> None:
    set_number(document, random, lambda _: 0)


@kind
def a_number_is_doubled(document: Any, random: Random) -> None:
    set_number(document, random, lambda x: 2 * x)


@kind
def a_number_is_huge(document: Any, random: Random) -> None:
    set_number(document, random, lambda _: random.choice(["9" * 400, "9" * 5000, f"1/{'7' * 399}"]))


@kind
def a_number_is_none(document: Any, random: Random) -> None:
    set_number(document, random, lambda _: random.choice(["1e9", "1/0", "nan", "inf", "1_0", " 1", "٣", "0x1", "1.5"]))


@kind
def a_fact_has_another_number(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda _, key: isinstance(key, str) and key.isdecimal())
    node[str(int(key) + random.choice([-1, 1, 2, 100]))] = node.pop(key)


# Structure


@kind
def a_key_is_left_out(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda node, _: isinstance(node, dict))
    del node[key]


@kind
def a_key_has_another_name(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda node, _: isinstance(node, dict))
    _, other = somewhere(document, random, lambda node, _: isinstance(node, dict))
    node[other] = node.pop(key)


@kind
def an_item_is_left_out(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_list)
    node[key].pop(random.randrange(len(node[key])))


@kind
def an_item_comes_twice(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_list)
    item = random.choice(node[key])
    node[key].insert(random.randint(0, len(node[key])), copy.deepcopy(item))


@kind
def two_items_change_places(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda node, key: is_list(node, key) and len(node[key]) > 1)
    a, b = random.sample(range(len(node[key])), 2)
    node[key][a], node[key][b] = node[key][b], node[key][a]


@kind
def a_list_is_reversed(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_list)
    node[key].reverse()


@kind
def a_list_is_emptied(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_list)
    node[key].clear()


@kind
def a_value_is_that_of_elsewhere(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda *_: True)
    of_its_kind = type(node[key])
    other, there = somewhere(document, random, lambda node, key: isinstance(node[key], of_its_kind))
    node[key] = copy.deepcopy(other[there])


@kind
def a_value_is_of_another_kind(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda *_: True)
    node[key] = random.choice([None, True, 1.5, [], {}, "text", "", [[]], {"": 0}, -1])


@kind
def a_value_is_nested(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda *_: True)
    for _ in range(random.choice([1, 2, 300])):
        node[key] = [node[key]]


# Names


@kind
def a_text_is_another(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_text)
    other, there = somewhere(document, random, is_text)
    node[key] = other[there]


@kind
def a_text_says_something_else(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_text)
    node[key] = random.choice(
        ["x\nvalid", "[/]", "[b]x[/b]", "\ud800", "\x1b[2J", "sgd", "given: eta_1", "0", "constant"]
    )


@kind
def a_name_is_another_everywhere(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, is_text)
    old, new = node[key], random.choice(["zero", "x\nvalid", "|z| layer1 step 0", "order a", "eta_1"])
    for place, where in list(nodes(document)):
        if isinstance(where, int | str) and place[where] == old:
            place[where] = new


# What is asked, and what is answered


def part(document: Any, random: Random, *keys: str) -> Any:
    found = [one for one in parts(document) if isinstance(one, dict) and all(one.get(key) for key in keys)]
    if not found:
        raise NotThere
    return random.choice(found)


@kind
def a_relation_is_another(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda node, key: node[key] in ("<=", "~"))
    node[key] = "~" if node[key] == "<=" else "<="


@kind
def an_operation_is_another(document: Any, random: Random) -> None:
    operations = ["product", "total", "ratio", "power"]
    node, key = somewhere(document, random, lambda node, key: node[key] in operations)
    node[key] = random.choice(operations)


@kind
def a_criterion_is_never_asked(document: Any, random: Random) -> None:
    one = part(document, random, "criteria", "proof")
    if not isinstance(one["criteria"], list) or not isinstance(one["proof"], list):
        raise NotThere
    gone = one["criteria"].pop(random.randrange(len(one["criteria"])))
    name = gone.get("criterion") if isinstance(gone, dict) else None
    one["proof"] = [line for line in one["proof"] if not isinstance(line, dict) or line.get("impose") != name]


@kind
def a_criterion_is_implied(document: Any, random: Random) -> None:
    one = part(document, random, "criteria")
    criterion = random.choice(one["criteria"]) if isinstance(one["criteria"], list) else None
    one["implied"] = [criterion.get("criterion")] if isinstance(criterion, dict) else []


@kind
def nothing_is_answered(document: Any, random: Random) -> None:
    part(document, random, "answer")["answer"] = {}


@kind
def a_bound_is_left_out(document: Any, random: Random) -> None:
    node, key = somewhere(document, random, lambda node, key: key == "inequalities" and is_list(node, key))
    node[key].pop()
    points = node.get("points")
    if isinstance(points, list) and points:
        points.pop()
        for point in points:
            if isinstance(point, dict) and isinstance(point.get("distances"), list):
                point["distances"] = point["distances"][:-1]


@kind
def a_part_has_another_name(document: Any, random: Random) -> None:
    several = document.get("parts")
    if not isinstance(several, dict) or not several:
        raise NotThere
    several[random.choice(["refused", "repaired", "forbidden", "depth 2", "x\nvalid"])] = several.pop(min(several))


# What it is about


def statement(document: Any, random: Random) -> Any:
    about = part(document, random, "about")["about"]
    if not isinstance(about, dict):
        raise NotThere
    return about


@kind
def another_law(document: Any, random: Random) -> None:
    about = statement(document, random)
    law = OPTIMIZERS[random.choice(list(OPTIMIZERS))]
    written = {name: statements._written(getattr(law, name)) for name in law.__dataclass_fields__}
    about["law"] = random.choice([written, {**written, "alpha": "0"}, {**about.get("law", {}), "name": law.name}])


@kind
def other_given_exponents(document: Any, random: Random) -> None:
    given = statement(document, random).setdefault("given", {})
    if isinstance(given, dict):
        given[random.choice(["eta_1", "sigma_1", "sigma_2", "sigma_9"])] = random.choice(["0", "-1", "1/2", "-oo"])


@kind
def other_criteria(document: Any, random: Random) -> None:
    asked = statement(document, random).get("criteria")
    if not isinstance(asked, list):
        raise NotThere
    relation = random.choice(
        ["dz <= n^(5) at hidden after updates", "z ~ 1 at output initially", f"{'z * ' * 400}1 ~ 1"]
    )
    asked.append({"name": random.choice(["own", "maximality", "a\nb"]), "asks": relation})


@kind
def another_network(document: Any, random: Random) -> None:
    words = ["tanh", "gelu", "linear", "zero", "one", "1/2", "2", "input", "layer1", 7, 64]
    network = statement(document, random).get("network")
    if not isinstance(network, list) or not network:
        raise NotThere
    node, key = somewhere(network, random, lambda node, key: not isinstance(node[key], dict | list))
    node[key] = random.choice(words)


@kind
def another_question(document: Any, random: Random) -> None:
    about = statement(document, random)
    changes = {
        "kind": ["derivation", "family", "parameterization", "growth", "layer inserted", "layer removed"],
        "scale": ["width", "depth", "batch:noise"],
        "loss": ["mse", "cross-entropy"],
        "richness": [None, "0", "1/2", "1e99"],
    }
    key = random.choice(list(changes))
    about[key] = random.choice(changes[key])
