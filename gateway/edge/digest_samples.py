"""Digests with which the templates are tried at the start: one with everything in it, one of a quiet week."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from gateway.policy.figures import Digest, Item, ItemKind, Judged, Judgement, Mailbox, Measure, Promises, Promptness, Repeat, RulesWeek
from gateway.policy.weeks import Week
from gateway.records import Action
from gateway.values import Category, Level, Rung

_AT = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_MEASURES = (
    *("mails", "clean", "rude", "abusive", "severe", "unscored", "notices", "strikes", "suspensions", "held", "refused", "blocked"),
    *("overturned", "complaints", "appeals"),
)

FULL = Digest(
    week=Week(date(2026, 11, 16)),
    at=_AT,
    finished=True,
    latest=True,
    mails=4_000,
    incidents=30,
    observed=1,
    items=tuple(
        Item(
            number=number,
            kind=kind,
            reference=f"S{number}",
            sender="customer@example.org",
            verified=number % 2 == 0,
            at=_AT - timedelta(days=10 - number),
            due=_AT - timedelta(days=3 - number),
            overdue=number < 3,
            actions=tuple(Action)[: number + 1],
            proposed=Action.RELEASE if number % 2 else None,
            level=Level.ABUSIVE,
            categories=(Category.INSULT, Category.SHOUTING)[: number % 3],
            excerpt="some words" if number % 2 else "",
            owner="boss@shop.example" if number > 4 else "",
            deadline=_AT + timedelta(days=5) if number > 5 else None,
        )
        for number, kind in enumerate(ItemKind, 1)
    ),
    more=2,
    measures=tuple(Measure(name, 40 - number, (20, 30, 25, 0)) for number, name in enumerate(_MEASURES)),
    categories=tuple(Measure(category.value, 20 - number, (3, 2, 1, 0)) for number, category in enumerate(Category)),
    mailboxes=(Mailbox("support@shop.example", 3_000, 20, 2, 1), Mailbox("sales@shop.example", 1_000, 1, 0, 0)),
    languages=tuple(Measure(language, 900 - 100 * number, (800,)) for number, language in enumerate(("en", "fr", "de", "ru", "hu", "af", "und", "xx"))),
    language_abuse=(("en", 12), ("de", 3)),
    repeats=tuple(Repeat(f"customer{number}@example.org", 2, 5, rung, number, _AT) for number, rung in enumerate(Rung)),
    judgement=Judgement(
        300,
        6,
        (Judged("en.insult.fool", 40, 4, 2), Judged("en.degradation.common", 90, 0, 1)),
        (Judged("en", 100, 5, 3), Judged("und", 10, 1), Judged("hu", 0, 0, 0, 2)),
        ("en.insult.rare",),
        280,
        20,
        civil=3,
        unseen=2,
    ),
    promptness=(
        Promptness("notice", 20, timedelta(seconds=42), timedelta(minutes=9), 1, 1),
        Promptness("alert", 2, timedelta(seconds=9), timedelta(seconds=11), 0, 0),
    ),
    promises=Promises(4, 1, 2, 3, 1),
    rules=RulesWeek(3, 1, "8ad72e24c084", 4_000, 12),
)

QUIET = replace(
    FULL,
    incidents=0,
    observed=0,
    items=(),
    more=0,
    measures=(Measure("mails", 4_000), Measure("clean", 3_990), Measure("rude", 10)),
    categories=(),
    mailboxes=(),
    languages=(),
    repeats=(),
    promptness=(),
    promises=Promises(),
    rules=RulesWeek(),
)

SAMPLES = (FULL, QUIET, replace(FULL, rules=RulesWeek(tried="8ad72e24c084", mails=7, switched_off=True)), replace(QUIET, mails=0, latest=False), replace(FULL, observed=30, items=(), more=0, finished=False))
