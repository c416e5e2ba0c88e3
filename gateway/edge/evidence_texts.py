"""The texts of an evidence package that people read: what is in it, each incident in plain words, the timeline (F19, D25)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.edge.shard import PostedMail
from gateway.policy.imported import elsewhere
from gateway.records import Case, HeldMail, Incident
from gateway.values import Disposition, Mode

_DONE = {
    Disposition.DELIVER: "delivered as it was",
    Disposition.FOLD: "delivered folded: a note in front, the mail as received attached",
    Disposition.HOLD: "held back until a person decides",
    Disposition.REFUSE: "refused while it was being sent",
}
_TRACE = frozenset({
    "received", "return-path", "authentication-results", "received-spf", "dkim-signature", "arc-seal", "arc-message-signature",
    "arc-authentication-results", "from", "sender", "reply-to", "date", "message-id",
})  # fmt: skip


def shown(at: datetime) -> str:
    """A time as the texts have it: to the second, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def incident_text(incident: Incident, mail: str) -> str:
    """One incident as lines of name and value.

    Args:
        incident: whole.
        mail: what the package has of its mail.
    """
    verified = f"yes, by {incident.by}" if incident.verified else f"no: {incident.by}"
    rows = [
        ("Reference", incident.id),
        ("Received and judged", shown(incident.at)),
        ("Author", incident.sender or "none named"),
        ("A trusted host vouches for it", verified),
        ("Envelope sender", incident.envelope_sender or "the null path"),
        ("Envelope recipients", ", ".join(incident.recipients)),
        ("Message-ID", incident.message_id or "none"),
        ("Subject", incident.subject or "none kept"),
        ("Words that counted", incident.excerpt or "none kept"),
        ("Level", incident.level.word if incident.level is not None else "not scored"),
        ("Kinds of misconduct", ", ".join(incident.categories) or "none"),
        ("Language", incident.language),
        ("Points", str(incident.points)),
        ("Rules that counted", ", ".join(f"{rule} ({points})" for rule, points in incident.findings) or "none"),
        ("Version of the rules", incident.rules_version or "none"),
        ("Rests on", incident.basis.value),
        ("Mode", incident.mode.value),
        ("What was done", _done(incident)),
        ("Why", incident.reason),
        ("Strikes", _really(incident, str(incident.strikes))),
        ("Notice to the sender", _really(incident, incident.notice.value.replace("_", " ") if incident.notice else "none")),
        ("Alerts to the managers", ", ".join(alert.value.replace("_", " ") for alert in incident.alerts) or "none"),
        ("Proposed", incident.proposal or "nothing"),
        ("State", incident.state.value.replace("_", " ")),
        ("Reply to the client", " ".join(incident.reply.split()) or "none"),
        ("Legal hold", "yes" if incident.legal_hold else "no"),
        ("The mail", mail),
    ]
    return "".join(f"{name + ':':32}{value}\n" for name, value in rows)


def _done(incident: Incident) -> str:
    if elsewhere(incident):
        return "nothing: it didn't come by mail"
    return _DONE[Disposition.DELIVER if incident.mode is Mode.OBSERVE else incident.disposition]


def _really(incident: Incident, what: str) -> str:
    """While the gateway only observes, nothing follows from what it finds."""
    return f"none: the gateway only observed; otherwise {what}" if incident.mode is Mode.OBSERVE else what


def no_mail(incident: Incident) -> str:
    """Why the mail of an incident isn't kept."""
    if elsewhere(incident):
        return "there is no mail: it happened on another channel"
    if any(what.startswith("held mail deleted") for _, _, what in incident.notes):
        return "its mail was held and then deleted; the timeline says when and by whom"
    if incident.disposition is Disposition.REFUSE and incident.mode is not Mode.OBSERVE:
        return "its mail was refused, so it isn't kept"
    return "its mail isn't kept here, it was delivered; --mail adds it from a mailbox"


def envelope_text(incident: Incident, held: HeldMail | None) -> str:
    """The SMTP envelope, as far as it is kept."""
    lines = [f"MAIL FROM:<{incident.envelope_sender}>", *(f"RCPT TO:<{recipient}>" for recipient in incident.recipients)]
    if held is not None:
        envelope = held.envelope
        lines += [f"Client address: {envelope.client or 'not known'}", f"Client name: {envelope.client_name or 'not known'}"]
        lines += [f"HELO: {envelope.helo or 'none'}", f"Protocol: {envelope.protocol}"]
        lines += [f"MAIL parameters: {' '.join(envelope.mail_options) or 'none'}"]
    else:
        lines.append("The mail itself wasn't held, so the client's address and name aren't kept.")
    return "\n".join(lines) + "\n"


