"""What a database server says of a fault, as far as it may be shown: its kind, its code, and a phrase that is known to hold no value."""

import re
from typing import Any

# A server's own words may quote a row, a constraint's values, the login or the whole address. Only what matches here is
# shown, after all that stands in quotes was taken out; the rest is told by its code.
_KNOWN = re.compile(
    r"(relation|table|column|role|user|database|schema|function|view|operator)( of relation)? does not exist"
    r"|no such (table|column|file or directory|host is known)"
    r"|(password|peer|ident|gssapi|ldap|certificate) authentication failed|no password supplied|no pg_hba\.conf entry"
    r"|access denied|login failed|permission denied( for (table|schema|view|relation|database|sequence|function))?"
    r"|connection (refused|reset by peer|timed out|timeout expired|is closed)|timeout expired|network is unreachable|no route to host"
    r"|could not translate host name|name or service not known|temporary failure in name resolution"
    r"|server closed the connection unexpectedly|server does not support ssl|consuming input failed"
    r"|terminating connection due to (administrator command|idle-session timeout|conflict with recovery|unexpected postmaster exit)|certificate verify failed|root certificate file does not exist"
    r"|the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)|too many (connections|clients)|remaining connection slots are reserved"
    r"|canceling statement due to (statement timeout|lock timeout|user request|conflict with recovery)|statement timeout|could not serialize access|deadlock detected|database is locked"
    r"|syntax error|division by zero|(value|field value) out of range|invalid input syntax for type"
    r"|unable to open database file|file is not a database|no space left on device|out of memory",
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_VENDOR_CODE = re.compile(r"\b(?:ORA|SQLSTATE|DPY|SQL)[- =:]?[0-9]{3,5}[A-Z]?\b")


def shown(error: BaseException) -> str:
    """Such as `UndefinedTable 42P01: relation does not exist`; the class alone where nothing else may be shown."""
    # Some drivers give the code and the words apart.
    text = " ".join(part for part in error.args if isinstance(part, str)) or str(error)
    kind = " ".join(filter(None, [type(error).__name__, _code(error, text)]))
    # A hint or detail follows on lines of its own, and what stands in parentheses are values.
    plain = " ".join(re.sub(r"\([^)]*\)", " ", _QUOTED.sub(" ", text)).split()).lower()
    known = _KNOWN.search(plain)
    return f"{kind}: {known[0]}" if known else f"{kind} (the server's own words are not shown; they stand in its log)"


def _code(error: BaseException, text: str) -> str:
    """SQLSTATE, the number of MySQL, SQL Server or SQLite, or that of Oracle."""
    given: Any = (
        getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or getattr(error, "sqlite_errorname", None)
    )
    if given is None and error.args and isinstance(error.args[0], int):
        given = error.args[0]
    if given is None:
        found = _VENDOR_CODE.search(text)
        return found[0] if found else ""
    return str(given) if re.fullmatch(r"[A-Za-z0-9_]{1,40}", str(given)) else ""
