"""SQL functions of the comparison that DuckDB lacks."""

import duckdb

# Letters that one name gets by different ways of transcription (ICAO 9303, BGN, scholarly), as one; then the consonants.
_PAIRS = (("SHCH", "S"), ("KH", "K"), ("ZH", "Z"), ("SCH", "S"), ("SH", "S"), ("CH", "C"), ("TS", "C"), ("PH", "F"),
          ("TH", "T"), ("CK", "K"), ("X", "KS"), ("LL", "L"), ("NN", "N"), ("SS", "S"), ("TT", "T"), ("RR", "R"))  # fmt: skip


_DOUBLED = "BDFGKLMNPRSTVZ"


def create_functions(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    for name, sql in functions().items():
        connection.execute(f"CREATE OR REPLACE MACRO {schema}.{name}(name) AS {sql}")


def functions() -> dict[str, str]:
    """`name_sound(text)`, the first letter and the consonants of a name, and `name_skeleton(text)`, its consonants alone.

    Scripts that write no vowels (Arabic, Hebrew) agree with their transcription in the skeleton only. Null where nothing is left.
    """
    text = _replaced("upper(name)", _PAIRS)
    plain = f"translate({text}, 'JYWQ -''.?', 'IIVK')"
    bare = _replaced(
        f"translate({text}, 'CQAEIOUHJYWV -''.?', 'KK')", tuple((letter * 2, letter) for letter in _DOUBLED)
    )
    return {
        "name_sound": f"nullif(left({plain}, 1) || translate({plain}[2:], 'AEIOUH', ''), '')",
        "name_skeleton": f"nullif({bare}, '')",
    }


def _replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """SQL of `text` with each pair replaced, one after the other. Most names have none of them, which is told by one look."""
    changed = text
    for written, sound in pairs:
        changed = f"replace({changed}, '{written}', '{sound}')"
    return f"CASE WHEN regexp_matches({text}, '{'|'.join(written for written, _ in pairs)}') THEN {changed} ELSE {text} END"
