"""Comparing the two witnesses: derived exponents with fitted ones.

Each observable has a role (`scalings.studies.roles`), its exponent is tested by itself, and the whole is judged by
all of them (`scalings.studies.equivalence`). It fails, too, if training diverged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from scalings.criteria.observables import Observable, Quantity
from scalings.displays import Displayed
from scalings.errors import wrong_type
from scalings.hyperparameters.exponents import MINUS_INFINITY, Exponent
from scalings.networks.architectures import as_network
from scalings.networks.network import Network
from scalings.results.fits import LARGEST_MARGIN, Diverged, Fit, Verdict, wrong_margin
from scalings.studies import equivalence
from scalings.studies.equivalence import NOTHING_ASSERTED, Comparison, compare_one, too_few
from scalings.studies.roles import ASSERTED, CHANGES, fades_slowly, roles

if TYPE_CHECKING:
    from empirical.sweeps.measurement import Measurement

DELTA = Fraction(1, 20)
_DELTA_OF_GRAPHS = Fraction(1, 10)
_SENT_BACK: tuple[Quantity, ...] = ("d", "dd", "gradient")


def default_margin(network: Network) -> Fraction:
    """What a minute on two cores can tell: 1/20 of multilayer perceptrons, 1/10 of networks whose weights are all drawn
    in full. Exponents that theory has to choose between are at least 1/4 apart."""
    return DELTA if network.is_mlp else _DELTA_OF_GRAPHS


@dataclass(frozen=True, repr=False)
class Agreement(Displayed):
    """The verdict of the whole with its reason, and the comparisons that it comes from.

    `unmeasured` should have been asserted, but was exactly zero in half of the runs of some width; `delta` is the
    margin. `hindrance` is why it cannot be a PASS whatever was measured, in words; empty where the exponents decide.
    """

    comparisons: tuple[Comparison[Observable], ...]
    unmeasured: tuple[Observable, ...]
    delta: Fraction
    verdict: Verdict
    reason: str
    hindrance: str = ""


def compare(
    network: Network | str,
    derived: Mapping[Observable, Exponent],
    measured: Mapping[Observable, Fit | Diverged] | Measurement,
    delta: Fraction | None = None,
    *,
    asked: Collection[Observable] | None = None,
    stable: bool = True,
    centered: bool = True,
    excluded: Fraction | None = None,
    looks: int = 1,
) -> Agreement:
    """Whether the fitted exponents are the derived ones, within delta; by default, the `default_margin` of the network.
    An error that PASS is to exclude may be larger, and data may be looked at several times (`compare_one`).

    `measured` is a measurement, or its fits. Those that are `asked` are compared, by default all that were derived.
    Observables that were not derived, or not measured, are left out; one that
    the theory says is zero and that was measured not to be is a FAIL. `stable` says whether training is, in theory, and
    `centered` whether f - f_0 was trained: if not, orders may not show as slopes (`scalings.studies.roles`). A theory
    that says it is unstable passes only if its first update has the derived orders and the loss grows or diverges.
    """
    network = as_network(network)
    fits = getattr(measured, "fits", measured)
    if not isinstance(fits, Mapping):
        raise wrong_type("measured", "a Measurement or its fits", measured)
    delta = default_margin(network) if delta is None else delta
    if not 0 < delta <= LARGEST_MARGIN:
        raise wrong_margin(str(delta))
    if not isinstance(derived, Mapping):
        raise wrong_type("derived", "orders, as predict gives them", derived)
    role = roles(network, derived, stable=stable, centered=centered, margin=delta)
    if loss_of_its_own(network, derived, fits, delta):
        role |= {one: "reported" for one in role if one.quantity in _SENT_BACK}
    comparisons = tuple(
        compare_one(observable, derived[observable], fit, delta, role[observable], excluded, looks)
        for observable, fit in sorted(fits.items())
        if observable in derived
    )
    last = max((observable.step for observable in fits), default=0)
    seen = {observable.quantity for observable in fits}
    # What a module makes together with something else, such as a product with its bias, has no value there.
    recorded = getattr(measured, "values", derived) if measured is not fits else derived if asked is None else asked
    missing = [o for o in derived if o in recorded and o not in fits and o.quantity in seen and o.step <= last]
    # |W|_2 is missing where W(0) was not drawn in full.
    zero = [o for o in missing if o.quantity != "W_spectral" and role[o] == "asserted"]
    if network.of_module:  # which has no gradient in front of its first trained weight
        zero = [one for one in zero if one.quantity not in _SENT_BACK]
    unmeasured = tuple(o for o in zero if derived[o] != MINUS_INFINITY)
    known = {(one.quantity, one.layer) for one in derived}
    # Theory speaks of the last copy of a repeated block; copies before it have a number behind their name.
    named = [one for one in sorted(fits) if "[" not in one.layer]
    omitted = [one for one in named if (one.quantity, one.layer) not in known and one.quantity in ASSERTED]
    reasons = [
        "its initial output fades too slowly from the residual: train the centered output"
        if not centered and fades_slowly(network, derived)
        else "",
        f"the theory says nothing of {omitted[0]}, which was measured" if omitted else "",
        "" if any(one.role == "asserted" and one.of.quantity in CHANGES for one in comparisons) else NOTHING_ASSERTED,
        "" if stable else _not_yet_exploded(comparisons),
    ]
    unasked = next(filter(None, reasons), "")
    judged = judge(comparisons, unmeasured, excluded or delta, unasked, explodes=not stable)
    return Agreement(comparisons, unmeasured, delta, *judged, hindrance(comparisons, unmeasured, unasked))


def loss_of_its_own(
    network: Network,
    derived: Mapping[Observable, Exponent],
    fits: Mapping[Observable, Fit | Diverged],
    delta: Fraction,
) -> Fit | None:
    """What the loss of a torch module sends back to its output, if it is of another order than where targets are fixed,
    as where an output that falls is its own target. All gradients then are off by one factor: where updates see that,
    changes are off as well, and are asserted."""
    residual = Observable("d", network.function.name, 0)
    order, fit = derived.get(residual, MINUS_INFINITY), fits.get(residual)
    if not network.of_module or order == MINUS_INFINITY or not isinstance(fit, Fit):
        return None
    return fit if fit.low > order + delta or fit.high < order - delta else None


def _not_yet_exploded(comparisons: Sequence[Comparison[Observable]]) -> str:
    """Why an unstable theory is not confirmed; empty if training diverged or the loss grows with the width."""
    for one in comparisons:
        is_loss = one.of.quantity == "loss" and one.of.step > 0
        if isinstance(one.fit, Diverged) or (is_loss and one.fit.low > 0):
            return ""
    return "it is unstable in theory, but does not explode yet: larger widths or more updates would tell"


def judge(
    comparisons: Sequence[Comparison[Observable]],
    unmeasured: Sequence[Observable] = (),
    delta: Fraction = DELTA,
    unasked: str = "",
    *,
    explodes: bool = False,
) -> tuple[Verdict, str]:
    """The verdict of the whole and its reason, of one measurement or of several together.

    `explodes`: in theory training does, so that it is no failure if it diverged.
    """
    diverged = [one for one in comparisons if isinstance(one.fit, Diverged)]
    if diverged and not explodes:
        return "FAIL", f"training diverged, first of all {diverged[0]}"
    comparisons = [one for one in comparisons if isinstance(one.fit, Fit) or one.role == "asserted"]
    if few := _too_few(comparisons):
        return "INCONCLUSIVE", few
    return equivalence.judge(comparisons, delta, unasked=hindrance(comparisons, unmeasured, unasked))


def hindrance(
    comparisons: Sequence[Comparison[Observable]], unmeasured: Sequence[Observable] = (), unasked: str = ""
) -> str:
    """Why they cannot pass, whatever their exponents are; empty if they can."""
    zero = f"{unmeasured[0]} was exactly zero in half of the runs of some width" if unmeasured else ""
    nothing = "" if any(one.role == "asserted" for one in comparisons) else NOTHING_ASSERTED
    return _too_few(comparisons) or unasked or zero or nothing


def _too_few(comparisons: Sequence[Comparison[Observable]]) -> str:
    return too_few(min((len(one.fit.points) for one in comparisons if isinstance(one.fit, Fit)), default=0))
