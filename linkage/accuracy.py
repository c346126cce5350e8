"""How good a linkage is where the truth is known: precision and recall over pairs, by threshold; the model as a chart."""

from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import duckdb

from linkage.compare.splink_model import REST
from linkage.declare.entity import Entity
from warehouse.files import write_text


@dataclass(frozen=True)
class Quality:
    """Counts of pairs of records: found and true, found, true."""

    right: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def measure(connection: duckdb.DuckDBPyConnection, result: str, truth: str) -> Quality:
    """`result` as `resolve` names it, `truth` a table (source, source_key, person_id); records of which the truth is unknown are left out."""
    joined = f"""
        SELECT entity_id, person_id
        FROM {result} JOIN {truth} USING (source, source_key)
        WHERE person_id IS NOT NULL"""
    return Quality(*(_pairs(connection, joined, by) for by in ("entity_id, person_id", "entity_id", "person_id")))


def _pairs(connection: duckdb.DuckDBPyConnection, joined: str, by: str) -> int:
    """How many pairs of records agree in `by`."""
    found = connection.execute(f"""
        WITH size AS (SELECT count(*) AS k FROM ({joined}) GROUP BY {by})
        SELECT coalesce(sum(k * (k - 1) // 2), 0)
        FROM size""").fetchone()
    return int(found[0]) if found else 0


def thresholds(
    connection: duckdb.DuckDBPyConnection, inputs: dict[str, str], config: Entity, truth: str, weights: list[float]
) -> list[tuple[float, Quality]]:
    """Precision and recall for each match weight (bits): what a threshold costs and brings."""
    from dataclasses import replace

    from linkage.resolve import resolve

    found = []
    for weight in weights:
        tried = replace(config, match_weight=weight, review_weight=min(weight, config.review_weight))
        found.append((weight, measure(connection, resolve(connection, inputs, tried), truth)))
    return found


def write_chart(path: Path, entity: Entity, shares: dict[str, Any]) -> None:
    """The bits that each answer of the model is worth, as an SVG picture that needs nothing else."""
    rows = [
        (f"{item.name}: {label}", log2(m / u))
        for item in entity.comparisons
        for label, (m, u) in zip([*(level.label for level in item.levels), REST], shares[item.name], strict=True)
    ]
    write_text(path, _svg(rows))


def _svg(rows: list[tuple[str, float]]) -> str:
    from xml.sax.saxutils import escape

    widest = max(abs(bits) for _, bits in rows) or 1
    lines = []
    for at, (label, bits) in enumerate(rows):
        top, width = 24 + at * 20, abs(bits) / widest * 190
        left, colour = (520, "#2a6f97") if bits >= 0 else (520 - width, "#b5542b")
        lines.append(f'<text x="320" y="{top + 11}" text-anchor="end">{escape(label)}</text>')
        lines.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="14" fill="{colour}"/>')
        lines.append(
            f'<text x="{(left + width + 4 if bits >= 0 else left - 4):.1f}" y="{top + 11}" text-anchor="{"start" if bits >= 0 else "end"}">{bits:.1f}</text>'
        )
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="780" height="{40 + len(rows) * 20}" font-family="sans-serif" font-size="12">\n'
        f'<title>What each answer is worth, in bits</title>\n<text x="520" y="14" text-anchor="middle">bits for or against a match</text>\n{body}\n</svg>\n'
    )
