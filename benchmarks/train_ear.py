"""Trains the learned ear from the sentences beside the rules and writes rules/ear.npz; the same sentences give the same file.

    python benchmarks/train_ear.py [--without-mails] [--dry] [--out FILE]

What it prints is measured on texts that the voice in question had not seen (five folds).
"""

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sets

from gateway.edge.ear_model import FILE
from gateway.edge.scorer import load_scorer, rules_folders
from gateway.scoring.ear import (
    BRIEF,
    CHARACTER_SLOTS,
    CLASSES,
    HEADS,
    WIDTH,
    Part,
    Voice,
    character_slots,
    class_slots,
    mail_features,
    scored,
    word_slots,
)
from gateway.values import Segment, SegmentKind

warnings.filterwarnings("ignore", module="sklearn")

FOLDS = 4
EPOCHS = 16
STRENGTH = 20.0
SHARED_SCALE = 0.7
STRETCH_WEIGHT = 0.5
LABELLED_WEIGHT = 4.0
"""A mail of the sample or of a round is worth so many others: it is what the ear will hear, and there are few."""
COMPOSED = 700
LONGEST_COMPOSED = 3.9
"""As a logarithm: mails put together have one to e**3.9 = 49 sentences besides the abusive ones."""
FEWEST_TAGGED = 20
FEWEST_CIVIL = 300
CIVIL_ACCUSED_ALONE = 0.012
CIVIL_ACCUSED_BRIEF = 0.01
CIVIL_ACCUSED_HELPING = 0.07
CIVIL_SEVERE = 0.05
OTHERS_TAGGED = {"complaint": 0.05, "self_harm": 0.01}


@dataclass
class Texts:
    """The texts of one language made ready.

    A sentence is one row. A whole mail is a row for each of its stretches, as the ear listens to it: in a civil mail all
    of them are civil, in an abusive one some stretch is not, and which one is found out while learning.
    """

    lang: str
    cases: list[sets.Case]
    parts: list[list[Part]]
    matrix: csr_matrix
    row_case: np.ndarray
    whole: np.ndarray
    wanted: np.ndarray
    folds: list[np.ndarray]
    levels: np.ndarray

    def rows_without(self, fold: int) -> np.ndarray:
        """Rows of the cases that are not in a fold."""
        return np.flatnonzero(~np.isin(self.row_case, self.folds[fold]))


def prepare(lang: str, scorer, cases: list[sets.Case]) -> Texts:
    parts, rows, columns, values, row_case = [], [], [], [], []
    for number, case in enumerate(cases):
        found = parts_of(case, scorer, lang)
        parts.append(found)
        for blocks in stretch_blocks(found) if case.subject else [text_blocks(found)]:
            for slots in blocks:
                if slots.size:
                    names, counts = np.unique(slots, return_counts=True)
                    rows.append(np.full(len(names), len(row_case)))
                    columns.append(names)
                    values.append(counts / np.sqrt(slots.size))
            row_case.append(number)
    matrix = csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(len(row_case), WIDTH))
    levels = np.array([case.level for case in cases])
    wanted = np.stack([levels >= 2, levels == 3, *(np.array([tag in case.flags for case in cases]) for tag in HEADS[2:])])
    folds = np.array_split(np.random.default_rng(7).permutation(len(cases)), FOLDS)
    return Texts(lang, cases, parts, matrix, np.array(row_case), np.array([bool(c.subject) for c in cases]), wanted, folds, levels)


def parts_of(case: sets.Case, scorer, lang: str) -> list[Part]:
    own = "\n".join(line for line in case.body.split("\n") if not line.startswith(">"))
    texts = [(SegmentKind.SUBJECT, case.subject)] * bool(case.subject) + [(SegmentKind.OWN, own)]
    made = []
    for index, (kind, text) in enumerate(texts):
        part = scorer.part(index, Segment(kind, text))
        made.append(scorer.ear_part(part, scorer.views(part, lang)))
    return made


