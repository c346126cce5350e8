"""Which code page the letters of a text are written in, of those in which they would be words."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

# The code pages that agencies write, from Windows, Unix, DOS and the Macintosh; every one of them is known to Python, and so to
# the readers.
_CODE_PAGES = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "iso8859-2", "iso8859-5", "iso8859-6",
    "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-13", "iso8859-15", "cp437", "cp737", "cp775", "cp850", "cp852", "cp855",
    "cp857", "cp862", "cp865", "cp866", "koi8-r", "koi8-u", "mac-cyrillic", "mac-greek", "mac-latin2", "mac-roman",
    "mac-turkish", "cp874", "cp932", "euc_jis_2004", "gb18030", "big5hkscs", "cp949",
)  # fmt: skip
# Other readings that are nearly as likely as the best one are named to the engineer.
_NEARLY = 0.8
_AS_GOOD = 0.9
# Of so few words no statistics say anything: what most agencies write is the likelier.
_FEW_WORDS = 3
_LIKELIER = {"cp1252": 0, "cp437": 1, "cp850": 1}
# Pages of other systems are read where nothing else makes words.
_RARE = re.compile("mac|cp(737|775|855|862|865)")
_MOST_WORDS = 2_000
_WITHIN_A_WORD = re.compile(r"[^\W\d_][“”„«»‹›…°§€£¥№©®™×½¼¾²³¡¿´][^\W\d_]")
_WORD = re.compile(r"[^\x00-\x7f\w]*[\w’'-]*[^\x00-\x7f][^\s\x00-\x26\x28-\x2c\x2e\x2f\x3a-\x40]*")
_ALPHABETS = frozenset(("LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI"))
# Signs that stand beside letters in texts.
_USUAL_SIGNS = frozenset("’‘“”„«»‹›–—…°§€£¥№©®™·×½¼¾²³ºª¡¿´")


@dataclass(frozen=True)
class Encoding:
    """A name that Python knows; `doubt` says in a sentence why somebody should look, '' where the bytes leave none."""

    name: str
    doubt: str = ""


@dataclass(frozen=True)
class _Reading:
    name: str
    confidence: float
    text: str
    oddness: int


def code_page(telling: bytes) -> Encoding:
    """Of lines with letters beyond ASCII."""
    from chardet import detect_all

    found = detect_all(telling, include_encodings=_CODE_PAGES, compat_names=False, ignore_threshold=True)
    # Of bytes that look like no text it names no encoding at all.
    named = [(str(item["encoding"]), item["confidence"]) for item in found if item["encoding"]]
    texts = [(name, confidence, text) for name, confidence in named if (text := _text(telling, name))]
    if not texts:
        return Encoding("cp1252", "No encoding that is known fits all bytes of the file; ask the agency which it is.")
    readings = [_Reading(name, confidence, text, _oddness(text)) for name, confidence, text in texts]
    best = _best(readings)
    others = [
        item.name for item in readings
        if item.text != best.text and item.confidence >= _NEARLY * best.confidence and item.oddness <= best.oddness
    ]  # fmt: skip
    if not others:
        return Encoding(
            best.name, f"The encoding {best.name} is a guess from the letters; see that names and places read well."
        )
    return Encoding(
        best.name, f"The encoding may be {best.name}, or {', '.join(others[:4])}; ask the agency, and see that names and places read well."
    )  # fmt: skip


def _best(readings: list[_Reading]) -> _Reading:
    """The one whose words are whole; of several of them the likelier, and of a few words what most agencies write."""
    words = len(set(_words(readings[0].text)))
    whole = min(item.oddness for item in readings)
    sound = [item for item in readings if item.oddness <= whole + words // 20]
    if words <= _FEW_WORDS:
        return min(
            sound, key=lambda item: (_LIKELIER.get(item.name, 2 + bool(_RARE.match(item.name))), -item.confidence)
        )
    likeliest = max(item.confidence for item in sound)
    as_good = [item for item in sound if item.confidence >= _AS_GOOD * likeliest]
    return min(as_good, key=lambda item: (item.oddness, _LIKELIER.get(item.name, 2)))


def _text(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text[: 50 * _MOST_WORDS])


def _oddness(text: str) -> int:
    """How many different words have something that words do not have."""
    return sum(map(_is_odd, set(_words(text))))


def _is_odd(word: str) -> bool:
    """A capital behind a small letter, letters of two alphabets, or a sign or control character at a letter."""
    pairs = (pair for pair in pairwise(f" {word} ") if not (pair[0].isascii() and pair[1].isascii()))
    return _WITHIN_A_WORD.search(word) is not None or any(_is_odd_pair(*pair) for pair in pairs)


@lru_cache(1 << 16)
def _is_odd_pair(left: str, right: str) -> bool:
    if any(_kind(item).startswith("C") and item not in "\t" for item in (left, right)):
        return True
    if left.isalpha() and right.isalpha():
        alphabets = {_alphabet(left), _alphabet(right)} & _ALPHABETS
        return len(alphabets) > 1 or (left.islower() and right.isupper())
    sign, letter = (left, right) if right.isalpha() else (right, left)
    return letter.isalpha() and _kind(sign)[0] in "PS" and not sign.isascii() and sign not in _USUAL_SIGNS


def _kind(character: str) -> str:
    return unicodedata.category(character)


def _alphabet(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
