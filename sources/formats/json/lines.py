"""JSON Lines: one object a line. Usual lines go to the engine, which is quick; the others are read strictly, one by one."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Place, Reading
from sources.formats.encoding.transcoded import in_utf8
from sources.formats.json.record import JsonRecord, RecordShape, StrictDecoder, staged
from sources.formats.json.template import Template, template
from sources.formats.staged import StagedReading, known_headers, refuse_if_empty_snapshot
from warehouse.engines.duckdb.engine import quoted

# The expression is compiled anew for each block, and each thread holds one.
_BLOCK_BYTES = 16 << 20
_COPY_BYTES = 1 << 20
# Where two threads write in the order of the file, the engine holds more the longer it is; of a large one that is too much.
_LARGE_BYTES = 1 << 30
# A line is read as a whole; the engine's own limit is the same.
MAX_LINE_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"
_THREADS = 4
_LINE_END = 10
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one file. Raises ExtractError where it is not in its encoding, has a line without end, or no record in a snapshot."""
    lines = _Lines(contract, in_utf8(paths[0], contract.server.encoding, scratch).path)
    refuse_if_empty_snapshot(contract, lines.records > 0)
    shape = RecordShape(contract)
    usual_keys = list(lines.template.types) if lines.template and lines.usual else []
    shape.seen.update(usual_keys)
    new = [key for key in usual_keys if key not in shape.keys]
    found = staged(connection, shape, lines.odd_records, scratch / "odd.parquet", new)
    odd = found.reading
    if not lines.usual and not found.has_records:
        _refuse_if_all_broken(contract, odd.broken())
    missing = set(shape.paths) - set(known_headers(contract, shape.seen, lines.records > 0))
    odd.headers = tuple(header for header in odd.headers if header not in missing)
    if paths[0].stat().st_size > _LARGE_BYTES:
        connection.execute("SET threads = 1")
    return JsonLinesReading(lines, odd, scratch)


def _refuse_if_all_broken(contract: Contract, broken: list[BrokenRecord]) -> None:
    if broken:
        raise ExtractError(
            f"line {broken[0].line}: {broken[0].reason}, and no line of the file is a JSON object; declare format: json for "
            f"one document of many lines, or ask {contract.agency_name} for one object a line"
        )


class JsonLinesReading(Reading):
    """One file, its usual lines and then its odd ones; see `formats.Reading`."""

    def __init__(self, lines: "_Lines", odd: StagedReading, scratch: Path) -> None:
        self._lines, self._odd = lines, odd
        self.headers, self.relation = odd.headers, odd.relation
        if lines.template is None or not lines.usual:
            return
        if not len(lines.odd):
            self.headers = tuple(lines.template.types)
            self.types = {key: kind for key, kind in lines.template.types.items() if kind != "VARCHAR"}
            self.relation = lines.template.relation(str(lines.path))
            return
        usual = scratch / "usual.jsonl"
        lines.copy_usual(usual)
        columns = ", ".join(map(quoted, self.headers))
        as_texts = lines.template.texts(str(usual), self.headers)
        self.relation = f"({as_texts} UNION ALL SELECT {columns} FROM {odd.relation})"

    def broken(self) -> list[BrokenRecord]:
        return self._odd.broken()

    def open_line(self) -> int | None:
        """An object that is whole was not cut off, whatever its values are."""
        broken = self._odd.broken()
        return self._lines.open_line if broken and broken[-1].line == self._lines.open_line else None

    def records(self, found: int) -> int:
        """As many as there are lines that are not blank."""
        return self._lines.records

    def places(self, positions: list[int]) -> list[Place]:
        usual = self._lines.usual
        first = self._lines.usual_lines(np.array([item for item in positions if item <= usual], dtype=np.int64))
        rest = self._odd.places([item - usual for item in positions if item > usual])
        return [*(Place(int(line)) for line in first), *rest]


@dataclass(frozen=True)
class _Block:
    """What was found in one run of lines: how many there are; odd and blank ones by their numbers in it, from 0."""

    lines: int
    odd: Numbers
    odd_ends: Numbers
    blank: Numbers


_NONE: Numbers = np.empty(0, dtype=np.int64)


