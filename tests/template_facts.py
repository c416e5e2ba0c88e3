"""Facts as the gateway would have them, for the tests of templates and composed mails."""

from datetime import UTC, date, datetime

from gateway.mail.facts import AlertFacts, FoldFacts, NoticeFacts
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
}

ALERT_DISPOSITIONS = {
    AlertKind.THREAT: Disposition.HOLD,
    AlertKind.SEVERE: Disposition.FOLD,
    AlertKind.SELF_HARM: Disposition.DELIVER,
    AlertKind.BLOCK_PROPOSED: Disposition.HOLD,
    AlertKind.STRIKE_PROPOSED: Disposition.FOLD,
    AlertKind.CALM_MAIL: Disposition.DELIVER,
    AlertKind.COMPLAINT: Disposition.FOLD,
}


def notice_facts(kind, **changes):
    rude = kind is NoticeKind.REMINDER
    facts = {
        "reference": "K7Q2-9MX",
        "disposition": USUAL[kind],
        "at": AT,
        "categories": (Category.SHOUTING,) if rude else (Category.INSULT, Category.DEGRADATION),
        "clauses": ("D3",) if rude else ("D2", "F5"),
        "until": datetime(2026, 12, 1, 9, 5, tzinfo=UTC) if kind is NoticeKind.SUSPENSION else None,
        "company": "Shop Support",
        "support": "support@shop.example",
        "complaints": "support+complaints@shop.example",
        "policy_url": "https://shop.example/respect",
        "released": 2 if kind is NoticeKind.REINSTATEMENT else 0,
        "automatic": kind not in {NoticeKind.BLOCK, NoticeKind.APOLOGY},
    }
    return NoticeFacts(**(facts | changes))


def alert_facts(kind, **changes):
    decides = kind in {AlertKind.THREAT, AlertKind.SEVERE, AlertKind.BLOCK_PROPOSED, AlertKind.STRIKE_PROPOSED, AlertKind.CALM_MAIL}
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
        "choices": ("confirm", "overturn") if decides else (),
    }
    return AlertFacts(**(facts | changes))


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
