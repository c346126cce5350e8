"""The model of a comparison in Splink: settings from the declaration, training without labels, saved and used again."""

import json
import logging
import math
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import duckdb

from linkage.compare.blocks import rules
from linkage.compare.conditions import Comparison, Level, comparisons, suffixed
from linkage.declare import entity as declared
from linkage.declare.entity import Entity
from linkage.prepare import steps
from linkage.prepare.scratch import make
from warehouse.engines.duckdb.engine import quoted
from warehouse.files import write_text

_SEED = 1
REST = "anything else"
# Profiles, or pairs, below which an accident would be taken for a rule.
_FEWEST_TO_LEARN = 300
_LARGEST_TO_LEARN = 100
_LEARNT_FROM = 200_000
# Shares nearer to 0 than this are accidents of a small sample.
_LEAST = 1e-6
# A name that occurs once in a million says no more than this.
LEAST_FREQUENCY = 1e-5


def make_settings(entity: Entity, shares: dict[str, Any] | None, only_new: bool) -> Any:
    """Splink's settings; `shares` are what was learnt: by comparison the list of (m, u), and the prior."""
    from splink import SettingsCreator

    shares = shares or {}
    return SettingsCreator(
        link_type="dedupe_only", unique_id_column_name="n", comparisons=[_comparison(item, shares.get(item.name)) for item in comparisons(entity)],
        blocking_rules_to_generate_predictions=[{"blocking_rule": rule} for rule in rules(entity, only_new)],
        probability_two_random_records_match=shares.get("prior", 1e-4), retain_matching_columns=False,
        retain_intermediate_calculation_columns=False, max_iterations=15, em_convergence=0.001,
        additional_columns_to_retain=[],
    )  # fmt: skip


def _comparison(item: Comparison, shares: list[list[float]] | None) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": suffixed(item.absent), "label_for_charts": "absent", "is_null_level": True}
    ]
    known = shares or assumed(item)
    for level, (m, u) in zip(item.levels, known, strict=False):
        found = {
            "sql_condition": suffixed(level.sql),
            "label_for_charts": level.label,
            "m_probability": m,
            "u_probability": u,
        }
        if level.term_frequency:
            found |= {
                "tf_adjustment_column": level.term_frequency,
                "tf_adjustment_weight": 1.0,
                "tf_minimum_u_value": LEAST_FREQUENCY,
            }
        levels.append(found)
    m, u = known[-1]
    levels.append({"sql_condition": "ELSE", "label_for_charts": REST, "m_probability": m, "u_probability": u})
    return {"output_column_name": item.name, "comparison_levels": levels}


def assumed(item: Comparison | declared.Comparison) -> list[list[float]]:
    """(m, u) of each level and of all else, from the declaration; where it says nothing, falling by a factor from level to level."""
    levels: Sequence[Level | declared.Level] = item.levels
    m = [level.m if level.m is not None else 0.8 * 0.2**at for at, level in enumerate(levels)]
    u = [level.u if level.u is not None else 0.01 * 3**at for at, level in enumerate(levels)]
    rest = [max(1 - sum(m), 0.005), max(1 - sum(u), 0.05)]
    return [[a / (sum(m) + rest[0]), b / (sum(u) + rest[1])] for a, b in zip([*m, rest[0]], [*u, rest[1]], strict=True)]


def linker(connection: duckdb.DuckDBPyConnection, table: str, settings: Any) -> Any:
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    # Splink tells of every step; a night's log is not the place.
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    return Linker(api.register(table), settings, log_level=logging.ERROR, validate_settings=False)


def train(connection: duckdb.DuckDBPyConnection, entity: Entity) -> dict[str, Any]:
    """From `compared`: what random pairs (u) and true pairs (m) answer, without labels.

    True pairs are those of kernels, where there are enough of them; otherwise expectation maximisation finds them. What
    cannot be learnt keeps what the declaration assumes.
    """
    shares: dict[str, Any] = {item.name: assumed(item) for item in entity.comparisons}
    shares["prior"] = _prior(connection, entity)
    if _count(connection, "compared") < _FEWEST_TO_LEARN:
        return shares
    size = _make_sample(connection, entity)
    found = linker(connection, "sampled_node", make_settings(entity, shares, only_new=False))
    # All pairs of the sample: Splink would draw its own by numbers that are others in each home.
    found.training.estimate_u_using_random_sampling(
        max_pairs=size * size, seed=_SEED, min_count_per_level=None, num_chunks=1
    )
    shares = _learnt(found, entity, shares)
    by_kernel = _kernel_pairs(connection) >= _FEWEST_TO_LEARN
    _make_training_nodes(connection, entity, (("kernel",),) if by_kernel else entity.training)
    if _count(connection, "training_node") < _FEWEST_TO_LEARN:
        return shares
    found = linker(connection, "training_node", make_settings(entity, shares, only_new=False))
    if by_kernel:
        found.training.estimate_m_from_label_column("kernel")
    else:
        _expectation_maximisation(found, entity)
    return _learnt(found, entity, shares)


