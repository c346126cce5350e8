"""The layout of a fixed-width feed as its contract describes it: columns, record types, totals and date of header and trailer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats.fixed.fields import ENCODINGS, SIGNS, Decoder, Slot
from sources.formats.fixed.text import Codec, Units
from sources.typed_value import scale_of

_MACHINE_BYTES = 8
_LARGEST_PACKED = 19
_OF_BYTES = ("packed", "binary")
# The signs that can be declared of a value; in a zoned one, over its first or its last digit.
_OF_SIGN = {"text": SIGNS, "zoned": ("leading", "trailing")}


@dataclass(frozen=True)
class StatedTotal:
    """A total in the header or trailer: of the records, or the sum of a column."""

    where: str
    slot: Slot
    column: str | None


@dataclass(frozen=True)
class Layout:
    """Where everything stands. `types` are the codes of `header`, `detail` and `trailer` in `type_slot`.

    Positions and lengths count the codec's units. `strips_blanks` tells that the trailing blanks of a record were cut off.
    """

    codec: Codec
    decoder: Decoder
    slots: Mapping[str, Slot]
    record_length: int | None
    type_slot: Slot | None
    types: Mapping[str, Units]
    totals: tuple[StatedTotal, ...]
    date_slot: tuple[str, Slot, str] | None
    strips_blanks: bool

    @property
    def is_text(self) -> bool:
        return all(slot.is_text for slot in self.slots.values())

    @property
    def width(self) -> int:
        """The units that a record has at least."""
        ends = [slot.end for slot in self.slots.values()]
        return max([*ends, self.type_slot.end if self.type_slot else 0])

    @property
    def least(self) -> int:
        """The units that a record has in its line: without blanks that were cut off, up to the last value that is no text."""
        if not self.strips_blanks:
            return self.width
        return max((slot.end for slot in self.slots.values() if slot.encoded_as in _OF_BYTES), default=1)


def layout(contract: Contract) -> Layout:
    """Raises ExtractError where the contract does not say where a value stands, or says it wrongly."""
    return _LayoutReader(contract).read()


# What a contract is asked when it is read.
check = layout


class _LayoutReader:
    def __init__(self, contract: Contract) -> None:
        self.contract, self.options = contract, contract.server.options

    def read(self) -> Layout:
        slots = {column.header: self._slot(column.name, column.custom) for column in self.contract.columns}
        for column in self.contract.columns:
            if "sign" in column.custom and scale_of(column.sql_type) is None and column.sql_type != "DOUBLE":
                raise self._wrong(column.name, "has a sign, but is no number")
        codec = self._codec(slots)
        length = self.options.get("recordLength")
        if length is not None and (not isinstance(length, int) or length < max(slot.end for slot in slots.values())):
            raise self._wrong("recordLength", "is shorter than the columns reach")
        strips_blanks = self.options.get("trailingBlanks") == "stripped"
        if strips_blanks and length is not None:
            raise self._wrong("trailingBlanks", "belongs to records with line ends, and there is a recordLength")
        types = self.options.get("recordTypes") or {}
        return Layout(
            codec=codec, decoder=Decoder(codec), slots=slots, record_length=length,
            type_slot=self._slot("recordTypes", types) if types else None,
            types={role: self._code(codec, str(types[role])) for role in ("header", "detail", "trailer") if role in types},
            totals=tuple(self._total(item) for item in self.options.get("totals") or []), date_slot=self._date_slot(),
            strips_blanks=strips_blanks,
        )  # fmt: skip

    def _code(self, codec: Codec, code: str) -> Units:
        try:
            return codec.units(code.encode(codec.encoding))
        except UnicodeError:
            raise self._wrong("recordTypes", f"has a code that {codec.name} has no characters for") from None

    def _codec(self, slots: Mapping[str, Slot]) -> Codec:
        """Positions count characters, except where a value is made of bytes."""
        forms = [slot.encoded_as for slot in slots.values()]
        forms += [str(item.get("encodedAs")) for item in self.options.get("totals") or []]
        has_bytes = any(form in _OF_BYTES for form in forms)
        counted = self.options.get("positions", "bytes" if has_bytes else "characters")
        if has_bytes and counted == "characters":
            raise self._wrong("positions", "counts characters, but packed and binary numbers are bytes")
        try:
            return Codec(self.contract.server.encoding, in_bytes=counted == "bytes")
        except (LookupError, UnicodeError):
            raise self._wrong("encoding", f"cannot be read by {counted}") from None

    def _slot(self, what: str, described: Mapping[str, Any]) -> Slot:
        try:
            slot = Slot(
                start=int(described["start"]) - 1, length=int(described["length"]),
                encoded_as=str(described.get("encodedAs", "text")), decimals=int(described.get("decimals", 0)),
                sign=str(described.get("sign", "")),
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
        if slot.sign and (slot.encoded_as not in _OF_SIGN or slot.sign not in _OF_SIGN[slot.encoded_as]):
            raise self._wrong(what, "has a sign that such a value cannot have")
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
