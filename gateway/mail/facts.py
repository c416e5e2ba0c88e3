"""What a mail of ours is about, as facts; the templates turn them into sentences and can say nothing else."""

from dataclasses import dataclass
from datetime import date, datetime

from gateway.records import Action
from gateway.values import Category, Disposition, Tag


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice to a sender is about.

    Attributes:
        reference: of the incident, as people read it out.
        disposition: what was REALLY done with the mail that is spoken of; None when the notice speaks of no single
            mail (block, reinstatement).
        at: when that mail arrived, or when the decision was made; aware.
        categories: of the assessment, weightiest first; the notice names the first two.
        clauses: policy points that the findings cite, weightiest first; the notice names the first that has a title.
        until: when a suspension ends; required by the suspension notice, ignored by the others.
        company: who writes, as the support contact's display name says; "" falls back to the support address.
        support: address of the support contact, where the request goes again.
        complaints: address at which a complaint always arrives, "" to leave it out.
        policy_url: where the whole policy stands, "" to leave it out.
        released: how many held mails were passed on with this decision (reinstatement).
        automatic: no person decided; a block is always a person's decision.
        due: by when we owe an answer (acknowledgement), None when nothing is promised.
    """

    reference: str
    disposition: Disposition | None
    at: datetime
    categories: tuple[Category, ...] = ()
    clauses: tuple[str, ...] = ()
    until: datetime | None = None
    company: str = ""
    support: str = ""
    complaints: str = ""
    policy_url: str = ""
    released: int = 0
    automatic: bool = True
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What an alert to the managers is about.

    Attributes:
        reference: of the incident or the case.
        disposition: what was really done with the mail.
        at: when it arrived; aware.
        sender: the author's address; `verified`, `by` and `many` as the identity says.
        recipients: to whom the mail was going.
        excerpts: words of the findings, unmasked: the templates mask them.
        strikes: active strikes with this mail's own.
        until: when the suspension ends that is in force or begins.
        deadline: a date that the customer set (complaint), or by which we owe an answer.
        observed: the gateway only observes, so nothing was done but delivery.
        attached: the original lies at the alert as message/rfc822.
        choices: words that decide when they stand in the first line of an answer ("confirm", "overturn"); empty when
            nothing is to be decided.
        about: what became of an answer to a notice (a word of gateway.policy.cases.AppealFate), or what kind of case is
            overdue (gateway.records.CaseKind), or "civil" when a colleague calls a mail civil.
        related: the reference of the earlier appeal, or of the incident that is appealed; the colleague who reports.
    """

    reference: str
    disposition: Disposition | None
    at: datetime
    sender: str
    verified: bool = False
    by: str = ""
    recipients: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    clauses: tuple[str, ...] = ()
    tags: frozenset[Tag] = frozenset()
    excerpts: tuple[str, ...] = ()
    strikes: int = 0
    until: datetime | None = None
    deadline: date | None = None
    observed: bool = False
    attached: bool = False
    choices: tuple[str, ...] = ()
    about: str = ""
    related: str = ""
    many: str = ""


@dataclass(frozen=True, slots=True)
class FoldFacts:
    """What the calm note in front of a folded mail is about.

    Attributes:
        sentences: up to three of the customer's own sentences without a finding (gateway.mail.excerpts.calm_sentences).
    """

    reference: str
    at: datetime
    sender: str
    categories: tuple[Category, ...] = ()
    clauses: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One line of an answer of ours.

    Attributes:
        key: which sentence: a decision that was carried out, or why one wasn't.
        number: of the item, 0 for none.
        reference: of what it is about.
        who: decided it before.
        why: it couldn't be done.
        line: of the mail that is answered, as it stood there.
    """

    key: str
    number: int = 0
    reference: str = ""
    who: str = ""
    why: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What is answered to a manager who decides by mail, or to a colleague who reports.

    Attributes:
        reference: of the mail of ours that was answered, or under which the colleague's mail is kept.
        about: "read", "nothing", "no_token" or "expired" for a manager; "reported", "counted", "known", "empty", "details",
            "civil" or "unknown" for a colleague.
        done: what was carried out; `left` what wasn't.
        open: what can still be answered: number, reference, actions.
        related: the incident that it is about.
    """

    reference: str
    about: str
    done: tuple[AnswerLine, ...] = ()
    left: tuple[AnswerLine, ...] = ()
    open: tuple[tuple[int, str, tuple[Action, ...]], ...] = ()
    related: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content in both forms; `subject` is one line, both texts use LF."""

    subject: str
    text: str
    html: str
