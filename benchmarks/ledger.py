"""The ledger beside bare writing and hashing, and falsifications that must be found.

    python -m benchmarks.ledger [ENTRIES] [TAMPERINGS]

Peers: writing the same lines to a file with one wait for the disk; hashing them once; a minute; and every falsification there was.
"""

import hashlib
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import typer

from benchmarks.report import Ratio, report, seconds
from benchmarks.tampering import keeper
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.verify import verify

_BATCH = 10_000
_MINUTE = 60.0


def main(entries: int, tamperings: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ratios = [*_append_and_verify(Path(folder) / "large", entries), _single(Path(folder) / "single")]
        ratios.append(_tampered(Path(folder) / "tampered", tamperings))
    report("ledger", ratios)


def _append_and_verify(folder: Path, entries: int) -> list[Ratio]:
    ledger = Ledger(folder)
    appending = seconds(lambda: [_append(ledger, start) for start in range(0, entries, _BATCH)])
    content = ledger.path.read_bytes()
    writing = seconds(lambda: _write(folder / "bare", content))
    hashing = seconds(lambda: [hashlib.sha256(b"\0" + line).digest() for line in content.splitlines()])
    verdicts = []
    verifying = seconds(lambda: verdicts.append(verify(ledger, [])))
    if not verdicts[0].holds or verdicts[0].entries != entries:
        raise SystemExit("the ledger of the bench does not hold")
    return [
        Ratio(f"{entries:,} entries appended, {_BATCH:,} at once; peer writes and hashes them", appending, writing + hashing, "at most", 60),
        Ratio(f"{entries:,} entries verified; peer is a minute", verifying, _MINUTE, "at most", 1),
    ]  # fmt: skip


def _append(ledger: Ledger, start: int) -> None:
    numbers = range(start, start + _BATCH)
    ledger.append_all(
        ((Kind.PULL, {"feed": f"civil/{n % 97}", "rows": n, "sha256": hashlib.sha256(b"%d" % n).hexdigest()}) for n in numbers), "night",
    )  # fmt: skip


def _single(folder: Path) -> Ratio:
    """One by one, as doors do it, beside two waits for the disk each: of the log and of its tree."""
    ledger = Ledger(folder)
    ours = seconds(lambda: [ledger.append(Kind.PULL, {"rows": n}, "night") for n in range(200)])
    bare = seconds(lambda: [_write(folder / f"bare{n % 2}", b"x" * 100) for n in range(400)])
    return Ratio("200 entries appended one by one; peer waits for the disk as often", ours, bare, "at most", 5)


def _tampered(folder: Path, count: int) -> Ratio:
    """As a ratio: the share of falsifications that were found, in the place of seconds."""
    tampered = keeper(folder)
    if not tampered.honest_verdict().holds:
        raise SystemExit("the ledger of the bench does not hold before anything was done to it")
    missed: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for _ in range(count):
        found = tampered.tamper()
        met[f"{found.way}, {found.cover}"] += 1
        if found.verdict.holds:
            missed[f"{found.way}, {found.cover}"] += 1
    for name, times in sorted(met.items()):
        typer.echo(f"{name:<20} {times:6} tried {times - missed[name]:6} found")
    return Ratio(f"{count:,} falsifications found, of so many", count - missed.total(), count, "at least", 1)


def _write(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*[*given, 1_000_000, 10_000][:2] if len(given) != 1 else (given[0], 10_000))
