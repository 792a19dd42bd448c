"""The phishing filter beside naive Bayes, its evasion and hardening; lookalikes beside edit distance."""

from __future__ import annotations

import argparse

import numpy as np
from rapidfuzz.distance import DamerauLevenshtein
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from secure_ai.attack.phishing import (
    TECHNIQUES,
    compare_hardening,
    make_mails,
    measure_domains,
    measure_filter,
    organization,
)
from secure_ai.attack.phishing.domain_measure import honest_neighbors
from secure_ai.attack.phishing.lookalikes import lookalikes

SECTORS = ("healthcare", "finance")


def naive_bayes(mails, folds: int, seed: int) -> str:
    """AUC, precision and recall of a bag of words on templates that it never saw."""
    text = [f"{mail.subject}\n{mail.body}" for mail in mails]
    truth = np.array([mail.malicious for mail in mails])
    scores = np.empty(len(mails))
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for train, test in split.split(text, truth, [mail.template for mail in mails]):
        model = make_pipeline(CountVectorizer(binary=True, ngram_range=(1, 2)), MultinomialNB())
        model.fit([text[i] for i in train], truth[train])
        scores[test] = model.predict_proba([text[i] for i in test])[:, 1]
    said = scores >= 0.5
    return (
        f"AUC {roc_auc_score(truth, scores):.3f}, precision {precision_score(truth, said):.3f}, "
        f"recall {recall_score(truth, said):.3f}, honest mail flagged {said[~truth].mean():.3f}"
    )


def edit_distance(most: int = 2) -> str:
    """Recall and honest names accused, where any name within ``most`` edits of ours counts as a lookalike."""
    ours = [name for sector in SECTORS for name in organization(sector).known_domains]
    groups = (
        [found.ascii for name in ours for found in lookalikes(name, TECHNIQUES)],
        honest_neighbors(ours),
    )
    near = [
        np.mean([min(DamerauLevenshtein.distance(name, own) for own in ours) <= most for name in names])
        for names in groups
    ]
    return f"recall {near[0]:.3f}, honest names accused {near[1]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=500, help="for each sector")
    parser.add_argument("--seed", type=int, default=21)
    options = parser.parse_args()
    mails = [mail for name in SECTORS for mail in make_mails(name, options.mails, seed=options.seed)]
    found = measure_filter(mails, folds=5, seed=1)
    print(
        f"Filter on unseen templates, {len(mails):,} mails\n"
        f"{found.to_frame().round(3).to_string(index=False)}"
    )
    print(f"Naive Bayes on words, same question: {naive_bayes(mails, 5, 1)}\n")
    hardening = compare_hardening(mails, seed=3)
    print(
        f"Evasion and hardening\n{hardening.table.round(3).to_string(index=False)}\n{hardening.sentence()}\n"
    )
    domains = measure_domains(each=100, seed=options.seed)
    print(f"Lookalike domains\n{domains.table.round(3).to_string(index=False)}\n{domains.sentence()}")
    print(f"Two edits at most, nothing else: {edit_distance()}")


if __name__ == "__main__":
    main()
