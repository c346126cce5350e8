"""A hundred files, each broken in its own way: every record is accounted for, every refusal names file, place and remedy."""

import bz2
import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from sources.contract.load import load
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed, columns
from tests.sources.formats.samples import SAMPLES
from tests.sources.landed import read_back

PROPERTIES = columns(id="integer", name="string", day="date")
LINES = ["id,name,day", *(f"{number},person {number},2026-01-{number:02}" for number in range(1, 21))]
CSV = "\n".join(LINES) + "\n"
Broken = tuple[Feed, bytes]


def feed(name: str = "extract.csv", kind: str = "csv", **options: str) -> Feed:
    return Feed(PROPERTIES, path=name, format=kind, options={"connector": "local", **options})


def line(number: int, text: str) -> bytes:
    """The table with another text on one of its lines."""
    return "\n".join([*LINES[: number - 1], text, *LINES[number:], ""]).encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


def tarred(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname = kind, len(content) if kind == tarfile.REGTYPE else 0, "/etc/passwd"
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


_TABLE = CSV.encode()
_SWAPPED = {name: line(7, text) for name, text in {
    "too few columns": "6,person 6", "too many columns": "6,person 6,2026-01-06,7", "no columns": "x", "only commas": ",,",
    "more commas": ",,,,,,", "a stray quote": '6,"person 6,2026-01-06', "a quote that closes early": '6,"per"son 6,2026-01-06',
    "a quote at the end": '6,person 6,2026-01-06"', "quotes within quotes": '6,"the "6" one",2026-01-06', "a semicolon": "6;person 6;2026-01-06",
    "no number": "six,person 6,2026-01-06", "a decimal": "6.5,person 6,2026-01-06", "no date": "6,person 6,06/01/2026",
    "a day that never was": "6,person 6,2026-02-30", "the header again": LINES[0], "a blank line": "", "spaces": "     ", "a tab": "\t",
    "NUL": "6,person\0 6,2026-01-06", "a formula": "6,=1+1,2026-01-06", "SQL": "6,'; DROP TABLE x; --,2026-01-06",
    "a long value": f"6,{'x' * 100_000},2026-01-06", "a huge number": "9" * 40 + ",x,2026-01-06", "letters of other scripts": "6,人 ‮א,2026-01-06",
    "an empty column too many": "6,,person 6,2026-01-06", "a delimiter at the end": "6,person 6,2026-01-06,", "text after all": "6,person 6,2026-01-06\nThe end",
    "a control character": "6,\x1b[2J,2026-01-06", "a value of two lines": '6,"person\n6",2026-01-06', "two records in one line": LINES[6] + "," + LINES[7],
}.items()}  # fmt: skip
_WHOLE: dict[str, tuple[Feed, bytes]] = {
    "nothing": (feed(), b""), "a line end": (feed(), b"\n"), "a space": (feed(), b" "), "a header alone": (feed(), b"id,name,day\n"),
    "no header": (feed(), CSV.partition("\n")[2].encode()), "another header": (feed(), CSV.replace("day", "date").encode()),
    "a header in capitals": (feed(), CSV.replace("id,name", "ID,NAME").encode()), "a column twice": (feed(), CSV.replace("id,name,day", "id,name,name,day").encode()),
    "a title": (feed(), b"People\n" + _TABLE), "a title to be found": (feed(headerRow="detect"), b"People\n\n" + _TABLE),
    "footnotes": (feed(footer="^Source"), _TABLE + b"Source: x\n"), "other delimiters": (feed(), CSV.replace(",", ";").encode()),
    "delimiters to be found": (feed(dialect="detect"), CSV.replace(",", "|").encode()), "CR": (feed(), CSV.replace("\n", "\r").encode()),
    "mixed line ends": (feed(), CSV.replace("\n", "\r\n", 5).replace("\n", "\r", 3).encode()), "cut off": (feed(), _TABLE[:-8]),
    "cut off in quotes": (feed(), _TABLE + b'21,"x'), "UTF-16": (feed(), CSV.encode("utf-16")), "UTF-16 without a mark": (feed(), CSV.encode("utf-16-le")),
    "another code page": (feed(), line(7, "6,Zoë,2026-01-06").decode().encode("cp1252")), "random bytes": (feed(), bytes(range(256)) * 20),
    "HTML": (feed(), b"<!DOCTYPE html><html><body>Login</body></html>"), "a workbook": (feed(), SAMPLES["excel"].content), "Parquet": (feed(), SAMPLES["parquet"].content),
    "another table": (feed(), _TABLE + b"\nx,y\n1,2\n"), "one line of a megabyte": (feed(), b"x" * 1_000_000),
}  # fmt: skip
_PACKED: dict[str, tuple[Feed, bytes]] = {
    "gzip": (feed("x.csv.gz"), gzip.compress(_TABLE)), "gzip cut off": (feed("x.csv.gz"), gzip.compress(_TABLE)[:-9]),
    "gzip with more behind it": (feed("x.csv.gz"), gzip.compress(_TABLE) + b"garbage"), "no gzip": (feed("x.csv.gz"), _TABLE),
    "bzip2": (feed("x.csv.bz2"), bz2.compress(_TABLE)), "bzip2 cut off": (feed("x.csv.bz2"), bz2.compress(_TABLE)[:-4]),
    "an empty zip": (feed("x.zip"), zipped()), "a zip of folders": (feed("x.zip"), zipped(("a/", b""))), "a zip cut off": (feed("x.zip"), zipped(("a.csv", _TABLE))[:-30]),
    "a damaged member": (feed("x.zip"), zipped(("a.csv", _TABLE)).replace(b"\x00\x00", b"\x01\x00", 1)), "two members": (feed("x.zip"), zipped(("a.csv", _TABLE), ("b.csv", b"id,name,day\n99,x,2026-01-01\n"))),
    "a member of another kind": (feed("x.zip"), zipped(("a.csv", _TABLE), ("b.txt", b"hello"))), "a path out of the folder": (feed("x.zip"), zipped(("../../x.csv", _TABLE))),
    "a link in a tar": (feed("x.tar"), tarred("x.csv", b"", tarfile.SYMTYPE)), "a device in a tar": (feed("x.tar"), tarred("x.csv", b"", tarfile.CHRTYPE)),
    "a zip in a zip": (feed("x.zip"), zipped(("x.zip", zipped(("a.csv", _TABLE))))), "a bomb": (feed("x.csv.gz", limits="{unpackedBytes: 1000000}"), gzip.compress(b"x" * 50_000_000)),
}  # fmt: skip


def _documents() -> dict[str, Broken]:
    """Faults in the other formats' samples."""
    found: dict[str, Broken] = {}
    for name in ("json", "jsonl", "xml", "excel", "parquet", "fixed"):
        sample = SAMPLES[name]
        content = sample.content
        middle = len(content) // 2
        found |= {
            f"{name} cut off": (sample.feed, content[:middle]),
            f"{name} with a byte changed": (sample.feed, content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]),
            f"{name} with something in it": (sample.feed, content[:middle] + b"\x00\xff{<" + content[middle:]),
            f"{name} of nothing": (sample.feed, b""),
        }  # fmt: skip
    texts = {
        "json of NaN": '[{"id": NaN}]', "json of nested lists": "[" * 50_000, "json of other records": '[{"x": 1}]', "json of a text": '"x"',
        "jsonl of twice the same key": '{"id": "a", "id": "b"}\n', "jsonl of other things": '1\nnull\n"x"\n[]\n', "jsonl of half a line": '{"id": "a"\n',
        "xml of entities": '<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>', "xml of others' files": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "xml of other records": "<a><b/></a>",
    }  # fmt: skip
    return found | {name: (SAMPLES[name.partition(" ")[0]].feed, text.encode()) for name, text in texts.items()}


