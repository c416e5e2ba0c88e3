"""What a mail of ours is about, as facts; the templates turn them into sentences and can say nothing else."""

from dataclasses import dataclass
from datetime import date, datetime

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


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What an alert to the managers is about.

    Attributes:
        reference: of the incident or the case.
        disposition: what was really done with the mail.
        at: when it arrived; aware.
        sender: the author's address; `verified` and `by` as the identity says.
        recipients: to whom the mail was going.
        excerpts: words of the findings, unmasked: the templates mask them.
        strikes: active strikes with this mail's own.
        until: when the suspension ends that is in force or begins.
        deadline: a date that the customer set (complaint), or by which we owe an answer.
        observed: the gateway only observes, so nothing was done but delivery.
        attached: the original lies at the alert as message/rfc822.
        choices: words that decide when they stand in the first line of an answer ("confirm", "overturn"); empty when
            nothing is to be decided.
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
class Rendered:
    """A mail's content in both forms; `subject` is one line, both texts use LF."""

    subject: str
    text: str
    html: str
