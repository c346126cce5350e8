"""How counts, shares and what is hidden are written for people, on pages, in messages and in tables alike."""

from decimal import Decimal

# Stands for a value that is not for all eyes.
MASK = "•••"
NOTHING = "–"


def counted(value: int | None) -> str:
    """1234567 as 1,234,567; a dash where there is no number."""
    return NOTHING if value is None else f"{value:,}"


def several(count: int, noun: str) -> str:
    """1 warning, 1,234 warnings."""
    return f"{counted(count)} {noun}" if count == 1 else f"{counted(count)} {noun}s"


def percent(share: float | None) -> str:
    """A measured share, 0.99987 as 99.99 %; never rounded up to 100 % nor down to 0 %."""
    if share is None:
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    shown = min(max(share * 100, 0.01), 99.99)
    return f"{shown:.2f} %" if shown > 99 or shown < 1 else f"{shown:.1f} %"


def exact_percent(share: Decimal) -> str:
    """A share that somebody set, with all its digits: 0.005 as 0.5 %."""
    return f"{(share * 100).normalize():f} %"
