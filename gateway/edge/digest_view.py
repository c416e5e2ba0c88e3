"""The weekly digest's figures put into the words of one language; its HTML and its text are made of the same."""

from collections.abc import Iterator, Sequence

from gateway.edge.digest_parts import Entry, Fact, Line, Section, Table, View
from gateway.edge.digest_rules import rules_lines
from gateway.edge.digest_words import DigestWords, capital
from gateway.mail.excerpts import masked
from gateway.mail.fields import one_line
from gateway.policy.figures import Digest, Item, Judged, Measure, Repeat, Trend
from gateway.records import Action
from gateway.values import Category, Rung


def view(digest: Digest, words: DigestWords) -> View:
    """Put the figures of a week into words.

    Args:
        digest: the figures.
        words: of the managers' language.

    Returns:
        View: without anything empty; a quiet week is a title and two lines.
    """
    frame = {"week": str(digest.week.number), "range": words.week(digest.week)}
    count, overdue = words.number(len(digest.items) + digest.more), words.number(digest.overdue)
    kind = "overdue" if digest.overdue else "items" if digest.items else "plain"
    subjects = {"plain": frame, "items": {**frame, "count": count}, "overdue": {**frame, "count": count, "overdue": overdue}}
    sections = () if digest.quiet else tuple(section for section in _sections(digest, words) if section is not None)
    return View(
        language=words.language,
        subject=words.say("subject", kind, **subjects[kind]),
        title=words.say("lines", "title", **frame),
        lines=tuple(_lines(digest, words)),
        sections=sections,
        footer=words.say("lines", "footer") if sections else "",
    )


def _lines(digest: Digest, words: DigestWords) -> Iterator[str]:
    if not digest.finished:
        yield words.say("lines", "unfinished", at=words.moment(digest.at))
    if digest.quiet:
        yield words.say("lines", "quiet", mails=words.number(digest.mails)) if digest.mails else words.say("lines", "no_mails")
    if digest.observed and digest.observed == digest.incidents:
        yield words.say("lines", "observing")
    elif digest.observed:
        yield words.say("lines", "partly", incidents=words.number(digest.incidents), observed=words.number(digest.observed))
    if not digest.latest:
        yield words.say("lines", "elsewhere")
    elif not digest.items:
        yield words.say("lines", "nothing")


def _sections(digest: Digest, words: DigestWords) -> Iterator[Section | None]:
    yield _decide(digest, words)
    yield _week(digest, words)
    yield _categories(digest, words)
    yield _mailboxes(digest, words)
    yield _languages(digest, words)
    yield _repeats(digest, words)
    yield _judgement(digest, words)
    yield _promptness(digest, words)
    yield _promises(digest, words)


def _section(words: DigestWords, name: str, table: Table | None, *lines: str, tables: tuple[Table, ...] = ()) -> Section | None:
    shown = tuple(one for one in (table, *tables) if one is not None and one.lines)
    return Section(words.say("titles", name), lines, tables=shown) if shown or lines else None


def _columns(words: DigestWords, *names: str) -> tuple[str, ...]:
    return tuple(words.say("columns", name) for name in names)


def _bar(value: int, most: int) -> int:
    return max(1, round(100 * value / most)) if value and most else 0


# --- for you to decide -----------------------------------------------------------------------------------------------------


def _decide(digest: Digest, words: DigestWords) -> Section | None:
    if not digest.items:
        return None
    example = ", ".join(f"{item.number} {action_word(words, item.proposed or item.actions[0])}" for item in digest.items[:2])
    how = words.say("lines", "how", example=example, all=words.say("answers", "all"), confirm=words.say("answers", "confirm"))
    more = (words.say("lines", "more", count=words.number(digest.more)),) if digest.more else ()
    entries = tuple(
        Entry(item.number, words.say("kinds", item.kind.value), tuple(_facts(item, digest, words))) for item in digest.items
    )
    return Section(words.say("titles", "decide"), (how, *more), entries)


def action_word(words: DigestWords, action: Action) -> str:
    """The word with which a manager decides."""
    return words.say("actions", action.value)


