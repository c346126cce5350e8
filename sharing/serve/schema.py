"""The columns of a Parquet file as the protocol's schemaString: the type of Delta that its reader finds in the file."""

import json
from typing import Any

import pyarrow as pa

WITHOUT_ZONE = "timestamp_ntz"
# Types that Delta has not are told as the nearest that holds them; readers of pandas take what stands in the file.
_PLAIN = {
    pa.bool_(): "boolean", pa.int8(): "byte", pa.int16(): "short", pa.int32(): "integer", pa.int64(): "long",
    pa.uint8(): "short", pa.uint16(): "integer", pa.uint32(): "long", pa.uint64(): "decimal(20,0)",
    pa.float16(): "float", pa.float32(): "float", pa.float64(): "double", pa.date32(): "date", pa.date64(): "date",
    pa.string(): "string", pa.large_string(): "string",
}  # fmt: skip


def schema_string(schema: pa.Schema, knows_without_zone: bool) -> str:
    """`knows_without_zone` is whether times without a zone are told apart, as only the response format delta does."""
    return json.dumps(_struct(schema, knows_without_zone), ensure_ascii=False)


def has_without_zone(schema: pa.Schema) -> bool:
    """Whether a column holds times without a zone."""
    return WITHOUT_ZONE in schema_string(schema, knows_without_zone=True)


def _struct(fields: Any, knows: bool) -> dict[str, Any]:
    told = [{"name": one.name, "type": _type(one.type, knows), "nullable": True, "metadata": {}} for one in fields]
    return {"type": "struct", "fields": told}


def _type(type_: pa.DataType, knows: bool) -> Any:
    if isinstance(type_, pa.BaseExtensionType):
        return _type(type_.storage_type, knows)
    if pa.types.is_dictionary(type_):
        return _type(type_.value_type, knows)
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return WITHOUT_ZONE if knows and type_.tz is None else "timestamp"
    if pa.types.is_time(type_):
        return "string"
    return _PLAIN.get(type_) or _nested(type_, knows)


def _nested(type_: pa.DataType, knows: bool) -> Any:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return {"type": "array", "elementType": _type(type_.value_type, knows), "containsNull": True}
    if pa.types.is_map(type_):
        key, value = _type(type_.key_type, knows), _type(type_.item_type, knows)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    return _struct(type_, knows) if pa.types.is_struct(type_) else "binary"