def text_blocks(parts: list[Part]) -> list[np.ndarray]:
    """Slots of characters, words and classes of one text."""
    return [np.concatenate(block) if block else np.zeros(0, dtype=np.int64) for block in zip_blocks((p.folded.text, p.sentences, p.marks) for p in parts)]


def stretch_blocks(parts: list[Part]) -> list[list[np.ndarray]]:
    """The same for each sentence and each pair of neighbours of a mail."""
    found = []
    for part in parts:
        spans = [(n, n + 1) for n in range(len(part.sentences))] + [(n, n + 2) for n in range(len(part.sentences) - 1)]
        for first, after in spans:
            text = part.folded.text[part.sentences[first].start : part.sentences[after - 1].end]
            blocks = zip_blocks([(text, part.sentences[first:after], part.marks[first:after])])
            found.append([np.concatenate(block) if block else np.zeros(0, dtype=np.int64) for block in blocks])
    return found or [text_blocks(parts)]


def zip_blocks(stretches) -> tuple[list, list, list]:
    characters, words, classes = [], [], []
    for text, sentences, marks in stretches:
        characters += character_slots(text)
        if tokens := [token.text for sentence in sentences for token in sentence.tokens]:
            words += word_slots(tokens)
        classes += [class_slots(mark) for mark in marks if mark]
    return characters, words, classes


class Joint:
    """One problem for all languages: each has its own weights for everything, and all share another set for the classes.

    So what one language learns of "<you> ... <brain> ... <plant>" is heard in all of them (Daume, Frustratingly easy
    domain adaptation, 2007). Columns that occur in one or two texts only are left out.
    """

    def __init__(self, everything: list[Texts]) -> None:
        self.everything = everything
        self.columns = []
        blocks_of = []
        for texts in everything:
            columns = texts.matrix.tocsc()
            used = np.flatnonzero(np.diff(columns.indptr) > 2)
            self.columns.append(used)
            blocks_of.append((columns[:, used].tocsr(), texts.matrix[:, CLASSES:].tocsr()))
        widths = [own.shape[1] for own, _ in blocks_of]
        rows = []
        for n, (own, classes) in enumerate(blocks_of):
            empty = [csr_matrix((own.shape[0], width)) for width in widths]
            rows.append(hstack([*empty[:n], own, *empty[n + 1 :], classes * SHARED_SCALE]))
        self.matrix = vstack(rows).tocsr()
        self.borders = np.cumsum([0, *widths])
        self.offsets = np.cumsum([0, *(len(texts.row_case) for texts in everything)])
        labelled = [np.array([case.labelled for case in texts.cases])[texts.row_case] for texts in everything]
        self.weight = np.where(np.concatenate(labelled), LABELLED_WEIGHT, 1.0)
        self.whole = np.concatenate([texts.whole[texts.row_case] for texts in everything])
        self.wanted = np.concatenate([texts.wanted[:, texts.row_case] for texts in everything], axis=1)
        # mails have ids of their own over all languages, so that one loudest stretch can be chosen in each
        self.mail = np.concatenate([texts.row_case + 100_000 * n for n, texts in enumerate(everything)])

    def learn(self, without: int) -> list[Voice]:
        """A voice for each language, learned from all texts but those of one fold."""
        rows = np.concatenate([self.offsets[n] + texts.rows_without(without) for n, texts in enumerate(self.everything)])
        weights = [np.zeros((len(HEADS), WIDTH), dtype=np.float32) for _ in self.everything]
        for head in range(len(HEADS)):
            coefficients = self._fit(head, rows)
            for n in range(len(self.everything)):
                weights[n][head, self.columns[n]] = coefficients[self.borders[n] : self.borders[n + 1]]
                weights[n][head, CLASSES:] += SHARED_SCALE * coefficients[self.borders[-1] :]
        return [at_rest(texts, texts.rows_without(without), w) for w, texts in zip(weights, self.everything, strict=True)]

    def _fit(self, head: int, rows: np.ndarray) -> np.ndarray:
        wanted = self.wanted[head]
        if wanted[rows].sum() < FEWEST_TAGGED:
            return np.zeros(self.matrix.shape[1])
        hidden = self.whole & wanted  # rows of mails in which only some stretch is meant
        sure = rows[~hidden[rows]]
        if wanted[sure].sum() < FEWEST_TAGGED:
            sure = rows
        model = self._model(head, sure)
        open_rows = rows[hidden[rows]]
        if len(open_rows) and len(sure) < len(rows):
            scores = self.matrix[open_rows] @ model.coef_[0]
            loudest: dict[int, int] = {}
            for row in open_rows[np.argsort(scores, kind="stable")]:
                loudest[self.mail[row]] = row
            model = self._model(head, np.concatenate([sure, np.fromiter(loudest.values(), dtype=np.int64)]))
        return model.coef_[0]

    def _model(self, head: int, rows: np.ndarray) -> SGDClassifier:
        weight = self.weight[rows] * np.where(self.whole[rows] & ~self.wanted[head, rows], STRETCH_WEIGHT, 1.0)
        # averaged stochastic descent: as good here as the exact solvers and many times faster on a million columns
        model = SGDClassifier(loss="log_loss", alpha=1 / (STRENGTH * len(rows)), max_iter=EPOCHS, tol=None, average=True, random_state=0)
        return model.fit(self.matrix[rows], self.wanted[head, rows], sample_weight=weight)


