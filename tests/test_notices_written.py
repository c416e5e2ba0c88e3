"""What the real writer makes of real and of hostile mails: true of what was done, one recipient, no field and no word of theirs."""

import email
import email.policy
import re
from dataclasses import replace

import pytest
from gate_house import abusive, assessment, gate_house, threat
from gateway_process import BORDER
from template_facts import ARRIVED, NOT_ARRIVED

from gateway.edge.recent import RecentMail
from gateway.edge.settings import NoticeSettings
from gateway.edge.templates import LANGUAGES
from gateway.values import Category, Level, NoticeKind

ANNA = "anna@client.example"
RUDE = assessment(Level.RUDE, Category.SHOUTING, 3)


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as running:
        yield running


def letter(number=0, *, author=f"Anna <{ANNA}>", domain="client.example", subject="Order", message_id=None, more=""):
    head = f"Authentication-Results: {BORDER}; dmarc=pass header.from={domain}\r\nFrom: {author}\r\nTo: support@shop.example\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: {message_id or f'<m{number}@client.example>'}\r\n{more}\r\nmail {number}\r\n".encode()


async def written(house, to=ANNA):
    return [email.message_from_bytes(mail.message, policy=email.policy.default) for mail in await house.ledger.waiting() if mail.recipients == (to,)]


def texts(message):
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return [" ".join(text.replace("\u00a0", " ").split()) for text in (plain, re.sub(r"<[^>]+>", " ", html).replace("&#39;", "'"))]


