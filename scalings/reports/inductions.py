"""What an induction over depth says, in the words that its text, Markdown and LaTeX share."""

from __future__ import annotations

from scalings.results.derivations import Induction

INSERTED = (
    "Insert a hidden layer behind the input layer of any network; b_t is the order of |d| that the rest sends back "
    "after t updates."
)


def determined(induction: Induction) -> str:
    """What its steps determine."""
    return f"Its own unknowns are {', '.join(induction.unknowns)}, determined by {'; '.join(induction.equations)}."


def concluded(induction: Induction) -> list[str]:
    """That the lemma holds, or why not."""
    if induction.holds:
        return [
            "It hands on the orders that it reads, and asks nothing more of the rest: as many independent equations as "
            "unknowns, so the freedoms at depth 2 are those at every depth.",
        ]
    return [f"The lemma does not hold: {reason}" for reason in induction.open]
