"""A count of what other rules would have done, made by other means than `rules replay`: one mail after the other, and added up.

mails = generated(10_000, sentences, seed=1)                # texts of many senders over a year
wanted = Count(old_folders, new_folders).of(mails(paths))   # has what the command's report must have
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from gateway.edge.forms import load_forms
from gateway.edge.rules import load_rules
from gateway.edge.scorer import load_scorer
from gateway.edge.sources import Source
from gateway.errors import ReadingFailed
from gateway.mail.authentication import identity_of
from gateway.mail.message import read
from gateway.policy.answerable import why_not
from gateway.policy.verdict import judge, without_notice
from gateway.values import Assessment, Envelope, Identity, Level, NoticeKind, Standing, Tag

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_MADE_UP = "quimblefex"


def sentences_of(folders: Iterable[Path]) -> dict[str, tuple[list[str], list[str]]]:
    """For each language what its rules find and what they must not find, as their own examples say."""
    book, _ = load_rules(tuple(folders))
    found: dict[str, tuple[list[str], list[str]]] = {}
    for pack in book.packs:
        hits = [text for rule in pack.rules for text in rule.hits]
        misses = [text for rule in pack.rules for text in rule.misses]
        found[pack.code] = (hits or ["You idiot!"], misses or ["Where is my parcel?"])
    return found


def generated(number: int, sentences: dict[str, tuple[list[str], list[str]]], seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of made-up mails: several senders in each language, a year of them, mostly civil, in no order of dates."""
    chance = random.Random(seed)
    codes = sorted(sentences)
    for n in range(number):
        code = chance.choice(codes)
        hits, misses = sentences[code]
        body = [chance.choice(misses) for _ in range(chance.randrange(2, 6))]
        if chance.random() < 0.15:
            body.insert(chance.randrange(len(body)), chance.choice(hits))
        if chance.random() < 0.02:
            body.append(f"{_MADE_UP}!")
        message = EmailMessage()
        message["From"] = f"c{chance.randrange(max(4, number // 25))}@{code}.example"
        message["To"] = "support@shop.example"
        message["Subject"] = f"Order {chance.randrange(10_000, 99_999)}"
        if chance.random() < 0.98:
            message["Date"] = format_datetime(START + timedelta(minutes=chance.randrange(365 * 24 * 60)))
        message.set_content("\n".join(body))
        yield f"{n:05}.eml", message.as_bytes()


def tiny_change(site: Path, folders: Iterable[Path]) -> Path:
    """A site's folder that changes little: in each language one rule off, one with fewer points, and one word more."""
    book, _ = load_rules(tuple(folders))
    for pack in book.packs:
        rules = [rule for rule in pack.rules if rule.category is not None and not (rule.off or rule.signal or rule.loud)]
        off, less = rules[0].id, next((rule for rule in rules[1:] if rule.points >= 5), rules[-1]).id
        (site / pack.code).mkdir(parents=True, exist_ok=True)
        (site / pack.code / "site.toml").write_text(
            f'[[change]]\nid = "{off}"\noff = true\n[[change]]\nid = "{less}"\npoints = 2\n'
            f'[[rule]]\nid = "{pack.code}.insult.madeup"\ncategory = "insult"\npoints = 5\nwords = ["{_MADE_UP}"]\nhits = ["{_MADE_UP}!"]\n'
        )
    return site


