"""Values to JSON and back."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_makers import NOON, a_mail, a_standing, an_incident

from gateway.edge.codec import CodecError, decode, encode
from gateway.edge.shard import PostedMail
from gateway.records import DecisionList, HeldMail, Incident, OutgoingMail
from gateway.values import Envelope, Level, Standing

st.register_type_strategy(
    datetime,
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),  # noqa: DTZ001
)


@pytest.mark.parametrize("kind", [Incident, Standing, OutgoingMail, HeldMail, PostedMail, DecisionList])
def test_any_value_survives_json(kind):
    @given(st.from_type(kind))
    def survives(value):
        again = decode(kind, json.loads(json.dumps(encode(value))))
        assert again == value
        assert type(again) is kind

    survives()


def test_times_are_written_in_utc_and_levels_as_words():
    east = timezone(timedelta(hours=2))
    written = encode(an_incident(at=datetime(2026, 11, 24, 14, 0, tzinfo=east)))
    assert written["at"] == "2026-11-24T12:00:00Z"
    assert written["level"] == "abusive"
    assert written["findings"] == [["fr.insult.fool", 5], ["fr.profanity.mild", 2]]
    assert decode(Incident, written).at == NOON


def test_a_field_of_a_newer_version_is_refused_with_a_clear_sentence():
    with pytest.raises(CodecError, match=r"Standing has the field 'mood', which this version doesn't know; a newer version wrote it"):
        decode(Standing, encode(a_standing()) | {"mood": 1})


def test_a_field_that_an_older_version_did_not_write_has_its_default():
    written = encode(an_incident())
    for name in ("held", "reply", "notes"):
        del written[name]
    assert decode(Incident, written) == an_incident()


def test_a_missing_field_without_default_is_named():
    written = encode(an_incident())
    del written["sender"]
    with pytest.raises(CodecError, match="Incident lacks the field 'sender'"):
        decode(Incident, written)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", "yesterday"),
        ("at", "2026-11-24T12:00:00"),
        ("at", 5),
        ("points", True),
        ("points", "7"),
        ("subject", None),
        ("level", 2),
        ("level", "dreadful"),
        ("recipients", "support@shop.example"),
        ("findings", [["a", 1, 2]]),
        ("findings", [["a"]]),
        ("findings", [[1, "a"]]),
        ("notes", {}),
        ("tags", [["x"]]),
    ],
)
def test_wrong_types_are_refused_with_the_field(field, value):
    with pytest.raises(CodecError, match=field):
        decode(Incident, encode(an_incident()) | {field: value})


@pytest.mark.parametrize("data", [None, 1, "x", [], [["id", "x"]]])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(CodecError):
        decode(Incident, data)


def test_bytes_are_base64():
    written = encode(a_mail(message=bytes(range(256))))
    assert decode(OutgoingMail, written).message == bytes(range(256))
    with pytest.raises(CodecError, match="base64"):
        decode(OutgoingMail, written | {"message": "***"})
    with pytest.raises(CodecError, match="base64"):
        decode(OutgoingMail, written | {"message": 7})


def test_wrong_values_are_not_written():
    with pytest.raises(CodecError, match=r"Incident\.at"):
        encode(dataclasses.replace(an_incident(), at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point
    with pytest.raises(CodecError, match=r"Incident\.points"):
        encode(dataclasses.replace(an_incident(), points="7"))
    with pytest.raises(CodecError, match=r"Incident\.level"):
        encode(dataclasses.replace(an_incident(), level=2))


def test_nested_values():
    held = HeldMail("H1", NOON, Envelope("a@example.net", ("b@example.net",), ("BODY=8BITMIME",), (("NOTIFY=NEVER",),)), "why", 5)
    assert decode(HeldMail, encode(held)) == held
    assert decode(Standing, encode(Standing("x@example.net"))) == Standing("x@example.net")
    assert decode(Standing, encode(a_standing())).strikes[0].level is Level.ABUSIVE
