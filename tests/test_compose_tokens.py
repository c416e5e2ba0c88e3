"""Tokens in addresses: what they prove, and that they fit a local part."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.tokens import MAX_REFERENCE, TokenState, check_token, make_token, token_address, token_in_ids

SECRET = b"0123456789abcdef"
EXPIRES = datetime(2026, 12, 24, 9, 5, tzinfo=UTC)
BEFORE = EXPIRES - timedelta(seconds=1)
TOKEN = make_token("appeal", "K7Q2-9MX", EXPIRES, SECRET)

references = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,16}[A-Za-z0-9])?", fullmatch=True)
times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_a_token_proves_its_reference_until_its_minute():
    proof = check_token("appeal", TOKEN, BEFORE, SECRET)
    assert (proof.state, proof.reference, proof.expires) == (TokenState.VALID, "k7q2-9mx", EXPIRES)
    expired = check_token("appeal", TOKEN, EXPIRES, SECRET)
    assert (expired.state, expired.reference) == (TokenState.EXPIRED, "k7q2-9mx")


def test_servers_may_change_its_case():
    assert check_token("appeal", TOKEN.upper(), BEFORE, SECRET).state is TokenState.VALID


@pytest.mark.parametrize(
    "token",
    ["", "-", "a", TOKEN[:-1], TOKEN + "a", TOKEN[:-1] + ("a" if TOKEN[-1] != "a" else "b"), "z" + TOKEN[1:], TOKEN.replace("-", "_"), " " + TOKEN, TOKEN + "\n", "é" * 30, "a" * 10_000, "\0"],
)
def test_anything_else_is_forged_even_when_its_time_has_passed(token):
    for now in (BEFORE, EXPIRES):
        proof = check_token("appeal", token, now, SECRET)
        assert (proof.state, proof.reference, proof.expires) == (TokenState.FORGED, "", None)


def test_another_kind_or_secret_is_forged():
    assert check_token("decision", TOKEN, BEFORE, SECRET).state is TokenState.FORGED
    assert check_token("appeal", TOKEN, BEFORE, SECRET[::-1]).state is TokenState.FORGED


def test_a_later_expiry_written_into_it_is_forged():
    later = make_token("appeal", "K7Q2-9MX", EXPIRES + timedelta(days=999), b"another secret..")
    reference_and_time = later.rsplit("-", 1)[0]
    assert check_token("appeal", f"{reference_and_time}-{TOKEN.rsplit('-', 1)[1]}", EXPIRES, SECRET).state is TokenState.FORGED


NOTICE = f"<notice.{TOKEN}.0f9a@gw.shop.example>"


@pytest.mark.parametrize(
    ("answered", "token"),
    [
        ([NOTICE], TOKEN),
        ([NOTICE.upper()], TOKEN),
        (["<a@b.example>", NOTICE, "<c@d.example>"], TOKEN),
        ([f"<notice.{TOKEN[:-1]}a.1@gw.shop.example>", NOTICE], TOKEN),
        ([], ""),
        ([f"<case.{TOKEN}.0f9a@gw.shop.example>"], ""),
        ([NOTICE.replace("shop", "evil")], ""),
        ([NOTICE.replace("@", "x" * 600 + "@")], ""),
        (["<notice.K7Q29MX.0f9a@gw.shop.example>", "", "<>", "<@>"], ""),
    ],
)
def test_the_latest_notice_that_a_mail_answers_has_the_token(answered, token):
    assert token_in_ids(answered, "notice", "GW.shop.example") == token


@given(references, times, st.sampled_from(["appeal", "decision"]), st.binary(min_size=16, max_size=64))
def test_every_token_is_checked_back_and_fits_a_local_part(reference, expires, kind, secret):
    token = make_token(kind, reference, expires, secret)
    assert len(token_address("support+appeals@shop.example", token).split("@")[0]) <= 64
    proof = check_token(kind, token, expires - timedelta(minutes=1), secret)
    assert (proof.state, proof.reference) == (TokenState.VALID, reference.lower())
    assert timedelta() <= proof.expires - expires < timedelta(minutes=1)


@given(st.text(max_size=64))
def test_no_text_makes_it_raise(text):
    assert check_token("appeal", text, BEFORE, SECRET).state is TokenState.FORGED


@pytest.mark.parametrize(
    ("reference", "expires", "secret"),
    [
        ("", EXPIRES, SECRET),
        ("a b", EXPIRES, SECRET),
        ("-a", EXPIRES, SECRET),
        ("a" * (MAX_REFERENCE + 1), EXPIRES, SECRET),
        ("ü", EXPIRES, SECRET),
        ("a", EXPIRES, b"short"),
        ("a", EXPIRES.replace(tzinfo=None), SECRET),
        ("a", datetime(1960, 1, 1, tzinfo=UTC), SECRET),
        ("a", datetime(5000, 1, 1, tzinfo=UTC), SECRET),
    ],
)
def test_what_makes_no_token_is_refused(reference, expires, secret):
    with pytest.raises(ValueError):
        make_token("appeal", reference, expires, secret)


def test_an_address_too_long_for_a_token_is_refused():
    with pytest.raises(ValueError, match="too long"):
        token_address("a-very-long-support-mailbox-name+appeals@shop.example", TOKEN)
