"""Whose words they are: quotes, forwards, signatures, code, chats, and the ways to hide one's own words among them."""

import json
import re
from collections import Counter

import pytest
from reading_mails import DATA, mail, of_kind, raw, reading

CASES = [json.loads(line) for line in (DATA / "quoted-replies" / "cases.jsonl").read_text(encoding="utf-8").splitlines()]


def words(text):
    return Counter(re.findall(r"\w+", text.casefold()))


@pytest.mark.parametrize("subject", ["RE: 4711", "4711"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['lang']}-{c['case']}")
def test_replies_of_mail_programs_in_six_languages(case, subject):
    own = words(reading(mail(case["text"], subject)).own_text)
    author, quoted = words(case["author"]), words(case["quoted"])
    assert (author - own).total() <= 0.05 * author.total()
    assert (own - author).total() <= 0.10 * max(1, quoted.total())


@pytest.mark.parametrize(
    "body",
    [
        "Hello\n\n> you idiot",
        "> you idiot\n> answer me",
        ">> you idiot\n>> answer me",
        "Hello there, dear team\n\n>you are a bunch of idiots",
        "Hello\n-- \nyou idiot",
        "Hello\n-- \nJane Roe\nyou idiot",
        "Hello\n\n-- \nJane Roe\nTel. +44 20 7946 0000\nYou are idiots, all of you",
        "Hello\n\n-- \nyou idiot\nThis message is confidential and for the intended recipient only.",
        "Hello\n\nThanks,\nyou idiot",
        "Hello\n\nMit freundlichen Grüßen\nyou idiot",
        "Hello\n- you idiot",
        "Hello\n\nSent from my iPhone\nyou idiot",
        "Hello\n\nSent from my iPhone, you idiot",
        "Hello\n____\nyou idiot",
        "Hello\n\n________________________________\nyou idiots\nall of you",
        "Hello\nCAUTION: this mail you idiot mail",
        "Hello\n\nThis message is confidential, you idiot.",
        "Hello\n\nYou are idiots, every single one of you, and this message is confidential to your boss.",
        "Hello\n-----Original Message-----\nyou idiot",
        "Hello\n-----Ursprüngliche Nachricht-----\nyou idiot",
        "Hello\n-----Original Message-----\nFrom: me\nyou idiot",
        "Hello\n\n---------- Forwarded message ---------\nyou idiot",
        "Hello\n\nBegin forwarded message:\n\nyou idiot",
        "Hello\n\nOn Mon, 3 Mar 2025 at 10:12, Bob <bob@x.example> wrote:\n> you idiot",
        "On Mon, 3 Mar 2025 at 10:12, Bob <bob@x.example> wrote:\n\nyou idiot",
        "Hello\n\nAm 03.03.2025 um 10:12 schrieb Bob <bob@x.example>:\nyou idiot",
        "Hello\n\nFrom: Berlin\nTo: Paris\nyou idiot",
        "Hello\n\nOn 3 March your agent wrote:\n\nnothing at all.\n\nYou are all idiots.",
        "Hello\n\nOn 3 March 2025 your agent wrote:\n\nnothing at all.\n\nYou are all idiots.",
        "```\nyou idiots\n```",
        "ERROR: you idiots",
        "2024-10-08 you idiots",
        "Traceback (most recent call last): you idiots",
        "you idiots = you;",
        "$ you idiot",
        "begin 644 x\nyou idiot\nend",
        "[16:04] you idiot",
        "Agent: you idiot",
        "Me: hello\nYou: duh duh I am an idiot",
        "-----BEGIN PGP MESSAGE-----\nyou idiot",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nyou idiot\n-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----",
        "Dear all\n\n\n\n\n\n> you idiot\n\n\n\n-- \n",
    ],
)
def test_what_is_said_to_the_reader_stays_the_senders_however_it_is_dressed(body):
    assert "idiot" in reading(body).own_text


@pytest.mark.parametrize(
    ("body", "inside", "outside"),
    [
        ("On Mon, 3 Mar 2025 at 10:12, Bob <bob@x.example> wrote:\n> how are you\n\nyou idiot", "you idiot", "how are you"),
        ("Please read this. Your agent sent me the following answer:\n\n> get lost you moron\n\nI am shocked.", "shocked", "moron"),
        ("I answer inline.\n\nOn 3 Mar 2025, at 10:12, Bob wrote:\n> when?\n\nYesterday.\n\n> where?\n\nAt home.\n", "At home", "when?"),
    ],
)
def test_text_around_marked_quotes_is_own(body, inside, outside):
    result = reading(mail(body, "RE: 4711"))
    assert inside in result.own_text
    assert outside not in result.own_text


def test_marks_without_a_frame_are_believed_in_an_answer_when_they_hold_a_mail():
    quoted = "> Bonjour,\n> Votre demande a bien été prise en compte. Un conseiller vous répondra.\n> Merci,\n> Mickaël"
    assert "conseiller" in of_kind(reading(mail(f"Quel gâchis, vraiment.\n\n{quoted}", "Re: Votre demande")), "quoted")
    assert "conseiller" in of_kind(reading(mail(f"Quel gâchis, vraiment.\n\n{quoted}", fields="In-Reply-To: <1@shop.example>\n")), "quoted")
    assert "conseiller" in reading(f"Quel gâchis, vraiment.\n\n{quoted}").own_text
    assert "idiot" in reading(mail("Good morning dear team\n\n> you idiot", "Re: Votre demande")).own_text


def test_a_wrapped_attribution_does_not_swallow_the_line_before_it():
    body = 'Hello\n02.04.2012 14:20 пользователь "bob@x.example" <\nbob@x.example> написал:\n\nHi\n'
    result = reading(mail(body, "Re: Test"))
    assert result.own_text == "Hello"


@pytest.mark.parametrize("subject", ["WG: Kundin Nr. 44918", "Fwd: letter", "TR: courrier", "Fw: x"])
def test_a_forward_is_told_by_its_subject(subject):
    body = "Please look at this.\n\nFrom: Bob <bob@x.example>\nSent: Monday, 3 March 2025\nTo: me\nSubject: hi\n\nyou idiot"
    assert "you idiot" in of_kind(reading(mail(body, subject)), "forwarded")
    assert "you idiot" in of_kind(reading(mail(body, "RE: x")), "quoted")


# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        "--\nHALÁLMADÁR motoros egyesület – „Előbb ütünk, aztán se kérdezünk”\nFIGYELEM: ha nem Ön a címzett, az üzenet elolvasása, másolása TILOS.",
        "________________________________\nInjures, menaces de mort : « Sale fonctionnaire » : art. 433-5 du Code pénal.\nCe message est confidentiel. Pensez à l'environnement avant tout.",
        '-- \nJane Roe\nElder, ward 7\n"The soul that sinneth, it shall die."',
        "-- \nDick Moron Ltd\nwww.moron.example\n+44 20 7946 0000",
    ],
)
def test_a_signature_with_the_marks_of_one_is_not_own(signature):
    result = reading(mail(f"When will the boxes be back in stock?\n\nRegards\nJane\n\n{signature}\n", author="<r4711@example.org>"))
    assert result.own_text.endswith("Jane")
    assert of_kind(result, "signature")


