"""The verdict: what follows from one mail, a pure function of assessment, identity, standing, policy and time."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.numbers import Consequence, Policy
from gateway.policy.ladder import active_strikes, consequence, row, steps, suspended
from gateway.values import AlertKind, Assessment, Basis, Disposition, Identity, Level, NoticeKind, Standing, Strike, Tag, Verdict

GETS_THROUGH = frozenset({Tag.COMPLAINT, Tag.LEGAL_NOTICE, Tag.CANCELLATION})
"""Such mail is neither held nor refused, whatever the sender's standing (F13, A13, A18)."""


def judge(
    assessment: Assessment,
    identity: Identity,
    standing: Standing,
    policy: Policy,
    now: datetime,
    incident: str,
    answers: frozenset[str] = frozenset(),
    *,
    appeal: bool = False,
) -> Verdict:
    """Judge one mail.

    Args:
        assessment: how bad it is.
        identity: who is accountable; an unverified sender never gets a consequence.
        standing: of that identity, before this mail.
        policy: the company's numbers.
        now: aware.
        incident: the id that an incident of this mail would have.
        answers: incidents whose notice this mail answers, by In-Reply-To, References or the reference in its subject.
        appeal: a signed token proves that it answers a notice.

    Returns:
        Verdict: nothing is done yet.
    """
    level = assessment.level
    if level is None or standing.allowed:
        return Verdict(Disposition.DELIVER, standing, reason="not scored" if level is None else "a person allowed this sender")
    if Tag.SELF_HARM in assessment.tags:
        return Verdict(
            Disposition.DELIVER, standing, alerts=(AlertKind.SELF_HARM,), reason="may be about self-harm: delivered, a person looks at it", recordable=True
        )
    if Tag.AUTOMATIC in assessment.tags:
        return _automatic(assessment, level, standing)
    if appeal and standing.blocked_by and not assessment.tags & GETS_THROUGH:
        # who is blocked may appeal by plain reply, also when his client loses Reply-To and writes to support (F15, A18)
        return Verdict(Disposition.HOLD, standing, reason="a blocked sender answers a notice of ours: an appeal", appeal=True)
    if not identity.verified:
        return _unverified(assessment, level, standing)
    if standing.blocked_by and not assessment.tags & GETS_THROUGH:
        return Verdict(Disposition.REFUSE, standing, reason=f"blocked by {standing.blocked_by}", recordable=True)
    if level is Level.CLEAN:
        return _clean(standing, now, answers)
    if level is Level.RUDE:
        return _rude(assessment, standing, policy, now)
    return _misconduct(assessment, standing, policy, now, incident, identity.many)


def matters(
    assessment: Assessment, identity: Identity, standing: Standing, policy: Policy, now: datetime, answers: frozenset[str] = frozenset()
) -> bool:
    """Whether it is worth asking who really wrote a mail, which costs time: the answer changes what follows, or is on record.

    Args:
        assessment: how bad it is.
        identity: as far as it is known; whoever is verified needn't be asked for.
        standing: of the named author.
        policy: the company's numbers.
        now: aware.
        answers: incidents whose notice this mail answers.

    Returns:
        bool: never for plain clean mail of a sender in good standing.
    """
    if identity.verified:
        return False
    forged = judge(assessment, identity, standing, policy, now, "", answers)
    return forged.recordable or forged != judge(assessment, replace(identity, verified=True), standing, policy, now, "", answers)


def _automatic(assessment: Assessment, level: Level, standing: Standing) -> Verdict:
    """Mail of machines is never answered and nobody's fault (RFC 3834 section 2); but anybody can write Auto-Submitted on a threat."""
    through = bool(assessment.tags & GETS_THROUGH)
    alerts = _severity_alerts(assessment, level)
    if not through and (AlertKind.THREAT in alerts or standing.blocked_by):
        return Verdict(Disposition.HOLD, standing, alerts=alerts, reason="automatic: a threat or a blocked address: held", recordable=True)
    if level < Level.ABUSIVE:
        return Verdict(Disposition.DELIVER, standing, reason="automatic")
    return Verdict(
        Disposition.FOLD, standing, alerts=alerts, reason="automatic mail with abusive words: folded, nobody is answered", recordable=True
    )


