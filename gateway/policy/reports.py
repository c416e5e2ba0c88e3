"""What colleagues report: from a report to an incident on the same ladder as what the gateway saw (F22, D18), and what they think of our judgement (D29)."""

import hashlib
from datetime import datetime

from gateway.policy.incidents import one_line
from gateway.records import Incident, IncidentState
from gateway.values import AlertKind, Assessment, Basis, Disposition, Identity, Level, Mode, Reading

_LONGEST_SUBJECT = 200
_LONGEST_EXCERPT = 300
_LONGEST_NOTE = 1_000

REPORTED = "reported"
CIVIL = "called civil"
"""How the notes of a colleague's word begin."""


def reported_incident(
    original: bytes,
    reading: Reading,
    assessment: Assessment,
    identity: Identity,
    *,
    return_path: str,
    reference: str,
    agent: str,
    text: str,
    now: datetime,
    mode: Mode,
) -> Incident:
    """The record of a mail that a colleague reports; without a person's decision nothing counts.

    Args:
        original: the reported mail.
        reading: of it.
        assessment: of it; a colleague holds it for abusive at least.
        identity: its author.
        return_path: its reverse path, "" when it isn't known.
        reference: for the incident.
        agent: who reports.
        text: what he writes about it.
        now: aware.
        mode: of the gateway; while it only observes, nothing is proposed.
    """
    observing = mode is not Mode.ENFORCE
    counts = identity.verified and bool(identity.address)
    return Incident(
        id=reference,
        key=hashlib.sha256(b"report\0" + original).hexdigest(),
        at=now,
        sender=identity.address,
        verified=identity.verified,
        by=identity.by,
        envelope_sender=return_path,
        recipients=(agent,),
        subject=one_line(reading.subject)[:_LONGEST_SUBJECT],
        message_id=reading.message_id,
        level=max(assessment.level or Level.CLEAN, Level.ABUSIVE),
        points=assessment.points,
        language=assessment.language,
        categories=assessment.categories,
        tags=tuple(sorted(assessment.tags)),
        basis=Basis.RULES,
        findings=tuple((finding.rule, finding.points) for finding in assessment.findings),
        excerpt=" … ".join(one_line(finding.text) for finding in assessment.findings[:3])[:_LONGEST_EXCERPT],
        disposition=Disposition.DELIVER,
        strikes=0,
        notice=None,
        alerts=(AlertKind.REPORT,),
        proposal="strike" if counts else "",
        reason=f"reported by {agent}" if counts else f"reported by {agent}; nobody vouches for the sender, so nothing counts",
        rules_version=assessment.rules_version,
        mode=Mode.OBSERVE if observing else mode,
        state=IncidentState.WOULD_BE if observing else IncidentState.OPEN if counts else IncidentState.DONE,
        notes=(report_note(agent, text, now),),
    )


def report_note(agent: str, text: str, now: datetime, what: str = REPORTED) -> tuple[datetime, str, str]:
    """What a colleague wrote, for the incident's record (D18)."""
    said = one_line(text)[:_LONGEST_NOTE]
    return now, agent, f"{what}: {said}" if said else what


def called_civil(incident: Incident) -> bool:
    """Whether a colleague said that the mail was civil."""
    return any(what.startswith(CIVIL) for _, _, what in incident.notes)


def unseen(incident: Incident) -> bool:
    """Whether colleagues reported a mail that the gateway had not held for abusive."""
    if AlertKind.REPORT in incident.alerts:
        return True
    mild = incident.level is None or incident.level < Level.ABUSIVE
    return mild and any(what.startswith(REPORTED) for _, _, what in incident.notes)