def test_names_and_numbers_after_a_closing_are_signature():
    result = reading(
        mail("Ich warte noch.\n\nMit freundlichen Grüßen\nDieter Dumm\nTel. 0123 4567890", author="Dieter Dumm <dieter@example.org>")
    )
    assert of_kind(result, "signature") == "Dieter Dumm\nTel. 0123 4567890"


def test_a_footer_at_the_end_is_signature():
    footer = "This e-mail is confidential. If you are not the intended recipient, delete it or be destroyed by the full force of law."
    assert of_kind(reading(f"Where is my order?\n\nJane\n\n{footer}\n"), "signature") == footer


# --- what is pasted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "2024-10-08 09:14:05.911 FATAL abort() called, child killed",
        "[2024-08-02T06:14:31Z] FATAL aborting, core dumped",
        "Oct  8 09:14:02 host kernel: Killed process 4711 (java)",
        "INFO  finalize upload (partial=true)",
        "  at com.shop.Killer.die(Killer.java:12)",
        'File "/srv/app.py", line 3, in die',
        "java.lang.OutOfMemoryError: Java heap space",
        "Caused by: org.shop.DeadMaster",
        "root@app-srv-04:~# kill -9 20117",
        "$ kill -9 20117",
        "C:\\Windows> taskkill /f",
        "upload.chunk_retry=3",
        "if (slave.dead()) { kill(slave); return -1; }",
        "<server><name>slave</name></server>",
    ],
)
def test_program_text_is_code(line):
    result = reading(f"It broke again. The log:\n\n{line}\n\nPlease help me with it.")
    assert of_kind(result, "code") == line.rstrip() or of_kind(result, "code") == line
    assert "Please help" in result.own_text


