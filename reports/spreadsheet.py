"""What goes into a person's spreadsheet: no cell of it is a formula."""

from warehouse.engine import literal

# A spreadsheet takes a cell that begins so for a formula; a quote before it makes a text of it (OWASP, CSV injection).
_FORMULA = "^([=+\\-@\\t\\r\\n])"
_NUMBER = "^[+-]?[0-9]+([.,][0-9]+)?$"


def defused(text: str) -> str:
    """SQL of the text `text` with a quote before it where it begins as a formula does; a number stays one."""
    quoted = f"regexp_replace({text}, {literal(_FORMULA)}, {literal(chr(39) + chr(92) + '1')})"
    return f"CASE WHEN regexp_full_match({text}, {literal(_NUMBER)}) THEN {text} ELSE {quoted} END"