def _facts(item: Item, digest: Digest, words: DigestWords) -> Iterator[Fact]:
    sender = one_line(item.sender, 320) or words.say("facts", "unknown_sender")
    known = words.shared.text("labels", "verified" if item.verified else "unverified")
    yield Fact(f"{sender} ({known}), {item.reference}")
    if item.categories:
        yield Fact(words.shared.listed([words.shared.text("categories", category.value) for category in item.categories[:3]]))
    waits = words.say("facts", "since", age=words.age(digest.at - item.at))
    yield Fact(f"{waits}, {words.say('facts', 'overdue' if item.overdue else 'due', date=words.day(item.due))}", item.overdue)
    if item.deadline is not None:
        yield Fact(words.say("facts", "deadline", date=words.day(item.deadline)))
    if item.excerpt:
        yield Fact(words.say("facts", "words", words=masked(item.excerpt, 120)))
    if item.owner:
        yield Fact(words.say("facts", "owner", owner=one_line(item.owner, 320)))
    answers = [action_word(words, action) for action in item.actions]
    if item.proposed is not None:
        place = item.actions.index(item.proposed)
        answers[place] = words.say("facts", "proposed", answer=answers[place])
    yield Fact(words.say("facts", "answers", answers=" / ".join(answers)))


# --- the week --------------------------------------------------------------------------------------------------------------


def _before(words: DigestWords, measures: Sequence[Measure]) -> str:
    return words.say("columns", "before", weeks=str(len(measures[0].before)))


def _mean(measure: Measure, words: DigestWords) -> str:
    return words.say("trends", "unknown") if measure.mean is None else words.number(measure.mean)


def _change(measure: Measure, words: DigestWords) -> str:
    if measure.trend in {Trend.MORE, Trend.FEWER} and measure.change is not None:
        return words.say("trends", measure.trend.value, change=words.percent(measure.change, signed=True))
    return words.say("trends", "fresh" if measure.trend is Trend.MORE else measure.trend.value)


def _week(digest: Digest, words: DigestWords) -> Section | None:
    known = bool(digest.measures[0].before)
    lines = []
    for measure in digest.measures:
        further = (_mean(measure, words), _change(measure, words)) if known else ()
        lines.append(Line(words.say("measures", measure.name), (words.number(measure.now), *further)))
    columns = _columns(words, "measure", "this_week")
    if known:
        columns = (*columns, _before(words, digest.measures), words.say("columns", "change"))
    return _section(words, "week", Table(columns, tuple(lines)))


def _categories(digest: Digest, words: DigestWords) -> Section | None:
    if not digest.categories:
        return None
    most = digest.categories[0].now
    known = bool(digest.categories[0].before)
    ours = {category.value for category in Category}
    lines = tuple(
        Line(
            capital(words.shared.text("categories", measure.name) if measure.name in ours else measure.name),
            (words.number(measure.now), *((_mean(measure, words),) if known else ())),
            _bar(measure.now, most),
        )
        for measure in digest.categories
    )
    columns = (*_columns(words, "category", "mails"), *((_before(words, digest.categories),) if known else ()))
    return _section(words, "categories", Table(columns, lines))




def _mailboxes(digest: Digest, words: DigestWords) -> Section | None:
    most = max((row.abusive for row in digest.mailboxes), default=0)
    columns = ["mailbox", "mails", "abusive"]
    columns += ["severe"] if any(row.severe for row in digest.mailboxes) else []
    columns += ["complaints"] if any(row.complaints for row in digest.mailboxes) else []
    lines = tuple(
        Line(one_line(row.address, 320), tuple(words.number(getattr(row, name)) for name in columns[1:]), _bar(row.abusive, most))
        for row in digest.mailboxes
    )
    return _section(words, "mailboxes", Table(_columns(words, *columns), lines))


