"""Trains the learned ear from the sentences beside the rules and writes rules/ear.npz; the same sentences give the same file.

    python benchmarks/train_ear.py [--lang de ...] [--out FILE] [--dry]

What it prints is measured on texts that the voice in question had not seen (five folds).
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sets

from gateway.edge.ear_model import FILE
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.scoring.ear import WIDTH, Ear, Voice, character_slots, mail_features, word_slots
from gateway.scoring.fold import fold
from gateway.scoring.match import Matcher
from gateway.scoring.words import sentences
from gateway.values import SegmentKind

FOLDS = 5
STRENGTH = 8.0
HEADS = 2
CIVIL_ACCUSED_ALONE = 0.010
CIVIL_ACCUSED_HELPING = 0.06
CIVIL_SEVERE = 0.02


class Texts:
    """Cases of one language made ready: features for training, parts for listening."""

    def __init__(self, cases: list[sets.Case], lexicon) -> None:
        self.cases = cases
        self.levels = np.array([case.level for case in cases])
        self.parts = []
        rows, columns, values = [], [], []
        for number, case in enumerate(cases):
            segments = [(SegmentKind.SUBJECT, case.subject)] * bool(case.subject) + [(SegmentKind.OWN, own_words(case.body))]
            parts = []
            for index, (kind, text) in enumerate(segments):
                folded = fold(text)
                parts.append((index, folded, sentences(folded, lexicon.known, lexicon.starred), kind))
            self.parts.append(parts)
            slots_c = [s for _, f, _, _ in parts for s in character_slots(f.text)]
            slots_w = [s for _, _, ss, _ in parts for s in word_slots([t.text for x in ss for t in x.tokens])]
            for slots in (slots_c, slots_w):
                if slots and (joined := np.concatenate(slots)).size:
                    found, counts = np.unique(joined, return_counts=True)
                    rows.append(np.full(len(found), number))
                    columns.append(found)
                    values.append(counts / np.sqrt(joined.size))
        self.matrix = csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(len(cases), WIDTH), dtype=np.float32)


def own_words(body: str) -> str:
    return "\n".join(line for line in body.split("\n") if not line.startswith(">"))


def learn(matrix, wanted) -> tuple[np.ndarray, float]:
    # only columns that occur: the solver's time goes with them
    used = np.unique(matrix.indices)
    model = LogisticRegression(C=STRENGTH, solver="liblinear", max_iter=400, tol=1e-3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(matrix[:, used], wanted)
    weights = np.zeros(WIDTH, dtype=np.float32)
    weights[used] = model.coef_[0]
    return weights, float(model.intercept_[0])


def voice_of(texts: Texts, rows: np.ndarray) -> Voice:
    heads = [learn(texts.matrix[rows], texts.levels[rows] >= least) for least in (2, 3)]
    return Voice(np.stack([w for w, _ in heads]), (heads[0][1], heads[1][1]), ((1, 0, 0, 0, 0),) * HEADS, 1.0, 1.0, 1.0)


def composed(texts: Texts, rows: np.ndarray, random: np.random.Generator, count: int) -> list[tuple[list, int]]:
    """Mails put together from unseen sentences: civil ones, and civil ones with one to three abusive sentences in them."""
    short = [r for r in rows if not texts.cases[r].subject]
    civil = [r for r in short if texts.levels[r] <= 1]
    bad = {level: [r for r in short if texts.levels[r] == level] for level in (2, 3)}
    made = []
    for n in range(count):
        body = list(random.choice(civil, size=random.integers(2, 8), replace=False))
        level = int(texts.levels[body].max() >= 9)
        if n % 2:
            level = 2 + int(random.random() < 0.33)
            for row in random.choice(bad[level], size=random.integers(1, 4), replace=False):
                body.insert(int(random.integers(0, len(body) + 1)), row)
            body = body[: max(2, len(body))]
        made.append(([part for row in body for part in texts.parts[row]], level))
    return made


def fit_mail(features: np.ndarray, wanted: np.ndarray) -> tuple[float, ...]:
    model = LogisticRegression(C=1.0, max_iter=500).fit(features, wanted)
    return (*(float(w) for w in model.coef_[0]), float(model.intercept_[0]))


def train(lang: str, lexicon) -> tuple[Voice, str]:
    texts = Texts(sets.sentences(lang), lexicon)
    random = np.random.default_rng(7)
    order = random.permutation(len(texts.cases))
    folds = np.array_split(order, FOLDS)
    features, levels = [], []
    auc = []
    for held in folds:
        rest = np.setdiff1d(order, held)
        voice = voice_of(texts, rest)
        scores = texts.matrix[held] @ voice.weights[0] + voice.bias[0]
        auc.append(roc_auc_score(texts.levels[held] >= 2, scores))
        mails = [(texts.parts[r], int(texts.levels[r])) for r in held if texts.cases[r].subject]
        for parts, level in mails + composed(texts, held, random, 400):
            stretches = Ear.stretches(parts, voice)
            if stretches:
                features.append(mail_features(stretches))
                levels.append(level)
    features, levels = np.array(features), np.array(levels)
    mail = tuple(fit_mail(features[:, head], levels >= least) for head, least in ((0, 2), (1, 3)))
    probabilities = [1 / (1 + np.exp(-(features[:, head] @ np.array(mail[head][:-1]) + mail[head][-1]))) for head in range(HEADS)]
    civil = levels == 0
    alone = float(np.quantile(probabilities[0][civil], 1 - CIVIL_ACCUSED_ALONE))
    helps = float(np.quantile(probabilities[0][civil], 1 - CIVIL_ACCUSED_HELPING))
    severe = float(np.quantile(probabilities[1][civil], 1 - CIVIL_SEVERE))
    full = voice_of(texts, order)
    voice = Voice(full.weights, full.bias, mail, alone, helps, severe)
    found = float((probabilities[0][levels >= 2] >= alone).mean())
    heard = float((probabilities[0][levels >= 2] >= helps).mean())
    seen = float((probabilities[1][levels == 3] >= severe).mean())
    figures = (
        f"{lang}: {len(texts.cases)} texts, sentence AUC {np.mean(auc):.3f}, mails AUC {roc_auc_score(levels >= 2, probabilities[0]):.3f}, "
        f"alone {alone:.2f} finds {found:.0%}, helps {helps:.2f} finds {heard:.0%}, severe {severe:.2f} finds {seen:.0%}"
    )
    return voice, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", nargs="*", default=sets.LANGUAGES)
    parser.add_argument("--out", type=Path, default=sets.ROOT / "rules" / FILE)
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    options = parser.parse_args()
    lexicon = Matcher(load_rules(rules_folders())[0]).lexicon
    stored: dict[str, np.ndarray] = {}
    if options.out.is_file() and tuple(options.lang) != tuple(sets.LANGUAGES):
        with np.load(options.out, allow_pickle=False) as before:
            stored = {name: before[name] for name in before.files}
    languages = set(map(str, stored.get("languages", ())))
    for lang in options.lang:
        if not sets.sentences(lang):
            continue
        started = time.perf_counter()
        voice, figures = train(lang, lexicon)
        print(figures, f"({time.perf_counter() - started:.0f} s)", flush=True)
        scale = np.abs(voice.weights).max(axis=1) / 127
        stored[f"{lang}.weights"] = np.round(voice.weights / scale[:, None]).astype(np.int8)
        stored[f"{lang}.scale"] = scale.astype(np.float32)
        stored[f"{lang}.bias"] = np.array(voice.bias)
        stored[f"{lang}.mail"] = np.array(voice.mail)
        stored[f"{lang}.thresholds"] = np.array([voice.alone, voice.helps, voice.severe])
        languages.add(lang)
    stored["languages"] = np.array(sorted(languages))
    if not options.dry:
        np.savez_compressed(options.out, **dict(sorted(stored.items())))
        print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