def _make_sample(connection: duckdb.DuckDBPyConnection, entity: Entity) -> int:
    """As many profiles as give the pairs that are asked for, by a hash of what they say: the same records, the same sample."""
    size = isqrt(2 * entity.sampled_pairs)
    said = ", ".join(quoted(name) for name in entity.columns if name not in entity.identifiers)
    sample = f"""
        SELECT *
        FROM compared
        ORDER BY hash({said})
        LIMIT {size}"""
    make(connection, steps.sampled_node(entity), sample)
    return size


def _make_training_nodes(
    connection: duckdb.DuckDBPyConnection, entity: Entity, keys: tuple[tuple[str, ...], ...]
) -> None:
    """Profiles with a key that few share: a key that thousands share makes millions of pairs and teaches nothing."""
    small = [
        f"count(*) OVER (PARTITION BY {', '.join(quoted(name) for name in names)}) <= {_LARGEST_TO_LEARN} "
        f"OR {' OR '.join(f'{quoted(name)} IS NULL' for name in names)}"
        for names in keys
    ] or ["false"]
    # Whole groups of one key stay together in the sample where there is one key; of several the first decides.
    order = f"hash({', '.join(quoted(name) for name in keys[0])})" if keys else "n"
    training_node = f"""
        SELECT *
        FROM compared
        QUALIFY {" AND ".join(f"({part})" for part in small)}
        ORDER BY {order}
        LIMIT {_LEARNT_FROM}"""
    make(connection, steps.training_node(entity), training_node)


def _prior(connection: duckdb.DuckDBPyConnection, entity: Entity) -> float:
    """Pairs that agree in all that likely matches agree in, of all pairs there are, corrected by how many such pairs miss."""
    count = _count(connection, "compared")
    pairs = 0
    for names in entity.likely_match:
        columns = ", ".join(quoted(name) for name in names)
        complete = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)
        row = connection.execute(f"""
            SELECT coalesce(sum(k * (k - 1) / 2), 0)
            FROM (SELECT count(*) AS k FROM compared WHERE {complete} GROUP BY {columns})
            WHERE k < 1000""").fetchone()
        pairs += int(row[0]) if row else 0
    every = max(count * (count - 1) / 2, 1)
    # At least one profile in ten has another one: with less nothing would ever be found.
    return min(max(pairs / entity.likely_match_recall / every, 0.2 / max(count, 2)), 0.3)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _kernel_pairs(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("""
        SELECT coalesce(sum(k * (k - 1) / 2), 0)
        FROM (SELECT count(*) AS k FROM compared GROUP BY kernel)""").fetchone()
    return int(row[0]) if row else 0


def _expectation_maximisation(found: Any, entity: Entity) -> None:
    from splink import block_on

    # Splink exports its errors nowhere else.
    from splink.internals.exceptions import SplinkException

    for names in entity.training:
        try:
            found.training.estimate_parameters_using_expectation_maximisation(
                block_on(*names), max_pairs=2e6, record_sample_proportion=0.1
            )
        except (SplinkException, duckdb.Error, ValueError, ZeroDivisionError, TypeError):
            # Too few pairs agree in these columns to learn from: the assumed shares stay.
            continue


def _learnt(found: Any, entity: Entity, shares: dict[str, Any]) -> dict[str, Any]:
    """Learnt shares in place of assumed ones where they make sense: a comparison's first level must speak for a match."""
    said = {
        told["output_column_name"]: told["comparison_levels"] for told in found.misc.save_model_to_json()["comparisons"]
    }
    for item in entity.comparisons:
        learnt = {level["label_for_charts"]: level for level in said.get(item.name, [])}
        answers = [learnt.get(label, {}) for label in (*(level.label for level in item.levels), REST)]
        pairs = [
            [_share(answer.get("m_probability"), m), _share(answer.get("u_probability"), u)]
            for answer, (m, u) in zip(answers, shares[item.name], strict=True)
        ]
        if all(level.is_learnt for level in item.levels) and pairs[0][0] > pairs[0][1]:
            shares[item.name] = pairs
    return shares


def _share(learnt: Any, fallback: float) -> float:
    usable = isinstance(learnt, int | float) and not math.isnan(learnt)
    return min(max(float(learnt), _LEAST), 1 - _LEAST) if usable else fallback


def save(path: Path, entity: Entity, shares: dict[str, Any]) -> None:
    write_text(
        path,
        json.dumps({"entity": entity.entity, "fingerprint": fingerprint(entity), "shares": shares}, indent=2) + "\n",
    )


def load(path: Path, entity: Entity) -> dict[str, Any] | None:
    """What was learnt before; None where nothing was, or for another declaration of the comparisons."""
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return dict(data["shares"]) if data.get("fingerprint") == fingerprint(entity) else None


def fingerprint(entity: Entity) -> str:
    """Changes when what is compared, and how, changes."""
    import hashlib

    records = (entity.columns, entity.derived, entity.identifiers, entity.corroborated_by)
    said = repr((*records, entity.blocking, comparisons(entity)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
