"""What a version of the rules led to, so that an error of ours can be undone for everybody (H9)."""

from gateway.numbers import Policy
from gateway.records import Incident, IncidentState
from gateway.values import Disposition, Level

_SHORTEST = 6
"""Digits of a version that are enough to name it."""


def led_to(incident: Incident, version: str, rule: str, policy: Policy) -> bool:
    """Whether something was done, or proposed, because of a version of the rules, or of one rule in it.

    Args:
        incident: one that wasn't overturned yet is meant.
        version: of the rules, whole or its beginning.
        rule: its id; "" for the whole version.
        policy: for the thresholds: what reaches its level without the rule stands without it.
    """
    same = incident.rules_version == version or (len(version) >= _SHORTEST and incident.rules_version.startswith(version))
    if not same or incident.state is IncidentState.OVERTURNED or not _by_rules(incident):
        return False
    if not rule:
        return True
    counted = sum(points for name, points in incident.findings if name == rule)
    return counted > 0 and incident.points - counted < _threshold(incident, policy)


def _by_rules(incident: Incident) -> bool:
    """What was found counted, and something followed; a calm mail that is refused for a block is no matter of the rules."""
    followed = incident.strikes or incident.notice or incident.proposal in {"strike", "block"} or incident.disposition is not Disposition.DELIVER
    return bool(followed) and incident.level is not None and incident.level > Level.CLEAN and any(points > 0 for _, points in incident.findings)


def _threshold(incident: Incident, policy: Policy) -> int:
    return {Level.RUDE: policy.rude, Level.ABUSIVE: policy.abusive, Level.SEVERE: policy.severe}[incident.level or Level.RUDE]