class _Lines:
    """The lines of a file, looked through once: which of them are usual, odd or blank."""

    def __init__(self, contract: Contract, path: Path) -> None:
        self.contract, self.path = contract, path
        self._size = path.stat().st_size
        self.template: Template | None = template(contract, self._first_record())
        self._search()

    @property
    def records(self) -> int:
        return self._count - len(self._blank)

    @property
    def usual(self) -> int:
        return self.records - len(self.odd)

    @property
    def open_line(self) -> int | None:
        if not self._size:
            return None
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return None if file.read(1) == b"\n" else self._count

    def usual_lines(self, positions: Numbers) -> Numbers:
        """The line numbers of the usual lines with these positions among themselves, from 1."""
        others = np.sort(np.concatenate([self.odd, self._blank]))
        usual_before = others - 1 - np.arange(len(others))
        found: Numbers = positions + np.searchsorted(usual_before, positions, side="left")
        return found

    def odd_records(self) -> Iterator[JsonRecord]:
        decoder = StrictDecoder()
        with self.path.open("rb") as file:
            for line, (start, end) in zip(self.odd, self._odd_spans, strict=True):
                file.seek(start)
                yield _record(decoder, int(line), file.read(end - start))

    def copy_usual(self, target: Path) -> None:
        """Write the lines that are not odd; blank ones do no harm."""
        with self.path.open("rb") as file, target.open("wb") as out:
            for start, end in [*self._odd_spans, (self._size, self._size)]:
                while (left := start - file.tell()) > 0:
                    out.write(file.read(min(left, _COPY_BYTES)))
                file.seek(end)

    def _first_record(self) -> object:
        with self.path.open("rb") as file:
            line = file.readline(MAX_LINE_BYTES)
        return _record(StrictDecoder(), 1, line).value

    def _search(self) -> None:
        spans = list(self._spans())
        # The expressions run outside Python's lock, so that blocks are looked through side by side.
        with ThreadPoolExecutor(_THREADS) as pool:
            blocks = list(pool.map(self._block, spans))
        firsts = np.cumsum([1, *(block.lines for block in blocks)])
        self._count = int(firsts[-1]) - 1
        self.odd = np.concatenate([_NONE, *(block.odd + first for block, first in zip(blocks, firsts, strict=False))])
        self._blank = np.concatenate(
            [_NONE, *(block.blank + first for block, first in zip(blocks, firsts, strict=False))]
        )
        ends = [block.odd_ends + begin for block, (begin, _) in zip(blocks, spans, strict=True)]
        self._odd_spans = np.concatenate([_NONE.reshape(0, 2), *ends])

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Blocks that end where a line ends."""
        begin = 0
        with self.path.open("rb") as file:
            while begin < self._size:
                file.seek(min(begin + _BLOCK_BYTES, self._size))
                if len(file.readline(MAX_LINE_BYTES + 1)) > MAX_LINE_BYTES:
                    raise ExtractError(
                        f"a line is longer than {MAX_LINE_BYTES} bytes; ask {self.contract.agency_name} for one record a line"
                    )
                yield begin, file.tell()
                begin = file.tell()

    @cached_property
    def _expressions(self) -> tuple[str, str]:
        """Of a whole block of usual lines, and of one usual line; without a template no line is usual."""
        line = self.template.line if self.template else r"[^\x00-\x{10FFFF}]"
        return rf"\A(?:{line}\n)*(?:{line})?\z", rf"\A{line}\n?\z"

    def _block(self, span: tuple[int, int]) -> _Block:
        content = self._content(span)
        whole, single = self._expressions
        all_of_it = np.array([0, len(content)], dtype=np.int32)
        if pc.match_substring_regex(_strings(content, all_of_it), whole)[0].as_py():
            open_end = int(content[-1] != _LINE_END)
            return _Block(int(np.count_nonzero(content == _LINE_END)) + open_end, _NONE, _NONE.reshape(0, 2), _NONE)
        ends = np.flatnonzero(content == _LINE_END) + 1
        if content[-1] != _LINE_END:
            ends = np.append(ends, len(content))
        offsets = np.concatenate([[0], ends]).astype(np.int32)
        lines = _strings(content, offsets)
        matched = _as_mask(pc.match_substring_regex(lines, single))
        blank = _as_mask(pc.match_substring_regex(lines, r"\A[ \t\r\n]*\z"))
        odd = np.flatnonzero(~matched & ~blank)
        spans = np.stack([offsets[odd], offsets[odd + 1]], axis=1).astype(np.int64)
        return _Block(len(lines), odd, spans, np.flatnonzero(blank))

    def _content(self, span: tuple[int, int]) -> Bytes:
        with self.path.open("rb") as file:
            file.seek(span[0])
            return np.frombuffer(file.read(span[1] - span[0]), dtype=np.uint8)


def _strings(content: Bytes, offsets: npt.NDArray[np.int32]) -> pa.StringArray:
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(content))


def _as_mask(found: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return mask


def _record(decoder: StrictDecoder, line: int, raw: bytes) -> JsonRecord:
    raw = (raw.removeprefix(_BOM) if line == 1 else raw).strip(b" \t\r\n")
    text = raw.decode(errors="replace")
    try:
        raw.decode()
        value, end, fault = decoder.decode(text)
    except UnicodeDecodeError:
        return JsonRecord(line, "", text, None, "bytes that are not valid UTF-8")
    except json.JSONDecodeError as error:
        return JsonRecord(line, "", text, None, f"not JSON: {error.msg} at character {error.pos + 1}")
    except ValueError as error:
        return JsonRecord(line, "", text, None, f"not JSON: {error}")
    if end < len(text):
        fault = f"not JSON: more text after the value at character {end + 1}"
    return JsonRecord(line, "", text, value, fault)