# --- true of what was done --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_notice_of_a_whole_story_is_true_of_its_mail(house, language):
    """Rude twice, then up the ladder until mail is held; what each notice says is held against sink and held folder."""
    house.reader.thinks = replace(RUDE, language=language)
    await house.send(letter(0))
    seen: dict[str, bool] = {}
    for number, thinks in enumerate([RUDE, abusive(), abusive(), abusive()], 1):
        house.reader.thinks = replace(thinks, language=language)
        delivered = len(house.sink.mails)
        assert (await house.send(letter(number))).startswith("250")
        reached = len(house.sink.mails) > delivered
        (mail,) = [mail for mail in await house.ledger.waiting() if mail.kind not in seen]
        seen[mail.kind] = reached
        message = email.message_from_bytes(mail.message, policy=email.policy.default)
        assert message["Content-Language"] == language
        for text in texts(message):
            assert bool(re.search(ARRIVED[language], text)) is reached
            assert bool(re.search(NOT_ARRIVED[language], text)) is not reached
    assert seen == {"reminder": True, "warning": True, "final_warning": True, "suspension": False}
    assert len(await house.held.held()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_held_copy_beside_a_delivered_one_is_no_lie(house, language):
    for number in range(2):
        house.reader.thinks = replace(abusive(), language=language)
        await house.send(letter(number))
    await house.send(letter(2), recipients=("support@shop.example", "postmaster@shop.example"))
    assert len(await house.held.held()) == 1
    (notice,) = [mail for mail in await house.ledger.waiting() if mail.kind == NoticeKind.SUSPENSION.value]
    for text in texts(email.message_from_bytes(notice.message, policy=email.policy.default)):
        assert re.search(ARRIVED[language], text)
        assert not re.search(NOT_ARRIVED[language], text)


async def test_a_notice_is_written_only_after_the_mail_was_taken(house):
    house.reader.thinks = abusive()
    house.sink.replies["message"] = "451 4.3.0 later"
    assert (await house.send(letter(1))).startswith("451")
    assert await written(house) == []
    house.sink.replies["message"] = "550 5.7.1 never"
    assert (await house.send(letter(2))).startswith("550")
    assert await written(house) == []


async def test_an_address_that_had_its_notices_of_the_day_is_left_alone_and_a_person_asked(house):
    house.change(recent=RecentMail(NoticeSettings(per_peer=1)))
    house.reader.thinks = abusive()
    for number in range(4):
        assert (await house.send(letter(number))).startswith("250")
    assert [mail.kind for mail in await house.ledger.waiting() if mail.recipients == (ANNA,)] == ["warning"]
    # nobody is suspended for what he wasn't told of
    assert (await house.ledger.standing(ANNA)).suspended_until is None
    assert ("alert.strike_proposed", "boss@shop.example") in await house.outgoing()


async def test_a_suspension_is_told_even_so(house):
    house.reader.thinks = abusive()
    for number in range(2):
        await house.send(letter(number))
    house.change(recent=RecentMail(NoticeSettings(per_peer=1)))
    await house.send(letter(2))
    assert ("suspension", ANNA) in await house.outgoing()


async def test_a_calm_rewrite_with_the_reference_in_its_subject_takes_the_warning_back(house):
    house.reader.thinks = abusive()
    await house.send(letter(1))
    (notice,) = await written(house)
    assert await house.strikes() == 1
    (reference,) = re.findall(r"with (\w+) in the subject", " ".join(notice.get_body(("plain",)).get_content().split()))
    house.reader.thinks = replace(abusive(), level=Level.CLEAN, findings=(), categories=())
    await house.send(letter(2, subject="Order 4711"))
    assert await house.strikes() == 1
    await house.send(letter(3, subject=f"My request again ({reference.lower()})"))
    assert await house.strikes() == 0


async def test_somebody_elses_reference_takes_nothing_back(house):
    house.reader.thinks = abusive()
    await house.send(letter(1))
    (notice,) = await written(house)
    reference = re.search(r"Reference: (\w+)", notice.get_body(("plain",)).get_content())[1]
    bert = "bert@other.example"
    await house.send(letter(2, author=f"Bert <{bert}>", domain="other.example"), sender=bert)
    house.reader.thinks = replace(abusive(), level=Level.CLEAN, findings=(), categories=())
    await house.send(letter(3, author=f"Bert <{bert}>", domain="other.example", subject=reference), sender=bert)
    assert (await house.strikes(), await house.strikes(bert)) == (1, 1)


# --- nothing of theirs becomes a field, a template or a tag -----------------------------------------------------------

TEMPLATES = ["{{ 7 * 191 }}", "{% for x in range(7) %}1337{% endfor %}", "{# x #}", "{{ self.__init__.__globals__ }}", "{{ cycler.__init__ }}", "${7*191}"]
TAGS = ["<script>alert(1337)</script>", "</td></table><img src=x onerror=alert(1)>", '" onmouseover="x', "<a href=https://evil.example>here</a>"]
FIELDS = [
    "=?utf-8?q?x=0D=0ABcc:_evil@evil.example?=",
    "=?utf-8?b?eA0KQmNjOiBldmlsQGV2aWwuZXhhbXBsZQ0KDQpib2R5?=",
    "x\r\n Bcc: evil@evil.example",
    "x\u2028Bcc: evil@evil.example",
    "=?utf-8?q?boss=40bank=2Eexample?=",
]
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Auto-Submitted", "Content-Type", "MIME-Version", "In-Reply-To", "References")


def harmless(message, raw):
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert head.isascii()
    for name in ONCE:
        assert len(message.get_all(name, [])) <= 1, name
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert "1337" not in text.replace("alert(1337)", "")
        if kind == "html":
            assert "<script" not in text
            assert "<img" not in text
            assert not re.search(r"<[^>]* on\w+=", text)
            assert "evil.example" not in " ".join(re.findall(r'href="([^"]*)"', text))


@pytest.mark.parametrize("hostile", [*TEMPLATES, *TAGS, *FIELDS])
async def test_hostile_names_and_subjects(house, hostile):
    quoted = hostile.replace("\\", r"\\").replace('"', r"\"")
    author = f"{hostile} <{ANNA}>" if hostile.startswith("=?") else f'"{quoted}" <{ANNA}>'
    for number, thinks in enumerate((abusive(), threat())):
        house.reader.thinks = thinks
        message = letter(number, author=author, subject=hostile, more=f"References: <{hostile}@client.example> {hostile}\r\n")
        assert (await house.send(message)).startswith("250")
    mails = await house.ledger.waiting()
    # a name that isn't well formed makes nobody accountable, so there is no notice
    assert {mail.kind for mail in mails} >= {"alert.threat"} | ({"warning"} if "=0D" not in hostile else set())
    for mail in mails:
        parsed = email.message_from_bytes(mail.message, policy=email.policy.default)
        harmless(parsed, mail.message)
        assert mail.recipients in {(ANNA,), ("boss@shop.example",)}
        assert [address.addr_spec for address in parsed["To"].addresses] == list(mail.recipients)
        assert parsed["From"].addresses[0].domain.endswith("shop.example")
        if mail.kind == "warning":
            assert parsed["Subject"] == "A request about the wording of your message"
            del parsed["References"]  # what is formed like a message id may stand there
            assert hostile[:12] not in "".join(f"{name}: {value}\n" for name, value in parsed.items())
    folded = house.sink.mails[0].message.partition(b"\r\nX-Courtesy: ")[2].partition(b"\r\n")[2]
    harmless(email.message_from_bytes(folded, policy=email.policy.default), folded)


@pytest.mark.parametrize("local", ["{{7*191}}", "{%if`x`%}", "a'--", "bcc=x", "x&y"])
async def test_hostile_addresses(house, local):
    sender = f"{local}@client.example"
    for number, thinks in enumerate((abusive(), threat())):
        house.reader.thinks = thinks
        assert (await house.send(letter(number, author=f"<{sender}>"), sender=sender)).startswith("250")
    (notice,) = await written(house, sender)
    assert notice["To"].addresses[0].addr_spec == sender
    for mail in await house.ledger.waiting():
        harmless(email.message_from_bytes(mail.message, policy=email.policy.default), mail.message)


@pytest.mark.parametrize("message_id", ["<x@y>\r\n X-Evil: 1", "x" * 900, "<{{7*191}}@client.example>", "no id", "<a@b> <c@d>"])
async def test_hostile_message_ids(house, message_id):
    house.reader.thinks = abusive()
    await house.send(letter(1, message_id=message_id))
    (notice,) = await written(house)
    (mail,) = await house.ledger.waiting()
    harmless(notice, mail.message)
    assert notice["X-Evil"] is None
    assert len(notice.get("In-Reply-To", "")) < 300


async def test_what_a_notice_bears_so_that_no_program_answers_it(house):
    house.reader.thinks = abusive()
    await house.send(letter(1, more="References: <a@client.example> <b@client.example>\r\n"))
    (mail,) = await house.ledger.waiting()
    notice = email.message_from_bytes(mail.message, policy=email.policy.default)
    assert mail.sender == ""
    assert notice["Auto-Submitted"] == "auto-replied"
    assert notice["X-Auto-Response-Suppress"] == "All"
    assert notice["In-Reply-To"] == "<m1@client.example>"
    assert notice["References"] == "<a@client.example> <b@client.example> <m1@client.example>"
    assert str(notice["From"]) == "Shop Support <support@shop.example>"
    folded = email.message_from_bytes(house.sink.mails[0].message, policy=email.policy.default)
    assert folded["Auto-Submitted"] is None
    assert (folded["X-Auto-Response-Suppress"], folded["X-OTRS-Loop"], folded["X-Zammad-Send-Auto-Response"]) == ("All", "yes", "false")
