"""Which mail opens which case, what an appeal is against, and who may close what."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_makers import NOON, an_incident
from test_cases_ledger import ANNA, a_case

from gateway.policy.cases import (
    BLOCK,
    AppealFate,
    appeal_against,
    appeal_fate,
    case_kind,
    closed,
    due_at,
    earlier_appeal,
    overdue,
    same_person,
    why_not_close,
)
from gateway.policy.tokens import TokenState
from gateway.records import CaseKind, CaseOutcome, CaseState, IncidentState
from gateway.values import Assessment, Disposition, Level, NoticeKind, Standing, Tag

GOOD = Standing(ANNA)
BLOCKED = Standing(ANNA, blocked_by="boss", blocked_at=NOON)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("tags", "to_complaints", "kind"),
    [
        ((), False, None),
        ((), True, CaseKind.COMPLAINT),
        ((Tag.UNSCORED,), True, CaseKind.COMPLAINT),
        ((Tag.COMPLAINT,), False, CaseKind.COMPLAINT),
        ((Tag.LEGAL_NOTICE,), False, CaseKind.LEGAL),
        ((Tag.LEGAL_NOTICE, Tag.COMPLAINT), True, CaseKind.LEGAL),
        ((Tag.SELF_HARM, Tag.LEGAL_NOTICE, Tag.COMPLAINT), True, CaseKind.CARE),
        ((Tag.AUTOMATIC, Tag.COMPLAINT), True, None),
        ((Tag.AUTOMATIC, Tag.SELF_HARM), False, None),
        ((Tag.CANCELLATION, Tag.LAWFUL_REMEDY, Tag.ESCALATION_REQUEST, Tag.ACCUSATION, Tag.HARDSHIP), False, None),
    ],
)
@pytest.mark.parametrize("level", [None, *Level])
def test_the_tags_decide_whatever_the_level(tags, to_complaints, kind, level):
    assert case_kind(Assessment(level, tags=frozenset(tags)), to_complaints=to_complaints) is kind


def test_the_customers_deadline_goes_before_our_days():
    assert due_at(NOON, 14, None) == NOON + timedelta(days=14)
    assert due_at(NOON, 14, NOON + HOUR) == NOON + HOUR
    assert due_at(NOON, 14, NOON + timedelta(days=30)) == NOON + timedelta(days=30)


def test_a_case_is_overdue_from_its_minute_on_until_it_is_closed():
    case = a_case(due=NOON)
    assert not overdue(case, NOON - timedelta(microseconds=1))
    assert overdue(case, NOON)
    assert not overdue(closed(case, CaseOutcome.ANSWERED, "boss", NOON, ""), NOON)


@pytest.mark.parametrize(
    ("incident", "standing", "against"),
    [
        (an_incident(), GOOD, "warning"),
        (an_incident(notice=NoticeKind.SUSPENSION, disposition=Disposition.HOLD), GOOD, "suspension"),
        (an_incident(notice=None), GOOD, "fold"),
        (an_incident(notice=None, strikes=0, disposition=Disposition.HOLD), GOOD, "hold"),
        (an_incident(notice=NoticeKind.REMINDER, strikes=0, disposition=Disposition.DELIVER), GOOD, ""),
        (an_incident(state=IncidentState.OVERTURNED), GOOD, ""),
        (an_incident(), replace(GOOD, pardoned_at=NOON), ""),
        (an_incident(), replace(GOOD, pardoned_at=NOON - HOUR), "warning"),
        (an_incident(), BLOCKED, BLOCK),
        (an_incident(state=IncidentState.OVERTURNED), BLOCKED, BLOCK),
    ],
)
def test_what_an_answer_appeals_against(incident, standing, against):
    assert appeal_against(incident, standing) == (against, "boss" if against == BLOCK else "")


def test_who_confirmed_an_incident_decided_it():
    incident = an_incident(notes=((NOON, "carol", "confirmed by carol"), (NOON, "dora", "put under legal hold")))
    assert appeal_against(incident, GOOD) == ("warning", "carol")


FIRST = a_case("C1", kind=CaseKind.APPEAL, incident="A1", against="warning", opened=NOON)
OVER = closed(FIRST, CaseOutcome.UPHELD, "carol", NOON, "")


@pytest.mark.parametrize(
    ("token", "against", "earlier", "fate"),
    [
        (TokenState.VALID, "warning", None, AppealFate.OPENED),
        (TokenState.VALID, "", None, AppealFate.ANSWER),
        (TokenState.VALID, "warning", FIRST, AppealFate.AGAIN),
        (TokenState.VALID, "warning", OVER, AppealFate.DECIDED),
        (TokenState.VALID, "", OVER, AppealFate.DECIDED),
        (TokenState.EXPIRED, "warning", None, AppealFate.LATE),
        (TokenState.EXPIRED, "", None, AppealFate.ANSWER),
        (TokenState.EXPIRED, "warning", FIRST, AppealFate.AGAIN),
        (TokenState.FORGED, "warning", None, AppealFate.FORGED),
        (TokenState.FORGED, "warning", FIRST, AppealFate.FORGED),
    ],
)
def test_what_becomes_of_it(token, against, earlier, fate):
    assert appeal_fate(token, against, earlier) is fate


def test_one_appeal_against_each_decision():
    against_block = a_case("C2", kind=CaseKind.APPEAL, incident="A1", against=BLOCK, opened=NOON + HOUR)
    complaint = a_case("C3", incident="A1")
    known = (complaint, FIRST, against_block)
    assert earlier_appeal(known, "A1", "warning", GOOD) is FIRST
    assert earlier_appeal(known, "A1", "", GOOD) is FIRST
    assert earlier_appeal(known, "A2", "warning", GOOD) is None
    assert earlier_appeal(known, "A2", BLOCK, BLOCKED) is against_block
    # blocked once more later: that is another decision
    assert earlier_appeal(known, "A1", BLOCK, replace(BLOCKED, blocked_at=NOON + 2 * HOUR)) is None
    assert earlier_appeal((complaint, FIRST), "A1", BLOCK, BLOCKED) is None


@pytest.mark.parametrize(
    ("case", "outcome", "by", "why"),
    [
        (a_case(), CaseOutcome.ANSWERED, "boss", ""),
        (a_case(), CaseOutcome.UPHELD, "boss", "is no appeal"),
        (a_case(), CaseOutcome.GRANTED, "boss", "is no appeal"),
        (FIRST, CaseOutcome.GRANTED, "boss", ""),
        (FIRST, CaseOutcome.ANSWERED, "boss", ""),
        (OVER, CaseOutcome.GRANTED, "dora", "closed before, by carol"),
        (replace(FIRST, decider="boss@shop.example"), CaseOutcome.UPHELD, "BOSS", "somebody else"),
        (replace(FIRST, decider="boss"), CaseOutcome.ANSWERED, "boss@shop.example", "somebody else"),
        (replace(FIRST, decider="boss@shop.example"), CaseOutcome.GRANTED, "carol@shop.example", ""),
    ],
)
def test_who_may_close_a_case_and_how(case, outcome, by, why):
    said = why_not_close(case, outcome, by)
    assert (why in said) if why else not said


def test_same_person():
    assert same_person("Boss ", "boss@shop.example")
    assert not same_person("boss@shop.example", "boss@other.example")
    assert not same_person("", "")
    assert not same_person("", "boss")


def test_a_closed_case_says_who_did_what():
    done = closed(a_case(), CaseOutcome.ANSWERED, "boss", NOON, "wrote to her")
    assert (done.state, done.outcome, done.closed, done.closed_by) == (CaseState.CLOSED, CaseOutcome.ANSWERED, NOON, "boss")
    assert done.notes == ((NOON, "boss", "closed: answered"), (NOON, "boss", "wrote to her"))
