"""Trains the learned ear from the sentences beside the rules and writes rules/ear.npz; the same sentences give the same file.

    python benchmarks/train_ear.py [--until ROUND] [--dry] [--out FILE]

What it prints is measured on mails that the voice and the trees in question had not seen (four folds).
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
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sets
from judgement import as_mail

from gateway.edge.ear_model import FILE
from gateway.edge.forms import load_forms
from gateway.edge.scorer import load_scorer, rules_folders
from gateway.mail.message import read
from gateway.scoring.slots import CHARACTER_SLOTS, CLASSES, HEADS, WIDTH, character_slots, class_slots, word_slots
from gateway.scoring.stretches import Part, Voice, scored
from gateway.scoring.trees import DEPTH, LEAVES, SPLITS, Trees
from gateway.scoring.whole import features, summary
from gateway.values import Reading, Segment, SegmentKind

warnings.filterwarnings("ignore", module="sklearn")

FOLDS = 4
EPOCHS = 16
STRENGTH = 20.0
SHARED_SCALE = 0.7
STRETCH_WEIGHT = 0.5
LABELLED_WEIGHT = 4.0
"""A mail of the sample or of a round is worth so many others: it is what the ear will hear, and there are few."""
FEWEST_TAGGED = 20
TREES = 200
LEARNING_RATE = 0.06
MOST_OF_A_LEAF = 0.5
"""What one corner may add: where a matter is all but certain, its step would be without bounds."""
LETTERS = 40
LONGEST_LETTER = 13
SENTENCES_OF_A_MAIL = 4
LETTER_WEIGHT = 0.6
SENTENCE_WEIGHT = 0.3
RUDE_WEIGHT = 0.5
"""A rude mail taken for abusive is a smaller fault than a civil one."""
BRIEF_SENTENCES = 120
CIVIL_ACCUSED_ALONE = 0.012
CIVIL_ACCUSED_BRIEF = 0.01
CIVIL_ACCUSED_HELPING = 0.05
ABUSIVE_SEVERE = 0.1
"""Abusive mails that are called severe."""
OTHERS_TAGGED = {"complaint": 0.05, "self_harm": 0.015}


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


def prepare(lang: str, scorer, forms, cases: list[sets.Case]) -> Texts:
    parts, rows, columns, values, row_case = [], [], [], [], []
    for number, case in enumerate(cases):
        found = parts_of(case, scorer, forms, lang)
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


def reading_of(case: sets.Case, forms) -> Reading:
    """A mail as the gateway reads it, a sentence as it stands."""
    return read(as_mail(case), forms) if case.subject else Reading((Segment(SegmentKind.OWN, case.body),))


def parts_of(case: sets.Case, scorer, forms, lang: str) -> list[Part]:
    counted = [segment for segment in reading_of(case, forms).segments if segment.kind in {SegmentKind.SUBJECT, SegmentKind.OWN}]
    made = []
    for index, segment in enumerate(counted):
        part = scorer.part(index, segment)
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


@dataclass
class Known:
    """What is known of texts of one fold by voices that had not seen them: the numbers of whole.FEATURES, and what is true.

    `group` is 0 for mails, 1 for letters put together, 2 for single sentences.
    """

    numbers: np.ndarray
    wanted: np.ndarray
    levels: np.ndarray
    fold: np.ndarray
    lang: np.ndarray
    group: np.ndarray

    def of(self, rows: np.ndarray) -> "Known":
        return Known(self.numbers[rows], self.wanted[:, rows], self.levels[rows], self.fold[rows], self.lang[rows], self.group[rows])


def letters(mails: list[sets.Case], sentences: list[sets.Case], random: np.random.Generator) -> list[sets.Case]:
    """Long letters of several mails, or of many sentences that were written to be hard; half of them with an abusive piece among civil ones.

    The loudest of many stretches must be louder to mean something, and few of the labelled mails are long.
    """
    made = []
    for n in range(LETTERS):
        pieces = mails if n % 4 < 2 and mails else sentences
        most = LONGEST_LETTER if pieces is mails else LONGEST_LETTER * SENTENCES_OF_A_MAIL
        civil, others = [c for c in pieces if c.level == 0 and not c.flags], [c for c in pieces if c.level >= 2]
        chosen = [civil[k] for k in random.choice(len(civil), size=min(len(civil), int(random.integers(2, most))), replace=False)]
        if n % 2 and others:
            chosen[int(random.integers(0, len(chosen)))] = others[int(random.integers(0, len(others)))]
        worst = max(chosen, key=lambda case: case.level)
        subject = chosen[0].subject or mails[int(random.integers(0, len(mails)))].subject if mails else "Letter"
        made.append(replace(worst, subject=subject, body="\n\n".join(case.body for case in chosen)))
    return made


def known(everything: list[Texts], unseen: list[list[Voice]], scorer, forms) -> Known:
    """Listen to each mail that rules were not written for with the voice that had not seen it either."""
    rows = []
    random = np.random.default_rng(11)
    for n, texts in enumerate(everything):
        for fold, held in enumerate(texts.folds):
            cases = [texts.cases[i] for i in held]
            mails = [case for case in cases if case.round >= sets.UNSEEN_BY_RULES]
            sentences = [case for case in cases if not case.subject and case.level != 1]
            brief = [sentences[k] for k in random.choice(len(sentences), size=min(len(sentences), BRIEF_SENTENCES), replace=False)]
            long = letters(mails, sentences, random)
            for group, chosen in enumerate((mails, long, brief)):
                for case in chosen:
                    seen = scorer.look(reading_of(case, forms), for_ear=True)
                    stretches = scored(seen.heard_parts, unseen[fold][n])
                    if len(stretches):
                        wanted = (case.level >= 2, case.level == 3, *(tag in case.flags for tag in HEADS[2:]))
                        rows.append((features(stretches, seen.heard_parts, seen.beside), wanted, case.level, fold, texts.lang, group))
    numbers, wanted, levels, folds, langs, groups = zip(*rows, strict=True)
    return Known(np.array(numbers), np.array(wanted).T, np.array(levels), np.array(folds), np.array(langs), np.array(groups))


class Linear(BaseEstimator):
    """The sum that the trees begin from: a head's own loudness."""

    def __init__(self, head: int = 0) -> None:
        self.head = head

    def fit(self, numbers, wanted, sample_weight=None) -> "Linear":
        self.model = LogisticRegression(C=1.0, max_iter=1000).fit(self._own(numbers), wanted, sample_weight=sample_weight)
        self.classes_ = self.model.classes_
        return self

    def predict_proba(self, numbers):
        return self.model.predict_proba(self._own(numbers))

    def _own(self, numbers):
        return np.stack([summary(row, self.head) for row in numbers])


