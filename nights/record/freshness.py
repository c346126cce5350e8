"""Which night's rows of a feed are in use, and whether they are stale: the one answer that run, status and reports give."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from nights.rows.accepted import last_accepted
from sources.contract.model import Contract
from warehouse.home import Home


@dataclass(frozen=True)
class InUse:
    """`night` is that of the newest accepted rows, None where nothing was accepted yet."""

    contract: Contract
    night: date | None

    def is_stale(self, at: datetime) -> bool:
        """Whether newer rows were due by `at`: the next extract is due a frequency later, by its time of day and latency."""
        if self.night is None:
            return True
        level = self.contract.service_level
        promised = datetime.combine(self.night, time.fromisoformat(level.available_by), UTC)
        return at > promised + level.longest_wait


def in_use(contract: Contract, home: Home, until: date) -> InUse:
    """Of the nights up to `until`."""
    used = last_accepted(contract, home, until)
    return InUse(contract, date.fromisoformat(used.name) if used else None)


def moment_of(night: date) -> datetime:
    """From when a night is looked at: now while its day lasts, afterwards the day's end, so that it is told alike for ever."""
    return min(datetime.now(UTC), datetime.combine(night + timedelta(days=1), time(), UTC))
