"""Writes our own mail: what an incident calls for, with templates, ids, boundaries and tokens filled in."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from gateway.addresses import many_people
from gateway.edge.dkim_signer import Signer
from gateway.edge.durable import Disk
from gateway.edge.identifier import many_of
from gateway.edge.settings import Settings
from gateway.edge.templates import Templates
from gateway.errors import LedgerFailed
from gateway.mail import compose
from gateway.mail.excerpts import calm_sentences
from gateway.mail.facts import AlertFacts, FoldFacts, NoticeFacts
from gateway.policy.choices import alert_choices
from gateway.policy.incidents import proven_answer
from gateway.policy.tokens import make_token, token_address
from gateway.records import Action, Incident, OutgoingMail
from gateway.values import AlertKind, Assessment, Disposition, Envelope, Mailbox, Mode, NoticeKind, Reading, Standing, Verdict

APPEAL_DAYS = 60
"""How long a notice can be answered."""
DECISION_DAYS = 60
"""How long an alert can be answered."""
_LARGEST_ATTACHED = 5_000_000
_URGENT = frozenset({AlertKind.THREAT, AlertKind.SELF_HARM})
_SECRET_BYTES = 32


def load_secret(state: Path) -> bytes:
    """The secret of our tokens; made on first use, readable by us alone.

    Args:
        state: the state folder.

    Raises:
        LedgerFailed: it can't be read or written.
    """
    file = state / "secret"
    try:
        if not file.exists():
            Disk().save(file, secrets.token_bytes(_SECRET_BYTES))
        return file.read_bytes()
    except OSError as error:
        raise LedgerFailed(f"the secret {file} can't be read or written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class MailWriter:
    """A `gateway.ports.Writer`."""

    settings: Settings
    templates: Templates
    secret: bytes
    clock: Callable[[], datetime]
    signer: Signer | None = None
    """For folded mail, which goes straight to the mailbox server; the outbox signs the rest."""

    @property
    def gateway(self) -> Mailbox:
        """The gateway's own mailbox, for folded mail and alerts."""
        return Mailbox(self.settings.addresses.support_mailbox.display_name or "Courtesy gateway", f"courtesy@{self.domain}")

    @property
    def domain(self) -> str:
        """The domain of our own message ids and mailbox."""
        host = self.settings.hostname
        return host if "." in host and not host.startswith("[") else self.settings.addresses.support_mailbox.domain

    def folded(self, incident: Incident, reading: Reading, assessment: Assessment, envelope: Envelope, message: bytes) -> bytes:
        """The mail behind a calm note."""
        facts = FoldFacts(
            reference=incident.id,
            at=incident.at,
            sender=incident.sender,
            categories=incident.categories,
            clauses=_clauses(assessment),
            sentences=calm_sentences(reading, assessment, self.templates.asks),
        )
        author = reading.authors[0] if reading.authors else Mailbox("", envelope.sender)
        folded = compose.folded_message(
            message,
            self.templates.fold_note(self.settings.language, facts),
            gateway=self.gateway,
            author=author,
            to=envelope.recipients,
            language=self.settings.language,
            date=self.clock(),
            message_id=self._id("fold", incident.id),
            boundary=secrets.token_hex(12),
            reply_to=reading.reply_to,
            in_reply_to=reading.in_reply_to,
            references=reading.references,
            utf8="SMTPUTF8" in {option.upper() for option in envelope.mail_options},
        )
        return self.signer.signed(folded) if self.signer else folded

    def outgoing(
        self, incident: Incident, verdict: Verdict, reading: Reading, assessment: Assessment, message: bytes
    ) -> tuple[OutgoingMail, ...]:
        """The notice to the sender and the alerts to the managers that an incident calls for."""
        mails: list[OutgoingMail] = []
        if verdict.notice is not None:
            mails.append(self.notice(verdict.notice, incident, verdict, reading, assessment))
        for kind in verdict.alerts:
            mails += self._alerts(kind, incident, verdict, assessment, message)
        return tuple(mails)

    def notice(self, kind: NoticeKind, incident: Incident, verdict: Verdict, reading: Reading, assessment: Assessment) -> OutgoingMail:
        """A notice to the verified sender of a mail; its words are bound to what was really done (H8)."""
        facts = self._facts(incident, verdict.disposition, verdict.standing, _clauses(assessment), automatic=True)
        return self._notice(kind, incident, facts, reading.message_id, reading.references)

    def decision(self, kind: NoticeKind, incident: Incident, standing: Standing) -> OutgoingMail:
        """A notice of a person's decision: block, reinstatement, apology."""
        disposition = incident.disposition if kind is NoticeKind.APOLOGY else None
        facts = self._facts(incident, disposition, standing, (), automatic=False)
        return self._notice(kind, incident, facts, incident.message_id, ())

    def _facts(
        self, incident: Incident, disposition: Disposition | None, standing: Standing, clauses: tuple[str, ...], *, automatic: bool
    ) -> NoticeFacts:
        at = incident.at if disposition is not None else self.clock()
        facts = replace(self.facts(incident.id, disposition, at), categories=incident.categories, clauses=clauses)
        return replace(facts, until=standing.suspended_until, automatic=automatic)

    def facts(self, reference: str, disposition: Disposition | None, at: datetime) -> NoticeFacts:
        """What a notice about something always says of us; the rest is to be filled in."""
        addresses = self.settings.addresses
        return NoticeFacts(
            reference=reference,
            disposition=disposition,
            at=at,
            company=addresses.support_mailbox.display_name,
            support=addresses.support_mailbox.addr_spec,
            complaints=addresses.own("complaints"),
            policy_url=addresses.policy_url,
        )

    def _notice(self, kind: NoticeKind, incident: Incident, facts: NoticeFacts, message_id: str, references: tuple[str, ...]) -> OutgoingMail:
        return self.letter(kind, facts, to=incident.sender, language=incident.language, message_id=message_id, references=references)

    def letter(
        self, kind: NoticeKind, facts: NoticeFacts, *, to: str, language: str, message_id: str, references: tuple[str, ...] = (), thing: str = "notice"
    ) -> OutgoingMail:
        """A mail to a sender.

        Args:
            kind: which one.
            facts: what it is about; its reference is in the address that an answer goes to.
            to: the verified sender.
            language: of his mail.
            message_id: of the mail that is spoken of; `references` likewise.
            references: so that the mail joins its thread.
            thing: what the reference is of, "notice" or "case"; only what answers a notice is a rewrite of the mail that it
                is about, or an appeal.
        """
        now = self.clock()
        language = self.templates.resolve(language)
        token = make_token("appeal" if thing == "notice" else thing, facts.reference, now + timedelta(days=APPEAL_DAYS), self.secret)
        message = compose.notice_message(
            self.templates.notice(kind, language, facts),
            support=self._support,
            reply_to=self._appeals(token),
            to=to,
            language=language,
            date=now,
            message_id=self._id(thing, token),
            boundary=secrets.token_hex(12),
            in_reply_to=message_id,
            references=references,
        )
        return OutgoingMail(f"notice.{kind.value}.{facts.reference}", kind.value, "", (to,), message, now)

    def proven_answer(self, reading: Reading) -> str:
        """The incident whose notice a mail answers for certain, "" for none."""
        return proven_answer(reading, self.domain, self.clock(), self.secret)

    @property
    def _support(self) -> Mailbox:
        support = self.settings.addresses.support_mailbox
        return Mailbox(support.display_name, support.addr_spec)

    def _appeals(self, token: str) -> str:
        appeals = self.settings.addresses.own("appeals")
        try:
            return token_address(appeals, token)
        except ValueError:
            return appeals  # a local part that is long already: the token in our Message-ID does it

    def _alerts(self, kind: AlertKind, incident: Incident, verdict: Verdict, assessment: Assessment, message: bytes) -> list[OutgoingMail]:
        addresses = self.settings.addresses
        now = self.clock()
        attached = len(message) <= _LARGEST_ATTACHED
        choices = alert_choices(kind, incident)
        facts = AlertFacts(
            reference=incident.id,
            disposition=verdict.disposition,
            at=incident.at,
            sender=incident.sender or incident.envelope_sender,
            verified=incident.verified,
            by=incident.by,
            recipients=incident.recipients,
            categories=incident.categories,
            clauses=_clauses(assessment),
            tags=frozenset(incident.tags),
            excerpts=tuple(finding.text for finding in assessment.findings[:5]),
            strikes=len(verdict.standing.strikes),
            until=verdict.standing.suspended_until,
            observed=incident.mode is Mode.OBSERVE,
            attached=attached,
            choices=self.words_of(choices),
            many=many_people(incident.sender, many_of(self.settings.identity)),
        )
        rendered = self.templates.alert(kind, self.settings.language, facts)
        mails = []
        for number, manager in enumerate(addresses.managers):
            composed = compose.alert_message(
                rendered,
                sender=self.gateway,
                reply_to=self.decisions(incident.id) if choices else "",
                to=(manager,),
                language=self.settings.language,
                date=now,
                message_id=self._id(f"alert-{kind.value.replace('_', '-')}-{number}", incident.id),
                boundary=secrets.token_hex(12),
                original=message if attached else None,
                urgent=kind in _URGENT,
            )
            mails.append(OutgoingMail(f"alert.{kind.value}.{incident.id}.{number}", f"alert.{kind.value}", "", (manager,), composed, now))
        return mails

    def forwarded(
        self, name: str, reference: str, note: compose.Rendered, message: bytes | None, *, to: tuple[str, ...] = (), urgent: bool = False, reply_to: str = ""
    ) -> tuple[OutgoingMail, ...]:
        """A mail to the managers, or to others of ours, with what it is about attached when there is something and it isn't too big.

        Args:
            name: its kind in the outbox.
            reference: of what it is about.
            note: the mail's own words.
            message: what arrived.
            to: the managers unless others are named.
            urgent: somebody should look at once.
            reply_to: where decisions about it go, "" for none.
        """
        now = self.clock()
        attached = message if message is not None and self.attaches(message) else None
        return tuple(
            OutgoingMail(
                f"{name}.{reference}.{number}",
                name,
                "",
                (manager,),
                compose.alert_message(
                    note,
                    sender=self.gateway,
                    reply_to=reply_to,
                    to=(manager,),
                    language=self.settings.language,
                    date=now,
                    message_id=self._id(f"{name.replace('.', '-').replace('_', '-')}-{number}", reference),
                    boundary=secrets.token_hex(12),
                    original=attached,
                    urgent=urgent,
                ),
                now,
            )
            for number, manager in enumerate(to or self.settings.addresses.managers)
        )

    @property
    def managers_language(self) -> str:
        """The language in which managers are answered: that of their digest."""
        return self.settings.digest.language or self.settings.language

    def answer(
        self, name: str, note: compose.Rendered, *, to: str, language: str, reply_to: str, message_id: str, references: tuple[str, ...]
    ) -> OutgoingMail:
        """Our answer to a manager or colleague who wrote to us.

        Args:
            name: its id in the outbox; the same id is never sent twice.
            note: its words.
            to: who wrote.
            language: of the note.
            reply_to: where an answer to it goes.
            message_id: of the mail that is answered; `references` likewise.
            references: so that the answer joins its thread.
        """
        now = self.clock()
        message = compose.alert_message(
            note,
            sender=self.gateway,
            reply_to=reply_to,
            to=(to,),
            language=language,
            date=now,
            message_id=self._id(*name.split(".")[:2]),
            boundary=secrets.token_hex(12),
            in_reply_to=message_id,
            references=references,
        )
        return OutgoingMail(name, name.partition(".")[0], "", (to,), message, now)

    def decisions(self, reference: str) -> str:
        """The address at which an answer to the alert about something decides."""
        return self.own_address("decisions", "decision", reference)

    def own_address(self, name: Literal["decisions", "report"], good_for: str, reference: str) -> str:
        """The address of one of our own mailboxes with a token for a reference."""
        address = self.settings.addresses.own(name)
        try:
            return token_address(address, make_token(good_for, reference, self.clock() + timedelta(days=DECISION_DAYS), self.secret))
        except ValueError:
            # a local part that is long already: the address without a token still reaches us, and says why it isn't enough
            return address

    def words_of(self, actions: Sequence[Action]) -> tuple[str, ...]:
        """The words with which decisions are answered, as our mails print them."""
        words = self.templates.digests.answers(self.settings.language)
        return tuple(words[action] for action in actions)

    def attaches(self, message: bytes) -> bool:
        """Whether a mail is small enough to lie in one of ours."""
        return len(message) <= _LARGEST_ATTACHED

    def _id(self, kind: str, about: str) -> str:
        # the second part is where gateway.policy.tokens finds the token of a notice when a mail answers it
        return compose.message_id(f"{kind}.{about}.{secrets.token_hex(6)}", self.domain)


def _clauses(assessment: Assessment) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clause for finding in assessment.findings for clause in finding.clause))
