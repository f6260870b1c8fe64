"""Which classifier reads handwritten digits best? Five kinds, 29 settings, 5-fold cross-validation: 145 fits.

Kill it at any moment and run it again: no fit that has finished runs twice. Edit one of the models below and run it
again: only the fits of that model run.

    python examples/model_sweep.py [--quick] [--json FILE]
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import rich
from rich import box
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

import jumar


def forest(features, leaf):
    return RandomForestClassifier(300, max_features=features, min_samples_leaf=leaf, random_state=0)


def boosting(trees, depth):
    return GradientBoostingClassifier(n_estimators=trees, max_depth=depth, max_features="sqrt", random_state=0)


def network(neurons, alpha):
    return make_pipeline(StandardScaler(), MLPClassifier(neurons, alpha=alpha, max_iter=500, random_state=0))


def logistic(c):
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000))


def support_vectors(c, gamma):
    return make_pipeline(StandardScaler(), SVC(C=c, gamma=gamma))


SWEEP = {
    logistic: {"c": [0.001, 0.01, 0.1, 1, 10]},
    forest: {"features": [4, 8, 16], "leaf": [1, 3]},
    boosting: {"trees": [50, 150], "depth": [2, 3, 4]},
    network: {"neurons": [64, 128, 256], "alpha": [0.0001, 0.1]},
    support_vectors: {"c": [1, 10, 100], "gamma": [0.001, 0.01]},
}
FOLDS = 5
QUICK = {logistic: {"c": [0.01, 1]}, support_vectors: {"c": [10], "gamma": [0.01]}}


class Score(NamedTuple):
    """What one fit gave."""

    accuracy: float
    seconds: float


class Row(NamedTuple):
    """One line of the table: a model with its settings, over all folds."""

    model: str
    settings: dict
    accuracy: float
    std: float
    seconds: float


@jumar.task
def digits():
    return load_digits(return_X_y=True)


@jumar.task
def score(model, settings, fold, folds, data):
    images, labels = data
    start = time.perf_counter()
    train, test = list(StratifiedKFold(folds, shuffle=True, random_state=0).split(images, labels))[fold]
    fitted = model(**settings).fit(images[train], labels[train])
    return Score(fitted.score(images[test], labels[test]), time.perf_counter() - start)


@jumar.task
def summarise(model, settings, scores):
    accuracies, seconds = zip(*scores, strict=True)
    return Row(model.__name__, settings, mean(accuracies), stdev(accuracies), sum(seconds))


def compare(models, folds):
    data = digits.spawn()
    rows = []
    for model, choices in models.items():
        for values in product(*choices.values()):
            settings = dict(zip(choices, values, strict=True))
            scores = [score.spawn(model, settings, fold, folds, data) for fold in range(folds)]
            rows.append(summarise.spawn(model, settings, scores))
    return sorted(jumar.gather(rows), key=lambda row: row.accuracy, reverse=True)


def table(rows):
    table = Table("model", "settings", "accuracy", "seconds", box=box.SIMPLE, title="Handwritten digits, best first")
    for model, settings, accuracy, std, seconds in rows:
        chosen = ", ".join(f"{name}={value}" for name, value in settings.items())
        table.add_row(model, chosen, f"{accuracy:.4f} ± {std:.4f}", f"{seconds:7.1f}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare classifiers on handwritten digits.")
    parser.add_argument("--quick", action="store_true", help="six quick fits only")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the counts and the table here, too")
    arguments = parser.parse_args()
    # One thread of linear algebra a fit: jumar runs as many fits at a time as there are processors.
    with threadpool_limits(1, user_api="blas"), jumar.Session(progress=True) as session:
        rows = compare(QUICK, folds=2) if arguments.quick else compare(SWEEP, FOLDS)
    rich.print(table(rows))
    if arguments.json:
        result = {"counts": session.counts()._asdict(), "rows": [row._asdict() for row in rows]}
        arguments.json.write_text(json.dumps(result), encoding="utf-8")