def _unverified(assessment: Assessment, level: Level, standing: Standing) -> Verdict:
    """Nobody vouches for the From line: staff is protected, the named sender is not touched."""
    protected = bool(assessment.tags & GETS_THROUGH)
    if level is Level.SEVERE and row(assessment) == "threat":
        disposition = Disposition.FOLD if protected else Disposition.HOLD
        return Verdict(disposition, standing, alerts=(AlertKind.THREAT,), reason="threat by an unverified sender", recordable=True)
    if standing.blocked_by and not protected:
        return Verdict(Disposition.HOLD, standing, reason="a blocked address, unverified: held, not refused", recordable=True)
    if level >= Level.ABUSIVE:
        alerts = (AlertKind.SEVERE,) if level is Level.SEVERE else ()
        return Verdict(Disposition.FOLD, standing, alerts=alerts, reason="unverified sender: no consequence", recordable=True)
    return Verdict(Disposition.DELIVER, standing)


def _clean(standing: Standing, now: datetime, answers: frozenset[str]) -> Verdict:
    cancelled = [strike for strike in standing.strikes if strike.incident in answers]
    if cancelled and not standing.blocked_by:
        # a calm rewrite in answer to the warning takes the warning back (R21, A16)
        kept = tuple(strike for strike in standing.strikes if strike.incident not in answers)
        after = replace(standing, strikes=kept)
        return Verdict(Disposition.DELIVER, after, reason=f"a calm rewrite cancels the strike of {cancelled[0].incident}", recordable=True)
    if suspended(standing, now):
        return Verdict(
            Disposition.DELIVER, standing, alerts=(AlertKind.CALM_MAIL,), proposal="lift", reason="calm mail during a suspension (R19)", recordable=True
        )
    return Verdict(Disposition.DELIVER, standing)


def _rude(assessment: Assessment, standing: Standing, policy: Policy, now: datetime) -> Verdict:
    """Rude mail leaves a date; a second one within the window brings a reminder, never a strike."""
    if suspended(standing, now) and not assessment.tags & GETS_THROUGH:
        return Verdict(Disposition.HOLD, standing, reason="rude mail during a suspension", recordable=True)
    after = replace(standing, rude_at=now)
    second = standing.rude_at is not None and now - standing.rude_at < timedelta(days=policy.rude_window_days)
    if second and _may_send(NoticeKind.REMINDER, standing, now, policy.reminder_days):
        return Verdict(
            Disposition.DELIVER, _noted(after, NoticeKind.REMINDER, now), notice=NoticeKind.REMINDER, reason="rude again within the window", recordable=True
        )
    return Verdict(Disposition.DELIVER, after, reason="rude: delivered, no strike")


def _misconduct(assessment: Assessment, standing: Standing, policy: Policy, now: datetime, incident: str, many: str) -> Verdict:
    level = assessment.level or Level.CLEAN
    protected = bool(assessment.tags & GETS_THROUGH)
    if assessment.basis is Basis.EAR or Tag.HARDSHIP in assessment.tags:
        why = "rests on the learned ear alone" if assessment.basis is Basis.EAR else "hardship is mentioned (F9)"
        held = suspended(standing, now) and not protected
        alerts = _severity_alerts(assessment, level) or (AlertKind.STRIKE_PROPOSED,)
        threat = level is Level.SEVERE and row(assessment) == "threat" and not protected
        return Verdict(
            Disposition.HOLD if held or threat else Disposition.FOLD,
            standing,
            alerts=alerts,
            proposal="strike",
            reason=f"a person decides about the strike: the assessment {why}" if assessment.basis is Basis.EAR else f"a person decides: {why}",
            recordable=True,
        )
    cell = consequence(row(assessment), steps(standing, now, policy), policy)
    verdict = _on_the_ladder(cell, standing, policy, now, incident, level, protected=protected)
    # who decides about a block must know whom else it would hit
    return replace(verdict, reason=f"{verdict.reason}; {many}") if many and verdict.proposal == "block" else verdict


def _severity_alerts(assessment: Assessment, level: Level) -> tuple[AlertKind, ...]:
    if level is not Level.SEVERE:
        return ()
    return (AlertKind.THREAT if row(assessment) == "threat" else AlertKind.SEVERE,)


