"""Facts as the gateway would have them, for the tests of templates and composed mails."""

from datetime import UTC, date, datetime

from gateway.mail.facts import AlertFacts, AnswerFacts, AnswerLine, FoldFacts, NoticeFacts
from gateway.policy.decisions import Fault
from gateway.records import Action
from gateway.values import AlertKind, Category, Disposition, NoticeKind, Tag

AT = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)

USUAL = {
    NoticeKind.REMINDER: Disposition.DELIVER,
    NoticeKind.WARNING: Disposition.FOLD,
    NoticeKind.FINAL_WARNING: Disposition.FOLD,
    NoticeKind.SUSPENSION: Disposition.HOLD,
    NoticeKind.BLOCK: None,
    NoticeKind.REINSTATEMENT: None,
    NoticeKind.APOLOGY: Disposition.DELIVER,
    NoticeKind.ACKNOWLEDGEMENT: Disposition.DELIVER,
    NoticeKind.APPEAL_UPHELD: Disposition.FOLD,
    NoticeKind.APPEAL_GRANTED: Disposition.DELIVER,
}

ALERT_DISPOSITIONS = {
    AlertKind.THREAT: Disposition.HOLD,
    AlertKind.SEVERE: Disposition.FOLD,
    AlertKind.SELF_HARM: Disposition.DELIVER,
    AlertKind.BLOCK_PROPOSED: Disposition.HOLD,
    AlertKind.STRIKE_PROPOSED: Disposition.FOLD,
    AlertKind.CALM_MAIL: Disposition.DELIVER,
    AlertKind.COMPLAINT: Disposition.FOLD,
    AlertKind.LEGAL_NOTICE: Disposition.DELIVER,
    AlertKind.APPEAL: None,
    AlertKind.OVERDUE: None,
    AlertKind.REPORT: Disposition.DELIVER,
}


# Words of the claim that a mail arrived, and of the claim that it didn't.
ARRIVED = {
    "en": r"has reached our team",
    "fr": r"est bien parvenu",
    "de": r"ist bei unserem Team angekommen",
    "ru": r"доставлено нашей команде",
    "hu": r"megkapták a munkatársaink",
    "af": r"het ons span bereik",
}
NOT_ARRIVED = {
    "en": r"has not been passed on|was not accepted",
    "fr": r"n'a pas été transmis|n'a pas été accepté",
    "de": r"wurde nicht an unser Team weitergegeben|wurde nicht angenommen",
    "ru": r"не передано|не принято",
    "hu": r"nem továbbítottuk|nem fogadtuk el",
    "af": r"is nie aan ons span deurgegee nie|is nie aanvaar nie",
}


def notice_facts(kind, **changes):
    rude = kind is NoticeKind.REMINDER
    facts = {
        "reference": "K7Q2-9MX",
        "disposition": USUAL[kind],
        "at": AT,
        "categories": (Category.SHOUTING,) if rude else (Category.INSULT, Category.DEGRADATION),
        "clauses": ("D3",) if rude else ("D2", "F5"),
        "until": datetime(2026, 12, 1, 9, 5, tzinfo=UTC) if kind in {NoticeKind.SUSPENSION, NoticeKind.APPEAL_UPHELD} else None,
        "company": "Shop Support",
        "support": "support@shop.example",
        "complaints": "support+complaints@shop.example",
        "policy_url": "https://shop.example/respect",
        "released": 2 if kind is NoticeKind.REINSTATEMENT else 0,
        "automatic": kind not in {NoticeKind.BLOCK, NoticeKind.APOLOGY, NoticeKind.APPEAL_UPHELD, NoticeKind.APPEAL_GRANTED},
        "due": datetime(2026, 12, 8, 9, 5, tzinfo=UTC) if kind is NoticeKind.ACKNOWLEDGEMENT else None,
    }
    return NoticeFacts(**(facts | changes))


CHOICES = dict.fromkeys((AlertKind.SELF_HARM, AlertKind.COMPLAINT, AlertKind.LEGAL_NOTICE), ("answered",))
CHOICES |= dict.fromkeys((AlertKind.APPEAL, AlertKind.OVERDUE), ("grant", "uphold"))
MORE = {
    AlertKind.LEGAL_NOTICE: {"deadline": date(2026, 12, 12)},
    AlertKind.APPEAL: {"about": "opened", "related": "H4TRW2KX8", "deadline": date(2026, 12, 12)},
    AlertKind.OVERDUE: {"about": "appeal", "deadline": date(2026, 12, 12), "attached": False},
    AlertKind.REPORT: {"related": "eva@shop.example", "strikes": 0},
}


def alert_facts(kind, **changes):
    choices = CHOICES.get(kind, ("confirm", "overturn"))
    judged = kind not in {AlertKind.SELF_HARM, AlertKind.CALM_MAIL}
    facts = {
        "reference": "K7Q2-9MX",
        "disposition": ALERT_DISPOSITIONS[kind],
        "at": AT,
        "sender": "customer@kunde.example",
        "verified": True,
        "by": "mx.shop.example",
        "recipients": ("support@shop.example",),
        "categories": (Category.THREAT if kind is AlertKind.THREAT else Category.INSULT,) if judged else (),
        "clauses": ("D6" if kind is AlertKind.THREAT else "D2",) if judged else (),
        "tags": frozenset({Tag.COMPLAINT}) if kind is AlertKind.COMPLAINT else frozenset(),
        "excerpts": ("some masked words",) if judged else (),
        "strikes": 2 if judged else 0,
        "until": datetime(2026, 12, 1, 9, 5, tzinfo=UTC) if kind in {AlertKind.BLOCK_PROPOSED, AlertKind.CALM_MAIL} else None,
        "deadline": date(2026, 12, 12) if kind is AlertKind.COMPLAINT else None,
        "attached": True,
        "choices": choices,
    }
    return AlertFacts(**(facts | MORE.get(kind, {}) | changes))


def fold_facts(**changes):
    facts = {
        "reference": "K7Q2-9MX",
        "at": AT,
        "sender": "customer@kunde.example",
        "categories": (Category.INSULT,),
        "clauses": ("D2",),
        "sentences": ("My order 40718 has not arrived.", "Could you please send the second box?"),
    }
    return FoldFacts(**(facts | changes))


def answer_facts(about):
    """One line of each kind that a manager may get."""
    read = about == "read"
    lines = tuple(AnswerLine(action.value, number, "H4TRW2KX8") for number, action in enumerate(Action, 1))
    left = tuple(
        AnswerLine(key, 12, "K7Q2-9MX", who="boss@shop.example", why="the mailbox server didn't take it", line="12 relase it")
        for key in ("stale", "stale_by", "gone", "other_person", "failed", *Fault)
    )
    return AnswerFacts(
        reference="K7Q2-9MX",
        about=about,
        done=lines if read else (),
        left=left if read else (),
        open=((12, "K7Q2-9MX", (Action.RELEASE, Action.DELETE)),) if about in {"read", "nothing"} else (),
        related="H4TRW2KX8",
    )
