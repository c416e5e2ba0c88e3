"""Sample facts with which every template is tried at the start: each branch that a template may take."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import cycle

from gateway.mail.facts import AlertFacts, FoldFacts, NoticeFacts
from gateway.values import Category, Disposition

_AT = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
_UNTIL = datetime(2026, 12, 1, 9, 5, tzinfo=UTC)

_ABOUT = ("opened", "again", "decided", "late", "forged", "answer")
"""Words of gateway.policy.cases.AppealFate; the last of a template's branches is for all others."""

SENTENCE = {
    "at": "24 November 2026",
    "categories": "insults",
    "clauses": "no insults",
    "support": "support@shop.example",
    "company": "Shop",
    "until": "1 December 2026",
    "disposition": "held",
    "released": 0,
    "reference": "S1",
    "complaints": "support+complaints@shop.example",
}
"""What the sentences of words.toml may use."""

_NOTICES = tuple(
    NoticeFacts(
        reference=f"S{number}",
        disposition=disposition,
        at=_AT,
        categories=(Category.INSULT, Category.SHOUTING, Category.THREAT)[:number],
        clauses=("D2", "R11", "X0")[:number],
        until=_UNTIL if number else None,
        company="Shop Support" if number else "",
        support="support@shop.example",
        complaints="support+complaints@shop.example" if number else "",
        policy_url="https://shop.example/policy" if number else "",
        released=number,
        automatic=number > 0,
        due=_UNTIL if number else None,
    )
    for number, disposition in enumerate((None, *Disposition))
)
NOTICES = (*_NOTICES, replace(_NOTICES[1], categories=(Category.FLOODING,), clauses=("R14",)))

ALERTS = tuple(
    AlertFacts(
        reference=f"S{number}",
        disposition=disposition,
        at=_AT,
        sender="customer@example.org",
        verified=number > 0,
        by="mx.shop.example" if number else "",
        recipients=("support@shop.example",) * number,
        categories=(Category.THREAT, Category.INSULT)[:number],
        clauses=("D6", "R11")[:number],
        excerpts=("some words",) * number,
        strikes=number,
        until=_UNTIL if number else None,
        deadline=date(2026, 12, 12) if number else None,
        observed=number == 2,
        attached=number > 0,
        choices=("confirm", "overturn") if number else (),
        about=about,
        related="S9" if number else "",
    )
    for number, (disposition, about) in enumerate(zip(cycle((None, *Disposition)), ("", *_ABOUT), strict=False))
)

FOLDS = tuple(
    FoldFacts(
        reference=f"S{number}",
        at=_AT,
        sender="customer@example.org",
        categories=(Category.INSULT, Category.SHOUTING)[:number],
        clauses=("D2", "D3")[:number],
        sentences=("Please send me the invoice.", "Where is order 4711?", "I need it.")[:number],
    )
    for number in range(4)
)