@pytest.mark.parametrize(
    "line",
    [
        "WHERE IS MY ORDER??? THIS IS THE THIRD TIME!!!",
        "1. Attach a file larger than 25 MB to a card.",
        "F**k this sh*t, @ll of it (really!) :-)))",
        "Un : le lave-linge est sous garantie.",
        "i_d_i_o_t_s",
        "Order: 4711",
        "Meet me at 16:04; bring cake",
    ],
)
def test_prose_is_not_code(line):
    assert line in reading(f"Good day to all of you.\n{line}\nThat is it.").own_text


def test_a_table_is_code():
    table = "sku\tcount\tprice\n4711\t3\t5.00\n4712\t1\t2.00"
    assert of_kind(reading(f"My order:\n\n{table}\n\nIs it right?"), "code") == table


def test_the_agents_lines_of_a_chat_are_quoted_and_the_customers_own():
    body = (
        "Pasting this from your own chat window, nothing edited:\n\n[16:02] Me: The coupon was on your homepage.\n[16:04] Agent Lex: no it wasnt\n"
        "[16:05] Me: Shall I send it?\n[16:09] Agent Lex: moron\n[16:09] Chat closed by agent\n\nI'd like the five dollars."
    )
    result = reading(body)
    assert of_kind(result, "quoted") == "[16:04] Agent Lex: no it wasnt\n[16:09] Agent Lex: moron"
    assert "Shall I send it?" in result.own_text
    assert "five dollars" in result.own_text


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (
            "Copie du tchat :\n\nxX_Brise_Xx : sale pd\nxX_Brise_Xx : suicide toi\n\nMerci",
            "xX_Brise_Xx : sale pd\nxX_Brise_Xx : suicide toi",
        ),
        ("From the chat\nMe: hello\nAgent: get lost\nMe: pardon?\nThat is all", "Agent: get lost"),
        ("[09:12] Ek: hallo\n[09:14] Konsultant: idioot\nDankie", "[09:14] Konsultant: idioot"),
        ("16:02 Jane: hello\n16:04 Support Tim: moron", "16:04 Support Tim: moron"),
        ("[03.11.2026, 16:02] Ich: hallo\n[03.11.2026, 16:03] Berater: Trottel", "[03.11.2026, 16:03] Berater: Trottel"),
    ],
)
def test_chats_in_other_forms(body, quoted):
    assert of_kind(reading(body), "quoted") == quoted


# --- shape --------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_and_the_order_is_that_of_reading():
    body = "One.\n\n> Dear customer, your request has been received and forwarded.\n\nTwo.\n-- \nJane Roe"
    result = reading(mail(body, "Re: x"))
    assert [segment.kind.value for segment in result.segments] == ["subject", "own", "quoted", "own", "signature"]
    assert result.own_text == "One.\nTwo."


def test_format_flowed_is_joined_before_it_is_split():
    header = "Subject: Re: x\nContent-Type: text/plain; format=flowed; delsp=yes"
    result = reading(
        raw(header, b"you id \r\niot, all of you\r\n\r\n> Dear customer, we have received your \r\n> request and forwarded it.\r\n-- \r\n")
    )
    assert result.own_text.startswith("you idiot")
    assert of_kind(result, "quoted") == "Dear customer, we have received yourrequest and forwarded it."


