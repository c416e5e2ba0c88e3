"""Incidents, standings and mails for the tests of what is durable."""

from datetime import UTC, datetime, timedelta

from gateway.records import Incident, IncidentState, OutgoingMail
from gateway.values import Basis, Category, Disposition, Level, Mode, NoticeKind, Standing, Strike

MESSAGE = b"Subject: hi\r\n\r\nHello.\r\n"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that only moves when a test moves it."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, **spans):
        self.now += timedelta(**spans)


def an_incident(reference="A1", key=None, sender="anna@example.net", at=NOON, state=IncidentState.DONE, **more):
    fields = {
        "id": reference,
        "key": f"key-{reference}" if key is None else key,
        "at": at,
        "sender": sender,
        "verified": True,
        "by": "mx.shop.example: dkim=pass",
        "envelope_sender": sender,
        "recipients": ("support@shop.example",),
        "subject": "Où est ma commande ? Где? 🙁",
        "message_id": f"<{reference}@example.net>",
        "level": Level.ABUSIVE,
        "points": 7,
        "language": "fr",
        "categories": (Category.INSULT,),
        "tags": (),
        "basis": Basis.RULES,
        "findings": (("fr.insult.fool", 5), ("fr.profanity.mild", 2)),
        "excerpt": "imbécile",
        "disposition": Disposition.FOLD,
        "strikes": 1,
        "notice": NoticeKind.WARNING,
        "alerts": (),
        "proposal": "",
        "reason": "insult aimed at staff",
        "rules_version": "2026.11.24-1",
        "mode": Mode.ENFORCE,
        "state": state,
    }
    return Incident(**(fields | more))


def a_standing(address="anna@example.net", incident="A1", at=NOON):
    return Standing(address, (Strike(at, incident, Level.ABUSIVE),))


def a_mail(reference="N1", kind="warning", *, recipients=("anna@example.net",), created=NOON, sender="", message=MESSAGE):
    return OutgoingMail(reference, kind, sender, tuple(recipients), message, created)