BROKEN: dict[str, Broken] = {
    **{f"line of {name}": (feed(), content) for name, content in _SWAPPED.items()}, **_WHOLE, **_PACKED, **_documents()
}  # fmt: skip
_REMEDY = re.compile(r"\b(ask|declare|change|write|mend|send|free|raise|use|repair)\b")
_PLACE = re.compile(
    r"\b(line|record|row|page|sheet|byte|bytes|column|member|file|archive|workbook|document|extract|register)\b"
)


def test_there_are_a_hundred() -> None:
    assert len(BROKEN) >= 100
    assert len({content for _, content in BROKEN.values()}) >= 95


@pytest.mark.parametrize("name", BROKEN)
def test_every_record_is_accounted_for_and_every_refusal_says_where_and_what_to_do(name: str, tmp_path: Path) -> None:
    declared, content = BROKEN[name]
    contract = load(declared.write(tmp_path))
    extract = tmp_path / Path(contract.server.location).name
    extract.write_bytes(content)
    try:
        land_extract(contract, tmp_path / "landed", str(extract), NIGHT)
    except ExtractError as refused:
        told = str(refused)
        assert extract.name in told, told
        assert _REMEDY.search(told), told
        assert _PLACE.search(told), told
        assert "maintainers" not in told
        assert "root:" not in told
        return
    landed = read_back(tmp_path / "landed")
    assert all(reject["line"] and reject["reason"] and reject["record"] is not None for reject in landed.rejects)


def test_lines_that_are_broken_cost_themselves_alone(tmp_path: Path) -> None:
    """Of twenty people, nineteen land whatever is on the line of the sixth, if it is one line."""
    for name, content in _SWAPPED.items():
        folder = tmp_path / name.replace(" ", "-")
        contract = load(feed().write(folder))
        (folder / "extract.csv").write_bytes(content)
        land_extract(contract, folder / "landed", str(folder / "extract.csv"), NIGHT)
        kept = {row["id"] for row in read_back(folder / "landed").rows}
        assert kept >= set(range(1, 21)) - {6}, name