def at_rest(texts: Texts, rows: np.ndarray, weights: np.ndarray) -> Voice:
    """The voice of some weights, for which civil text is silence: on average 0, and for abuse whatever its length.

    So voices that learned from different texts compare, and the limits found with some fit the others.
    """
    civil = texts.matrix[rows[texts.levels[texts.row_case[rows]] == 0]]
    characters = civil[:, :CHARACTER_SLOTS]
    length = np.asarray(characters.sum(axis=1)).ravel()
    # only abuse has examples enough for a slope that other texts bear out
    hum = np.zeros(len(HEADS))
    hum[0] = length @ (characters @ weights[0, :CHARACTER_SLOTS]) / (length @ length)
    bias = -(civil @ weights.T - np.outer(length, hum)).mean(axis=0)
    nothing = ((1.0, 0.0, 0.0, 0.0, 0.0),) * len(HEADS)
    return Voice(weights, tuple(map(float, bias)), nothing, 1, 1, 1, hum=tuple(map(float, hum)))


def mean_of(voices: Sequence[Voice]) -> Voice:
    """The mean of the voices of all folds: it has learned from all texts, and is as loud as those that the limits were found with."""
    first = voices[0]
    weights = np.mean([voice.weights for voice in voices], axis=0, dtype=np.float32)
    bias, hum = np.mean([voice.bias for voice in voices], axis=0), np.mean([voice.hum for voice in voices], axis=0)
    return replace(first, weights=weights, bias=tuple(map(float, bias)), hum=tuple(map(float, hum)))


def composed(texts: Texts, rows: np.ndarray, random: np.random.Generator) -> list[tuple[list[Part], np.ndarray, int]]:
    """Mails put together from unseen sentences: civil ones, and civil ones with one to three abusive or tagged sentences."""
    short = np.array([r for r in rows if not texts.cases[r].subject])
    plain = [r for r in short if texts.levels[r] <= 1 and not texts.wanted[2:, r].any()]
    special = [short[texts.wanted[head, short]] for head in range(len(HEADS))]
    made = []
    for n in range(COMPOSED):
        # from one sentence to a long letter: the loudest of many sentences must be louder to mean something
        body = list(random.choice(plain, size=min(len(plain), int(np.exp(random.uniform(0, LONGEST_COMPOSED)))), replace=False))
        kind = (None, 0, None, 1, None, 0, None, 2, None, 3)[n % 10]
        if kind is not None and len(special[kind]):
            for row in random.choice(special[kind], size=min(len(special[kind]), random.integers(1, 4)), replace=False):
                body.insert(int(random.integers(0, len(body) + 1)), row)
        made.append(([part for row in body for part in texts.parts[row]], texts.wanted[:, body].any(axis=1), int(texts.levels[body].max())))
    return made


