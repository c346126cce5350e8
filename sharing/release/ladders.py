"""How a column may be made coarser than it is, step by step: treatments that an agreement can name, each of which keeps the one before."""

from collections.abc import Iterator

from sharing.agreements.product import SPANS, Kind, Treatment
from sharing.disclosure.rolled_up import Ladder, Step
from sharing.masking.treatments import Column, treated
from warehouse.engines.duckdb.engine import quoted

# Bands each of which is a multiple of the one before it.
_BANDS = (5.0, 10.0, 50.0, 100.0, 1000.0, 10000.0, 100000.0)
_LETTERS = (4, 3, 2, 1)
_AS_IT_IS = "as it is"


def ladder_of(name: str, type_: str) -> Ladder:
    """For a column of what is released."""
    column = Column(name, type_)
    steps = [Step(_AS_IT_IS, quoted(name))]
    steps += [Step(one.words, treated(column, one, "''")) for one in _treatments(column)]
    return Ladder(name, (*steps, Step(Kind.REDACT.value, treated(column, Treatment(Kind.REDACT), "''"))))


def _treatments(column: Column) -> Iterator[Treatment]:
    if column.is_time:
        yield from (Treatment(Kind.GENERALISE, span) for span in SPANS)
    elif column.is_number:
        yield from (Treatment(Kind.GENERALISE, band) for band in _BANDS)
    elif column.is_text:
        yield from (Treatment(Kind.GENERALISE, float(letters)) for letters in _LETTERS)
