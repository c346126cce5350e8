"""What the attacker is assumed to know and to want."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sharing.disclosure.relation import Relation

AttackName = Literal["singling_out_by_one", "singling_out_by_several", "linkage", "inference", "differencing"]


@dataclass(frozen=True)
class AuxiliaryFile:
    """What the attacker holds beside the release: columns of the same names as the original's, found by `key`, a column of both. The key
    tells only whether a guess was right.
    """

    relation: Relation
    key: str


@dataclass(frozen=True)
class AttackSettings:
    """`control` has the columns of the original and people who are not in the release: as many as are in it, best of all; fewer let the
    gain of singling out seem larger. `known` are columns that the attacker knows of a person, `protected` those that he is after.
    `as_released` is the SQL by which a column of the original becomes what the release shows of it, where that is not itself: the
    attacker knows the treatments. `earlier` is the release before this one to the same recipient, `earlier_original` what it was
    made from. The same seed makes the same attack.
    """

    control: Relation
    known: tuple[str, ...]
    protected: tuple[str, ...] = ()
    as_released: Mapping[str, str] = field(default_factory=dict)
    auxiliary: AuxiliaryFile | None = None
    compared: tuple[str, ...] = ()
    earlier: Relation | None = None
    attempts: int = 1000
    seed: int = 0
    confidence: float = 0.95
