"""Two sets of rules side by side: what each made of the same mails is counted as they come, whoever judged them."""

from bisect import insort
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.values import Assessment, Disposition, Level, NoticeKind, Verdict

OLD, NEW = "old", "new"


@dataclass(frozen=True, slots=True)
class Compared:
    """One mail under both sets, and what follows from it.

    Attributes:
        source: what the mail is known by.
        incident: that it left in the ledger, "" for none.
        stayed: rules that fit it under one set only while its level stays, and why each changes nothing.
    """

    source: str
    at: datetime | None
    sender: str
    old: Assessment
    new: Assessment
    before: Verdict
    after: Verdict
    message_id: str = ""
    incident: str = ""
    stayed: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything would have happened differently to the mail or its sender."""
        return _felt(self.old, self.before) != _felt(self.new, self.after)


@dataclass(frozen=True, slots=True)
class Side:
    """One set's view of an example."""

    level: str
    points: int
    disposition: str
    notice: str | None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A mail that would be treated differently.

    Attributes:
        gravity: how many levels lie between both.
        number: of the mail among all.
        gained: rules that count only under the new set; `lost` those only under the old one.
    """

    gravity: int
    number: int
    source: str
    at: datetime | None
    sender: str
    language: str
    old: Side
    new: Side
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    message_id: str = ""
    incident: str = ""

    def row(self) -> dict[str, Any]:
        """As JSON values; what is known of some mails only stands there where it is known."""
        known = {"message_id": self.message_id, "incident": self.incident}
        return {
            "source": self.source,
            "at": self.at.isoformat(timespec="seconds") if self.at else None,
            "sender": self.sender,
            "language": self.language,
            **{
                name: {"level": side.level, "points": side.points, "disposition": side.disposition, "notice": side.notice, "words": list(side.words)}
                for name, side in ((OLD, self.old), (NEW, self.new))
            },
            "gained": list(self.gained),
            "lost": list(self.lost),
            **{name: value for name, value in known.items() if value},
        }


@dataclass(frozen=True, slots=True)
class TallyKept:
    """A tally as it can be written down."""

    counts: tuple[tuple[tuple[str, ...], int], ...] = ()
    met: tuple[tuple[str, str, frozenset[str]], ...] = ()
    examples: tuple[Example, ...] = ()
    complete: bool = True


_SENDERS: tuple[tuple[str, Callable[[Verdict], bool]], ...] = (
    ("warned", lambda verdict: verdict.notice is NoticeKind.WARNING),
    ("finally warned", lambda verdict: verdict.notice is NoticeKind.FINAL_WARNING),
    ("suspended", lambda verdict: verdict.notice is NoticeKind.SUSPENSION or verdict.standing.suspended_until is not None),
    ("held", lambda verdict: verdict.disposition is Disposition.HOLD),
    ("proposed for a block", lambda verdict: verdict.proposal == "block"),
)
_FEWER_AND_MORE = ("changed", "harsher", "milder")


class Tally:
    """Counts mails as they come.

    Args:
        examples: keep at most so many changed mails, the gravest.
        words: whether examples show the words that were found.
        senders: remember at most so many of each kind that is counted.
    """

    def __init__(self, examples: int, *, words: bool = True, senders: int | None = None) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._met: dict[tuple[str, str], set[str]] = {}
        self._examples: list[Example] = []
        self._most, self._words, self._senders = examples, words, senders
        self.complete = True
        """Whether every sender who was met by anything is among those that are counted."""

    @property
    def mails(self) -> int:
        """How many there were."""
        return self._counts["mails",]

    def total(self, name: str) -> int:
        """One of the totals: changed, harsher, milder, unscored, tags_changed."""
        return self._counts[name,]

    def add(self, mail: Compared) -> None:
        """Count one mail."""
        self._counts["mails",] += 1
        old, new = _grade(mail.old), _grade(mail.new)
        told = {
            "unscored": mail.old.level is None,
            "changed": mail.changed,
            "harsher": new > old,
            "milder": new < old,
            "tags_changed": mail.old.tags != mail.new.tags,
        }
        for name, true in told.items():
            self._counts[name,] += true
        self._counts["language", mail.new.language, "mails"] += 1
        for name in _FEWER_AND_MORE:
            self._counts["language", mail.new.language, name] += told[name]
        if mail.old.level != mail.new.level:
            self._counts["move", _word(mail.old), _word(mail.new)] += 1
        self._count_rules(hit_by(mail.old), hit_by(mail.new))
        for rule, why in mail.stayed:
            self._counts["stayed", rule, why] += 1
        for which, assessment, verdict in ((OLD, mail.old, mail.before), (NEW, mail.new, mail.after)):
            self._counts["level", _word(assessment), which] += 1
            for name in _consequences(verdict):
                self._counts["consequence", name, which] += 1
            for name, met in _SENDERS:
                if met(verdict):
                    self._meet(name, which, mail.sender)
        if mail.changed:
            self._keep(mail, abs(new - old))

    def _count_rules(self, old: set[str], new: set[str]) -> None:
        for rule in old | new:
            self._counts["rule", rule, OLD] += rule in old
            self._counts["rule", rule, NEW] += rule in new
            self._counts["rule", rule, "gained"] += rule in new - old
            self._counts["rule", rule, "lost"] += rule in old - new

    def _meet(self, name: str, which: str, sender: str) -> None:
        met = self._met.setdefault((name, which), set())
        if self._senders is None or len(met) < self._senders or sender in met:
            met.add(sender)
        else:
            self.complete = False

    def _keep(self, mail: Compared, gravity: int) -> None:
        old, new = hit_by(mail.old), hit_by(mail.new)
        example = Example(
            gravity,
            self.mails,
            mail.source,
            mail.at,
            mail.sender,
            mail.new.language,
            self._side(mail.old, mail.before),
            self._side(mail.new, mail.after),
            tuple(sorted(new - old)),
            tuple(sorted(old - new)),
            mail.message_id,
            mail.incident,
        )
        insort(self._examples, example, key=lambda each: (-each.gravity, each.number))
        del self._examples[self._most :]

    def _side(self, assessment: Assessment, verdict: Verdict) -> Side:
        words = tuple(finding.text for finding in assessment.findings[:3]) if self._words else ()
        return Side(_word(assessment), assessment.points, verdict.disposition.value, verdict.notice.value if verdict.notice else None, words)

    def forget(self, address: str) -> bool:
        """Nothing shows any more that a sender was among those who were counted; the numbers stay.

        Returns:
            bool: whether he was.
        """
        kept = [example for example in self._examples if example.sender != address]
        found = len(kept) < len(self._examples)
        self._examples = kept
        for (name, which), met in self._met.items():
            if address in met:
                met.discard(address)
                self._counts["forgotten", name, which] += 1
                found = True
        return found

    def about(self, address: str) -> dict[str, Any]:
        """What is kept of one sender, as JSON values."""
        met = [{"what": name, "set": which} for (name, which), senders in sorted(self._met.items()) if address in senders]
        return {"would_be": met, "examples": [example.row() for example in self._examples if example.sender == address]}

    # --- the report ---------------------------------------------------------------------------------------------------

    def row(self, examples: int) -> dict[str, Any]:
        """What changes, as JSON values: by level, language, rule, consequence and sender, with examples, the gravest first."""
        return {
            **{name: self._counts[name,] for name in ("mails", "unscored", "changed", "harsher", "milder", "tags_changed")},
            "levels": {word: self._pair("level", word) for word in (*(level.word for level in Level), "unscored")},
            "moves": self._moves(),
            "languages": {code: {name: self._counts["language", code, name] for name in ("mails", *_FEWER_AND_MORE)} for code in self._names("language")},
            "rules": self._rules(),
            "stayed": self._stayed(),
            "consequences": {name: self._pair("consequence", name) for name in self._names("consequence")},
            "senders": {name: self._whom(name) for name, _ in _SENDERS},
            "examples": [example.row() for example in self._examples[:examples]],
        }

    def _names(self, kind: str) -> list[str]:
        return sorted({key[1] for key, number in self._counts.items() if key[0] == kind and number})

    def _pair(self, kind: str, name: str) -> dict[str, int]:
        return {which: self._counts[kind, name, which] for which in (OLD, NEW)}

    def _moves(self) -> list[dict[str, Any]]:
        order = ["unscored", *(level.word for level in Level)]
        moves = [(key[1], key[2], number) for key, number in self._counts.items() if key[0] == "move" and number]
        ordered = sorted(moves, key=lambda move: (order.index(move[0]), order.index(move[1])))
        return [{"old": old, "new": new, "mails": number} for old, new, number in ordered]

    def _rules(self) -> list[dict[str, Any]]:
        """Rules that hit other mails than before."""
        rows = [{"rule": rule, **{name: self._counts["rule", rule, name] for name in (OLD, NEW, "gained", "lost")}} for rule in self._names("rule")]
        return [row for row in rows if row["gained"] or row["lost"]]

    def _stayed(self) -> list[dict[str, Any]]:
        """Rules that fit other mails than before without a change of the level, and why; the most frequent first."""
        found = [(key[1], key[2], number) for key, number in self._counts.items() if key[0] == "stayed" and number]
        return [{"rule": rule, "why": why, "mails": number} for rule, why, number in sorted(found, key=lambda row: (-row[2], row))]

    def _whom(self, name: str) -> dict[str, Any]:
        """How many senders a consequence would have met, and whom it would meet now and didn't before."""
        old, new = (self._met.get((name, which), set()) for which in (OLD, NEW))
        numbers = {which: len(met) + self._counts["forgotten", name, which] for which, met in ((OLD, old), (NEW, new))}
        return {**numbers, "added": sorted(new - old), "spared": sorted(old - new)}

    # --- written down and read again ----------------------------------------------------------------------------------

    def kept(self) -> TallyKept:
        """All of it."""
        met = tuple((name, which, frozenset(senders)) for (name, which), senders in sorted(self._met.items()))
        return TallyKept(tuple(sorted((key, number) for key, number in self._counts.items() if number)), met, tuple(self._examples), self.complete)

    def go_on(self, kept: TallyKept) -> None:
        """Count on from what was written down."""
        self._counts = Counter(dict(kept.counts))
        self._met = {(name, which): set(senders) for name, which, senders in kept.met}
        self._examples = list(kept.examples)
        self.complete = kept.complete


def _felt(assessment: Assessment, verdict: Verdict) -> tuple[object, ...]:
    return assessment.level, verdict.disposition, verdict.notice, verdict.strikes, verdict.proposal, verdict.alerts


def _word(assessment: Assessment) -> str:
    return "unscored" if assessment.level is None else assessment.level.word


def _grade(assessment: Assessment) -> int:
    return 0 if assessment.level is None else int(assessment.level)


def hit_by(assessment: Assessment) -> set[str]:
    """The rules that count in a mail, those that give a tag included."""
    return {finding.rule for finding in assessment.findings} | set(assessment.tag_rules)


def _consequences(verdict: Verdict) -> list[str]:
    named = [verdict.disposition.value]
    named += [f"notice: {verdict.notice.value}"] if verdict.notice else []
    named += [f"alert: {alert.value}" for alert in verdict.alerts]
    return named + ([f"proposal: {verdict.proposal}"] if verdict.proposal else [])
