"""How a name is spelled where an agency cannot write it: transcription into Latin letters, plain letters, damage."""

import unicodedata
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc


def _letters(native: str, written: str) -> dict[str, str]:
    return dict(zip(native, written.split(" "), strict=True))


# As machine-readable passports write them (ICAO Doc 9303, part 3); the soft sign is not written.
_CYRILLIC = _letters(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia",
)
_GREEK = _letters("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_GREEK_PAIRS = {"ου": "ou", "αυ": "av", "ευ": "ev", "μπ": "b", "γγ": "ng"}
# Letters without a decomposition into a plain one.
_PLAIN = {
    "ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "œ": "oe", "ħ": "h",
    "’": "'",
}  # fmt: skip


def latin(text: str) -> str:
    """Cyrillic and Greek in Latin letters, each word with its capital; anything else as it is."""
    lowered = unicodedata.normalize("NFC", text.lower())
    script = unicodedata.name(lowered[:1] or " ")
    if script.startswith("CYRILLIC"):
        written = "".join(_CYRILLIC.get(letter, letter) for letter in lowered)
    elif script.startswith("GREEK"):
        bare = without_marks(lowered)
        for pair, letters in _GREEK_PAIRS.items():
            bare = bare.replace(pair, letters)
        written = "".join(_GREEK.get(letter, letter) for letter in bare)
    else:
        return text
    return " ".join(part.capitalize() for part in written.split(" "))


def without_marks(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


def plain(text: str) -> str:
    """ASCII letters only: marks fall, letters of their own are written out, what is left becomes a question mark."""
    written = "".join(_PLAIN.get(letter, _PLAIN.get(letter.lower(), letter).capitalize()) for letter in text)
    return without_marks(written).encode("ascii", "replace").decode("ascii")


def in_windows_1252(text: str) -> str:
    """The letters that Windows-1252 has, the others as plain ones."""
    return "".join(letter if _fits(letter, "cp1252") else plain(letter) for letter in text)


def damaged_in(text: str, encoding: str) -> str:
    """A question mark for each letter that the encoding lacks."""
    return text.encode(encoding, "replace").decode(encoding)


def misread(text: str) -> str:
    """UTF-8 read as Windows-1252: what most people know as mojibake. Unchanged where that cannot be written down."""
    try:
        return text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return text


def _fits(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def spelled(values: pa.Array, spell: Callable[[str], str]) -> pa.Array:
    """Every value spelled anew; the work is done once for each different one."""
    encoded = pc.dictionary_encode(values)
    words = pa.array([spell(word) for word in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)
