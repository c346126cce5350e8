"""The least generalisation of a relation that keeps the limits."""

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from sharing.disclosure.lattice import Search, TooManyNodes
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import MicrodataRisk
from sharing.disclosure.relation import DisclosureError, Relation, known_columns
from sharing.disclosure.rolled_up import Ladder, rolled_up


@dataclass(frozen=True)
class Generalisation:
    """The name of the treatment of each column; `loss` is how far up its ladder a column is, on average, 0 to 1; `asked` how many
    combinations were counted for it; `risk` what the figures are then.
    """

    steps: dict[str, str]
    loss: float
    asked: int
    risk: MicrodataRisk

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "risk": self.risk.as_json()}


def least_generalisation(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    ladders: tuple[Ladder, ...],
    limits: Limits,
    sensitive: tuple[str, ...] = (),
) -> Generalisation | None:
    """The columns of the ladders are the quasi-identifiers. None where not even the last treatments keep the limits. DisclosureError for
    a column that there is not, and for a ladder with a step that parts what the one before it put together.
    """
    known_columns(connection, relation, [ladder.column for ladder in ladders])
    protected = known_columns(connection, relation, sensitive)
    with rolled_up(connection, relation, ladders, protected) as rolled:
        search = Search(
            tuple(len(ladder.steps) - 1 for ladder in ladders), rolled.values, lambda node: rolled.keeps(node, limits)
        )
        try:
            node = search.least()
        except TooManyNodes as error:
            raise DisclosureError(f"The ladders for {relation} hold {error}: give fewer columns or steps.") from None
        if node is None:
            return None
        names = {ladder.column: ladder.steps[level].name for ladder, level in zip(ladders, node, strict=True)}
        return Generalisation(names, search.loss(node), search.asked, rolled.risk(node))
