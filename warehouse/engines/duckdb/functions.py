"""SQL functions that need a library: identifiers in their canonical form, damaged letters mended, names in Latin letters."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import ARROW, SPECIAL


def register_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `canonical_identifier(kind, text)`, `readable(text)` and `latin(text)` known to a connection."""
    text = duckdb.sqltypes.VARCHAR
    functions: dict[str, tuple[Callable[..., Any], int]] = {
        "canonical_identifier": (_identifiers, 2),
        "readable": (_readable, 1),
        "latin": (_latin, 1),
    }
    for name, (function, parameters) in functions.items():
        try:
            connection.create_function(name, function, [text] * parameters, text, type=ARROW, null_handling=SPECIAL)
        except duckdb.Error as error:
            # Another connection of this process has the same database open, and the function with it.
            if "already" not in str(error):
                raise


def readable(text: str) -> str:
    """In composed form (NFC), and with letters that were read in a wrong encoding as they were: KÃµrge is Kõrge."""
    from ftfy import fix_encoding

    return unicodedata.normalize("NFC", text if text.isascii() else fix_encoding(text))


def latin_letters(text: str) -> str:
    """Capital letters from A to Z with single blanks between words, in whatever script the text is: to be compared, not shown."""
    from anyascii import anyascii

    return " ".join(re.findall("[A-Z]+", re.sub("['’ʼ`´-]", "", anyascii(text).upper())))


@cache
def _canonical(kind: str) -> Callable[[str], str | None]:
    """Of a text the canonical form of the identifier, or None where it is not valid: a wrong check digit, length or sign.

    `kind` is a module of python-stdnum, such as `ee.ik`, `gb.nhs` or `iban`. Raises ModuleNotFoundError for any other.
    """
    validate = import_module(f"stdnum.{kind}").validate

    # The same numbers come in feed after feed, and for one feed more than once: a million of them take some 130 MB.
    @lru_cache(maxsize=1 << 20)
    def canonical(text: str) -> str | None:
        try:
            return str(validate(text))
        except Exception:  # some modules raise what the text makes of their own parsing, not only ValidationError
            return None

    return canonical


def _identifiers(kinds: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.Array:
    pairs = pa.table({"kind": kinds, "text": texts})
    found = pa.nulls(len(pairs), pa.string())
    for kind in pc.unique(kinds).drop_null().to_pylist():
        is_kind = pc.fill_null(pc.equal(kinds, kind), False)
        found = pc.if_else(_flat(is_kind), _by_value(texts, _canonical(kind)), found)
    return found


def _readable(texts: pa.ChunkedArray) -> pa.Array:
    return _by_value(texts, readable)


def _latin(texts: pa.ChunkedArray) -> pa.Array:
    return _by_value(texts, latin_letters)


def _by_value(texts: pa.ChunkedArray, function: Callable[[str], str | None]) -> pa.Array:
    """Each distinct value once: a library function in Python is the slow part."""
    encoded = _flat(texts).dictionary_encode()
    results = pa.array(
        [None if text is None else function(text) for text in encoded.dictionary.to_pylist()], pa.string()
    )
    return results.take(encoded.indices)


def _flat(array: pa.ChunkedArray | pa.Array) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
