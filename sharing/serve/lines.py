"""Answers about a table as lines of JSON, in the protocol's two formats: `parquet`, which every client reads, and `delta`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from sharing.serve.addresses import Addresses
from sharing.serve.content import Content
from sharing.serve.schema import has_without_zone, schema_string
from sharing.serve.tables import Table
from sharing.serve.versions import Version

CAPABILITIES = "delta-sharing-capabilities"
_Line = dict[str, Any]


class Format(StrEnum):
    PARQUET = "parquet"
    DELTA = "delta"

    @classmethod
    def asked(cls, capabilities: str | None) -> "Format":
        """`delta` only for a client that takes nothing else. What else a client can do is not asked for here."""
        said = (capabilities or "").lower().replace(" ", "").split(";")
        formats = [name for part in said if part.startswith("responseformat=") for name in part[15:].split(",")]
        return cls.DELTA if cls.DELTA in formats and cls.PARQUET not in formats else cls.PARQUET


@dataclass(frozen=True)
class Teller:
    """Tells of one table, in one format, with addresses of one answer."""

    table: Table
    format: Format
    addresses: Addresses

    def head(self, version: Version) -> list[_Line]:
        """Protocol and metadata, as of a version."""
        return [self._protocol(version), self.metadata(version)]

    def metadata(self, version: Version) -> _Line:
        said, schema = version.release.manifest, _schema(version)
        told: _Line = {
            "id": self.table.id, "name": self.table.name, "format": {"provider": "parquet"}, "partitionColumns": [],
            "schemaString": schema_string(schema, knows_without_zone=self.format == Format.DELTA),
            "configuration": {"enableChangeDataFeed": "true", "interagency.night": said.night, "interagency.release": said.release},
        }  # fmt: skip
        sizes = {"version": version.number, "size": said.content.bytes, "numFiles": 1}
        if self.format == Format.PARQUET:
            return {"metaData": told | sizes}
        # Readers of the log of Delta know the setting by another name.
        told["configuration"]["delta.enableChangeDataFeed"] = told["configuration"].pop("enableChangeDataFeed")
        told["format"]["options"] = {}
        return {"metaData": sizes | {"deltaMetadata": told | {"createdTime": version.milliseconds}}}

    def file(self, version: Version) -> _Line:
        if self.format == Format.DELTA:
            return {"file": self._wrapped(version, version, {"add": self._added(version)})}
        return {"file": self._told(version, version) | {"stats": _stats(version)}}

    def changes(
        self, first: Version, before: Version | None, following: list[Version], historical: bool
    ) -> Iterator[_Line]:
        """What each version takes away and adds: a version is a whole file, so that is the one before it and itself."""
        schema = _schema(before or first)
        for version in [first, *following]:
            if historical and _schema(version) != schema:
                yield self.metadata(version)
            schema = _schema(version)
            if before is not None:
                yield self._change("remove", before, version)
            yield self._change("add", version, version)
            before = version

    def _change(self, kind: str, of: Version, at: Version) -> _Line:
        if self.format == Format.PARQUET:
            return {kind: self._told(of, at) | ({"stats": _stats(of)} if kind == "add" else {})}
        action = self._added(of) if kind == "add" else self._removed(of, at)
        return {"file": self._wrapped(of, at, {kind: action})}

    def _told(self, of: Version, at: Version) -> _Line:
        said = of.release.manifest
        return {
            "url": self.addresses.of(of), "id": said.release, "partitionValues": {}, "size": said.content.bytes,
            "version": at.number, "timestamp": at.milliseconds, "expirationTimestamp": self.addresses.expires,
        }  # fmt: skip

    def _wrapped(self, of: Version, at: Version, action: _Line) -> _Line:
        told = self._told(of, at)
        del told["url"], told["partitionValues"]
        return told | {"deltaSingleAction": action}

    def _added(self, of: Version) -> _Line:
        return {
            "path": self.addresses.of(of), "partitionValues": {}, "size": of.release.manifest.content.bytes,
            "modificationTime": of.milliseconds, "dataChange": True, "stats": _stats(of),
        }  # fmt: skip

    def _removed(self, of: Version, at: Version) -> _Line:
        return {
            "path": self.addresses.of(of), "deletionTimestamp": at.milliseconds, "dataChange": True, "extendedFileMetadata": True,
            "partitionValues": {}, "size": of.release.manifest.content.bytes,
        }  # fmt: skip

    def _protocol(self, version: Version) -> _Line:
        if self.format == Format.PARQUET:
            return {"protocol": {"minReaderVersion": 1}}
        needs = has_without_zone(_schema(version))
        features = {"readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]} if needs else {}
        versions = (
            {"minReaderVersion": 3, "minWriterVersion": 7} if needs else {"minReaderVersion": 1, "minWriterVersion": 4}
        )
        return {"protocol": {"deltaProtocol": versions | features}}


def as_text(lines: list[_Line]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _schema(version: Version) -> pa.Schema:
    return Content.of(version.release).schema()


def _stats(version: Version) -> str:
    return json.dumps({"numRecords": version.release.manifest.content.rows})
