"""A sample held against a draft: what the night's gate would say, without its suite."""

from pathlib import Path

from expectations.draft_trial import held_against
from expectations.gate import gate_extract
from sources.contract.load import load
from sources.landing.land_extract import land_extract
from tests.conftest import Feed, columns


def test_it_is_the_gates_own_word(tmp_path: Path) -> None:
    """Two writings of one moment contradict each other: both rows are rejected, and one that breaks a rule too counts once."""
    path = Feed(
        columns(at="timestamp", n="integer, required: true"), path=str(tmp_path / "s.csv"), threshold="1 %"
    ).write(tmp_path)
    lines = [f"2026-01-01T00:{minute:02}:00Z,{minute}" for minute in range(50)]
    (tmp_path / "s.csv").write_text("\n".join(["at,n", *lines, "2026-01-01T00:00:00+00:00,", ""]))
    held = held_against(path.read_text(), "a", "f")
    assert (held.sent, held.rejected) == (51, 2)
    assert held.refusal.startswith("3.9 % of its rows are rejected: at: the same key as another row (")
    assert "such as line 2)" in held.refusal
    gated = tmp_path / "gated"
    gated.mkdir()
    contract = load(path)
    land_extract(contract, tmp_path / "landed")
    assert gate_extract(contract, tmp_path / "landed", gated)[0].rows_rejected == held.rejected
