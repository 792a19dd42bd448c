"""The bank's two learning tasks: simple features, a simple baseline, and a measure of both.

The data card states margins; this module is how they are measured, in the tests as in the lessons.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthetic_data.cards import Learned


def fraud_features(transactions: pd.DataFrame) -> pd.DataFrame:
    """Features of each payment that look back only: size, time, place, pace and novelty.

    Args:
        transactions: columns as in the table ``transactions``, any order.

    Returns:
        A frame with the index of ``transactions``: log_amount, amount_to_usual (log ratio to the
        mean of the account's earlier payments), round_amount, near_limit, hour, weekday, log_distance,
        foreign, hours_since (log, since the account's last payment; 720 hours if none), last_hour and
        last_day (earlier payments of the account), new_device, device_accounts (accounts seen on the
        device so far), new_merchant, mcc (number) and one column for each channel.
    """
    t = transactions.sort_values("timestamp", kind="stable")
    account = pd.factorize(t["account_id"])[0]
    seconds = t["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
    amount = t["amount"].to_numpy()
    log_amount = np.log1p(amount)
    frame = pd.DataFrame({"account": account, "log": log_amount, "seconds": seconds})
    grouped = frame.groupby("account", sort=False)
    earlier = grouped.cumcount().to_numpy()
    sum_before = grouped["log"].cumsum().to_numpy() - log_amount
    usual = np.where(earlier > 0, sum_before / np.maximum(earlier, 1), log_amount.mean())
    since = (frame["seconds"] - grouped["seconds"].shift()).fillna(720 * 3600).to_numpy() / 3600

    known = t["device"].notna().to_numpy()
    device = pd.factorize(t["device"])[0]
    pair_first = ~pd.Series(list(zip(account, device, strict=True))).duplicated().to_numpy()
    pairs = pd.DataFrame({"device": device, "first": pair_first})
    device_accounts = np.where(known, pairs.groupby("device")["first"].cumsum().to_numpy(), 0)
    merchant = pd.factorize(t["merchant"])[0]
    new_merchant = ~pd.Series(list(zip(account, merchant, strict=True))).duplicated().to_numpy()

    features = pd.DataFrame(
        {
            "log_amount": log_amount,
            "amount_to_usual": log_amount - usual,
            "round_amount": amount % 10 == 0,
            "near_limit": (amount >= 8_000) & (amount < 10_000),
            "hour": (seconds // 3600) % 24,
            "weekday": (seconds // 86_400 + 3) % 7,
            "log_distance": np.log1p(t["distance_from_home"].to_numpy()),
            "foreign": (t["country"] != "US").to_numpy(),
            "hours_since": np.log1p(since),
            "last_hour": _recent(account, seconds, 3_600),
            "last_day": _recent(account, seconds, 86_400),
            "new_device": known & pair_first & (earlier > 0),
            "device_accounts": device_accounts,
            "new_merchant": new_merchant,
            "mcc": pd.to_numeric(t["mcc"]).to_numpy(),
        },
        index=t.index,
    ).astype(float)
    for channel in ("chip", "contactless", "magstripe", "online", "atm", "transfer", "wire"):
        features[channel] = (t["channel"] == channel).to_numpy(dtype=float)
    return features.loc[transactions.index]


def loan_features(loans: pd.DataFrame) -> pd.DataFrame:
    """Numbers of the application, and one column for each purpose and home ownership."""
    numeric = ["amount", "term_months", "interest_rate", "monthly_payment", "annual_income", "debt_to_income",
               "credit_score", "employment_years", "delinquencies_2y", "open_accounts"]  # fmt: skip
    dummies = pd.get_dummies(loans[["purpose", "home_ownership"]], dtype=float)
    burden = (loans["monthly_payment"] * 12 / loans["annual_income"]).rename("payment_burden")
    return pd.concat([loans[numeric].astype(float), burden, dummies], axis=1)


def learn_fraud(tables: Mapping[str, pd.DataFrame], seed: int = 0) -> Learned:
    """Train on the first 70 % of time, test on the rest; the baseline ranks payments by amount alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    t = tables["transactions"].reset_index(drop=True)
    x, y = fraud_features(t), t["is_fraud"].to_numpy()
    test = (t["timestamp"].rank(pct=True) > 0.7).to_numpy()
    # One thread: the same result and no contention on a shared machine.
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.07, max_leaf_nodes=15, min_samples_leaf=30, random_state=seed
        ).fit(x[~test], y[~test])
        scores = model.predict_proba(x[test])[:, 1]
    return Learned(
        task="fraud",
        auc=float(roc_auc_score(y[test], scores)),
        baseline_auc=float(roc_auc_score(y[test], t["amount"][test])),
        baseline="the amount alone",
        rows=len(t),
        positives=int(y.sum()),
    )


def learn_default(tables: Mapping[str, pd.DataFrame], seed: int = 0) -> Learned:
    """Logistic regression, five-fold; the baseline ranks loans by income alone (poorer is riskier)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    loans = tables["loans"]
    x, y = loan_features(loans), loans["defaulted"].to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    return Learned(
        task="default",
        auc=float(roc_auc_score(y, scores)),
        baseline_auc=float(roc_auc_score(y, -loans["annual_income"])),
        baseline="the income alone",
        rows=len(loans),
        positives=int(y.sum()),
    )


def _recent(account: np.ndarray, seconds: np.ndarray, window: int) -> np.ndarray:
    """How many earlier payments of the same account fell into the ``window`` seconds before each."""
    order = np.lexsort((seconds, account))
    # One number line on which accounts lie further apart than any window.
    span = int(seconds.max() - seconds.min()) + window + 1 if len(seconds) else 1
    line = account[order] * span + (seconds[order] - seconds.min() if len(seconds) else 0)
    count = np.arange(len(line)) - np.searchsorted(line, line - window, side="left")
    out = np.empty(len(line), dtype=np.int64)
    out[order] = count
    return out