@dataclass
class Heard:
    """What voices say of texts of one language that they had not seen: for each head the chances, and what is true.

    `real` are whole mails, `labelled` those of them that nobody wrote to teach: the sample and the blind rounds.
    """

    texts: Texts
    mail: list[tuple[float, ...]]
    chances: list[np.ndarray]
    wanted: np.ndarray
    levels: np.ndarray
    real: np.ndarray
    labelled: np.ndarray
    brief: np.ndarray
    auc: float


def unheard(texts: Texts, unseen: list[Voice]) -> Heard:
    """Fit the mail's own small model on texts that each fold's voice had not seen, and listen to them."""
    random = np.random.default_rng(11)
    features: list[list[np.ndarray]] = [[] for _ in HEADS]
    wanted, levels, kinds, stretches_of, auc = [], [], [], [], []
    for voice, held in zip(unseen, texts.folds, strict=True):
        flat_rows = np.flatnonzero(np.isin(texts.row_case, held) & ~texts.whole[texts.row_case])
        auc.append(roc_auc_score(texts.wanted[0, texts.row_case[flat_rows]], texts.matrix[flat_rows] @ voice.weights[0]))
        mails = [(texts.parts[r], texts.wanted[:, r], int(texts.levels[r]), 1 + texts.cases[r].labelled) for r in held if texts.cases[r].subject]
        mails += [(*made, 0) for made in composed(texts, held, random)]
        for parts, want, level, kind in mails:
            stretches = scored(parts, voice)
            if len(stretches):
                for head in range(len(HEADS)):
                    features[head].append(mail_features(stretches, head))
                wanted.append(want)
                levels.append(level)
                kinds.append(kind)
                stretches_of.append(len(stretches))
    wanted, kinds = np.array(wanted).T, np.array(kinds)
    mail, chances = [], []
    for head in range(len(HEADS)):
        matrix = np.array(features[head])
        if texts.wanted[head].sum() < FEWEST_TAGGED:
            mail.append((0.0,) * matrix.shape[1] + (-20.0,))
        else:
            model = LogisticRegression(C=1.0, max_iter=1000).fit(matrix, wanted[head], sample_weight=np.where(kinds > 0, 3.0, 1.0))
            mail.append((*(float(w) for w in model.coef_[0]), float(model.intercept_[0])))
        chances.append(1 / (1 + np.exp(-np.clip(matrix @ np.array(mail[head][:-1]) + mail[head][-1], -30, 30))))
    return Heard(texts, mail, chances, wanted, np.array(levels), kinds > 0, kinds > 1, np.array(stretches_of) < BRIEF, float(np.mean(auc)))


@dataclass(frozen=True)
class Limits:
    """The probabilities from which each thing counts, the same for all languages: one language has too few civil mails to tell."""

    alone: float
    helps: float
    severe: float
    tags: tuple[float, float]
    brief: float


def limits(everything: list[Heard]) -> Limits:
    """Set the limits on mails like those that come, and not on the sentences, which were written to be hard."""

    def pooled(group, chances) -> np.ndarray:
        return np.concatenate([chances(heard)[group(heard)] for heard in everything])

    enough = sum((heard.labelled & (heard.levels == 0)).sum() for heard in everything) >= FEWEST_CIVIL

    def limit(head, group, share):
        return float(np.quantile(pooled(lambda h: group(h) & (h.labelled if enough else h.real), lambda h: h.chances[head]), 1 - share))

    def tag(head):
        if sum(heard.texts.wanted[head].sum() for heard in everything) < FEWEST_TAGGED:
            return 2.0
        return limit(head, lambda h: ~h.wanted[head], OTHERS_TAGGED[HEADS[head]])

    brief = pooled(lambda h: h.brief & ~h.real & (h.levels == 0), lambda h: h.chances[0])
    return Limits(
        limit(0, lambda h: h.levels == 0, CIVIL_ACCUSED_ALONE),
        limit(0, lambda h: h.levels == 0, CIVIL_ACCUSED_HELPING),
        limit(1, lambda h: h.levels < 2, CIVIL_SEVERE),
        (tag(2), tag(3)),
        float(np.quantile(brief, 1 - CIVIL_ACCUSED_BRIEF)),
    )


