"""What is otherwise than the night before, and what is unlike many nights before."""

from collections.abc import Iterator

from nights.record.past import Past
from sources.contract.model import Contract

MOST_CHANGES = 40
_CHANGED_STATES = """
    WITH now AS (FROM feed_night WHERE extract_date = ?),
    was AS (FROM feed_night WHERE extract_date = ?)
    SELECT agency || '/' || feed,
      coalesce(was.status, 'not pulled') AS before, coalesce(now.status, 'not pulled') AS after
    FROM now FULL JOIN was USING (agency, feed)
    WHERE before <> after
    ORDER BY 1"""
_LAST_NIGHTS = """
    SELECT agency || '/' || feed AS name, max(extract_date)
    FROM feed_night
    GROUP BY 1
    ORDER BY 1"""
# A rule that was not there before is told where it fails.
_CHANGED_RULES = """
    WITH now AS (FROM gate_result WHERE extract_date = ?),
    was AS (FROM gate_result WHERE extract_date = ?)
    SELECT agency || '/' || feed, rule, now.passed, now.unexpected_count
    FROM now LEFT JOIN was USING (agency, feed, rule)
    WHERE now.passed <> coalesce(was.passed, true)
    ORDER BY now.passed, now.severity, 1, 2"""
_CHANGED_FINDINGS = """
    WITH counted AS (
      SELECT rule, count(*) FILTER (WHERE extract_date = ?) AS now, count(*) FILTER (WHERE extract_date = ?) AS was
      FROM finding
      GROUP BY rule
    )
    SELECT *
    FROM counted
    WHERE now <> was
    ORDER BY abs(now - was) DESC, rule"""


def changes_of(past: Past) -> Iterator[str]:
    """In words, the most serious first."""
    if past.before is None:
        return
    for feed, was, now in past.rows(_CHANGED_STATES, past.night, past.before):
        yield f"{feed} was {was.replace('_', ' ')} and is {now.replace('_', ' ')}"
    known = {contract.name for contract in past.contracts}
    for feed, last in past.rows(_LAST_NIGHTS):
        if feed not in known:
            yield f"{feed} has no contract any more; its last night was {last}"
    for feed, rule, passed, count in past.rows(_CHANGED_RULES, past.night, past.before):
        yield f"{feed}: {rule} {'holds again' if passed else f'does not hold ({count:,})'}"
    for rule, now, was in past.rows(_CHANGED_FINDINGS, past.night, past.before):
        yield f"findings of {rule.replace('_', ' ')}: {was:,} before, {now:,} now"


def anomalies(past: Past, contract: Contract | None = None) -> list[tuple[str, str, str, str]]:
    """Agency, feed, measure and what is said of each anomaly of the night."""
    of_feed = "AND agency = ? AND feed = ?" if contract else ""
    tonight = f"""
        SELECT agency, feed, measure, description
        FROM anomaly
        WHERE extract_date = ? {of_feed}
        ORDER BY ALL"""
    found = past.rows(tonight, past.night, *(past.of_feed(contract) if contract else []))
    return [(agency, feed, measure, description) for agency, feed, measure, description in found]