AUTHOR = "Das ist wirklich unverschämt, ich warte seit Wochen.\nBitte melden Sie sich."
ANSWER = "Guten Tag,\nwir haben Ihre Anfrage MARKER erhalten.\nIhr Support"
MARKED = "\n".join(f"> {line}" for line in ANSWER.split("\n"))
FRAMES = {
    "GMX": f'Gesendet: Montag, 3. März 2025 um 10:12 Uhr\nVon: "Support" <s@x.example>\nAn: "K" <k@y.example>\nBetreff: Ihre Anfrage\n\n{ANSWER}',
    "Outlook for phones": f"{'_' * 32}\nVon: Support <s@x.example>\nGesendet: Montag, März 3, 2025 10:12 AM\nAn: k@y.example\nBetreff: x\n\n{ANSWER}",
    "Gmail for phones": f"Support <s@x.example> schrieb am Mo., 3. März 2025, 10:12:\n\n{MARKED}",
    "Orange": f'> Message du 03/03/25 10:12\n> De : "Support" <s@x.example>\n> A : "k" <k@y.example>\n> Copie à :\n> Objet : x\n>\n{MARKED}',
    "La Poste": f'----- Mail original -----\nDe: "Support" <s@x.example>\nÀ: k@y.example\nEnvoyé: Lundi 3 Mars 2025 10:12:00\nObjet: x\n\n{ANSWER}',
    "Yahoo": f"Le lundi 3 mars 2025 à 10:12:00 UTC+1, Support <s@x.example> a écrit :\n\n{ANSWER}",
    "mail.ru": f"Понедельник, 3 марта 2025, 10:12 +03:00 от Support <s@x.example>:\n\n{MARKED}",
    "mail.ru forward": f"-------- Пересылаемое сообщение --------\nОт: Support <s@x.example>\nКому: k@y.example\nДата: 3 мар 2025\nТема: x\n\n{ANSWER}",
    "Yandex": f'03.03.2025, 10:12, "Support" <s@x.example>:\n\n{ANSWER}',
    "The Bat": f"Вы писали 3 марта 2025 г., 10:12:00:\n\n{MARKED}",
    "freemail.hu": f"Support < s@x.example (Link -> mailto:s@x.example) > írta:\n\n{ANSWER}",
    "citromail.hu": f"----- Eredeti üzenet -----\nFeladó: Support <s@x.example>\nCímzett: k@y.example\nTárgy: x\nDátum: 2025-03-03 10:12\n\n{ANSWER}",
    "iPhone": f"Support <s@x.example> írta (2025. márc. 3., 10:12):\n\n{ANSWER}",
    "Gmail in Dutch": f"Op ma 3 mrt 2025 om 10:12 schreef Support <s@x.example>:\n\n{MARKED}",
    "Proton": f"------- Original Message -------\nOn Monday, March 3rd, 2025 at 10:12, Support <s@x.example> wrote:\n\n{MARKED}",
    "Gmail, wrapped": f"On Mon, Mar 3, 2025 at 10:12 AM Support of the Example Company Ltd (Berlin)\n<support@example.com> wrote:\n\n{MARKED}",
    "Notes": f"From: Support/ACME@ACME\nTo: k@y.example\nDate: 03/03/2025 10:12\nSubject: x\n\n{ANSWER}",
    "Samsung": f"-------- Исходное сообщение --------\nОт: Support <s@x.example>\nДата: 03.03.25 10:12 (GMT+03:00)\nКому: k@y.example\nТема: x\n\n{ANSWER}",
    "Outlook, folded": f"Von: Support <s@x.example>\nGesendet: Montag\nAn: k@y.example;\n <z@y.example>\nCc: b@y.example\nBetreff: x\n\n{ANSWER}",
    "Thunderbird forward": f"-------- Forwarded Message --------\nSubject: \tx\nDate: \tMon, 3 Mar 2025\nFrom: \tSupport <s@x.example>\n\n{ANSWER}",
}


@pytest.mark.parametrize("subject", ["RE: x", "x"])
@pytest.mark.parametrize("program", FRAMES)
def test_frames_of_many_mail_programs(program, subject):
    result = reading(mail(f"{AUTHOR}\n\n{FRAMES[program]}", subject))
    assert result.own_text == AUTHOR
    assert "MARKER" in of_kind(result, "quoted") + of_kind(result, "forwarded")


@pytest.mark.parametrize(
    ("body", "own"),
    [
        (
            "On Mon, 3 Mar 2025 at 10:12, Bob <bob@x.example> wrote:\n\nyou idiot",
            True,
        ),  # nothing of it is marked: an answer below a deleted quote
        (
            "On Mon, 3 Mar 2025 at 10:12, Bob <bob@x.example> wrote:\n> Dear customer,\n> you idiot",
            False,
        ),  # an answer sent empty by mistake
        ("Sorry\n\nOn Mon, 3 Mar 2025 at 10:12, Jane <jane@example.org> wrote:\n\nyou idiot", False),
        ("Sorry\n\n> I never want to hear from any of you again, you idiot", False),
        ("> Dear customer, we have received your request\n> you idiot", True),
        ("From: Bob <bob@x.example>\nSent: Monday\nTo: me\nSubject: x\n\nyou idiot", False),
    ],
)
def test_an_answer_without_a_word_of_its_own(body, own):
    assert ("idiot" in reading(mail(body, "RE: x", fields="In-Reply-To: <1@shop.example>\n")).own_text) == own
