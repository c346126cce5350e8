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
    text = "upper(name)"
    for written, sound in _PAIRS:
        text = f"replace({text}, '{written}', '{sound}')"
    plain = f"translate({text}, 'JYWQ -''.?', 'IIVK')"
    bare = f"translate({text}, 'CQAEIOUHJYWV -''.?', 'KK')"
    for letter in _DOUBLED:
        bare = f"replace({bare}, '{letter * 2}', '{letter}')"
    return {
        "name_sound": f"nullif(left({plain}, 1) || translate({plain}[2:], 'AEIOUH', ''), '')",
        "name_skeleton": f"nullif({bare}, '')",
    }
