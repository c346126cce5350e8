"""The layout of a fixed-width feed as its contract describes it: columns, record types, totals and date of header and trailer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.formats.fixed_fields import ENCODINGS, Codec, Slot

_MACHINE_BYTES = 8
_LARGEST_PACKED = 19


@dataclass(frozen=True)
class StatedTotal:
    """A total in the header or trailer: of the records, or the sum of a column."""

    where: str
    slot: Slot
    column: str | None


@dataclass(frozen=True)
class Layout:
    """Where everything stands. `types` are the codes of `header`, `detail` and `trailer` in `type_slot`."""

    codec: Codec
    slots: Mapping[str, Slot]
    record_length: int | None
    type_slot: Slot | None
    types: Mapping[str, bytes]
    totals: tuple[StatedTotal, ...]
    date_slot: tuple[str, Slot, str] | None

    @property
    def is_text(self) -> bool:
        return all(slot.is_text for slot in self.slots.values())

    @property
    def width(self) -> int:
        """The bytes that a record must have at least."""
        ends = [slot.end for slot in self.slots.values()]
        return max([*ends, self.type_slot.end if self.type_slot else 0])


def layout(contract: Contract) -> Layout:
    """Raises ExtractError where the contract does not say where a value stands, or says it wrongly."""
    return _LayoutReader(contract).read()


class _LayoutReader:
    def __init__(self, contract: Contract) -> None:
        self.contract, self.options = contract, contract.server.options

    def read(self) -> Layout:
        try:
            codec = Codec(self.contract.server.encoding)
        except (LookupError, UnicodeError):
            raise self._wrong("encoding", "is not one of one byte a character, nor UTF-8") from None
        slots = {column.header: self._slot(column.name, column.custom) for column in self.contract.columns}
        length = self.options.get("recordLength")
        if length is not None and (not isinstance(length, int) or length < max(slot.end for slot in slots.values())):
            raise self._wrong("recordLength", "is shorter than the columns reach")
        types = self.options.get("recordTypes") or {}
        return Layout(
            codec=codec, slots=slots, record_length=length, type_slot=self._slot("recordTypes", types) if types else None,
            types={name: str(types[name]).encode(codec.encoding) for name in ("header", "detail", "trailer") if name in types},
            totals=tuple(self._total(item) for item in self.options.get("totals") or []), date_slot=self._date_slot(),
        )  # fmt: skip

    def _slot(self, what: str, described: Mapping[str, Any]) -> Slot:
        try:
            slot = Slot(
                start=int(described["start"]) - 1, length=int(described["length"]),
                encoded_as=str(described.get("encodedAs", "text")), decimals=int(described.get("decimals", 0)),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise self._wrong(what, "does not say start and length as whole numbers") from None
        if slot.start < 0 or slot.length < 1 or slot.decimals < 0 or slot.encoded_as not in ENCODINGS:
            raise self._wrong(
                what, f"has a start, length or decimals out of range, or is not one of {', '.join(ENCODINGS)}"
            )
        too_long = {"binary": _MACHINE_BYTES, "packed": _LARGEST_PACKED}.get(slot.encoded_as, 38)
        if not slot.is_text and (slot.length > too_long or slot.decimals > slot.digits):
            raise self._wrong(
                what, f"is longer than the {too_long} bytes of a number, or has more decimals than digits"
            )
        return slot

    def _total(self, item: Mapping[str, Any]) -> StatedTotal:
        if item.get("in") not in ("header", "trailer") or item.get("of") not in ("count", "sum"):
            raise self._wrong("totals", "is not `in` header or trailer and `of` count or sum")
        column = str(item.get("column")) if item["of"] == "sum" else None
        exact = {known.name for known in self.contract.columns if known.sql_type not in ("DOUBLE", "VARCHAR")}
        if column is not None and column not in exact:
            raise self._wrong("totals", f"sums {column}, which is no column of exact numbers")
        return StatedTotal(str(item["in"]), self._slot("totals", item), column)

    def _date_slot(self) -> tuple[str, Slot, str] | None:
        stated = self.options.get("statedDate")
        if not stated:
            return None
        if stated.get("in") not in ("header", "trailer"):
            raise self._wrong("statedDate", "is not `in` header or trailer")
        return str(stated["in"]), self._slot("statedDate", stated), str(stated.get("format", "yyyyMMdd"))

    def _wrong(self, what: str, fault: str) -> ExtractError:
        return ExtractError(f"{what} of {self.contract.path.name} {fault}; mend the contract")
