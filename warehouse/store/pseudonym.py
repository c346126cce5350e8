"""A key in the place of a number that tells who somebody is: the same every night, and of no use without the secret.

The keyed hash is HMAC-like (RFC 2104): SHA-256 over a block of secret and SHA-256 over another one and the text, cut to 128 bits.
The secret is made at random on first use and stays in `state/`: without it nobody finds a record's key from its number, and a
home that loses it gives other keys.
"""

import secrets
from pathlib import Path

from warehouse.engines.duckdb.encrypted_parquet import parquet
from warehouse.engines.duckdb.engine import literal, open_database, write_parquet
from warehouse.files import made_once, private_folder, replaced_whole
from warehouse.home import Home
from warehouse.keys.data_key import is_protected
from warehouse.keys.keyed_folder import protect

# SHA-256 works on blocks of 64 bytes: the secret is one for the inner and one for the outer hash.
_BLOCK = 64
_LENGTH = 32


def secret_file(home: Home) -> Path:
    """The secret of a home, for its owner alone; made where it is not there yet."""
    return made_once(home.state / "source_key.secret", secrets.token_hex(_BLOCK))


def _secret(home: Home) -> str:
    """SQL of where it is read from: encrypted, where the platform has a key, by the engine's own means, so that a view may read it."""
    folder = home.state / "source_key"
    sealed, plain = folder / "secret.parquet", home.state / "source_key.secret"
    if not sealed.exists() and is_protected(home):
        protect(home, private_folder(folder), "source_key")
        content = plain.read_text(encoding="ascii") if plain.exists() else secrets.token_hex(_BLOCK)
        with open_database() as connection, replaced_whole(sealed) as temporary:
            write_parquet(connection, f"SELECT {literal(content)} AS content", temporary)
        plain.unlink(missing_ok=True)
    return parquet(sealed) if sealed.exists() else f"read_text({literal(str(secret_file(home)))})"


def pseudonym(home: Home, text: str) -> str:
    """SQL of the key in the place of what the SQL expression `text` gives, 32 hexadecimal digits; null where that is null.

    The secret itself is not in the SQL: a view keeps its wording in the file of its database. A connection needs the keys that are
    named (`let_read`).
    """
    secret = f"(SELECT content FROM {_secret(home)})"
    inner = f"sha256(left({secret}, {_BLOCK}) || {text})"
    return f"left(sha256(right({secret}, {_BLOCK}) || {inner}), {_LENGTH})"
