"""The company's policy as numbers: thresholds, caps, the ladder, flooding (rules/policy.toml)."""

from dataclasses import dataclass

from gateway.values import AlertKind, Category, Disposition, Level, NoticeKind


@dataclass(frozen=True, slots=True)
class Consequence:
    """One cell of the ladder in rules/policy.toml.

    Attributes:
        disposition: what happens to this mail.
        strikes: how many strikes it leaves.
        notice: what the sender is told, None for nothing.
        suspend_days: length of the suspension that begins, 0 for none.
        suspend_until_decided: the suspension is renewed until a person has decided.
        propose_block: the managers are asked to confirm a block.
        alert: managers are told at once.
    """

    disposition: Disposition
    strikes: int = 0
    notice: NoticeKind | None = None
    suspend_days: int = 0
    suspend_until_decided: bool = False
    propose_block: bool = False
    alert: AlertKind | None = None


@dataclass(frozen=True, slots=True)
class FloodingPolicy:
    """From when on the same text is too much of it (rules/policy.toml, policy point R14).

    Attributes:
        mails: so many copies within `minutes` are rude.
        patient_mails: so many within `patient_hours` are, of what may well be repeated: it asks for an answer, complains,
            cancels, or is short (A4, A5, A8).
        alike: percent of what two texts have in common from which they are the same.
        asks: folded phrases that ask for an answer.
    """

    mails: int = 6
    minutes: int = 60
    patient_mails: int = 20
    patient_hours: int = 24
    alike: int = 90
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The company's policy as numbers: thresholds, caps, ladder (rules/policy.toml).

    Attributes:
        rude: points from which a mail is rude; `abusive` and `severe` likewise.
        category_caps: the most that one category may add.
        level_caps: the highest level that a category can reach alone.
        decay_days: days without a new strike that remove the oldest.
        rude_window_days: a second rude mail within these days brings the reminder.
        reminder_days: at most one reminder in these days.
        notice_repeat_days: the same notice is never sent twice within these days (RFC 3834 section 2).
        ladder: row name ("abusive", "severe", "threat") to its cells, one for each number of active strikes; the
            last cell stands for that many and more.
        flooding: when the same text is too much of it.
    """

    rude: int
    abusive: int
    severe: int
    category_caps: tuple[tuple[Category, int], ...]
    level_caps: tuple[tuple[Category, Level], ...]
    decay_days: int
    rude_window_days: int
    reminder_days: int
    notice_repeat_days: int
    ladder: tuple[tuple[str, tuple[Consequence, ...]], ...]
    flooding: FloodingPolicy = FloodingPolicy()
