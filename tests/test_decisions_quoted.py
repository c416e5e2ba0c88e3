"""Below a manager's answer stands the digest that he answers, as his mail program quotes it: nothing of it decides."""

import base64
import html
from zoneinfo import ZoneInfo

import pytest
from reading_mails import FORMS

from gateway.edge.digest_samples import SAMPLES
from gateway.edge.templates import LANGUAGES, Templates
from gateway.mail.message import read
from gateway.policy.decision_words import vocabulary
from gateway.policy.decisions import understand
from gateway.records import Action, DecisionItem

ITEMS = tuple(DecisionItem(number, f"R{number}", tuple(Action), Action.BLOCK) for number in range(1, 20))

WROTE = {
    "en": "On Mon, 23 Nov 2026 at 08:00, Shop <courtesy@gw.shop.example> wrote:",
    "fr": "Le lun. 23 nov. 2026 à 08:00, Shop <courtesy@gw.shop.example> a écrit :",
    "de": "Am Mo., 23. Nov. 2026 um 08:00 Uhr schrieb Shop <courtesy@gw.shop.example>:",
    "ru": "пн, 23 нояб. 2026 г. в 08:00, Shop <courtesy@gw.shop.example>:",
    "hu": "Shop <courtesy@gw.shop.example> ezt írta (időpont: 2026. nov. 23., H, 8:00):",
    "af": "Op Ma., 23 Nov. 2026 om 08:00 het Shop <courtesy@gw.shop.example> geskryf:",
}
HEADED = {
    "en": ("From", "Sent", "To", "Subject"),
    "fr": ("De", "Envoyé", "À", "Objet"),
    "de": ("Von", "Gesendet", "An", "Betreff"),
    "ru": ("От", "Отправлено", "Кому", "Тема"),
    "hu": ("Feladó", "Elküldve", "Címzett", "Tárgy"),
    "af": ("Van", "Gestuur", "Aan", "Onderwerp"),
}


@pytest.fixture(scope="module")
def templates():
    return Templates("en", ZoneInfo("Europe/Berlin"))


def digest(templates, language):
    return templates.digests.render(max(SAMPLES, key=lambda sample: len(sample.items)), language)


def mail(body: str, kind: str = "plain") -> bytes:
    head = (
        "From: Boss <boss@shop.example>\r\nTo: courtesy@gw.shop.example\r\nSubject: Re: Report\r\nIn-Reply-To: <digest.2026-W47.x@gw.shop.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(body.encode()).replace(b"\n", b"\r\n")


def decided(message, templates):
    words = vocabulary(templates.decisions)
    said = understand(read(message, FORMS, return_path="boss@shop.example").own_text, ITEMS, words)
    return [(decision.item.number, decision.action) for decision in said.decisions], said.unclear


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["quote marks", "header lines", "html quote", "html header lines"])
def test_only_what_stands_above_the_digest_decides(templates, language, style):
    sent = digest(templates, language)
    release = templates.digests.answers(language)[Action.RELEASE]
    labels = HEADED[language]
    header = [f"{labels[0]}: Shop <courtesy@gw.shop.example>", f"{labels[1]}: 23.11.2026 08:00", f"{labels[2]}: boss@shop.example", f"{labels[3]}: Report"]
    if style == "quote marks":
        body = f"2 {release}\n\n{WROTE[language]}\n\n" + "".join(f"> {line}\n" for line in sent.text.splitlines())
    elif style == "header lines":
        body = f"2 {release}\n\n________________________________\n" + "\n".join(header) + "\n\n" + sent.text
    elif style == "html quote":
        inside = sent.html[sent.html.index("<body") :].partition(">")[2].partition("</body>")[0]
        body = f'<div dir="auto">2 {release}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{html.escape(WROTE[language])}<br></div>'
        body += f'<blockquote class="gmail_quote" style="margin:0">{inside}</blockquote></div>'
    else:
        inside = sent.html[sent.html.index("<body") :].partition(">")[2].partition("</body>")[0]
        body = f'<div>2 {release}</div><hr><div id="divRplyFwdMsg"><b>' + "<br>".join(html.escape(line) for line in header) + f"</b></div><div>{inside}</div>"
    assert decided(mail(body, "html" if "html" in style else "plain"), templates) == ([(2, Action.RELEASE)], ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_digest_that_is_not_seen_to_be_quoted_decides_nothing_by_itself(templates, language):
    decisions, _ = decided(mail(digest(templates, language).text), templates)
    assert decisions == []
