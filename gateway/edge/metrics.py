"""All metrics of the service, and how the rooms tell of what happens; docs/metrics.md says what to do when one moves."""

import time

from gateway import replies
from gateway.edge import smtp_extensions, smtp_server, smtp_session
from gateway.edge.metrics_text import Counter, Gauge, Histogram, Info, Metric, render
from gateway.edge.retention import CLASSES
from gateway.policy.answerable import ENOUGH, SAME_TEXT
from gateway.ports import WatchedEvent
from gateway.values import AlertKind, Assessment, Disposition, Level, NoticeKind, Reply

UNSCORED = "unscored"
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (*_FAST, 5.0, 10.0, 30.0, 60.0)

_NAMED = {value: name.lower() for name, value in vars(replies).items() if isinstance(value, Reply)}
_PROTOCOL = {value for module in (smtp_server, smtp_session, smtp_extensions) for value in vars(module).values() if isinstance(value, Reply)}
_BLOCKED = replies.blocked("", "").text.partition(";")[0]
_REFUSING = tuple(dict.fromkeys(name for reply, name in _NAMED.items() if reply.code >= 400))

_WHY_NOT = {
    "null reverse path": "null_path",
    "automatic": "automatic",
    "the author is not verified": "unverified",
    "one of our own addresses": "own_address",
    "the reverse path is not the author": "other_reverse_path",
    SAME_TEXT: "same_text",
    ENOUGH: "peer_cap",
}
_WHY_UNSCORED = {"reading and weighing ran late": "late", "couldn't be read": "unreadable", "couldn't be weighed": "failed"}


def refusal_reason(reply: Reply) -> str:
    """Why something was not accepted, as a label: the name of our reply, `protocol`, `blocked`, or `mailbox_server`."""
    if reason := _NAMED.get(reply):
        return reason
    if reply in _PROTOCOL:
        return "protocol"
    return "blocked" if reply.text.startswith(_BLOCKED) else "mailbox_server"


def _first(table: dict[str, str], text: str) -> str:
    return next((label for start, label in table.items() if text.startswith(start)), "other")