def _languages(digest: Digest, words: DigestWords) -> Section | None:
    if len(digest.languages) < 2:
        return None
    abuse = dict(digest.language_abuse)
    most = digest.languages[0].now
    lines = tuple(
        Line(words.language_name(measure.name), (words.number(measure.now), words.number(abuse.get(measure.name, 0))), _bar(measure.now, most))
        for measure in digest.languages
    )
    return _section(words, "languages", Table(_columns(words, "language", "mails", "abusive"), lines))


def _repeats(digest: Digest, words: DigestWords) -> Section | None:
    lines = tuple(
        Line(one_line(row.address, 320), (words.number(row.week), words.number(row.quarter), _standing(row, words))) for row in digest.repeats
    )
    return _section(words, "repeats", Table(_columns(words, "sender", "this_week", "quarter", "standing"), lines))


def _standing(row: Repeat, words: DigestWords) -> str:
    said = words.say("rungs", row.rung.value)
    if row.rung is Rung.SUSPENDED and row.until is not None:
        return f"{said} {words.say('facts', 'until', date=words.day(row.until))}"
    return f"{said}, {words.say('facts', 'strikes', count=words.number(row.strikes))}" if row.strikes else said


# --- how we did ------------------------------------------------------------------------------------------------------------


def _judgement(digest: Digest, words: DigestWords) -> Section | None:
    judgement = digest.judgement
    lines = []
    if judgement.overturned:
        share = words.percent(judgement.overturned / judgement.incidents)
        figures = {"count": words.number(judgement.incidents), "overturned": words.number(judgement.overturned), "rate": share}
        lines.append(words.say("lines", "overturned", **figures))
    elif judgement.incidents:
        lines.append(words.say("lines", "not_overturned", count=words.number(judgement.incidents)))
    lines += [words.say("lines", name, count=words.number(n)) for name, n in (("civil", judgement.civil), ("unseen", judgement.unseen)) if n]
    if judgement.never_hit:
        count, total = words.number(len(judgement.never_hit)), words.number(judgement.rules_in_force)
        names = ", ".join(judgement.never_hit[:5])
        lines.append(words.say("lines", "never", weeks=words.number(judgement.weeks), count=count, total=total, names=names))
    lines += rules_lines(digest.rules, words)
    tables = (
        _judged("rule", [(row.name, row) for row in judgement.rules], words),
        _judged("language", [(words.language_name(row.name), row) for row in judgement.languages], words),
    )
    return _section(words, "judgement", None, *lines, tables=tables)


def _judged(head: str, rows: list[tuple[str, Judged]], words: DigestWords) -> Table:
    more = [name for name in ("civil", "unseen") if any(getattr(row, name) for _, row in rows)]
    lines = tuple(
        Line(
            name,
            (words.number(row.incidents), _share(row, words), *(words.number(getattr(row, column)) for column in more)),
            _bar(row.overturned, row.incidents),
        )
        for name, row in rows
    )
    return Table(_columns(words, head, "decisions", "overturned", *more), lines)


def _share(row: Judged, words: DigestWords) -> str:
    number = words.number(row.overturned)
    return f"{number} ({words.percent(row.rate)})" if row.overturned else number


def _promptness(digest: Digest, words: DigestWords) -> Section | None:
    rows = digest.promptness
    figures = {
        "sent": [words.number(row.sent) for row in rows],
        "median": [words.span(row.median) for row in rows],
        "slowest": [words.span(row.slowest) for row in rows],
        "late": [words.number(row.late) for row in rows],
        "given_up": [words.number(row.given_up) for row in rows] if any(row.given_up for row in rows) else [],
    }
    lines = tuple(Line(words.say("columns", name), tuple(cells)) for name, cells in figures.items() if cells)
    columns = (words.say("columns", "answer"), *(words.say("prompt", row.name) for row in rows))
    return _section(words, "promptness", Table(columns, lines))


def _promises(digest: Digest, words: DigestWords) -> Section | None:
    promises = digest.promises
    figures = {name: getattr(promises, name) for name in ("unanswered", "not_ended", "answered_late", "answered_in_time", "ended")}
    lines = tuple(Line(words.say("promises", name), (words.number(number),)) for name, number in figures.items() if number)
    return _section(words, "promises", Table(_columns(words, "promise", "number"), lines))