def _on_the_ladder(
    cell: Consequence, standing: Standing, policy: Policy, now: datetime, incident: str, level: Level, *, protected: bool
) -> Verdict:
    disposition = cell.disposition
    if suspended(standing, now) and disposition is Disposition.FOLD:
        disposition = Disposition.HOLD
    if protected and disposition is not Disposition.DELIVER:
        disposition = Disposition.FOLD
    strikes = tuple(Strike(now, incident, level) for _ in range(cell.strikes))
    after = replace(standing, strikes=(*standing.strikes, *strikes))
    if cell.suspend_days:
        until = now + timedelta(days=cell.suspend_days)
        after = replace(after, suspended_until=max(until, standing.suspended_until or until))
    alerts = (cell.alert,) if cell.alert else ()
    if cell.propose_block and not standing.block_proposed:
        after = replace(after, block_proposed=incident)
        alerts = (*alerts, AlertKind.BLOCK_PROPOSED)
    notice = cell.notice if cell.notice and _may_send(cell.notice, standing, now, policy.notice_repeat_days) else None
    if notice:
        after = _noted(after, notice, now)
    return Verdict(
        disposition,
        after,
        notice=notice,
        alerts=alerts,
        strikes=cell.strikes,
        proposal="block" if cell.propose_block else "",
        reason=f"{level.word}; {_left(len(strikes), len(active_strikes(after, now, policy)))}",
        recordable=True,
    )


def _left(more: int, active: int) -> str:
    """The strikes that a mail leaves, and how many its sender has with them: "1 strike" alone reads as if he had no other."""
    if not more:
        return "no strike"
    makes = "the first" if active == more else f"which {'makes' if more == 1 else 'make'} {active}"
    return f"{more} strike{'s' if more != 1 else ''}, {makes}"


def confirmed(incident: str, level: Level, row_name: str, standing: Standing, policy: Policy, now: datetime) -> Verdict:
    """What the ladder brings for an incident whose strike a person confirms; nothing is done to its mail any more.

    Args:
        incident: its id.
        level: of its mail.
        row_name: its row of the ladder.
        standing: of its sender now.
        policy: the company's numbers.
        now: when it is confirmed, from which the strike counts: the sender is told of it now.
    """
    cell = consequence(row_name, steps(standing, now, policy), policy)
    return _on_the_ladder(cell, standing, policy, now, incident, level, protected=True)


def _may_send(kind: NoticeKind, standing: Standing, now: datetime, days: int) -> bool:
    """The same notice is never sent twice within some days (RFC 3834 section 2, RFC 5230 section 4.2)."""
    last = dict(standing.notices).get(kind.value)
    return last is None or now - last >= timedelta(days=days)


def _noted(standing: Standing, kind: NoticeKind, now: datetime) -> Standing:
    others = tuple((name, at) for name, at in standing.notices if name != kind.value)
    return replace(standing, notices=(*others, (kind.value, now)))


def without_notice(verdict: Verdict, before: Standing, policy: Policy, now: datetime) -> Verdict:
    """The same verdict when nobody may be answered: the notice goes, and nobody climbs the ladder without a word.

    The first strike of which a sender can't be told stays and is no step; where a second would follow, or a suspension, a
    person decides instead. So it goes, for instance, with a sender whose mailing service has a reverse path of its own.

    Args:
        verdict: as judged.
        before: the standing before this mail.
        policy: for the decay of strikes.
        now: aware.
    """
    if verdict.notice is None:
        return verdict
    last = dict(before.notices).get(verdict.notice.value)
    others = tuple((name, at) for name, at in verdict.standing.notices if name != verdict.notice.value)
    kept = others if last is None else (*others, (verdict.notice.value, last))
    after = replace(verdict.standing, notices=kept)
    if not verdict.strikes:
        return replace(verdict, notice=None, standing=after)
    if after.suspended_until != before.suspended_until or any(not strike.told for strike in active_strikes(before, now, policy)):
        return replace(
            verdict,
            disposition=verdict.disposition if suspended(before, now) else Disposition.FOLD,
            standing=before,
            notice=None,
            alerts=tuple(alert for alert in verdict.alerts if alert is not AlertKind.BLOCK_PROPOSED) or (AlertKind.STRIKE_PROPOSED,),
            strikes=0,
            proposal="strike",
            reason="a person decides about the strike: the sender can't be told of it",
        )
    untold = tuple(replace(strike, told=False) for strike in after.strikes[len(before.strikes) :])
    after = replace(after, strikes=(*before.strikes, *untold))
    return replace(verdict, notice=None, standing=after, reason=f"{verdict.reason}; the sender can't be told of it")
