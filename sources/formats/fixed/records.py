"""The records of a fixed-width file as matrices of bytes or characters, batch by batch, with those that have another shape apart."""

from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from sources.errors import ExtractError
from sources.formats import BrokenRecord
from sources.formats.fixed.layout import Layout
from sources.formats.fixed.text import Mask, Units

_BATCH_BYTES = 4 << 20
# A line longer than this is no record of any layout.
_MAX_LINE_BYTES = 1 << 20
_LINE_END, _CARRIAGE_RETURN = 10, 13
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Records as they stand in the file: `matrix` has those wide enough, by the numbers `lines` of their records or lines.

    What it is made of is what the layout's positions count: bytes, or the code points of characters.

    `odd` ones are shorter than the layout, or have something behind the end of the usual ones.
    """

    matrix: Units
    lines: Places
    odd: list[tuple[int, Units]] = field(default_factory=list)


class RecordFile:
    """A file of records with line ends, or of records of one length."""

    def __init__(self, path: Path, layout: Layout, agency_name: str, name: str) -> None:
        self.path, self.layout, self.agency_name, self.name = path, layout, agency_name, name
        self.size = path.stat().st_size
        # How long a line usually is; what stands between the layout and that is filler.
        self.usual_length = 0
        length = layout.record_length
        # How many characters there are is known at the end, but no more of them than bytes.
        if length and (0 < self.size < length if layout.codec.in_characters else self.size % length):
            raise self._cut_off(self.size // length, self.size)

    def batches(self) -> Iterator[Batch]:
        return self._of_one_length(self.layout.record_length) if self.layout.record_length else self._of_lines()

    def _of_one_length(self, length: int) -> Iterator[Batch]:
        first, rest = 1, self.layout.codec.units(b"")
        for chunk in self._chunks(max(1, _BATCH_BYTES // length) * length):
            units = np.concatenate([rest, chunk]) if len(rest) else chunk
            whole = len(units) // length * length
            matrix, rest = units[:whole].reshape(-1, length), units[whole:]
            yield Batch(matrix, np.arange(first, first + len(matrix)))
            first += len(matrix)
        if len(rest):
            raise self._cut_off(first - 1, (first - 1) * length + len(rest))

    def _chunks(self, size: int) -> Iterator[Units]:
        """The file in pieces of up to `size` bytes, each of whole characters."""
        decoder = getincrementaldecoder("utf-8")("surrogateescape") if self.layout.codec.in_characters else None
        with self.path.open("rb") as file:
            self._skip_mark(file)
            while chunk := file.read(size):
                yield self.layout.codec.units(
                    decoder.decode(chunk).encode("utf-8", "surrogateescape") if decoder else chunk
                )
            if decoder:
                yield self.layout.codec.units(decoder.decode(b"", final=True).encode("utf-8", "surrogateescape"))

    def _skip_mark(self, file: BinaryIO) -> None:
        if file.read(len(BOM_UTF8)) != BOM_UTF8 or self.layout.codec.encoding != "utf-8":
            file.seek(0)

    def _cut_off(self, records: int, size: int) -> ExtractError:
        return ExtractError(
            f"record {records + 1}: the file has {size} {self.layout.codec.unit}, which is no multiple of its records' "
            f"{self.layout.record_length}: it was cut off, or they have another length; ask {self.agency_name} to send it again, "
            "or mend recordLength"
        )

    def _of_lines(self) -> Iterator[Batch]:
        first, rest = 1, b""
        with self.path.open("rb") as file:
            self._skip_mark(file)
            while chunk := file.read(_BATCH_BYTES):
                content = rest + chunk
                cut = self._end_of_lines(content)
                if cut:
                    batch, count = self._lines(content[:cut], first)
                    yield batch
                    first += count
                rest = content[cut:]
                if len(rest) > _MAX_LINE_BYTES + _BATCH_BYTES:
                    raise ExtractError(
                        f"line {first}: longer than {_MAX_LINE_BYTES} bytes; where records have no line ends, write recordLength"
                    )
        if rest:
            yield self._lines(rest, first)[0]

    def _end_of_lines(self, content: bytes) -> int:
        """Where the last whole line ends; a carriage return at the very end may be half of a line end."""
        cut = content.rfind(b"\n") + 1
        return cut if cut or not self.layout.is_text else content.rfind(b"\r", 0, len(content) - 1) + 1

    def _lines(self, content: bytes, first: int) -> tuple[Batch, int]:
        """The batch, and how many lines it was."""
        data = self.layout.codec.units(content)
        is_end = data == _LINE_END
        if self.layout.is_text:
            # In a record of text, a carriage return alone ends a line too; elsewhere it may be part of a number.
            is_end |= (data == _CARRIAGE_RETURN) & (np.append(data[1:], 0) != _LINE_END)
        ends = np.flatnonzero(is_end)
        is_open = not len(ends) or ends[-1] != len(data) - 1
        if is_open:
            ends = np.append(ends, len(data))
        starts = np.concatenate([[0], ends[:-1] + 1])
        has_return = (ends > starts) & (data[np.maximum(ends - 1, 0)] == _CARRIAGE_RETURN)
        lengths = ends - has_return - starts
        is_wide = lengths >= self.layout.least
        if is_open:
            # Nobody knows whether blanks were cut off from a record without an end, or more than blanks.
            is_wide[-1] = lengths[-1] >= self.layout.width
        is_odd = (~is_wide & (lengths > 0)) | self._has_more(data, starts, lengths)
        lines = np.arange(first, first + len(ends))
        # A blank line is no record.
        is_usual = is_wide & ~is_odd & (lengths > 0)
        odd = [(int(lines[at]), data[starts[at] : starts[at] + lengths[at]]) for at in np.flatnonzero(is_odd)]
        return Batch(self._gathered(data, starts[is_usual], lengths[is_usual]), lines[is_usual], odd), len(ends)

    def _has_more(self, data: Units, starts: Places, lengths: Places) -> Mask:
        """The lines with something behind the end of the usual ones."""
        is_wide = lengths >= self.layout.width
        if not self.usual_length and is_wide.any():
            counts = np.bincount(lengths[is_wide])
            # Where the lines are of all lengths, what stands behind the layout is a remark that nobody declared.
            is_habit = 2 * counts.max() >= is_wide.sum()
            self.usual_length = int(counts.argmax()) if is_habit else _MAX_LINE_BYTES + _BATCH_BYTES
        has_more = np.zeros(len(lengths), dtype=bool)
        # One by one, because only few lines are longer than the usual one.
        for at in np.flatnonzero(is_wide & (lengths > self.usual_length)):
            behind = data[starts[at] + self.usual_length : starts[at] + lengths[at]]
            has_more[at] = (behind != self.layout.codec.blank).any()
        return has_more

    def _gathered(self, data: Units, starts: Places, lengths: Places) -> Units:
        """As much as the layout is wide from each start, one record a row; where a record ends before that, there are blanks."""
        width = self.layout.width
        is_short = lengths < width
        if not is_short.any():
            return _windows(data, starts, width)
        blank = self.layout.codec.blank
        matrix = _windows(np.append(data, np.full(width, blank, data.dtype)), starts, width).copy()
        matrix[np.arange(width) >= lengths[:, np.newaxis]] = blank
        return matrix


def _windows(data: Units, starts: Places, width: int) -> Units:
    if len(starts) > 1 and (np.diff(starts) == starts[1] - starts[0]).all():
        strides = int(starts[1] - starts[0]) * data.itemsize, data.itemsize
        return np.lib.stride_tricks.as_strided(data[starts[0] :], (len(starts), width), strides, writeable=False)
    if not len(starts):
        return data[:0].reshape(0, width)
    found: Units = np.lib.stride_tricks.sliding_window_view(data, width)[starts]
    return found


class Sorter:
    """Tells the records of a batch apart: details, header, trailer, and the broken ones with their reasons."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.broken: list[BrokenRecord] = []
        # At most two of each are kept: more than one is refused.
        self.envelopes: dict[str, list[tuple[int, Units]]] = {"header": [], "trailer": []}

    def details(self, batch: Batch) -> tuple[Units, Places]:
        """The rows of a batch and their numbers; what else it holds is noted."""
        good = self._details_by_type(batch)
        good &= self._decodable(batch, good)
        for number, record in batch.odd:
            self._sort_odd(number, record)
        if good.all():
            return batch.matrix, batch.lines
        return batch.matrix[good], batch.lines[good]

    def _details_by_type(self, batch: Batch) -> Mask:
        is_role = {role: self._has_type(batch.matrix, role) for role in self.layout.types}
        for role, kept in self.envelopes.items():
            if role in is_role:
                found = np.flatnonzero(is_role[role])[:2]
                kept += [(int(batch.lines[at]), batch.matrix[at]) for at in found]
        is_envelope = np.zeros(len(batch.lines), dtype=bool)
        for role in set(is_role) - {"detail"}:
            is_envelope |= is_role[role]
        is_detail = is_role.get("detail", ~is_envelope)
        self._reject(batch, ~is_detail & ~is_envelope, "a record type that the layout does not know")
        return is_detail

    def _has_type(self, matrix: Units, role: str) -> Mask:
        slot, code = self.layout.type_slot, self.layout.types[role]
        if slot is None or len(code) != slot.length:
            return np.zeros(len(matrix), dtype=bool)
        found: Mask = (matrix[:, slot.start : slot.end] == code).all(axis=1)
        return found

    def _sort_odd(self, number: int, record: Units) -> None:
        """A header or trailer may be shorter or longer than the details."""
        slot = self.layout.type_slot
        for role, kept in self.envelopes.items():
            if slot and np.array_equal(record[slot.start : slot.end], self.layout.types.get(role, ())):
                kept.append((number, record))
                return
        is_short = len(record) < self.layout.width
        expected = f"at least {self.layout.width} are expected" if is_short else "the others have fewer"
        reason = f"a record of {len(record)} {self.layout.codec.unit}, where {expected}"
        self.broken.append(BrokenRecord(number, reason, self._shown(record)))

    def _decodable(self, batch: Batch, details: Mask) -> Mask:
        """False for the records with bytes in a text that mean nothing in the encoding."""
        good = self._without_line_ends(batch, details)
        for header, slot in self.layout.slots.items():
            if slot.is_text:
                wrong = self.layout.codec.invalid(batch.matrix[:, slot.start : slot.end]) & details & good
                if wrong.any():
                    self._reject(batch, wrong, f"bytes in {header} that are not valid {self.layout.codec.name}")
                    good &= ~wrong
        return good

    def _without_line_ends(self, batch: Batch, details: Mask) -> Mask:
        """False for the records of one length with a line end in them: they begin elsewhere than the layout says."""
        good = np.ones(len(batch.lines), dtype=bool)
        if self.layout.record_length and self.layout.is_text:
            # The filler may well be a line end that the length counts in.
            wrong = np.zeros(len(batch.lines), dtype=bool)
            for slot in self.layout.slots.values():
                raw = batch.matrix[:, slot.start : slot.end]
                wrong |= ((raw == _LINE_END) | (raw == _CARRIAGE_RETURN)).any(axis=1) & details
            self._reject(batch, wrong, "a line end within the record, which may have another length than recordLength")
            good &= ~wrong
        return good

    def _reject(self, batch: Batch, wrong: Mask, reason: str) -> None:
        self.broken += [
            BrokenRecord(int(batch.lines[at]), reason, self._shown(batch.matrix[at])) for at in np.flatnonzero(wrong)
        ]

    def _shown(self, record: Units) -> str:
        """As text where the record is text, otherwise its bytes in hexadecimal."""
        return self.layout.codec.text(record) if self.layout.is_text else record.tobytes().hex()
