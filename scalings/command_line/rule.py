"""The command for the everyday question: numbers tuned at one width, at another."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from cyclopts import Parameter

from scalings.command_line.bounds import RULED, WIDEST, check_weights
from scalings.command_line.chosen_network import LAYERED, ChosenNetwork
from scalings.command_line.console import YES, print_json, print_tables, print_text
from scalings.command_line.parsing import Whole, parse_count, parse_list, parse_richness, parse_wholes
from scalings.criteria.problem import Problem
from scalings.errors import ArgumentError
from scalings.hyperparameters.splits import laws


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RuledNetwork(ChosenNetwork):
    """A network whose depth the command itself reads, since that may be two numbers."""

    depth: Annotated[Whole | None, Parameter(parse=False)] = None


def rule(
    chosen: RuledNetwork = RuledNetwork(),
    *,
    optimizer: str = "adamw",
    from_width: Annotated[Whole, Parameter(name="--from")],
    to_width: Annotated[Whole, Parameter(name="--to")],
    lr: str,
    decay: float = 0.0,
    richness: str | None = None,
    batch: str | None = None,
    depth: str | None = None,
    tokens: str | None = None,
    dtype: Literal["fp32", "bf16", "fp16", "fp8"] | None = None,
    format: Literal["text", "json", "markdown"] = "text",
) -> int:
    """Carry init scales, learning rates and decays that were tuned at one width over to another.

    Example: scalings rule --network mymodule:build --optimizer muon+adamw --from 256 --to 4096 --lr 3e-4

    Parameters
    ----------
    optimizer
        A name such as sgd, adam or adamw, or two: muon+adamw is muon for hidden matrices and adamw for the rest.
    from_width
        The width at which the numbers are known.
    to_width
        The width at which they are asked for.
    lr
        The learning rate at the first width; where there are two optimizers one for both, or each, as in
        muon=0.02,adamw=3e-4.
    decay
        The weight decay at the first width, of optimizers that decay; default none.
    richness
        Of the family, such as 1/4; default the largest.
    batch
        The batch size too, from and to, as in 256,1024, where the gradient of a batch is mostly noise.
    depth
        The number of blocks too, from and to, as in 12,48, of a network whose blocks are repeated. Of an mlp or cnn
        its number of weight matrices, of lora that of frozen ones.
    tokens
        The number of tokens (or examples) of training too, from and to, as in 2e9,4e10. It changes decay alone, so that
        it forgets in the same share of training; what is not known is said.
    dtype
        Warn where starts, steps, decay or multipliers underflow in this format.
    format
        Of the answer.
    """
    from scalings.reports.rules import rule_document, rule_markdown, rule_report
    from scalings.studies.rules import Target, rule_of_model, rule_of_network

    for name, width in (("from", from_width), ("to", to_width)):
        if not 1 <= width <= WIDEST:
            raise ArgumentError(name, f"expected a width from 1 to {WIDEST}, but got {width}")
    if not 0 <= decay < float("inf"):
        raise ArgumentError("decay", f"expected a number of at least 0, but got {decay}")
    law = laws(optimizer)
    rates = _rates(lr, [one.name for one in law.parts])
    wished = None if richness is None else parse_richness(richness)
    chosen, blocks = _of_depth(chosen, depth)
    target = Target(to_width, _pair("batch", batch), blocks, _pair("tokens", tokens, "2e9,4e10"), dtype)
    if module := chosen.module:
        from scalings.studies.parameterize import parameterize

        given = module.build, optimizer, module.data, module.loss
        answer = parameterize(*given, base_width=from_width, richness=wished, lr=rates, decay=decay)
        found = rule_of_model(chosen.network, optimizer, answer, target)
    else:
        network = chosen.build()
        check_weights(network, RULED, "in a rule")
        loss = chosen.translation.loss if chosen.translation else "mse"
        problem = Problem(network, law, loss=loss)
        if decay and not problem.has_decay:
            raise ArgumentError("decay", f"expected none, since {optimizer} does not decay; adamw does, or sgd+l2")
        found = rule_of_network(chosen.network, problem, from_width, target, rates, decay, wished)
    match format:
        case "json":
            print_json(rule_document(found))
        case "markdown":
            print_text(rule_markdown(found))
        case "text":
            print_tables(rule_report(found))
    return YES


def _rates(text: str, names: list[str]) -> dict[str, float]:
    """The learning rate of each law, from one number or from pairs, in which a law's decay may be left out."""
    if "=" not in text:
        return dict.fromkeys(names, _positive("lr", text))
    found: dict[str, float] = {}
    short = {name.partition("+")[0]: name for name in names}
    for pair in text.split(","):
        name, _, rate = pair.partition("=")
        name = short.get(name, name)
        if name not in names or name in found:
            raise ArgumentError("lr", f"expected one for each of {', '.join(names)}, but got {text!r:.100}")
        found[name] = _positive("lr", rate)
    if missing := [name for name in names if name not in found]:
        raise ArgumentError("lr", f"expected one for {missing[0]} too, but got {text!r:.100}")
    return found


def _positive(argument: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArgumentError(argument, f"expected a number above 0, such as 3e-4, but got {text!r:.100}")
    return number


def _of_depth(chosen: RuledNetwork, text: str | None) -> tuple[RuledNetwork, tuple[int, int] | None]:
    """A depth that is a part of the network, or one from which to which."""
    if text is None or "," in text:
        return chosen, _pair("depth", text, "12,48")
    if chosen.network not in LAYERED:
        expected = f"expected two numbers of blocks of {chosen.network}, from and to, as in 12,48"
        raise ArgumentError("depth", f"{expected}, but got {text!r:.100}")
    (number,) = parse_wholes("depth", text)
    return replace(chosen, depth=number), None


def _pair(argument: str, text: str | None, example: str = "256,1024") -> tuple[int, int] | None:
    if text is None:
        return None
    sizes = parse_list(argument, text, parse_count)
    if len(sizes) != 2 or min(sizes) < 1:
        raise ArgumentError(argument, f"expected two sizes, from and to, as in {example}, but got {text!r:.100}")
    return sizes[0], sizes[1]
