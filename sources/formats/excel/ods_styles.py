"""The number formats of an .ods file (ISO 26300-1, 16.27) in the words of Excel, by the styles that its cells name."""

from collections.abc import Iterator

from lxml import etree

from sources.formats.excel.cell_formats import CodeFormat, code_format

_NUMBER = "{urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_QUANTITY = "General"


class Styles:
    """Takes the elements of styles as they are met, and knows the format of a style once all have been."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, etree._Element] = {}
        # By a style of cells: the style of its numbers, and the style that it continues.
        self._cells: dict[str | None, tuple[str | None, str | None]] = {}
        self._formats: dict[str | None, CodeFormat | None] = {}

    def add(self, element: etree._Element) -> None:
        name = element.get(f"{_STYLE}name")
        if element.tag == f"{_NUMBER}number-style":
            self._numbers[name] = element
        elif element.tag == f"{_STYLE}style":
            self._cells[name] = element.get(f"{_STYLE}data-style-name"), element.get(f"{_STYLE}parent-style-name")

    def format(self, style: str | None) -> CodeFormat | None:
        """None of a style under which the number itself is what people read."""
        if style not in self._formats:
            element = self._numbers.get(self._data_style(style))
            self._formats[style] = code_format(self._pattern(element)) if element is not None else None
        return self._formats[style]

    def _data_style(self, style: str | None) -> str | None:
        for _ in range(len(self._cells)):
            data, parent = self._cells.get(style, (None, None))
            if data or parent is None:
                return data
            style = parent
        return None

    def _pattern(self, element: etree._Element) -> str:
        sections = []
        for item in element.iterchildren(f"{_STYLE}map"):
            other = self._numbers.get(item.get(f"{_STYLE}apply-style-name"))
            condition = item.get(f"{_STYLE}condition", "").replace("value()", "").replace("!=", "<>")
            sections.append(f"[{condition}]{_section(other) if other is not None else _QUANTITY}")
        return ";".join([*sections, _section(element)])


def _section(style: etree._Element) -> str:
    return "".join(_part(item) for item in style.iterchildren(f"{_NUMBER}*"))


def _part(item: etree._Element) -> str:
    if item.tag == f"{_NUMBER}text":
        return _escaped(item.text or "")
    if item.tag != f"{_NUMBER}number" or item.get(f"{_NUMBER}grouping") == "true":
        return _QUANTITY
    whole, decimals = (int(item.get(f"{_NUMBER}{name}", 0)) for name in ("min-integer-digits", "decimal-places"))
    between = {
        int(text.get(f"{_NUMBER}position", 0)): _escaped(text.text or "")
        for text in item.iterchildren(f"{_NUMBER}embedded-text")
    }
    return "".join(_whole(whole, between)) + ("." + "0" * decimals if decimals else "")


def _whole(digits: int, between: dict[int, str]) -> Iterator[str]:
    """Places for digits from the left; what stands `between` them is told by the number of digits to its right."""
    for right in range(max(digits, 1, *(place + 1 for place in between)), 0, -1):
        yield between.get(right, "")
        yield "0" if right <= digits else "#"
    yield between.get(0, "")


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" for character in text)
