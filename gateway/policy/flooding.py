"""The same text many times in a short while: rude, never more, and never a client's resend (policy points R14, A4, A5, A8)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.numbers import Policy
from gateway.values import Assessment, Basis, Category, Finding, Level, Likeness, SegmentKind, Tag, Target

MAY_BE_REPEATED = frozenset({Tag.CANCELLATION, Tag.COMPLAINT, Tag.ESCALATION_REQUEST, Tag.LAWFUL_REMEDY, Tag.LEGAL_NOTICE, Tag.HARDSHIP})
"""Who wants this may well have to say it again."""

_LEFT_ALONE = frozenset({Tag.AUTOMATIC, Tag.SELF_HARM, Tag.UNSCORED})
_FEW_WORDS = 4
"""A shorter text is a word in a conversation, "thank you" or "see the attachment", and says the same by its nature."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What is remembered of a mail: when it came, its delivery key, what its words look like. Nothing of what it says."""

    at: datetime
    key: str
    likeness: Likeness


def alike(one: Likeness, other: Likeness) -> float:
    """How much two texts have in common, 0 to 1, their numbers aside; nothing is like a text without words."""
    if not one.words or not other.words:
        return 0.0
    if one.shingles == other.shingles:
        return 1.0
    # of a bottom-k sketch only the smallest k of both together are a fair sample (Broder 1997)
    sample = sorted({*one.shingles, *other.shingles})[: max(len(one.shingles), len(other.shingles))]
    common = {*one.shingles} & {*other.shingles}
    return sum(shingle in common for shingle in sample) / len(sample)


def copies(likeness: Likeness, key: str, earlier: Iterable[Sent], since: datetime, percent: int) -> int:
    """How many mails had this text since then, this one included.

    Args:
        likeness: of this mail.
        key: its delivery key: what has the same one is this mail again, sent by a client that didn't hear our answer.
        earlier: the sender's mails before it.
        since: older ones don't count.
        percent: from when on two texts are the same; numbers must be equal, for they name another order.
    """
    same = {
        mail.key
        for mail in earlier
        if mail.at >= since and mail.likeness.numbers == likeness.numbers and alike(mail.likeness, likeness) * 100 >= percent
    }
    return len(same - {key}) + 1


def weighed(assessment: Assessment, key: str, earlier: Iterable[Sent], policy: Policy, now: datetime) -> Assessment:
    """The assessment with what the sender's earlier mails add to it.

    Args:
        assessment: of this mail alone.
        key: its delivery key.
        earlier: his mails of the last hours.
        policy: for the numbers.
        now: aware.

    Returns:
        Assessment: at least rude when the same text has come too often, else unchanged.
    """
    level, likeness, numbers = assessment.level, assessment.likeness, policy.flooding
    if level is None or not likeness.words or assessment.tags & _LEFT_ALONE:
        return assessment
    patient = bool(assessment.tags & MAY_BE_REPEATED) or likeness.asks or likeness.words < _FEW_WORDS
    span = timedelta(hours=numbers.patient_hours) if patient else timedelta(minutes=numbers.minutes)
    most = numbers.patient_mails if patient else numbers.mails
    times = copies(likeness, key, earlier, now - span, numbers.alike)
    if times < most:
        return assessment
    points = min(policy.rude, dict(policy.category_caps).get(Category.FLOODING, policy.rude))
    finding = Finding(
        rule="flooding",
        category=Category.FLOODING,
        points=points,
        text="",
        segment=SegmentKind.OWN,
        segment_index=-1,
        span=(0, 0),
        target=Target.NOBODY,
        language=assessment.language,
        modifiers=(f"the same text {times} times",),
        clause=("R14",),
        base=points,
    )
    return replace(
        assessment,
        level=max(level, Level.RUDE),
        points=assessment.points + points,
        categories=(*(c for c in assessment.categories if c is not Category.FLOODING), Category.FLOODING),
        findings=(*assessment.findings, finding),
        arithmetic=(*assessment.arithmetic, f"{points:+d} flooding, the same text {times} times"),
        basis=Basis.RULES if level < Level.RUDE else assessment.basis,
    )
