"""What linkage remembers from night to night, below `state/linkage/<entity>/`: model, marks, pairs, decisions. Read as of a night."""

import secrets
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.encrypted_parquet import parquet
from warehouse.engines.duckdb.engine import write_parquet
from warehouse.files import replaced_whole, write_text
from warehouse.keys.keyed_folder import key_of
from warehouse.keys.sealed_file import SEALED, opened_text, seal_bytes

_NIGHTS_OF_PAIRS = 7


@dataclass(frozen=True)
class Decision:
    """What a steward said of two records: the same or not, who, when, why."""

    one_source: str
    one_key: str
    other_source: str
    other_key: str
    is_same: bool
    reason: str
    steward: str
    decided_at: str


@dataclass(frozen=True)
class Memory:
    """`folder` None: nothing is remembered, as for `resolve` on tables of one's own."""

    folder: Path | None = None
    night: date | None = None
    decisions: list[Decision] = field(default_factory=list)
    model: Path | None = None

    def salt(self) -> str:
        """The key of the hashes that are kept: made once, at random."""
        if self.folder is None:
            return ""
        sealed = self.folder / f"hash_key{SEALED}"
        if not sealed.exists():
            path = self.folder / "hash_key"
            text = path.read_text(encoding="utf-8") if path.exists() else secrets.token_hex(16)
            key = key_of(sealed)
            if key is None:
                write_text(path, text)
                return text
            seal_bytes(text.encode(), sealed, key)
            path.unlink(missing_ok=True)
            return text
        return opened_text(sealed)

    def file(self, table: str) -> Path:
        assert self.folder is not None and self.night is not None
        return self.folder / table / f"{self.night.isoformat()}.parquet"

    def before(self, table: str) -> Path | None:
        """The last night before this one; a night that is run again does not see itself."""
        if self.folder is None or self.night is None:
            return None
        nights = sorted(
            path for path in (self.folder / table).glob("[0-9]*.parquet") if path.stem < self.night.isoformat()
        )
        return nights[-1] if nights else None

    def node_table(self) -> str | None:
        """What was compared the night before."""
        return self._table("node")

    def pair_table(self) -> str | None:
        """The pairs that belong to the nodes of `node_table`."""
        return self._table("pair") if self.before("node") else None

    def _table(self, name: str) -> str | None:
        path = self.before(name)
        return parquet(path) if path else None

    def write(self, connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> None:
        self._copy(connection, self.file(table), sql)

    def kept(self, table: str, fingerprint: str) -> Path | None:
        """Where lies what does not depend on the night, only on how it is made."""
        return self.folder / table / f"{fingerprint}.parquet" if self.folder else None

    def keep(self, connection: duckdb.DuckDBPyConnection, path: Path, sql: str) -> None:
        """Write what `kept` names; what was made in another way is forgotten."""
        self._copy(connection, path, sql)
        for other in path.parent.glob("*.parquet"):
            if other != path:
                other.unlink()

    def _copy(self, connection: duckdb.DuckDBPyConnection, path: Path, sql: str) -> None:
        with replaced_whole(path) as temporary:
            write_parquet(connection, sql, temporary)

    def until_now(self, table: str) -> str:
        """SQL of a table's files up to this night."""
        assert self.folder is not None and self.night is not None
        files = sorted(
            path for path in (self.folder / table).glob("[0-9]*.parquet") if path.stem <= self.night.isoformat()
        )
        return parquet(files)

    def forget_comparisons(self) -> None:
        """Pairs can be found anew: only those of the last nights are kept."""
        assert self.folder is not None
        for table in ("pair", "node"):
            for path in sorted((self.folder / table).glob("[0-9]*.parquet"))[:-_NIGHTS_OF_PAIRS]:
                path.unlink()