def figures(heard: Heard, limit: Limits) -> str:
    """How well one language's voices hear what they had not seen."""

    def share(head, group, least):
        return f"{(heard.chances[head][group] >= least).mean():.0%}" if group.any() else "-"

    wanted, real = heard.wanted, heard.real
    return (
        f"{heard.texts.lang}: {len(heard.texts.cases)} texts, sentences AUC {heard.auc:.3f}, mails AUC {roc_auc_score(wanted[0][real], heard.chances[0][real]):.3f}; "
        f"of {real.sum()} whole mails: alone finds {share(0, wanted[0] & real, limit.alone)}, accuses {share(0, (heard.levels == 0) & real, limit.alone)} "
        f"(sample and rounds {share(0, wanted[0] & heard.labelled, limit.alone)}, {share(0, (heard.levels == 0) & heard.labelled, limit.alone)}), "
        f"helps with {share(0, wanted[0] & real, limit.helps)}, severe {share(1, wanted[1] & real, limit.severe)}, "
        f"complaint {share(2, wanted[2] & real, limit.tags[0])}, self-harm {share(3, wanted[3] & real, limit.tags[1])}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", nargs="*", default=sets.LANGUAGES)
    parser.add_argument("--out", type=Path, default=sets.ROOT / "rules" / FILE)
    parser.add_argument("--without-mails", action="store_true", help="leave the labelled mails out, so that they can measure the result")
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    options = parser.parse_args()
    started = time.perf_counter()
    scorer = load_scorer(rules_folders(), use_ear=False)
    everything = [prepare(lang, scorer, cases) for lang in options.lang if (cases := sets.training(lang, with_mails=not options.without_mails))]
    print(f"{sum(len(t.cases) for t in everything)} texts made ready ({time.perf_counter() - started:.0f} s)", flush=True)
    joint = Joint(everything)
    print(f"{joint.matrix.shape[0]} rows, {joint.matrix.shape[1]} columns ({time.perf_counter() - started:.0f} s)", flush=True)
    unseen = [joint.learn(fold) for fold in range(FOLDS)]
    print(f"learned for each fold ({time.perf_counter() - started:.0f} s)", flush=True)
    stored: dict[str, np.ndarray] = {"languages": np.array(sorted(t.lang for t in everything))}
    heard = [unheard(texts, [voices[n] for voices in unseen]) for n, texts in enumerate(everything)]
    limit = limits(heard)
    print(f"{limit} ({time.perf_counter() - started:.0f} s)", flush=True)
    for voice, listened in zip(map(mean_of, zip(*unseen, strict=True)), heard, strict=True):
        print(figures(listened, limit), flush=True)
        scale = np.maximum(np.abs(voice.weights).max(axis=1), 1e-6) / 127
        name = listened.texts.lang
        stored[f"{name}.weights"] = np.round(voice.weights / scale[:, None]).astype(np.int8)
        stored[f"{name}.scale"] = scale.astype(np.float32)
        stored[f"{name}.hum"] = np.array(voice.hum)
        stored[f"{name}.bias"] = np.array(voice.bias)
        stored[f"{name}.mail"] = np.array(listened.mail)
        stored[f"{name}.thresholds"] = np.array([limit.alone, limit.helps, limit.severe, limit.brief])
        stored[f"{name}.tags"] = np.array(limit.tags)
    if not options.dry:
        np.savez_compressed(options.out, **dict(sorted(stored.items())))
        print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
