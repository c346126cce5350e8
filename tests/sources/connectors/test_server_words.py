"""What of a database server's words is shown: its kind, its code, a known phrase; never a value, a login or an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.connectors.server_words import shown


class OperationalError(Exception):
    """As drivers call it."""


SAID = {
    (1045, "Access denied for user 'jaan'@'10.0.0.7' (using password: YES)"): "OperationalError 1045: access denied",
    (1062, "Duplicate entry '38001010001' for key 'PRIMARY'"): "OperationalError 1062 (the",
    ("ORA-01017: invalid username/password; logon denied for JAAN",): "OperationalError ORA-01017 (the",
    ("no such table: jaan",): "OperationalError: no such table",
    ("Login failed for user 'jaan'. Server=db;PWD=38001010001",): "OperationalError: login failed",
    ("connection to server at \"10.0.0.7\", port 5432 failed: FATAL:  password authentication failed for user \"jaan\"",):
        "OperationalError: password authentication failed",
    ("Failing row contains (38001010001, Jaan).",): "OperationalError (the",
    ("could not parse dsn postgresql://jaan:38001010001@db/x",): "OperationalError (the",
}  # fmt: skip


@pytest.mark.parametrize("arguments", SAID, ids=str)
def test_no_value_no_login_and_no_address_is_shown(arguments: tuple[object, ...]) -> None:
    message = shown(OperationalError(*arguments))
    assert message.startswith(SAID[arguments])
    assert not any(word in message.lower() for word in ("jaan", "38001010001", "10.0.0.7"))


@given(
    st.text(alphabet=st.characters(categories=["Lu", "Nd"]), min_size=4),
    st.sampled_from(["{}", "relation {} does not exist", "key ({})=({})"]),
)
def test_a_word_of_the_server_that_nobody_knows_is_not_shown(word: str, sentence: str) -> None:
    assert word not in shown(OperationalError(sentence.replace("{}", word)))
