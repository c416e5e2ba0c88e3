"""What happened to the rules in a week, for the digest: gathered from their history, and said in a few lines."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from gateway.edge.digest_words import DigestWords
from gateway.edge.rules_store import RulesStore
from gateway.edge.shadow_store import ShadowStore, TrialState
from gateway.policy.figures import RulesWeek
from gateway.policy.shadowed import Trial


def rules_week(state: Path, start: datetime, end: datetime) -> RulesWeek:
    """Gather a week.

    Args:
        state: the state folder.
        start: of the week; `end` is the first moment after it.
        end: of the week.
    """
    live = refused = 0
    before = ""
    for event in RulesStore(state).events(until=end):
        if event.what == "loaded":
            # every start loads rules; only other ones are a change
            live += event.at >= start and before not in {"", event.version}
            before = event.version
        refused += event.what == "failed" and event.at >= start
    record = ShadowStore(state).load()
    if record is None or record.ended is None or not start <= record.ended < end:
        return RulesWeek(live, refused)
    tally = Trial(record.trial).tally
    return RulesWeek(live, refused, record.version, tally.mails, tally.total("changed"), switched_off=record.state is TrialState.FAILED)


def rules_lines(week: RulesWeek, words: DigestWords) -> Iterator[str]:
    """What there is to say of it."""
    if week.live or week.refused:
        yield words.say("lines", "rules", live=words.number(week.live), refused=words.number(week.refused))
    if week.tried and week.switched_off:
        yield words.say("lines", "switched_off", version=week.tried, mails=words.number(week.mails))
    elif week.tried:
        yield words.say("lines", "tried", version=week.tried, mails=words.number(week.mails), changed=words.number(week.changed))
