"""What the texts of a delimited sample stand for: tokens for no value, and the separators in its numbers."""

import re
from collections.abc import Sequence
from itertools import chain

from sources.draft.sample import AS_READ, TABLE, Sample, tolerated
from warehouse.engines.duckdb.engine import literal, quoted

_NO_VALUE = ("NA", "N/A", "n/a", "NULL", "null", "NaN", "#N/A")
_NO_BREAK = "\u00a0"
# Separators of decimals and thousands; of those that explain as many columns, the first are taken.
_STYLES = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (",", _NO_BREAK), (".", " "), (".", _NO_BREAK),
           (".", "'"), (",", "'"))  # fmt: skip


def with_text_rules(sample: Sample) -> Sample:
    """The sample without its tokens for no value, and with the options `nullValues`, `decimalSeparator`, `thousandsSeparator`."""
    return _with_separators(_without_tokens(_with_header_looked_at(sample)))


def _with_header_looked_at(sample: Sample) -> Sample:
    """A first line of numbers and dates was a row: it would be lost, and tomorrow's file would have another header."""
    likely = [place for place, header in enumerate(sample.headers, 1) if re.fullmatch(r"[-+]?[\d.,:/ -]*\d", header)]
    years = [place for place in likely if re.fullmatch(r"(19|20)\d\d", sample.headers[place - 1])]
    if len(likely) == len(years):
        return sample
    listed = ", ".join(map(str, likely[:5]))
    doubt = (
        f"Line 1 may be a row and no header: it has a number or date in column {listed}. Line 1 is always read as the "
        "header; if the file has none, ask the agency for one."
    )
    return sample.with_options({}, [doubt])


def _without_tokens(sample: Sample) -> Sample:
    listed = ", ".join(map(literal, _NO_VALUE))
    texts = [quoted(header) for header in sample.headers]
    held = sample.ask([f"bool_or({text} IN ({listed}))" for text in texts])
    holding = [text for text, is_held in zip(texts, held, strict=True) if is_held]
    tokens = sample.ask([f"list(DISTINCT {text}) FILTER ({text} IN ({listed}))" for text in holding])
    found = sorted(set(chain.from_iterable(tokens)))
    if not found:
        return sample
    values = ", ".join(
        f"CASE WHEN {quoted(header)} NOT IN ({', '.join(map(literal, found))}) THEN {quoted(header)} END AS {quoted(header)}"
        for header in sample.headers
    )
    sample.connection.execute(f"""
        CREATE OR REPLACE VIEW {TABLE} AS
        SELECT {values}, rowid + 1 AS {quoted(sample.place)}
        FROM {AS_READ}
    """)
    doubt = f"{', '.join(found)} is read as no value (nullValues); see that it never is one, such as a country's code."
    return sample.with_options({"nullValues": found}, [doubt])


def _with_separators(sample: Sample) -> Sample:
    """The style that is right for the most columns with more than plain digits in them; one style is declared for a file."""
    headers = _with_signs_in_numbers(sample)
    asked = [_unexplained(style, quoted(header)) for style in _STYLES for header in headers]
    wrong, values = sample.ask(asked), sample.ask([f"count({quoted(header)})" for header in headers])
    scores = [_score(wrong[at * len(headers) : (at + 1) * len(headers)], values) for at in range(len(_STYLES))]
    best = max(scores, default=(0, 0))
    likely = [style for style, score in zip(_STYLES, scores, strict=True) if best[0] and score == best]
    if not likely:
        return sample
    decimal, thousands = likely[0]
    if (decimal, thousands) == (",", "") and sample.server.delimiter == "," and (".", ",") in likely:
        # 1,234 in a file with commas between its fields is a thousand and more; elsewhere the comma is one of decimals.
        decimal, thousands = ".", ","
    options = {"decimalSeparator": ","} if decimal == "," else {}
    options |= {"thousandsSeparator": thousands} if thousands else {}
    is_either = {(",", ""), (".", ",")}.issubset(likely) or {(".", ""), (",", ".")}.issubset(likely)
    doubt = "Numbers such as 1,234 or 1.234 may have thousands or decimals behind their separator; ask the agency."
    return sample.with_options(options, [doubt] if is_either else [])


def _with_signs_in_numbers(sample: Sample) -> list[str]:
    """The headers of columns that are numbers, but for what a draft takes for faults, and have more than digits in some."""
    look = literal(f"[+-]?[0-9][0-9.,' {_NO_BREAK}]*")
    texts = list(map(quoted, sample.headers))
    values = sample.ask([f"count({text})" for text in texts])
    numbers = sample.ask([f"count_if(regexp_full_match({text}, {look}))" for text in texts])
    signs = sample.ask(
        [
            f"count_if(regexp_full_match({text}, {look}) AND NOT regexp_full_match({text}, '[+-]?[0-9]+'))"
            for text in texts
        ]
    )
    measured = zip(sample.headers, values, numbers, signs, strict=True)
    return [header for header, count, number, signed in measured if signed and count - number <= tolerated(count)]


def _unexplained(style: tuple[str, str], text: str) -> str:
    """SQL: how many values are no numbers of this style."""
    decimal, thousands = style
    whole = rf"([0-9]+|[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+)" if thousands else "[0-9]+"
    pattern = literal(rf"[+-]?{whole}({re.escape(decimal)}[0-9]+)?")
    return f"count_if(NOT regexp_full_match({text}, {pattern}))"


def _score(wrong: Sequence[int], values: Sequence[int]) -> tuple[int, int]:
    """How many columns a style explains, and how few values of those it does not."""
    explained = [count for count, of in zip(wrong, values, strict=True) if count <= tolerated(of)]
    return len(explained), -sum(explained)