class Metrics:
    """The metrics; a `gateway.ports.Watch`, and what the rooms of the edge are told to tell."""

    def __init__(self) -> None:
        levels = (*(level.word for level in Level), UNSCORED)
        kinds = (*(kind.value for kind in NoticeKind), *(f"alert.{kind.value}" for kind in AlertKind), "appeals", "report", "civil", "decisions", "digest")
        self.info = Info("courtesy_info", "The version that runs, and its mode.", ("version", "mode"))
        self.mails = Counter("courtesy_mails_total", "Mails that the path acted on.", {"level": levels, "disposition": [d.value for d in Disposition]})
        self.events = Counter("courtesy_mail_events_total", "Mails with which something else happened.", {"event": [e.value for e in WatchedEvent]})
        self.unscored = Counter("courtesy_unscored_total", "Mails that could not be scored.", {"reason": (*_WHY_UNSCORED.values(), "weigher", "not_text")})
        self.refused = Counter("courtesy_refused_total", "Replies of 400 and above.", {"reason": (*_REFUSING, "protocol", "blocked", "mailbox_server")})
        self.connections = Gauge("courtesy_connections", "Clients connected now.")
        self.connected = Counter("courtesy_connections_total", "Clients that were let in.")
        self.memory = Gauge("courtesy_memory_in_flight_bytes", "Bytes of messages in flight.")
        self.mail_seconds = Histogram("courtesy_mail_seconds", "From the last byte of a mail to its reply.", _SLOW)
        self.weighing_seconds = Histogram("courtesy_weighing_seconds", "Reading and weighing, with the wait for a weigher.", _SLOW)
        self.weighers = Gauge("courtesy_weighers", "Weigher processes.", {"state": ("busy", "idle")})
        self.downstream_seconds = Histogram("courtesy_downstream_seconds", "From handing a message to the mailbox server to its reply.", _SLOW)
        self.downstream = Gauge("courtesy_downstream_connections", "Connections to the mailbox server.", {"state": ("busy", "idle", "waited_for")})
        self.downstream_up = Gauge("courtesy_downstream_up", "Whether the mailbox server was reachable lately.")
        self.notices_suppressed = Counter("courtesy_notices_suppressed_total", "Notices that were not written.", {"reason": tuple(_WHY_NOT.values())})
        self.outgoing = Counter("courtesy_outgoing_total", "Tries to send mail of ours.", {"kind": kinds, "outcome": ("sent", "retry", "gave_up")})
        self.outbox = Gauge("courtesy_outbox_mails", "Mails of ours that wait.")
        self.outbox_age = Gauge("courtesy_outbox_oldest_seconds", "Age of the one that waits longest.")
        self.held = Gauge("courtesy_held_mails", "Mails that wait for a person.")
        self.held_age = Gauge("courtesy_held_oldest_seconds", "Age of the one that waits longest.")
        self.cases = Gauge("courtesy_cases_open", "Complaints, appeals and legal notices that somebody must answer.")
        self.cases_overdue = Gauge("courtesy_cases_overdue", "Those of them whose day is over.")
        self.ledger_seconds = Histogram("courtesy_ledger_seconds", "Work of the ledger, with the wait for its thread.", _FAST)
        self.ledger_errors = Counter("courtesy_ledger_errors_total", "Work of the ledger that failed.")
        self.rules = Info("courtesy_rules_info", "The rules in force.", ("version",))
        self.rules_failures = Counter("courtesy_rules_load_failures_total", "Reloads of the rules that failed; the old ones stayed.")
        self.rules_current = Gauge("courtesy_rules_current", "0 when the last reload failed and older rules are in force.")
        self.shadow_active = Gauge("courtesy_shadow_active", "1 while rules are on trial beside those in force.")
        self.shadow_mails = Counter("courtesy_shadow_mails_total", "Mails for the rules on trial.", {"outcome": ("same", "changed", "unscored", "skipped")})
        self.shadow_failures = Counter("courtesy_shadow_failures_total", "Trials of rules that were switched off.")
        self.purged = Counter("courtesy_purged_total", "What retention erased.", {"class": CLASSES})
        self.purge_failures = Counter("courtesy_purge_failures_total", "Daily purges that failed.")
        self.cpu = Counter("process_cpu_seconds_total", "Processor time of the service, without its weighers.")
        self.resident = Gauge("process_resident_memory_bytes", "Memory of the service, without its weighers.")
        self.descriptors = Gauge("process_open_fds", "Open file descriptors.")
        self.started = Gauge("process_start_time_seconds", "When the service started, since 1970.")
        self.rules_current.set(1)
        self.started.set(round(time.time(), 3))

    @property
    def all(self) -> list[Metric]:
        """Every metric."""
        return [metric for metric in vars(self).values() if isinstance(metric, Metric)]

    def text(self) -> str:
        """All of them for a monitor."""
        return render(self.all)

    # --- what is told ---

    def mail(self, level: Level | None, disposition: Disposition) -> None:
        """The path acted on a mail."""
        self.mails.add(UNSCORED if level is None else level.word, disposition.value)

    def event(self, event: WatchedEvent) -> None:
        """Something else happened with a mail."""
        self.events.add(event.value)

    def notice_suppressed(self, reason: str) -> None:
        """A notice was due and may not be written."""
        self.notices_suppressed.add(_first(_WHY_NOT, reason))

    def weighed(self, assessment: Assessment, seconds: float) -> None:
        """A mail was read and weighed, or not."""
        self.weighing_seconds.observe(seconds)
        if assessment.level is None:
            reason = "not_text" if assessment.error is None else _first(_WHY_UNSCORED, assessment.error)
            self.unscored.add("weigher" if reason == "other" else reason)

    def replied(self, reply: Reply) -> None:
        """A client heard something."""
        if reply.code >= 400:
            self.refused.add(refusal_reason(reply))

    def posted(self, kind: str, outcome: str) -> None:
        """The outbox tried to send a mail."""
        self.outgoing.add(kind, outcome)

    def ledger_worked(self, seconds: float, failed: bool) -> None:  # noqa: FBT001 - told by one caller
        """The ledger did something, or failed at it."""
        self.ledger_seconds.observe(seconds)
        if failed:
            self.ledger_errors.add()

    def purge_done(self, counts: dict[str, int] | None) -> None:
        """A purge ended; None: it failed."""
        if counts is None:
            self.purge_failures.add()
        for kind, number in (counts or {}).items():
            self.purged.add(kind, by=number)

    def rules_loaded(self, version: str) -> None:
        """Rules are in force; "" when loading new ones failed."""
        self.rules_current.set(1 if version else 0)
        if version:
            self.rules.tell(version)
        else:
            self.rules_failures.add()
