"""What is automatic is never answered; what a person writes is never taken for automatic."""

import json

import pytest
from reading_mails import FORMS, SHARED, mail, multipart, reading

from gateway.mail.message import read

STATUS = ("Content-Type: message/delivery-status", "Reporting-MTA: dns; x\n\nAction: failed")
TEXT = ("Content-Type: text/plain", "It failed.")


@pytest.mark.parametrize(
    "fields",
    [
        "Auto-Submitted: auto-generated\n",
        "Auto-Submitted: auto-generated (failure)\n",
        "Auto-Submitted: auto-replied; owner-email=x@y.example\n",
        "Auto-Submitted: (no) AUTO-NOTIFIED\n",
        "Return-Path: <>\n",
        "Precedence: bulk\n",
        "Precedence: List\n",
        "precedence: junk (really)\n",
        "List-Id: <x.y.example>\n",
        "List-Unsubscribe: <mailto:x@y.example>\n",
        "Mailing-List: contact x@y.example; run by ezmlm\n",
        "X-Autoreply: yes\n",
        "X-Autorespond: 1\n",
        "X-Failed-Recipients: x@y.example\n",
        "X-MS-Exchange-Message-Is-Ndr:  true\n",
        "Delivered-To: Autoresponder\n",
        "Sender: owner-list@y.example\n",
        "Sender: list-request@y.example\n",
        "Sender: list-bounces+jane=x.example@y.example\n",
        "Return-Path: <bounces+4711@y.example>\n",
    ],
)
def test_header_fields_of_automata(fields):
    assert reading(mail("hello", fields=fields)).automatic


@pytest.mark.parametrize(
    "author",
    ["MAILER-DAEMON@y.example", "Mail Delivery System <Mailer-Daemon@y.example>", "noreply@y.example", "no-reply+4711@y.example", "postmaster@y.example",
     "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@y.example", "list-request@y.example", "MAILER-DAEMON <>", "MAILER-DAEMON", "shop-noreply@y.example"],
)  # fmt: skip
def test_addresses_of_robots(author):
    assert reading(mail("hello", author=author)).automatic


@pytest.mark.parametrize(
    "message",
    [
        multipart("report; report-type=delivery-status", TEXT, STATUS),
        multipart("mixed", TEXT, STATUS),
        multipart("report", TEXT, ("Content-Type: message/disposition-notification", "Disposition: x")),
        multipart("report", TEXT, ("Content-Type: message/feedback-report", "Feedback-Type: abuse")),
    ],
)
def test_reports_are_told_by_their_parts(message):
    assert reading(message).automatic


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: your question", "Automatische Antwort: Ihre Frage", "Réponse automatique : votre question", "Автоматический ответ: вопрос",
     "Automatikus válasz: kérdés", "Outomatiese antwoord: vraag", "Undelivered Mail Returned to Sender", "Out of Office: x", "Abwesenheitsnotiz"],
)  # fmt: skip
def test_subjects_of_automatic_answers(subject):
    assert reading(mail("hello", subject)).automatic


@pytest.mark.parametrize(
    ("return_path", "automatic"),
    [
        ("", True),
        ("<>", True),
        ("jane@example.org", False),
        ("prvs=12345=jane@example.org", False),
        ("owner-x@y.example", True),
        (None, False),
    ],
)
def test_the_envelope_sender_counts_when_it_is_known(return_path, automatic):
    assert bool(read(mail("hello"), FORMS, return_path=return_path).automatic) == automatic


@pytest.mark.parametrize(
    "fields",
    ["", "Auto-Submitted: no\n", "Auto-Submitted: No (a person)\n", "Return-Path: <jane@example.org>\n", "Precedence: first-class\n", "X-Autoreply: no\n",
     "X-Auto-Response-Suppress: All\n", "In-Reply-To: <1@shop.example>\n", "Reply-To: noreply@example.org\n", "X-Mailer: Robot 1.0\n"],
)  # fmt: skip
def test_a_persons_mail_is_not_automatic(fields):
    assert reading(mail("hello", fields=fields)).automatic == ()


@pytest.mark.parametrize(
    "subject",
    ["Delivery failed again!", "Read: my complaint", "Auto: Schaden an der Tür", "Re: Automatic reply: your question", "Abwesenheit: bitte später liefern",
     "Out of office supplies", "Nicht zustellbar: mein Paket", "Undelivered parcel", "Vá: Automatikus válasz: kérdés", "Mail delivery"],
)  # fmt: skip
def test_subjects_that_customers_write(subject):
    assert reading(mail("hello", subject)).automatic == ()


@pytest.mark.parametrize(
    "author", ["daemon.hill@example.org", "n.bounce@example.org", "info@example.org", "owner@example.org", "Noreply Jones <j@x.example>"]
)
def test_addresses_of_people(author):
    assert reading(mail("hello", author=author)).automatic == ()


def test_who_forwards_a_bounce_is_no_robot():
    inner = "From: mailer-daemon@x.example\nContent-Type: multipart/report; boundary=i\n\n--i\n\nfailed\n--i\nContent-Type: message/delivery-status\n\nx\n--i--"
    assert reading(multipart("mixed", ("Content-Type: text/plain", "I got this."), ("Content-Type: message/rfc822", inner))).automatic == ()


@pytest.mark.shared
def test_nearly_all_automatic_mail_of_other_projects_is_told():
    folder = SHARED / "auto-mail"
    if not folder.is_dir():
        pytest.skip("needs ../shared/auto-mail")
    names = [json.loads(line)["file"] for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    missed = [name for name in names if not reading((folder / name).read_bytes()).automatic]
    assert len(missed) <= 0.02 * len(names), missed


@pytest.mark.shared
def test_no_support_mail_is_taken_for_automatic():
    folder = SHARED / "mails"
    if not folder.is_dir():
        pytest.skip("needs ../shared/mails")
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            subject = case["subject"].replace("\n", " ")
            assert reading(mail(case["body"], subject)).automatic == (), case["id"]


@pytest.mark.shared
def test_personal_mail_of_other_projects_is_not_automatic():
    folder = SHARED / "real-mail" / "talon"
    if not folder.is_dir():
        pytest.skip("needs ../shared/real-mail")
    assert [path.name for path in sorted(folder.glob("*.eml")) if reading(path.read_bytes()).automatic] == []
