"""From a verdict to its durable record, and back from a mail to the incidents whose notice it answers."""

import re
from dataclasses import replace
from datetime import datetime

from gateway.policy.tokens import TokenState, check_token, token_in_ids
from gateway.records import Incident, IncidentState
from gateway.values import AlertKind, Assessment, Disposition, Envelope, Identity, Mode, Reading, Standing, Verdict

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter or digit that is mistaken for another when read out; no I, L, O, U, so that no words come out."""
_LONGEST_SUBJECT = 200
_LONGEST_EXCERPT = 300
_REFERENCE = re.compile(rf"(?<![0-9A-Z])[{_ALPHABET}]{{9}}(?![0-9A-Z])")


def new_reference(now: datetime, random: bytes) -> str:
    """A short reference that people can read out: nine letters and digits, the first from the day.

    Args:
        now: aware.
        random: at least five bytes.
    """
    number = int.from_bytes(random[:5], "big")
    digits = _ALPHABET[now.timetuple().tm_yday % len(_ALPHABET)]
    for _ in range(8):
        number, digit = divmod(number, len(_ALPHABET))
        digits += _ALPHABET[digit]
    return digits


def incident_of(
    verdict: Verdict,
    assessment: Assessment,
    identity: Identity,
    envelope: Envelope,
    reading: Reading,
    *,
    key: str,
    reference: str,
    now: datetime,
    mode: Mode,
    message_sha256: str = "",
) -> Incident:
    """The record of a verdict that is not plain delivery (policy point D18)."""
    state = IncidentState.WOULD_BE if mode is Mode.OBSERVE else IncidentState.OPEN if verdict.proposal else IncidentState.DONE
    return Incident(
        id=reference,
        key=key,
        at=now,
        sender=identity.address,
        verified=identity.verified,
        by=identity.by,
        envelope_sender=envelope.sender,
        recipients=envelope.recipients,
        subject=one_line(reading.subject)[:_LONGEST_SUBJECT],
        message_id=reading.message_id,
        level=assessment.level,
        points=assessment.points,
        language=assessment.language,
        categories=assessment.categories,
        tags=tuple(sorted(assessment.tags)),
        basis=assessment.basis,
        findings=tuple((finding.rule, finding.points) for finding in assessment.findings),
        excerpt=" … ".join(one_line(finding.text) for finding in assessment.findings[:3])[:_LONGEST_EXCERPT],
        disposition=verdict.disposition,
        strikes=verdict.strikes,
        notice=verdict.notice,
        alerts=verdict.alerts,
        proposal=verdict.proposal,
        reason=verdict.reason,
        rules_version=assessment.rules_version,
        mode=mode,
        state=state,
        held=verdict.disposition is Disposition.HOLD and mode is not Mode.OBSERVE,
        message_sha256=message_sha256,
    )


def one_line(text: str) -> str:
    """What somebody wrote, on one line for a record, without anything that can't be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def verdict_of(incident: Incident, standing: Standing) -> Verdict:
    """The verdict that an incident records, to act on again what was recorded and never settled.

    Args:
        incident: as recorded.
        standing: as recorded with it: the strikes are in it already.
    """
    return Verdict(
        incident.disposition,
        standing,
        notice=incident.notice,
        alerts=incident.alerts,
        strikes=incident.strikes,
        proposal=incident.proposal,
        reason=incident.reason,
        recordable=True,
    )


def observed(verdict: Verdict, standing: Standing) -> Verdict:
    """What is left of a verdict when the gateway only observes: the record, and care for a person in danger."""
    return replace(
        verdict,
        disposition=Disposition.DELIVER,
        standing=standing,
        appeal=False,
        notice=None,
        alerts=tuple(alert for alert in verdict.alerts if alert is AlertKind.SELF_HARM),
        strikes=0,
    )


def proven_answer(reading: Reading, domain: str, now: datetime, secret: bytes) -> str:
    """The incident whose notice a mail answers for certain: by the token in the Message-ID that the notice had.

    Args:
        reading: of the mail.
        domain: of our own message ids.
        now: aware; a token lasts as long as an appeal is possible.
        secret: with which tokens are made.

    Returns:
        str: its reference, "" for none.
    """
    proof = check_token("appeal", token_in_ids((*reading.references, *reading.in_reply_to), "notice", domain), now, secret)
    return proof.reference.upper() if proof.state is TokenState.VALID else ""


def answered_incidents(reading: Reading, proven: str) -> frozenset[str]:
    """The incidents whose notice a mail answers: by the Message-ID of the notice, or the reference in its subject.

    A notice asks to send the request again with its reference in the subject; an answer goes to the appeals address.

    Args:
        reading: of the mail.
        proven: from `proven_answer`.
    """
    return frozenset({*_REFERENCE.findall(reading.subject.upper()), *filter(None, (proven,))})