def grow(texts: Known, head: int) -> GradientBoostingClassifier:
    """Trees for one head."""
    weight = np.array([1.0, LETTER_WEIGHT, SENTENCE_WEIGHT])[texts.group]
    if head == 0:
        weight = weight * np.where(texts.levels == 1, RUDE_WEIGHT, 1.0)
    model = GradientBoostingClassifier(
        init=Linear(head), n_estimators=TREES, max_depth=DEPTH, learning_rate=LEARNING_RATE, subsample=0.6, max_features=0.3, min_samples_leaf=8, random_state=0
    )
    return model.fit(texts.numbers, texts.wanted[head], sample_weight=weight)


def as_arrays(model: GradientBoostingClassifier) -> Trees:
    """Trees of sklearn's as complete ones in breadth-first order."""
    count = len(model.estimators_)
    feature, threshold = np.zeros((count, SPLITS), dtype=np.int16), np.full((count, SPLITS), np.inf, dtype=np.float32)
    leaf = np.zeros((count, LEAVES), dtype=np.float32)
    for n, (estimator,) in enumerate(model.estimators_):
        tree = estimator.tree_
        places = {0: 0}
        for slot in range(SPLITS + LEAVES):
            node = places.get(slot, places.get((slot - 1) // 2) if slot else None)
            places[slot] = node
            if slot >= SPLITS:
                leaf[n, slot - SPLITS] = np.clip(model.learning_rate * tree.value[node, 0, 0], -MOST_OF_A_LEAF, MOST_OF_A_LEAF)
            elif tree.children_left[node] >= 0:
                feature[n, slot], threshold[n, slot] = tree.feature[node], tree.threshold[node]
                places[2 * slot + 1], places[2 * slot + 2] = tree.children_left[node], tree.children_right[node]
    return Trees(feature, threshold, leaf)


def whole_mails(texts: Known) -> tuple[np.ndarray, list[tuple[float, ...]], list[Trees]]:
    """For each head the chances of texts by models that had not seen them, and the mean of these models."""
    chances = np.zeros((len(HEADS), len(texts.levels)))
    mail, trees = [], []
    for head in range(len(HEADS)):
        linear, arrays = [], []
        for fold in range(FOLDS):
            model = grow(texts.of(texts.fold != fold), head)
            arrays.append(as_arrays(model))
            begin = model.init_.predict_proba(texts.numbers)[:, 1]
            for row in np.flatnonzero(texts.fold == fold):
                value = np.log(begin[row] / (1 - begin[row])) + arrays[-1].value(texts.numbers[row])
                chances[head, row] = 1 / (1 + np.exp(-value))
            linear.append((*model.init_.model.coef_[0], model.init_.model.intercept_[0]))
        mail.append(tuple(map(float, np.mean(linear, axis=0))))
        trees.append(Trees(*(np.concatenate(found) for found in zip(*((t.feature, t.threshold, t.leaf / FOLDS) for t in arrays), strict=True))))
    return chances, mail, trees


@dataclass(frozen=True)
class Limits:
    """The probabilities from which each thing counts, the same for all languages: one language has too few civil mails to tell."""

    alone: float
    helps: float
    severe: float
    tags: tuple[float, float]
    brief: float


def limits(texts: Known, chances: np.ndarray) -> Limits:
    """Set the limits on mails like those that come, and not on the sentences, which were written to be hard."""
    mails = texts.group == 0

    def limit(head: int, rows: np.ndarray, share: float) -> float:
        return float(np.quantile(chances[head][rows], 1 - share))

    civil = mails & (texts.levels == 0)
    tags = [limit(head, mails & ~texts.wanted[head], OTHERS_TAGGED[HEADS[head]]) for head in (2, 3)]
    return Limits(
        limit(0, civil, CIVIL_ACCUSED_ALONE),
        limit(0, civil, CIVIL_ACCUSED_HELPING),
        limit(1, mails & (texts.levels == 2), ABUSIVE_SEVERE),
        (tags[0], tags[1]),
        limit(0, (texts.group == 2) & (texts.levels == 0), CIVIL_ACCUSED_BRIEF),
    )


def figures(texts: Known, chances: np.ndarray, limit: Limits, lang: str) -> str:
    """How well the mails of one language are heard by voices and trees that had not seen them."""
    mails = (texts.group == 0) & (texts.lang == lang)

    def share(head: int, rows: np.ndarray, least: float) -> str:
        return f"{(chances[head][rows & mails] >= least).mean():.1%}" if (rows & mails).any() else "-"

    wanted, levels = texts.wanted, texts.levels
    sure = mails & (levels != 1)
    return (
        f"{lang}: of {mails.sum()} mails AUC {roc_auc_score(wanted[0][sure], chances[0][sure]):.3f}; alone finds {share(0, wanted[0], limit.alone)}, "
        f"accuses {share(0, levels == 0, limit.alone)}, strikes rude {share(0, levels == 1, limit.alone)}; helps with {share(0, wanted[0], limit.helps)}; "
        f"severe {share(1, wanted[1], limit.severe)}, complaint {share(2, wanted[2], limit.tags[0])}, self-harm {share(3, wanted[3], limit.tags[1])}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", nargs="*", default=sets.LANGUAGES)
    parser.add_argument("--out", type=Path, default=sets.ROOT / "rules" / FILE)
    parser.add_argument("--until", type=int, default=sets.LAST_LEARNED, metavar="ROUND", help="learn from the rounds up to this one, so that later ones measure the result")
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    options = parser.parse_args()
    started = time.perf_counter()
    scorer, forms = load_scorer(rules_folders(), use_ear=False), load_forms(rules_folders())
    everything = [prepare(lang, scorer, forms, cases) for lang in options.lang if (cases := sets.training(lang, options.until))]
    print(f"{sum(len(t.cases) for t in everything)} texts made ready ({time.perf_counter() - started:.0f} s)", flush=True)
    joint = Joint(everything)
    print(f"{joint.matrix.shape[0]} rows, {joint.matrix.shape[1]} columns ({time.perf_counter() - started:.0f} s)", flush=True)
    unseen = [joint.learn(fold) for fold in range(FOLDS)]
    print(f"learned for each fold ({time.perf_counter() - started:.0f} s)", flush=True)
    texts = known(everything, unseen, scorer, forms)
    print(f"listened to {len(texts.levels)} texts ({time.perf_counter() - started:.0f} s)", flush=True)
    chances, mail, trees = whole_mails(texts)
    limit = limits(texts, chances)
    print(f"{limit} ({time.perf_counter() - started:.0f} s)", flush=True)
    stored: dict[str, np.ndarray] = {
        "languages": np.array(sorted(t.lang for t in everything)),
        "trees.feature": np.stack([t.feature for t in trees]),
        "trees.threshold": np.stack([t.threshold for t in trees]),
        "trees.leaf": np.stack([t.leaf for t in trees]),
    }
    for listened, voice in zip(everything, map(mean_of, zip(*unseen, strict=True)), strict=True):
        name = listened.lang
        print(figures(texts, chances, limit, name), flush=True)
        scale = np.maximum(np.abs(voice.weights).max(axis=1), 1e-6) / 127
        stored[f"{name}.weights"] = np.round(voice.weights / scale[:, None]).astype(np.int8)
        stored[f"{name}.scale"] = scale.astype(np.float32)
        stored[f"{name}.hum"] = np.array(voice.hum)
        stored[f"{name}.bias"] = np.array(voice.bias)
        stored[f"{name}.mail"] = np.array(mail)
        stored[f"{name}.thresholds"] = np.array([limit.alone, limit.helps, limit.severe, limit.brief])
        stored[f"{name}.tags"] = np.array(limit.tags)
    if not options.dry:
        np.savez_compressed(options.out, **dict(sorted(stored.items())))
        print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
