"""Values to JSON and back, by their declared types: what is written today is read by later versions, never guessed at."""

import base64
import binascii
import dataclasses
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gateway.values import Level

V = TypeVar("V")

_Coder = Callable[[Any], Any]


class CodecError(ValueError):
    """A value can't be written as JSON, or JSON isn't the value that it should be; the text says where and why."""


def encode(value: object) -> dict[str, Any]:
    """Turn a frozen dataclass into what JSON can hold; times become ISO 8601 in UTC, bytes base64.

    Args:
        value: an instance of one of the dataclasses of gateway.values or of the edge.

    Returns:
        dict: every field under its name.

    Raises:
        CodecError: a field holds something that its declared type doesn't allow.
    """
    kind: Any = type(value)
    return cast("dict[str, Any]", _coders(kind)[0](value))


def decode(kind: type[V], data: object) -> V:
    """Turn JSON back into a value.

    Args:
        kind: the dataclass that it must be.
        data: what JSON held; fields that have a default may be missing, because older versions didn't write them.

    Returns:
        V: the value.

    Raises:
        CodecError: a field is missing, of the wrong type, or unknown to this version.
    """
    any_kind: Any = kind
    return cast("V", _coders(any_kind)[1](data))


@cache
def _coders(kind: Any) -> tuple[_Coder, _Coder]:
    """The pair of functions that write and read one type."""
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _record(cast("type[Any]", kind))
    if origin in {Union, UnionType}:
        return _optional(kind)
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin is frozenset:
        return _frozenset(get_args(kind)[0])
    if kind is datetime:
        return _write_time, _read_time
    if kind is bytes:
        return _write_bytes, _read_bytes
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if kind in {str, int, bool}:
        return _plain(kind)
    raise TypeError(f"no way to write {kind!r} as JSON")


def _plain(kind: type) -> tuple[_Coder, _Coder]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise CodecError(f"{value!r:.60} is not {kind.__name__}")
        return value

    return check, check


def _enum(kind: type[Enum]) -> tuple[_Coder, _Coder]:
    # levels are numbers to compare, yet a person who opens the file reads words
    words = {member.word if isinstance(member, Level) else member.value: member for member in kind}
    written = {member: word for word, member in words.items()}

    def write(value: Any) -> Any:
        if not isinstance(value, kind):
            raise CodecError(f"{value!r:.60} is not {kind.__name__}")
        return written[value]

    def read(data: Any) -> Any:
        if not isinstance(data, str) or data not in words:
            raise CodecError(f"{data!r:.60} is no {kind.__name__} that this version knows; a newer version may have written it")
        return words[data]

    return write, read


def _optional(kind: Any) -> tuple[_Coder, _Coder]:
    (inner,) = (argument for argument in get_args(kind) if argument is not NoneType)
    write, read = _coders(inner)
    return lambda value: None if value is None else write(value), lambda data: None if data is None else read(data)


def _tuple(arguments: tuple[Any, ...]) -> tuple[_Coder, _Coder]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        write_one, read_one = _coders(arguments[0])
        return (
            lambda value: [write_one(item) for item in value],
            lambda data: tuple(map(read_one, _a_list(data))),
        )
    pairs = [_coders(argument) for argument in arguments]

    def write(value: Any) -> Any:
        return [pair[0](item) for pair, item in zip(pairs, value, strict=True)]

    def read(data: Any) -> Any:
        if len(_a_list(data)) != len(pairs):
            raise CodecError(f"{data!r:.60} doesn't have {len(pairs)} items")
        return tuple(pair[1](item) for pair, item in zip(pairs, data, strict=True))

    return write, read


def _frozenset(inner: Any) -> tuple[_Coder, _Coder]:
    write_one, read_one = _coders(inner)
    return lambda value: sorted(write_one(item) for item in value), lambda data: frozenset(read_one(item) for item in _a_list(data))


def _a_list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise CodecError(f"{data!r:.60} is not a list")
    return data


def _record(kind: type[Any]) -> tuple[_Coder, _Coder]:
    hints = get_type_hints(kind)
    coders = {field.name: _coders(hints[field.name]) for field in dataclasses.fields(kind)}
    needed = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def write(value: Any) -> Any:
        if not isinstance(value, kind):
            raise CodecError(f"{value!r:.60} is not {kind.__name__}")
        return {name: _at(kind, name, pair[0], getattr(value, name)) for name, pair in coders.items()}

    readers = {name: pair[1] for name, pair in coders.items()}

    def read(data: Any) -> Any:
        try:  # nearly always all is well
            return kind(**{name: readers[name](item) for name, item in data.items()})
        except (AttributeError, KeyError, TypeError, CodecError):
            return carefully(data)

    def carefully(data: Any) -> Any:
        _check_fields(kind, data, coders.keys(), needed)
        return kind(**{name: _at(kind, name, readers[name], item) for name, item in data.items()})

    return write, read


def _check_fields(kind: type, data: Any, known: AbstractSet[str], needed: AbstractSet[str]) -> None:
    if not isinstance(data, dict):
        raise CodecError(f"{data!r:.60} is not {kind.__name__}")
    for name in data:
        if name not in known:
            raise CodecError(f"{kind.__name__} has the field {name!r:.60}, which this version doesn't know; a newer version wrote it")
    for name in needed:
        if name not in data:
            raise CodecError(f"{kind.__name__} lacks the field {name!r}")


def _at(kind: type, name: str, coder: _Coder, value: Any) -> Any:
    try:
        return coder(value)
    except CodecError as error:
        raise CodecError(f"{kind.__name__}.{name}: {error}") from None


def _write_time(value: Any) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise CodecError(f"{value!r:.60} is not a time with a time zone")
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _read_time(data: Any) -> datetime:
    try:
        value = datetime.fromisoformat(data)
    except (TypeError, ValueError):
        raise CodecError(f"{data!r:.60} is not a time") from None
    if value.tzinfo is None:
        raise CodecError(f"{data!r:.60} has no time zone")
    return value.astimezone(UTC)


def _write_bytes(value: Any) -> str:
    if not isinstance(value, bytes):
        raise CodecError(f"{type(value).__name__} is not bytes")
    return base64.b64encode(value).decode("ascii")


def _read_bytes(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise CodecError("bytes are not in base64") from None
