"""What goes into a person's spreadsheet: no cell of it is a formula."""

import re

from warehouse.engines.duckdb.engine import literal

# A spreadsheet takes a cell that begins so for a formula; a quote before it makes a text of it (OWASP, CSV injection).
# Blanks and marks before it hide it from us and not from them; behind a separator it is a cell of its own to a spreadsheet
# that was told another one.
_FORMULA = "^([\\s\ufeff]*[=+\\-@]|[\\t\\r\\n])"
_INSIDE = "([,;|\\t][\\s\"']*)([=+\\-@])"
QUOTE, BACK = "'", "\\"
_NUMBER = "^[+-]?[0-9]+([.,][0-9]+)?$"


def defused(text: str) -> str:
    """SQL of the text `text` with a quote before it where it begins as a formula does; a number stays one."""
    at_beginning = f"regexp_replace({text}, {literal(_FORMULA)}, {literal(QUOTE + BACK + '1')})"
    quoted = f"regexp_replace({at_beginning}, {literal(_INSIDE)}, {literal(BACK + '1' + QUOTE + BACK + '2')}, 'g')"
    return f"CASE WHEN regexp_full_match({text}, {literal(_NUMBER)}) THEN {text} ELSE {quoted} END"


def defused_value(value: object) -> object:
    """The same of a value that goes into a CSV file row by row; a number, day or truth stays what it is."""
    if not isinstance(value, str | list | dict | tuple):
        return value
    text = str(value)
    if re.fullmatch(_NUMBER, text):
        return text
    return re.sub(_INSIDE, rf"\1{QUOTE}\2", re.sub(_FORMULA, rf"{QUOTE}\1", text))
