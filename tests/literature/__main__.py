"""The published results that are derived, counted and listed by paper, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from tests.literature import RESULTS
from tests.literature.disputes import DISPUTES

_NUMBER = re.compile(r"\b(\d{4}\.\d{4,5})\b")
_HEAD = """# Published results that are derived

{results} results of {papers} papers, each of which the rules give back, while those next to it, such as an exponent
that differs by 1/4, are refused. `tests/literature/` holds them as data, the packages hold none of them, and
`tests/symbolic/derivation/test_literature.py` derives them. This page is what `python -m tests.literature` prints.
"""


def page() -> str:
    """The whole page."""
    papers = sorted({result.paper for result in RESULTS})
    head = _HEAD.format(results=len(RESULTS), papers=len(papers))
    return "\n".join([head, *_table(), "", *_disputes()]) + "\n"


def _table() -> Iterator[str]:
    yield "| paper | where | what |"
    yield "|---|---|---|"
    for paper, found in groupby(sorted(RESULTS, key=lambda one: one.paper), key=lambda one: one.paper):
        for number, result in enumerate(found):
            yield f"| {_linked(paper) if not number else ''} | {result.place} | {result.says} |"


def _disputes() -> Iterator[str]:
    yield "## Where they differ"
    yield ""
    yield "Each was decided by training (`tests/agreement/test_disputes.py`)."
    for one in DISPUTES:
        yield ""
        yield f"**{_linked(one.paper)}, {one.place}: {one.says}.** {one.verdict}"


def _linked(paper: str) -> str:
    return _NUMBER.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", paper)


if __name__ == "__main__":
    print(page(), end="")
