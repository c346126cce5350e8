"""A key in the place of a number that tells who somebody is: the same every night, and of no use without the secret.

The keyed hash is HMAC-like (RFC 2104): SHA-256 over a block of secret and SHA-256 over another one and the text, cut to 128 bits.
The secret is made at random on first use and stays in `state/`: without it nobody finds a record's key from its number, and a
home that loses it gives other keys.
"""

import secrets
from pathlib import Path

from warehouse.engines.duckdb.engine import literal
from warehouse.files import made_once
from warehouse.home import Home

# SHA-256 works on blocks of 64 bytes: the secret is one for the inner and one for the outer hash.
_BLOCK = 64
_LENGTH = 32


def secret_file(home: Home) -> Path:
    """The secret of a home, for its owner alone; made where it is not there yet."""
    return made_once(home.state / "source_key.secret", secrets.token_hex(_BLOCK))


def pseudonym(home: Home, text: str) -> str:
    """SQL of the key in the place of what the SQL expression `text` gives, 32 hexadecimal digits; null where that is null.

    The secret itself is not in the SQL: a view keeps its wording in the file of its database.
    """
    secret = f"(SELECT content FROM read_text({literal(str(secret_file(home)))}))"
    inner = f"sha256(left({secret}, {_BLOCK}) || {text})"
    return f"left(sha256(right({secret}, {_BLOCK}) || {inner}), {_LENGTH})"