def authentication_text(incident: Incident, message: bytes | None) -> str:
    """Who vouched for the author, and the fields of the header from which it was read, as they stand there."""
    verdict = f"The author counts as {'verified' if incident.verified else 'not verified'}: {incident.by}\n"
    if message is None:
        return f"{verdict}The mail isn't in this package, so its header fields aren't either.\n"
    return f"{verdict}\nFields of the mail, topmost first:\n\n{_fields(message)}"


def _fields(message: bytes) -> str:
    header = message.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "backslashreplace")
    kept, mine = list[str](), False
    for line in header.split("\n"):
        if not line.startswith((" ", "\t")):
            mine = line.partition(":")[0].strip().lower() in _TRACE
        if mine:
            kept.append(line)
    return "\n".join(kept) + "\n"


def timeline(incidents: Sequence[Incident], cases: Sequence[Case], sent: Sequence[PostedMail]) -> str:
    """Everything that is known to have happened, oldest first, a line each."""
    events = [event for incident in incidents for event in _of_incident(incident)]
    for case in cases:
        events.append((case.opened, f"case {case.reference}", f"opened: {case.kind.value}, owner {case.owner}, due {shown(case.due)}"))
        events += [(at, f"case {case.reference}", f"{who}: {what}") for at, who, what in case.notes]
        if case.closed is not None:
            events.append((case.closed, f"case {case.reference}", f"closed by {case.closed_by}: {case.outcome.value if case.outcome else ''}"))
    for mail in sent:
        what = f"given up: {mail.error}" if mail.error else "sent"
        events.append((mail.at, f"our mail {mail.id}", f"{mail.kind.replace('_', ' ')} to {', '.join(mail.recipients)} {what}"))
    return "".join(f"{shown(at)}  {where}  {' '.join(what.split())}\n" for at, where, what in sorted(events, key=lambda event: event[0]))


def _of_incident(incident: Incident) -> list[tuple[datetime, str, str]]:
    where = f"incident {incident.id}"
    level = incident.level.word if incident.level is not None else "not scored"
    came = f"from {incident.sender} to {', '.join(incident.recipients)}: {level}; done: {_done(incident)}; {incident.reason}"
    return [(incident.at, where, came), *((at, where, f"{who}: {what}") for at, who, what in incident.notes)]


_README = """\
EVIDENCE PACKAGE

Made on {made} by the mail gateway {site} for {by}, who answers for handing it over.
Incidents: {incidents}.

It holds personal data: of the person who wrote, and of those to whom he wrote. Give it only to those who need it.

WHAT IS IN IT

timeline.txt                  everything that is known to have happened, in order, with who decided what
REFERENCE/incident.txt        one incident in plain words
REFERENCE/record.json         the same as the gateway keeps it, byte for byte as its hash was taken
REFERENCE/mail.eml            the mail as it was received, where it is kept; any mail program opens it
REFERENCE/envelope.txt        the addresses that were given to the mail server, and who connected to it
REFERENCE/authentication.txt  what the mail servers found out about who sent it
REFERENCE/chain.txt           when each state of the record was written down, from the gateway's hash chain
rules/                        the rules by which it was judged, in the version that was in force
cases.json, cases/            complaints and appeals that belong to it, with the mail that opened them where it is kept
sent.json                     mail of the gateway about it, of the last weeks
MANIFEST.json                 every file with its SHA-256, who made the package and when
MANIFEST.seal                 the seal under it

WHAT IS NOT IN IT

{missing}

HOW TO CHECK IT

That no file was changed, with programs that every system has:

  unzip FILE.zip -d evidence && cd evidence && sha256sum -c SHA256SUMS

That this gateway made it and nothing was changed since, at the gateway itself:

  courtesy incident evidence --verify FILE.zip

The seal is an HMAC-SHA256 of MANIFEST.json with a key that only the gateway has. It proves to the owner of the gateway,
and to whoever asks him, that the package is his. The SHA-256 of the whole file is noted on each incident when it is made.

In chain.txt every second line is a line of the chain; its last word is the SHA-256 of the link in the line before, a space
and the JSON that stands there. The JSON names the SHA-256 of record.json, as it was and as it became: `sha256sum
REFERENCE/record.json` gives the last of them. A head of the chain that was noted elsewhere proves that nothing before it was
changed since; the head when this package was made stands in MANIFEST.json.
"""


def readme(site: str, by: str, made: datetime, references: Sequence[str], missing: Sequence[str]) -> str:
    """What the package is, what is in it, and how to check it.

    Args:
        site: host name of the gateway.
        by: the manager who answers for it.
        made: when.
        references: of the incidents.
        missing: sentences about what isn't in it.
    """
    lines = "\n".join(missing) or "Nothing that the gateway keeps about these incidents was left out."
    return _README.format(site=site, by=by, made=shown(made), incidents=", ".join(references), missing=lines)
