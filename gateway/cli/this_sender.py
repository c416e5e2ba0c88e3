"""What a mail would bring its sender, as he stands in the ledger: for `score --explain --sender`."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from gateway.cli.asking import office, settings_of
from gateway.cli.plain import local_time
from gateway.edge.codec import decode
from gateway.numbers import Policy
from gateway.policy.ladder import active_strikes, rung, suspended
from gateway.policy.verdict import judge
from gateway.values import Assessment, Disposition, Identity, Mode, Standing, Verdict

_DONE = {
    Disposition.DELIVER: "delivered",
    Disposition.FOLD: "delivered behind a note",
    Disposition.HOLD: "held for a person",
    Disposition.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class ThisSender:
    """A sender of whom the ledger was asked.

    Attributes:
        standing: as it is kept.
        many: why more people than one may write from the address, "" for one.
        now: when the ledger was asked.
        zone: of the site.
        mode: of the site.
    """

    standing: Standing
    many: str
    now: datetime
    zone: tzinfo
    mode: Mode

    def follows(self, assessment: Assessment, policy: Policy) -> tuple[str, ...]:
        """Where he stands, and what this mail would bring him, with and without a host that vouches for it."""
        address = self.standing.address
        lines = [f"now: {self._standing(self.standing, policy)}"]
        for vouched, when in ((True, "when a trusted host vouches for the mail"), (False, "when nobody does")):
            identity = Identity(address, verified=vouched, by="an example", many=self.many)
            verdict = judge(assessment, identity, self.standing, policy, self.now, "EXAMPLE")
            then = self._standing(verdict.standing, policy)
            change = f"; then {then}" if verdict.standing != self.standing and lines[0] != f"now: {then}" else ""
            lines.append(f"{when}: {what_follows(verdict)}{f' ({verdict.reason})' if verdict.reason else ''}{change}")
        if self.mode is not Mode.ENFORCE:
            lines.append(f"but the mode is {self.mode.value}: every mail is delivered and nobody is told")
        return tuple(lines)

    def _standing(self, standing: Standing, policy: Policy) -> str:
        count = len(active_strikes(standing, self.now, policy))
        said = [rung(standing, self.now, policy).value.replace("_", " "), f"{count} active strike{'' if count == 1 else 's'}"]
        if standing.suspended_until is not None and suspended(standing, self.now):
            said.append(f"until {local_time(standing.suspended_until, self.zone)}")
        if standing.block_proposed:
            said.append("a person decides about a block")
        if standing.blocked_by:
            said.append(f"by {standing.blocked_by}")
        if standing.allowed:
            said.append("never judged, as a person decided")
        return ", ".join(said)


def this_sender(config: Path, address: str, now: datetime) -> ThisSender:
    """Ask the ledger; ends the command with a sentence when it can't be asked."""
    settings = settings_of(config)
    row = office(config, "sender.standing", address=address)
    return ThisSender(decode(Standing, row["standing"]), row["many"], now, settings.zone, settings.mode)


def what_follows(verdict: Verdict) -> str:
    """What a verdict does to the mail, and who hears of it."""
    notice = f", {verdict.notice.value.replace('_', ' ')} to the sender" if verdict.notice else ""
    alert = ", the managers are told at once" if verdict.alerts else ""
    proposal = f", a person decides about a {verdict.proposal}" if verdict.proposal else ""
    return f"{_DONE[verdict.disposition]}{notice}{alert}{proposal}"
