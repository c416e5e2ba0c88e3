"""Every composed message parsed back, and nothing that a sender controls can become a field of it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from template_facts import alert_facts, fold_facts, notice_facts

from gateway.edge.templates import LANGUAGES, Templates
from gateway.mail import fields
from gateway.mail.compose import Rendered, alert_message, folded_message, message_id, notice_message
from gateway.values import AlertKind, Mailbox, NoticeKind

TEMPLATES = Templates("en", ZoneInfo("Europe/Berlin"))
DATE = datetime(2026, 11, 24, 10, 5, 7, tzinfo=timezone(timedelta(hours=1)))
ID = message_id("notice.K7Q2-9MX.1", "gw.shop.example")
SUPPORT = Mailbox("Shop Support", "support@shop.example")
GATEWAY = Mailbox("Courtesy gateway", "support+decisions@shop.example")
PLAIN = Rendered("Subject", "Text\n", "<p>Text</p>\n")
RECEIVED = (
    b"Received: from a by b\r\nDKIM-Signature: v=1; b=abc\r\nFrom: Max <max@kunde.example>\r\nSubject: =?utf-8?q?=C3=9C?=\r\n"
    b"\tfolded\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n.\r\n..\r\nFrom me\r\n" + b"x" * 1500 + b"\r\n"
)
NOTICE_FIELDS = [
    *("date", "from", "reply-to", "to", "subject", "message-id", "in-reply-to", "references"),
    *("auto-submitted", "x-auto-response-suppress", "mime-version", "content-language", "content-type"),
]
ANYTHING = st.one_of(st.text(max_size=120), st.sampled_from(["a\r\nBcc: x@y", "<a@b>\r\n\r\nbody", "\x00", "<" + "a" * 5000 + "@b>", "=?utf-8?q?=0D=0AX:?=", "\u2028\u202e"]))


def notice(**changes):
    arguments = {
        "rendered": PLAIN,
        "support": SUPPORT,
        "reply_to": "support+appeals.k7q2-9mx-a4rhja-hal4lmjf6drorccqfkog@shop.example",
        "to": "max@kunde.example",
        "language": "en",
        "date": DATE,
        "message_id": ID,
        "boundary": "=_b0undary",
        "in_reply_to": "<1@kunde.example>",
        "references": ("<0@kunde.example>",),
    }
    return notice_message(**(arguments | changes))


def alert(**changes):
    arguments = {
        "rendered": PLAIN,
        "sender": GATEWAY,
        "reply_to": "support+decisions.token@shop.example",
        "to": ("boss@shop.example", "owner@shop.example"),
        "language": "en",
        "date": DATE,
        "message_id": ID,
        "boundary": "=_b0undary",
    }
    return alert_message(**(arguments | changes))


def folded(received=RECEIVED, rendered=PLAIN, **changes):
    arguments = {
        "gateway": GATEWAY,
        "author": Mailbox("Max", "max@kunde.example"),
        "to": ("support@shop.example",),
        "language": "en",
        "date": DATE,
        "message_id": ID,
        "boundary": "=_b0undary",
        "in_reply_to": ("<9@shop.example>",),
        "references": ("<8@shop.example>", "<9@shop.example>"),
    }
    return folded_message(received, rendered, **(arguments | changes))


def well_formed(message, *, eight_bit=False, long_lines=False):
    """The mail as the stdlib reads it, after a look at its bytes."""
    assert message.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message)
    header = message.split(b"\r\n\r\n", 1)[0]
    assert all(len(line) <= 600 for line in header.split(b"\r\n"))
    if not long_lines:
        assert all(len(line) <= 998 for line in message.split(b"\r\n"))
    if not eight_bit:
        assert message.isascii()
        assert b"\0" not in message
    parsed = message_from_bytes(message, policy=policy.SMTP)
    assert not [defect for part in parsed.walk() for defect in part.defects]
    return parsed


def attached_bytes(message, parsed):
    """The octets between the header of the attached message and the delimiter that follows it."""
    delimiter = b"\r\n--" + parsed.get_boundary().encode()
    part = message.split(delimiter)[2]
    return part.split(b"\r\n\r\n", 1)[1]


# --- notices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_a_notice_is_what_rfc_3834_asks_for(language, kind):
    rendered = TEMPLATES.notice(kind, language, notice_facts(kind))
    parsed = well_formed(notice(rendered=rendered, language=language))
    assert [name.lower() for name in parsed.keys()] == NOTICE_FIELDS  # noqa: SIM118 - the names, with repeats
    assert parsed["auto-submitted"] == "auto-replied"
    assert parsed["x-auto-response-suppress"] == "All"
    assert str(parsed["from"]) == "Shop Support <support@shop.example>"
    assert parsed["to"] == "max@kunde.example"
    assert parsed["reply-to"].addresses[0].username.startswith("support+appeals.")
    assert parsed["in-reply-to"] == "<1@kunde.example>"
    assert parsed["references"] == "<0@kunde.example> <1@kunde.example>"
    assert parsed["message-id"] == ID
    assert parsedate_to_datetime(parsed["date"]) == DATE
    assert str(parsed["subject"]) == rendered.subject
    assert parsed.get_content_type() == "multipart/alternative"
    plain, html = parsed.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().replace("\r\n", "\n") == rendered.text
    assert html.get_content().replace("\r\n", "\n") == rendered.html
    assert plain["content-language"] == language


def test_without_a_thread_there_are_no_thread_fields():
    parsed = well_formed(notice(in_reply_to="", references=()))
    assert parsed["in-reply-to"] is None
    assert parsed["references"] is None


def test_references_are_capped_with_the_first_and_the_latest_kept():
    parsed = well_formed(notice(references=[f"<{n}@kunde.example>" for n in range(500)]))
    kept = str(parsed["references"]).split()
    assert len(kept) == fields.MOST_REFERENCES
    assert (kept[0], kept[-2], kept[-1]) == ("<0@kunde.example>", "<499@kunde.example>", "<1@kunde.example>")


@settings(max_examples=150, deadline=None)
@given(ANYTHING, st.lists(ANYTHING, max_size=5))
@example("<a@b>\r\nBcc: c@d", ["<x@y>\r\n\r\nHello"])
def test_nothing_in_the_thread_of_the_sender_becomes_a_field(in_reply_to, references):
    parsed = well_formed(notice(in_reply_to=in_reply_to, references=references))
    assert set(name.lower() for name in parsed.keys()) <= set(NOTICE_FIELDS)  # noqa: C401, SIM118
    assert all(fields.is_message_id(made) for made in str(parsed["references"] or "").split())


@settings(max_examples=100, deadline=None)
@given(ANYTHING)
@example("x@y\r\nBcc: z@z")
@example('"a b"@y')
@example("a@b,c@d")
def test_a_sender_address_is_one_address_or_none(address):
    try:
        message = notice(to=address)
    except ValueError:
        return
    parsed = message_from_bytes(message, policy=policy.SMTPUTF8)
    assert [name.lower() for name in parsed.keys()] == NOTICE_FIELDS  # noqa: SIM118
    assert len(parsed["to"].addresses) <= 1


def test_international_addresses_keep_their_letters_or_become_ascii():
    assert b"\r\nTo: max@xn--mller-kva.example\r\n" in notice(to="max@müller.example")
    eai = notice(to="jürgen@müller.example")
    assert "\r\nTo: jürgen@xn--mller-kva.example\r\n".encode() in eai
    assert message_from_string(eai.decode(), policy=policy.SMTPUTF8)["to"].addresses[0].username == "jürgen"


@pytest.mark.parametrize("name", ["reply_to", "message_id", "boundary", "language"])
def test_own_arguments_that_are_malformed_are_refused(name):
    with pytest.raises(ValueError):
        notice(**{name: "a\r\nBcc: x@y"})


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="naive"):
        notice(date=datetime(2026, 11, 24))  # noqa: DTZ001


@pytest.mark.parametrize(("unique", "domain"), [("", "gw.example"), ("a b", "gw.example"), ("a\r\nb", "gw.example"), ("a", "gw example"), ("a", "")])
def test_a_message_id_of_ours_is_checked(unique, domain):
    with pytest.raises(ValueError):
        message_id(unique, domain)


def test_a_name_with_specials_and_letters_is_quoted_or_encoded():
    for name in ('Shop, "Support"', "Магазин — поддержка клиентов, отдел возвратов и рекламаций", "=?utf-8?q?x?=", "a" * 119, "Ügyfél\r\nszolgálat"):
        message = notice(support=Mailbox(name, "support@shop.example"))
        well_formed(message)
        # policy.SMTP keeps the space between two encoded words, which RFC 2047 section 6.2 drops; compat32 doesn't.
        shown, address = getaddresses([message_from_bytes(message, policy=policy.compat32)["from"]])[0]
        assert (str(make_header(decode_header(shown))), address) == (" ".join(name.split()), "support@shop.example")


# --- alerts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", AlertKind)
def test_an_alert_is_auto_generated_and_says_no_abusive_word_in_its_subject(language, kind):
    rendered = TEMPLATES.alert(kind, language, alert_facts(kind, excerpts=("unheardofword",)))
    parsed = well_formed(alert(rendered=rendered, language=language, urgent=kind in {AlertKind.THREAT, AlertKind.SELF_HARM}))
    assert parsed["auto-submitted"] == "auto-generated"
    assert [a.addr_spec for a in parsed["to"].addresses] == ["boss@shop.example", "owner@shop.example"]
    assert "unheardofword" not in str(parsed["subject"]) + parsed.get_body().get_content()
    assert (parsed["importance"] == "high") is (kind in {AlertKind.THREAT, AlertKind.SELF_HARM})
    assert parsed.get_content_type() == "multipart/alternative"


def test_an_alert_carries_the_original_untouched():
    message = alert(original=RECEIVED)
    parsed = well_formed(message, eight_bit=True, long_lines=True)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["multipart/alternative", "message/rfc822"]
    assert attached_bytes(message, parsed) == RECEIVED
    assert parsed["reply-to"] == "support+decisions.token@shop.example"


def test_an_alert_without_decisions_has_no_reply_to():
    assert well_formed(alert(reply_to=""))["reply-to"] is None


# --- folded mail -----------------------------------------------------------------------------------------------------


def test_a_folded_mail_is_a_calm_note_and_the_received_bytes():
    rendered = TEMPLATES.fold_note("de", fold_facts())
    message = folded(rendered=rendered, language="de")
    parsed = well_formed(message, eight_bit=True, long_lines=True)
    note, original = parsed.iter_parts()
    assert parsed.get_content_type() == "multipart/mixed"
    assert note.get_content_type() == "multipart/alternative"
    assert original.get_content_type() == "message/rfc822"
    assert original["content-transfer-encoding"] == parsed["content-transfer-encoding"] == "8bit"
    assert attached_bytes(message, parsed) == RECEIVED
    assert str(parsed["from"]) == "Max <support+decisions@shop.example>"
    assert str(parsed["reply-to"]) == "Max <max@kunde.example>"
    assert str(parsed["to"]) == "support@shop.example"
    assert str(parsed["subject"]) == "Kundennachricht mit Hinweis: Beleidigungen (K7Q2-9MX)"
    assert parsed["message-id"] == ID
    assert parsed["in-reply-to"] == "<9@shop.example>"
    assert parsed["references"] == "<8@shop.example> <9@shop.example>"
    assert parsed["x-auto-response-suppress"] == "All"
    assert parsed["auto-submitted"] is None
    assert note.get_body(("plain",)).get_content().replace("\r\n", "\n") == rendered.text


def test_a_plain_ascii_mail_stays_7bit():
    message = folded(b"From: a@b\r\n\r\nHello\r\n")
    parsed = well_formed(message)
    assert [part["content-transfer-encoding"] for part in parsed.iter_parts()] == [None, "7bit"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.booleans())
@example(b"", False)
@example(b"--=_b0undary--\r\n--=_b0undary=\r\n--=_b0undary.note--\r\n", False)
@example(b"no header end", True)
@example(b"\r\n\r\n", False)
def test_the_attached_bytes_are_identical_whatever_they_are(octets, utf8):
    received = re.sub(rb"\r\n?|\n", b"\r\n", octets)
    message = folded(received, utf8=utf8)
    parsed = message_from_bytes(message, policy=policy.SMTPUTF8)
    assert attached_bytes(message, parsed) == received
    assert len(list(parsed.iter_parts())) == 2
    assert message.count(b"\r\n--" + parsed.get_boundary().encode()) == 3


def test_a_received_mail_full_of_boundaries_gets_another_one():
    received = b"Subject: x\r\n\r\n" + b"".join(b"--=_b0undary_%d=\r\n" % n for n in range(30)) + b"--=_b0undary\r\n"
    message = folded(received)
    parsed = well_formed(message)
    assert attached_bytes(message, parsed) == received
    assert parsed.get_boundary().encode() not in received


@settings(max_examples=150, deadline=None)
@given(ANYTHING, ANYTHING, st.lists(ANYTHING, max_size=3), st.booleans())
@example("Evil\r\nBcc: x@y <ceo@shop.example>", "max@kunde.example", [], False)
@example("Max", "max@kunde.example\r\nBcc: x@y", ["<a@b>\r\nX: y"], True)
def test_nothing_that_the_author_controls_becomes_a_field(display, address, references, utf8):
    message = folded(author=Mailbox(display, address), references=references, reply_to=[Mailbox(display, address)], utf8=utf8)
    parsed = message_from_bytes(message, policy=policy.SMTPUTF8)
    known = {"date", "from", "reply-to", "to", "subject", "message-id", "in-reply-to", "references"}
    silent = {"x-auto-response-suppress", "x-otrs-loop", "x-zammad-send-auto-response"}
    assert {name.lower() for name in parsed} <= known | silent | {"mime-version", "content-language", "content-type", "content-transfer-encoding"}
    assert [a.addr_spec for a in parsed["from"].addresses] == [GATEWAY.address]
    assert "@" not in parsed["from"].addresses[0].display_name
    assert utf8 or message.split(b"\r\n\r\n", 1)[0].isascii()


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        (("postmaster",), "undisclosed-recipients:;"),
        ((), "undisclosed-recipients:;"),
        (("postmaster", "a@shop.example", "b c@shop.example"), 'a@shop.example, "b c"@shop.example'),
    ],
)
def test_odd_recipients_do_not_stop_a_fold(to, shown):
    assert str(well_formed(folded(b"From: a@b\r\n\r\nHello\r\n", to=to))["to"]) == shown


def test_without_a_name_the_gateway_names_itself():
    assert str(well_formed(folded(author=Mailbox("", "max@kunde.example")), eight_bit=True, long_lines=True)["from"]).startswith("Courtesy gateway <")


def test_the_original_reply_to_is_preferred_and_a_malformed_one_left_out():
    wanted = [Mailbox("", "nonsense"), Mailbox("Max at work", "max@firma.example")]
    parsed = well_formed(folded(reply_to=wanted), eight_bit=True, long_lines=True)
    assert str(parsed["reply-to"]) == "Max at work <max@firma.example>"
    parsed = well_formed(folded(author=Mailbox("Max", "nonsense")), eight_bit=True, long_lines=True)
    assert parsed["reply-to"] is None


def test_an_international_author_is_shown_with_smtputf8_and_downgraded_without():
    received = "From: Jürgen <jürgen@kunde.example>\r\n\r\nx\r\n".encode()
    author = Mailbox("Jürgen", "jürgen@kunde.example")
    parsed = message_from_string(folded(received, author=author, utf8=True).decode(), policy=policy.SMTPUTF8)
    assert parsed["reply-to"].addresses[0].addr_spec == "jürgen@kunde.example"
    assert [part.get_content_type() for part in parsed.iter_parts()][1] == "message/global"
    message = folded(received, author=author)
    assert message.split(b"\r\n\r\n", 1)[0].isascii()
    parsed = message_from_bytes(message, policy=policy.SMTP)
    assert parsed["reply-to"].groups[0].display_name == "jürgen@kunde.example"
    assert [part.get_content_type() for part in parsed.iter_parts()][1] == "message/rfc822"


def test_the_same_arguments_give_the_same_bytes():
    assert folded() == folded()
    assert notice() == notice()
    assert alert(date=DATE.astimezone(UTC)) == alert(date=DATE.astimezone(UTC))
