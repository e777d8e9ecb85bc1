"""Training on more tokens, or fewer: what follows for a rule, what was only measured, and what has to be tuned again.

**What follows.** Steps are tokens over the batch size, and a weight decay that multiplies weights by 1 - lr decay in
each step forgets in 1 / (lr decay) steps.

**What was measured.** The best such time is about the same share of training at any number of tokens (Wang and
Aitchison, arXiv 2405.13698). The learning rate kept, decay goes like one over the tokens. A batch that grows is no
exception: there the powers that are derived have lr decay go like B, as one over the number of steps.

**What is not known.** How the learning rate follows the tokens: no criterion here speaks of the end of training, and
rules that were measured differ in sign. So it stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from scalings.hyperparameters.update_laws import optimizer
from scalings.networks.dimensions import BATCH_NOISE
from scalings.results.prescriptions import ParameterRule
from scalings.results.rules import TOKENS, Rule

_PER_TOKENS = Fraction(-1)


def longer(rule: ParameterRule) -> ParameterRule:
    """The rule of a parameter with its decay like one over the tokens, where that keeps what it forgets in."""
    return replace(rule, decay=rule.decay.also(TOKENS, _PER_TOKENS)) if _forgets(rule) else rule


def _forgets(rule: ParameterRule) -> bool:
    """Whether its decay shrinks weights by a share of themselves in each step."""
    if not rule.law:
        return False
    law = optimizer(rule.law)
    return law.decay in ("coupled", "independent") or (law.decay == "l2" and law.gradient == 1)


def steps(rule: Rule) -> float:
    """By which factor training has more steps."""
    batch, tokens = rule.sizes.get(BATCH_NOISE, (1, 1)), rule.sizes.get(TOKENS, (1, 1))
    return tokens[1] / tokens[0] / (batch[1] / batch[0])


def assumed(rule: Rule) -> Iterator[str]:
    """What a rule takes for granted of the length of training."""
    if BATCH_NOISE not in rule.sizes and TOKENS not in rule.sizes:
        yield "the data, the number of updates and all that is not shown stay as they are"
        return
    yield f"training has {steps(rule):.4g} times as many steps: the tokens over the batch size"
    if TOKENS in rule.sizes and any(one.decay.constant and _forgets(one) for one in rule.prescription.rules):
        yield (
            "what decay forgets in, 1 / (lr decay) steps, stays the same share of training; that was measured, not "
            "derived (Wang and Aitchison, arXiv 2405.13698)"
        )
    yield "the distribution of the data and all that is not shown stay as they are"


def remaining(rule: Rule) -> Iterator[str]:
    """What has to be tuned again where training is longer or shorter."""
    if TOKENS in rule.sizes:
        yield (
            "the learning rate: nothing is derived of it for another number D of tokens, and it stays; measured rules "
            "disagree: it falls with D (Bjorck et al., arXiv 2409.19913), or grows like D^0.31 where the batch grows "
            "like D^0.57 (Li et al., arXiv 2503.04715)"
        )
        kept = [one.weight for one in rule.prescription.of_weights if one.decay.constant and not _forgets(one)]
        if kept:
            yield f"decay of {', '.join(kept)}: it is part of the gradient, has no such time, and stays"
        elif any(one.decay.constant for one in rule.prescription.rules):
            yield (
                "decay, at many more tokens for each parameter: the best share of training was measured to fall "
                "(Bergsma et al., arXiv 2505.13738)"
            )
        if BATCH_NOISE not in rule.sizes:
            yield "the batch size: the largest efficient one grows with the tokens (Bergsma et al., arXiv 2505.13738)"
        yield "warm-up and schedule, as shares of training"
    else:
        yield "warm-up and schedule, as shares of training; for another number of tokens say --tokens"