class Count:
    """Two scorers, and a report made of nothing but them and the verdict of one mail."""

    def __init__(self, old: tuple[Path, ...], new: tuple[Path, ...]) -> None:
        self.scorers = load_scorer(old), load_scorer(new)
        self.policies = load_rules(old)[0].policy, load_rules(new)[0].policy
        self.forms = load_forms(old)

    def of(self, sources: Iterable[Source]) -> dict[str, object]:
        """What `rules replay --json` must say of the same mails, examples and versions left out."""
        mails = [self._one(source) for source in sources]
        pairs = [(mail[2], mail[3]) for mail in mails]
        words = [(_word(old), _word(new)) for old, new in pairs]
        verdicts = [self._walked(mails, which) for which in (0, 1)]
        felt = [[(p[w].level, v.disposition, v.notice, v.strikes, v.proposal, v.alerts) for p, v in zip(pairs, verdicts[w], strict=True)] for w in (0, 1)]
        changed = [one != other for one, other in zip(*felt, strict=True)]
        languages = {code: Counter() for code in sorted({new.language for _, new in pairs})}
        for (old, new), differs in zip(pairs, changed, strict=True):
            languages[new.language].update(mails=1, changed=differs, harsher=_worse(old, new), milder=_worse(new, old))
        hits = [tuple({f.rule for f in a.findings} | set(a.tag_rules) for a in pair) for pair in pairs]
        rules = [
            {
                "rule": rule,
                "old": sum(rule in old for old, _ in hits),
                "new": sum(rule in new for _, new in hits),
                "gained": sum(rule in new and rule not in old for old, new in hits),
                "lost": sum(rule in old and rule not in new for old, new in hits),
            }
            for rule in sorted({rule for pair in hits for one in pair for rule in one})
        ]
        return {
            "mails": len(mails),
            "unscored": sum(old.level is None for old, _ in pairs),
            "changed": sum(changed),
            "harsher": sum(_worse(old, new) for old, new in pairs),
            "milder": sum(_worse(new, old) for old, new in pairs),
            "tags_changed": sum(old.tags != new.tags for old, new in pairs),
            "levels": {
                word: {"old": sum(old == word for old, _ in words), "new": sum(new == word for _, new in words)}
                for word in ("clean", "rude", "abusive", "severe", "unscored")
            },
            "moves": {f"{old} -> {new}": number for (old, new), number in Counter(pair for pair in words if pair[0] != pair[1]).items()},
            "languages": {code: {name: counts[name] for name in ("mails", "changed", "harsher", "milder")} for code, counts in languages.items()},
            "rules": [row for row in rules if row["gained"] or row["lost"]],
            "warned": [
                sorted({m[1].address for m, v in zip(mails, verdicts[w], strict=True) if v.notice is NoticeKind.WARNING}) for w in (0, 1)
            ],
            "held": [sum(v.disposition.value == "hold" for v in verdicts[w]) for w in (0, 1)],
            "strikes": [sum(v.strikes for v in verdicts[w]) for w in (0, 1)],
        }

    def _one(self, source: Source) -> tuple[datetime | None, Identity, Assessment, Assessment, bool]:
        try:
            reading = read(source.message, self.forms, return_path="unknown@invalid")
        except ReadingFailed as error:
            failed = Assessment(None, tags=frozenset({Tag.UNSCORED}), error=str(error))
            return _date(source.message), Identity("", verified=False, by=""), failed, failed, False
        old, new = (scorer.assess(reading) for scorer in self.scorers)
        identity = identity_of(reading, frozenset())
        single = bool(identity.address) and len(reading.authors) == 1 and reading.from_fields == 1
        identity = Identity(identity.address, verified=single or identity.verified, by="")
        path = BytesHeaderParser(policy=default).parsebytes(source.message).get("return-path")
        sender = identity.address if path is None else str(path).strip().strip("<>")
        return _date(source.message), identity, old, new, not why_not(reading, Envelope(sender, ()), identity, frozenset())

    def _walked(self, mails: list[tuple[datetime | None, Identity, Assessment, Assessment, bool]], which: int):
        """The verdicts of one set in the order of the mails, each sender beginning in good standing."""
        last = next((mail[0] for mail in mails if mail[0]), START)
        dated = []
        for number, mail in enumerate(mails):
            last = mail[0] or last
            dated.append((last, number))
        standings: dict[str, Standing] = {}
        found = {}
        for at, number in sorted(dated):
            _, identity, *assessments, answerable = mails[number]
            before = standings.setdefault(identity.address, Standing(identity.address))
            verdict = judge(assessments[which], identity, before, self.policies[which], at, str(number))
            found[number] = verdict if answerable else without_notice(verdict, before, self.policies[which], at)
            standings[identity.address] = found[number].standing
        return [found[number] for number in range(len(mails))]


def as_counted(report: dict) -> dict[str, object]:
    """A report of the command, as far as a `Count` knows it too."""
    rows = {name: report[name] for name in ("mails", "unscored", "changed", "harsher", "milder", "tags_changed", "levels", "languages", "rules")}
    return {**rows, "moves": {f"{move['old']} -> {move['new']}": move["mails"] for move in report["moves"]}}


def _word(assessment: Assessment) -> str:
    return assessment.level.word if assessment.level is not None else "unscored"


def _worse(one: Assessment, other: Assessment) -> bool:
    return (other.level or Level.CLEAN) > (one.level or Level.CLEAN)


def _date(message: bytes) -> datetime | None:
    """The topmost Received, else Date, by the library's own parser."""
    fields = BytesHeaderParser(policy=default).parsebytes(message)
    for text in ((fields.get_all("received") or [""])[0].rpartition(";")[2], fields.get("date", "")):
        try:
            at = parsedate_to_datetime(str(text).strip())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None
