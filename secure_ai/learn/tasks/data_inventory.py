"""The tasks of chapter 03: check digit, labels, tier of a table, recall and F2, a threshold, clean texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from secure_ai.discover import ENTITY_CLASSES, Tier, classify
from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same

lab = Lab("03_data_inventory", title="Data inventory")
progress = lab.progress

RAISED = "raised an error"


def _tried(function: Callable, *args: object) -> object:
    """What ``function`` returns, or that it raised: for inputs of which the check can say what is special."""
    try:
        return function(*args)
    except Exception:
        return RAISED


# ------------------------------------------------------------------------------------- 1 · check digit

WEIGHTS = (3, 7, 1)

ROUTING_SHAPE = "a number of nine digits with a wrong check digit was accepted."
ROUTING_LENGTH = "a number that has not nine digits was accepted."
ROUTING_SHIFTED = "the weights stand at the wrong digits."
ROUTING_REMAINDER = "a valid number was refused: the sum has to be a multiple of ten, not ten itself."
ROUTING_LETTERS = "a text that holds something other than digits was accepted, or ended in an error."
ROUTING_WORD = "True or False is asked for, and a word always counts as true."


def _weighted(number: str, weights: Sequence[int] = WEIGHTS) -> int:
    return sum(int(digit) * weights[place % 3] for place, digit in enumerate(number))


def _routing(number: str, weights: Sequence[int] = WEIGHTS) -> bool:
    return len(number) == 9 and number.isdigit() and _weighted(number, weights) % 10 == 0


def _routing_number(rng: np.random.Generator, valid: bool) -> str:
    head = "".join(map(str, rng.integers(0, 10, 8)))
    last = -_weighted(head) % 10
    return head + str((last + (0 if valid else int(rng.integers(1, 10)))) % 10)


@lab.task(
    prompt="Tell whether a text is a routing number: nine digits, weights 3, 7, 1, sum a multiple of ten.",
    hints=(
        "Two questions: does it have the right shape, and does the weighted sum fit?",
        "`enumerate(number)` gives the place of each digit; place 0 has the weight 3, place 1 the 7, "
        "place 2 the 1, place 3 the 3 again: `(3, 7, 1)[place % 3]`.",
        "`sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(number)) % 10 == 0`, and "
        "in front of it `len(number) == 9 and number.isdigit() and`.",
    ),
    known_wrong=(
        KnownWrong(
            lambda number: len(number) == 9 and number.isdigit(), ROUTING_SHAPE, "checks the shape only"
        ),
        KnownWrong(
            lambda number: number.isdigit() and _weighted(number) % 10 == 0,
            ROUTING_LENGTH,
            "forgets the length",
        ),
        KnownWrong(lambda number: _routing(number, (1, 3, 7)), ROUTING_SHIFTED, "starts with the weight 1"),
        KnownWrong(lambda number: _routing(number, (7, 3, 1)), ROUTING_SHIFTED, "swaps two weights"),
        KnownWrong(
            lambda number: len(number) == 9 and number.isdigit() and _weighted(number) == 10,
            ROUTING_REMAINDER,
            "compares with ten itself",
        ),
        KnownWrong(
            lambda number: len(number) == 9 and _weighted(number) % 10 == 0,
            ROUTING_LETTERS,
            "turns letters into numbers",
        ),
        KnownWrong(lambda number: "yes" if _routing(number) else "no", ROUTING_WORD, "answers in words"),
        KnownWrong(lambda number: True, ROUTING_SHAPE, "accepts everything"),
        KnownWrong(lambda number: False, ROUTING_REMAINDER, "accepts nothing"),
    ),
    solution=_routing,
)
def routing_is_valid(value) -> CheckResult:
    rng = fresh()
    valid = [_routing_number(rng, True) for _ in range(40)]
    wrong = [_routing_number(rng, False) for _ in range(40)]
    # Weighted sums that fit, in the wrong length: zeros in front change nothing but the places.
    longer = ["000" + number for number in valid[:10]] + [number + "000" for number in valid[10:20]]
    other = ["12345678X", "", "12345 678"]
    answers = {number: attempt(value, number) for number in valid + wrong + longer}
    if any(isinstance(answer, str) for answer in answers.values()):
        return incorrect(ROUTING_WORD, "Return the comparison itself, without quotation marks.")
    judged = {number: bool(answer) for number, answer in answers.items()}
    for shifted in ((1, 3, 7), (7, 3, 1), (7, 1, 3), (1, 7, 3), (3, 1, 7)):
        if all(judged[number] == _routing(number, shifted) for number in valid + wrong):
            return incorrect(ROUTING_SHIFTED, "The first digit has the weight 3, the second 7, the third 1.")
    if any(judged[number] for number in wrong):
        return incorrect(ROUTING_SHAPE, "The weighted sum must leave no remainder when divided by ten.")
    if not all(judged[number] for number in valid):
        return incorrect(ROUTING_REMAINDER, "Ask for the remainder: `total % 10 == 0`.")
    if any(judged[number] for number in longer):
        return incorrect(ROUTING_LENGTH, "Ask for `len(number) == 9` as well.")
    if any(attempt(partial(_tried, value), number) for number in other):
        return incorrect(
            ROUTING_LETTERS, "Ask for `number.isdigit()` before you add: `12345678X` is no routing number."
        )
    return correct(
        "Valid numbers pass, and numbers with one wrong digit, of another length or with letters do not."
    )


# ------------------------------------------------------------------------------- 2 · numbers behind a label

LABELED_ALL = "numbers without the label in front were returned too: orders and years would be redacted."
LABELED_WITH_LABEL = "the label came back with the number; only the number is to be removed."
LABELED_AS_NUMBER = "a number lost its leading zeros: an identifier is text."
LABELED_CASE = "a label in another case was missed."
LABELED_SEPARATOR = "a number was missed that has a colon, a number sign or nothing but a blank before it."
LABELED_FIRST = "a text can hold more than one; only the first was returned."
LABELED_NO_LIST = "a list of texts is asked for."
LABELED_LENGTH = "6 to 10 digits are asked for: no fewer, no more, and no piece of a longer number."
LABELED_FAR = "a number was returned that has other words between it and the label."
LABELED_PIECES = "each number came back in several pieces."
LABELED_FIXED = "it works for the label MRN, and a text can have another one."
LABELED_OTHER = "these are not exactly the labeled numbers."

SEPARATORS = (": ", " ", "#", " # ", " no. ")


def _labeled(text: str, label: str, flags: int = re.IGNORECASE) -> list[str]:
    return re.findall(rf"\b{re.escape(label)}\s*(?:no\.)?\s*[#:]?\s*(\d{{6,10}})\b", text, flags)


def _labeled_text(rng: np.random.Generator, label: str) -> tuple[str, list[str]]:
    numbers = [f"{rng.integers(10**5, 10**7):0{rng.integers(8, 11)}d}" for _ in range(3)]
    marks = rng.permutation(SEPARATORS)[:3]
    labels = [label, label.upper(), label.lower()]
    parts = [f"{name}{mark}{number}" for name, mark, number in zip(labels, marks, numbers, strict=True)]
    parts += [f"order {rng.integers(10**7, 10**8)}", f"ticket: {rng.integers(10**6, 10**7)}", "seen in 2024"]
    # The label is there, and still these are none: too short, too long, and a number of something else.
    parts += [f"{label} {rng.integers(100, 10**5)}", f"{label}: {rng.integers(10**11, 10**13)}"]
    parts += [f"{label} on file, invoice {rng.integers(10**7, 10**8)}"]
    order = rng.permutation(len(parts))
    text = "; ".join(parts[i] for i in order) + "."
    return text, [numbers[i] for i in order if i < 3]


def _piece_or_misfit(text: str, label: str) -> set[str]:
    """What comes back of the numbers behind the label when digits are counted wrongly."""
    numbers = re.findall(rf"\b{label}\W*(?:no\.)?\W*(\d+)", text, re.IGNORECASE)
    return {number[:end] for number in numbers for end in range(1, len(number) + 1)} - set(
        _labeled(text, label)
    )


@lab.task(
    prompt="Return the numbers of 6 to 10 digits that follow a given label in a text, and no other number.",
    hints=(
        "The label is the context: without it a number is only a number. What may stand between the two?",
        "`re.findall` returns what is in parentheses, so put the parentheses around the digits only, and let "
        "`re.IGNORECASE` take care of the case.",
        "`re.findall(rf'\\b{label}\\s*(?:no\\.)?\\s*[#:]?\\s*(\\d{{6,10}})\\b', text, re.IGNORECASE)`; the "
        "braces are doubled because it is an f-string.",
    ),
    known_wrong=(
        KnownWrong(
            lambda text, label: re.findall(r"\b\d{6,10}\b", text),
            LABELED_ALL,
            "no context: takes all numbers",
        ),
        KnownWrong(
            lambda text, label: re.findall(
                rf"\b{label}\s*(?:no\.)?\s*[#:]?\s*\d{{6,10}}\b", text, re.IGNORECASE
            ),
            LABELED_WITH_LABEL,
            "no group around the digits",
        ),
        KnownWrong(
            lambda text, label: [int(number) for number in _labeled(text, label)],
            LABELED_AS_NUMBER,
            "turns them into numbers",
        ),
        KnownWrong(
            lambda text, label: _labeled(text, label, 0),
            LABELED_CASE,
            "forgets the case",
        ),
        KnownWrong(
            lambda text, label: re.findall(rf"\b{label}: (\d{{6,10}})\b", text, re.IGNORECASE),
            LABELED_SEPARATOR,
            "expects a colon",
        ),
        KnownWrong(
            lambda text, label: re.findall(rf"\b{label}\s*(?:no\.)?\s*[#:]?\s*(\d+)", text, re.IGNORECASE),
            LABELED_LENGTH,
            "any number of digits",
        ),
        KnownWrong(
            lambda text, label: re.findall(
                rf"\b{label}\s*(?:no\.)?\s*[#:]?\s*(\d{{6,10}})", text, re.IGNORECASE
            ),
            LABELED_LENGTH,
            "cuts a piece off a longer number",
        ),
        KnownWrong(
            lambda text, label: re.findall(rf"{label}\D*(\d{{6,10}})\b", text, re.IGNORECASE),
            LABELED_FAR,
            "lets anything stand between",
        ),
        KnownWrong(
            lambda text, label: re.findall(rf"\b{label}\s*(no\.|#|:)?\s*(\d{{6,10}})\b", text, re.IGNORECASE),
            LABELED_PIECES,
            "a second pair of parentheses",
        ),
        KnownWrong(
            lambda text, label: _labeled(text, "MRN"), LABELED_FIXED, "writes the label of the example"
        ),
        KnownWrong(lambda text, label: _labeled(text, label)[:1], LABELED_FIRST, "uses search, not findall"),
        KnownWrong(lambda text, label: ", ".join(_labeled(text, label)), LABELED_NO_LIST, "returns one text"),
        KnownWrong(lambda text, label: [], LABELED_SEPARATOR, "finds none, whatever the text"),
    ),
    solution=_labeled,
)
def find_labeled(value) -> CheckResult:
    rng = fresh()
    cases = []
    for label in ("MRN", "Account", "Member", "Policy") * 3:
        text, numbers = _labeled_text(rng, label)
        cases.append((text, label, numbers))
    answers = [attempt(value, text, label) for text, label, _ in cases]
    if not all(isinstance(answer, list | tuple) for answer in answers):
        return incorrect(LABELED_NO_LIST, "Return a list, such as the one that `re.findall` gives.")
    answers = [list(answer) for answer in answers]
    expected = [numbers for _, _, numbers in cases]
    if same(answers, expected):
        return correct("All labeled numbers came back, with their zeros, and no order, ticket or year.")
    if any(isinstance(item, tuple) for answer in answers for item in answer):
        return incorrect(LABELED_PIECES, "Write `(?:...)` for parentheses that only group: `(?:no\\.)`.")
    given = [[str(item) for item in answer] for answer in answers]
    padded = [[item.zfill(10) for item in answer] for answer in given]
    if padded == [[number.zfill(10) for number in numbers] for numbers in expected]:
        return incorrect(LABELED_AS_NUMBER, "Return the digits as text.")
    if any(
        label.lower() in item.lower()
        for (_, label, _), answer in zip(cases, given, strict=True)
        for item in answer
    ):
        return incorrect(LABELED_WITH_LABEL, "Put parentheses around the digits only.")
    extra = [set(answer) - set(numbers) for answer, numbers in zip(given, expected, strict=True)]
    lengths = [_piece_or_misfit(text, label) for text, label, _ in cases]
    if any(extra) and all(x <= found for x, found in zip(extra, lengths, strict=True)):
        return incorrect(
            LABELED_LENGTH, "`\\d{6,10}` counts; a `\\b` behind it says that the number ends there."
        )
    far = [set(re.findall(r"invoice (\d+)", text)) for text, _, _ in cases]
    if any(extra) and all(x <= a | b for x, a, b in zip(extra, lengths, far, strict=True)):
        return incorrect(LABELED_FAR, "Between the two only blanks and one of `:`, `#` or `no.` may stand.")
    if any(extra):
        return incorrect(LABELED_ALL, "Ask for the label in front of the digits.")
    if given == [numbers[:1] for numbers in expected]:
        return incorrect(LABELED_FIRST, "`re.findall` returns all of them, `re.search` the first.")
    if given == [_labeled(text, label, 0) for text, label, _ in cases]:
        return incorrect(LABELED_CASE, "Add `re.IGNORECASE`.")
    if given == [_labeled(text, "MRN") for text, _, _ in cases]:
        return incorrect(LABELED_FIXED, "Put `{label}` into the pattern, in an f-string.")
    if any(set(answer) < set(numbers) for answer, numbers in zip(given, expected, strict=True)):
        return incorrect(LABELED_SEPARATOR, "Between label and number may stand `:`, `#`, `no.` or a blank.")
    return incorrect(LABELED_OTHER, "Return each number once, in the order of the text.")


# ------------------------------------------------------------------------------------ 3 · tier of a table

TIER_FIRST = "the most sensitive column decides, wherever it stands in the table."
TIER_MEAN = "one restricted column makes the table restricted; nine harmless ones do not dilute it."
TIER_COMBINATION = "health data beside a column that points to the person was not raised to RESTRICTED."
TIER_ALWAYS = "health data without anything that points to a person was raised to RESTRICTED."
TIER_KIND = "a tier is asked for, such as `Tier.INTERNAL`."
TIER_OTHER = "one of the tables got the wrong tier."

NAMES = {
    "plain": ("SEX", "AGE", "STATE", "REFERENCE", "EDUCATION"),
    "quasi": ("ZIP_CODE", "DATE_TIME", "FINANCIAL"),
    "special": ("HEALTH", "RACE_ETHNICITY", "RELIGION"),
    "direct": ("PERSON", "EMAIL_ADDRESS", "MEDICAL_RECORD_NUMBER", "PHONE_NUMBER"),
    "restricted": ("US_SSN", "CREDIT_CARD", "US_PASSPORT"),
}


def _tier(columns: list[str], *, combine: bool = True) -> Tier:
    classes = [classify([column]) for column in columns]
    special, direct = any(c.gdpr_special for c in classes), any(c.direct for c in classes)
    if combine and special and direct:
        return Tier.RESTRICTED
    return max(c.tier for c in classes)


def _mean_tier(columns: list[str]) -> Tier:
    return Tier(round(sum(classify([column]).tier for column in columns) / len(columns)))


def _too_strict(columns: list[str]) -> Tier:
    special = any(classify([column]).gdpr_special for column in columns)
    return Tier.RESTRICTED if special else _tier(columns)


def _tables(rng: np.random.Generator) -> list[list[str]]:
    kinds = [
        ("plain",),
        ("plain", "quasi"),
        ("plain", "direct"),
        ("plain", "special"),
        ("quasi", "special"),
        ("plain", "special", "direct"),
        ("special", "direct", "quasi"),
        ("plain", "restricted"),
        ("quasi", "restricted"),
    ]
    tables = []
    for _ in range(4):
        for combination in kinds:
            extra = list(rng.choice(NAMES["plain"], 4))
            columns = extra + [str(rng.choice(NAMES[kind])) for kind in combination]
            tables.append([str(name) for name in rng.permutation(columns)])
    return tables


@lab.task(
    prompt="Give the tier of a table: its worst column, and RESTRICTED for health data beside a person.",
    hints=(
        "Three questions: which column is the worst, is one a special category, does one point to a person?",
        "`classify([column])` answers them for one column: `.tier`, `.gdpr_special`, `.direct`. Tiers "
        "compare like numbers, so `max` works.",
        "With `classes = [classify([column]) for column in columns]`: if `any(c.gdpr_special for c in "
        "classes)` and `any(c.direct for c in classes)` it is `Tier.RESTRICTED`, "
        "else `max(c.tier for c in classes)`.",
    ),
    known_wrong=(
        KnownWrong(lambda columns: classify([columns[0]]).tier, TIER_FIRST, "looks at the first column"),
        KnownWrong(_mean_tier, TIER_MEAN, "takes the mean"),
        KnownWrong(
            lambda columns: _tier(columns, combine=False), TIER_COMBINATION, "forgets the combination"
        ),
        KnownWrong(_too_strict, TIER_ALWAYS, "restricts all health data"),
        KnownWrong(lambda columns: _tier(columns).name.title() + " data", TIER_KIND, "answers in words"),
        KnownWrong(lambda columns: Tier.RESTRICTED, TIER_ALWAYS, "restricts everything, to be safe"),
    ),
    solution=_tier,
)
def table_tier(value) -> CheckResult:
    tables = _tables(fresh())
    answers = []
    for columns in tables:
        answer = attempt(value, columns)
        if isinstance(answer, str) and answer in Tier.__members__:
            answer = Tier[answer]
        if not isinstance(answer, int) or isinstance(answer, bool) or answer not in list(Tier):
            return incorrect(TIER_KIND, f"The tiers are {', '.join(Tier.__members__)}.")
        answers.append(Tier(answer))
    expected = [_tier(columns) for columns in tables]
    if answers == expected:
        return correct("Every table got the tier of its worst column, and combinations were raised.")
    slips: tuple[tuple[Callable[[list[str]], Tier], str, str], ...] = (
        (lambda columns: _tier(columns, combine=False), TIER_COMBINATION,
         "Add: if any column is a special category and any points to a person, it is `Tier.RESTRICTED`."),
        (lambda columns: classify([columns[0]]).tier, TIER_FIRST, "Take the `max` over all columns."),
        (_mean_tier, TIER_MEAN, "Take the `max`, not the mean."),
    )  # fmt: skip
    for slip, message, next_step in slips:
        if answers == [slip(columns) for columns in tables]:
            return incorrect(message, next_step)
    alone = [
        columns for columns, answer, right in zip(tables, answers, expected, strict=True) if answer > right
    ]
    if any(classify([column]).gdpr_special for columns in alone for column in columns):
        return incorrect(TIER_ALWAYS, "Raise it only if another column points to a person (`.direct`).")
    columns, right = next((t, e) for t, a, e in zip(tables, answers, expected, strict=True) if a != e)
    titles = ", ".join(dict.fromkeys(ENTITY_CLASSES[name].title for name in columns))
    return incorrect(TIER_OTHER, f"A table with {titles} is {right.name}.")


# -------------------------------------------------------------------------------------- 4 · recall and F2

F2_SWAPPED = "recall and precision were swapped: recall is the share of what is there, not of what was found."
F2_BALANCED = "this is F1, which weighs both alike; F2 weighs recall four times as much."
F2_TURNED = "this is F0.5, which favors precision."
F2_MEAN = "this is a mean of the two; F is a harmonic mean, which a low value pulls down."
F2_PAIR = "two numbers are asked for: recall and F2."
F2_RECALL = "the recall is not right."
F2_ORDER = "the two are right, in the wrong order."
F2_PERCENT = "these are percentages; shares from 0 to 1 are asked for."
F2_ROUNDED = "the numbers were rounded."
F2_ZERO = "where nothing matched, both are 0."
F2_OTHER = "the recall is right, F2 is not."


def _f(n: int, found: int, matched: int, beta: float = 2) -> tuple[float, float]:
    if matched == 0:
        return 0.0, 0.0
    precision, recall = matched / found, matched / n
    return recall, (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _f_mean(n: int, found: int, matched: int) -> tuple[float, float]:
    return matched / n, (matched / n + matched / found) / 2 if found else 0.0


@lab.task(
    prompt="From counts (there, found, matched) give recall and F2, and 0 for both where nothing matched.",
    hints=(
        "Recall asks: of what is there, how much was found? Precision: of what was found, how much is true?",
        "`recall = matched / n` and `precision = matched / found`. F2 is 5 · precision · recall, divided by "
        "(4 · precision + recall).",
        "`if matched == 0: return 0.0, 0.0`, and at the end `return recall, 5 * precision * recall / (4 * "
        "precision + recall)`.",
    ),
    known_wrong=(
        KnownWrong(lambda n, found, matched: _f(found, n, matched), F2_SWAPPED, "divides by what was found"),
        KnownWrong(lambda n, found, matched: _f(n, found, matched, 1), F2_BALANCED, "computes F1"),
        KnownWrong(lambda n, found, matched: _f(n, found, matched, 0.5), F2_TURNED, "turns beta around"),
        KnownWrong(_f_mean, F2_MEAN, "takes the ordinary mean"),
        KnownWrong(lambda n, found, matched: _f(n, found, matched)[1], F2_PAIR, "returns F2 only"),
        KnownWrong(
            lambda n, found, matched: _f(n, found, matched) if matched else (None, None),
            F2_ZERO,
            "leaves the empty case open",
        ),
        KnownWrong(lambda n, found, matched: _f(n, found, matched)[::-1], F2_ORDER, "F2 first"),
        KnownWrong(
            lambda n, found, matched: tuple(100 * share for share in _f(n, found, matched)),
            F2_PERCENT,
            "answers in percent",
        ),
        KnownWrong(
            lambda n, found, matched: tuple(round(share, 2) for share in _f(n, found, matched)),
            F2_ROUNDED,
            "rounds to two places",
        ),
        KnownWrong(
            lambda n, found, matched: (
                matched / n,
                5 * matched / (4 * n + found) if matched / found else 0.0,
            ),
            F2_ZERO,
            "divides by what was found, also where that is nothing",
        ),
        KnownWrong(lambda n, found, matched: (1.0, 1.0), F2_RECALL, "a constant"),
    ),
    solution=_f,
)
def recall_and_f2(value) -> CheckResult:
    rng = fresh()
    cases = []
    for _ in range(20):
        matched = int(rng.integers(1, 50))
        cases.append((matched + int(rng.integers(51, 90)), matched + int(rng.integers(1, 50)), matched))
    answers = [attempt(value, *case) for case in cases]
    if any(not isinstance(answer, list | tuple) or len(answer) != 2 for answer in answers):
        return incorrect(F2_PAIR, "End with `return recall, f2`.")
    slips = (
        (lambda n, found, matched: _f(found, n, matched), F2_SWAPPED, "Divide `matched` by `n` for recall."),
        (lambda n, found, matched: _f(n, found, matched, 1), F2_BALANCED, "Use 5 · P · R / (4 · P + R)."),
        (lambda n, found, matched: _f(n, found, matched, 0.5), F2_TURNED, "Put the 4 beside precision."),
        (_f_mean, F2_MEAN, "Use 5 · P · R / (4 · P + R)."),
        (lambda n, found, matched: _f(n, found, matched)[::-1], F2_ORDER, "End with `return recall, f2`."),
        (
            lambda n, found, matched: tuple(100 * share for share in _f(n, found, matched)),
            F2_PERCENT,
            "Leave the factor 100 out.",
        ),
    )
    for slip, message, next_step in slips:
        if same(answers, [slip(*case) for case in cases]):
            return incorrect(message, next_step)
    right = [_f(*case) for case in cases]
    if not same(answers, right) and same(answers, right, tolerance=0.006):
        return incorrect(F2_ROUNDED, "Return them as they are, and round where they are printed.")
    for answer, case in zip(answers, cases, strict=True):
        recall, f2 = _f(*case)
        n, found, matched = case
        counts = f"With {n} there, {found} found and {matched} matched"
        if not same(answer[0], recall):
            return incorrect(F2_RECALL, f"{counts}, recall is {matched} / {n}.")
        if not same(answer[1], f2):
            return incorrect(F2_OTHER, f"{counts}, F2 is {f2:.3f}.")
    for case in ((int(rng.integers(1, 9)), 0, 0), (int(rng.integers(1, 9)), int(rng.integers(1, 9)), 0)):
        answer = attempt(partial(_tried, value), *case)
        if not same(answer, (0, 0)):
            return incorrect(F2_ZERO, "Ask `if matched == 0` before you divide.")
    return correct("Recall and F2 are right for fresh counts, also where nothing was found.")


# ------------------------------------------------------------------------------------- 5 · a threshold

THRESHOLD_F2 = "this threshold has the best F2, but its recall is below what was asked for."
THRESHOLD_LOWEST = (
    "this keeps the recall, but a stricter threshold would keep it too with fewer false alarms."
)
THRESHOLD_IMPOSSIBLE = "no threshold reaches this recall, and the honest answer is `None`."
THRESHOLD_ROW = "a threshold is asked for, one of the numbers in the column `threshold`."
THRESHOLD_GAVE_UP = "there is a threshold that reaches this recall."
THRESHOLD_RECALL = "the recall at this threshold is below what was asked for."
THRESHOLD_OTHER = "another threshold that keeps the recall has a better precision."


def _choose(curve: pd.DataFrame, least_recall: float) -> float | None:
    enough = curve[curve["recall"] >= least_recall]
    return None if enough.empty else float(enough.loc[enough["precision"].idxmax(), "threshold"])


def _curve(rng: np.random.Generator) -> pd.DataFrame:
    thresholds = np.round(np.arange(0, 1.01, 0.1), 1)
    recall = np.sort(rng.uniform(0.2, 0.85, len(thresholds)))[::-1]
    recall[-3:] = np.sort(rng.uniform(0.02, 0.15, 3))[::-1]
    precision = np.sort(rng.uniform(0.5, 0.99, len(thresholds)))
    # Neighbors are swapped: precision goes up and down, so that the strictest threshold is not the best.
    precision[:10] = precision[:10].reshape(5, 2)[:, ::-1].ravel()
    f2 = 5 * precision * recall / (4 * precision + recall)
    return pd.DataFrame({"threshold": thresholds, "precision": precision, "recall": recall, "f2": f2})


def _best_f2(curve: pd.DataFrame, least_recall: float) -> float:
    return float(curve.loc[curve["f2"].idxmax(), "threshold"])


@lab.task(
    prompt="Choose the threshold with the best precision among those that keep the recall, or None.",
    hints=(
        "First throw away what does not keep the recall, then look for the best of the rest.",
        "`enough = curve[curve['recall'] >= least_recall]`; it may be empty (`enough.empty`).",
        "`enough.loc[enough['precision'].idxmax(), 'threshold']` is the threshold of the best row.",
    ),
    known_wrong=(
        KnownWrong(
            lambda curve, least_recall: float(curve.loc[curve["precision"].idxmax(), "threshold"]),
            THRESHOLD_RECALL,
            "takes the best precision of all",
        ),
        KnownWrong(
            lambda curve, least_recall: (
                float(curve["threshold"].min()) if (curve["recall"] >= least_recall).any() else None
            ),
            THRESHOLD_LOWEST,
            "takes the lowest, to be safe",
        ),
        KnownWrong(
            lambda curve, least_recall: _choose(curve, min(least_recall, curve["recall"].max())),
            THRESHOLD_IMPOSSIBLE,
            "answers with the next best where nothing is good enough",
        ),
        KnownWrong(
            lambda curve, least_recall: len(curve[curve["recall"] >= least_recall]),
            THRESHOLD_ROW,
            "counts rows",
        ),
        KnownWrong(
            lambda curve, least_recall: _choose(curve, least_recall + 0.5),
            THRESHOLD_GAVE_UP,
            "asks for more than was asked",
        ),
        KnownWrong(
            lambda curve, least_recall: (
                curve[curve["recall"] >= least_recall].sort_values("precision")["threshold"].iloc[-1]
            ),
            THRESHOLD_IMPOSSIBLE,
            "ends in an error where no row is left",
        ),
        KnownWrong(
            lambda curve, least_recall: (
                float(curve["threshold"][curve["recall"] >= least_recall].max())
                if (curve["recall"] >= least_recall).any()
                else None
            ),
            THRESHOLD_OTHER,
            "takes the strictest for the most precise",
        ),
        KnownWrong(lambda curve, least_recall: _best_f2(curve, 0), THRESHOLD_F2, "takes the best F2"),
    ),
    solution=_choose,
)
def choose_threshold(value) -> CheckResult:
    rng = fresh()
    cases = []
    for number in range(12):
        curve = _curve(rng)
        recall = curve["recall"].to_numpy()
        # Above the recall of the best F2 in every second case, and within reach in all.
        place = int(np.argmax(curve["f2"])) if number % 2 else 4
        cases.append((curve, float((recall[max(place - 1, 0)] + recall[max(place, 1)]) / 2)))
    unreachable = _curve(rng)
    cases.append((unreachable, float(unreachable["recall"].max()) + 0.05))
    answers = [attempt(value, *case, none_is_an_answer=True) for case in cases[:-1]]
    hopeless = attempt(partial(_tried, value), *cases[-1], none_is_an_answer=True)
    # An error or NaN where nothing is left is an answer to the last case only, and not the honest one.
    answers.append(0.0 if hopeless is RAISED or same(hopeless, np.nan) else hopeless)
    expected = [_choose(*case) for case in cases]
    if all(answer is None for answer in answers):
        return incorrect(THRESHOLD_GAVE_UP, "Drop the rows with too little recall; look whether any is left.")
    numbers = [answer for answer in answers if answer is not None]
    if any(isinstance(answer, bool) or not isinstance(answer, int | float | np.number) for answer in numbers):
        return incorrect(THRESHOLD_ROW, "Return the value in the column `threshold`.")
    if not all(np.isclose(cases[0][0]["threshold"], float(answer)).any() for answer in numbers):
        return incorrect(THRESHOLD_ROW, "Return the value in the column `threshold`.")
    if same(answers, expected):
        return correct("It keeps the recall, spares false alarms, and says so where no threshold is enough.")
    if same(answers, [_best_f2(*case) for case in cases]):
        return incorrect(THRESHOLD_F2, "Drop the rows with too little recall before you look for the best.")
    for answer, right, (curve, asked) in zip(answers[:-1], expected, cases, strict=False):
        reached = answer is not None and curve.loc[np.isclose(curve["threshold"], answer), "recall"].iloc[0]
        goal = f"At least {asked:.1%} recall was asked for"
        if answer is None:
            return incorrect(THRESHOLD_GAVE_UP, f"{goal}, and {right:g} reaches it.")
        if reached < asked:
            return incorrect(THRESHOLD_RECALL, f"{goal}, this one has {reached:.1%}: drop such rows first.")
    if not same(answers[:-1], expected[:-1]):
        lowest = all(same(float(answer), 0.0) for answer in answers[:-1])
        message = THRESHOLD_LOWEST if lowest else THRESHOLD_OTHER
        return incorrect(message, "Of the rows that reach the recall take the one with the best precision.")
    return incorrect(THRESHOLD_IMPOSSIBLE, "Return `None` if no row has enough recall.")


# ------------------------------------------------------------------------------------- 6 · clean texts

CLEAN_PARTIAL = "an identifier of which a piece is left still identifies: it must lie in findings as a whole."
CLEAN_EXACT = "a finding that is longer than the identifier covers it, too; the ends need not agree."
CLEAN_ANY = "a text with one identifier found and another missed is not clean."
CLEAN_SPANS = "this counts identifiers; texts are asked for."
CLEAN_EMPTY = "a text that holds no identifier is clean."
CLEAN_COUNT = "the number of texts is asked for, as a whole number."
CLEAN_JOINED = "two findings side by side can cover one identifier together."
CLEAN_DIRTY = "this counts the texts that are not clean."
CLEAN_ALL = "every text was counted as clean."
CLEAN_OTHER = "the number of clean texts is not right."

Places = list[tuple[int, int]]


def _covers(identifier: tuple[int, int], findings: Places) -> bool:
    return all(any(start <= at < end for start, end in findings) for at in range(*identifier))


def _touches(identifier: tuple[int, int], findings: Places) -> bool:
    return any(start < identifier[1] and identifier[0] < end for start, end in findings)


def _inside_one(identifier: tuple[int, int], findings: Places) -> bool:
    return any(start <= identifier[0] and identifier[1] <= end for start, end in findings)


def _clean(true: list[Places], found: list[Places], rule: Callable = _covers, every: Callable = all) -> int:
    return sum(every(rule(place, f) for place in t) for t, f in zip(true, found, strict=True))


def _clean_spans(true: list[Places], found: list[Places]) -> int:
    return sum(_covers(place, f) for t, f in zip(true, found, strict=True) for place in t)


def _clean_with_any(true: list[Places], found: list[Places]) -> int:
    return sum(bool(t) and all(_covers(p, f) for p in t) for t, f in zip(true, found, strict=True))


def _share_of_clean(true: list[Places], found: list[Places]) -> float:
    return _clean(true, found) / len(true)


CLEAN_SLIPS: tuple[tuple[Callable, str, str, str], ...] = (
    (partial(_clean, rule=_touches), CLEAN_PARTIAL,
     "Ask for every position of the identifier, `range(start, end)`, whether it lies in a finding.",
     "counts what is found in part"),
    (partial(_clean, rule=lambda place, f: place in f), CLEAN_EXACT,
     "Do not compare places for being equal: ask whether the one lies in the other.",
     "asks for the same place"),
    (partial(_clean, rule=_inside_one), CLEAN_JOINED,
     "Collect the positions of all findings of a text in one set first.", "asks for one finding each"),
    (partial(_clean, every=any), CLEAN_ANY, "Use `all`, not `any`, over the identifiers of a text.",
     "is content with one"),
    (_clean_spans, CLEAN_SPANS, "Count a text once, if all of its identifiers are covered.",
     "counts identifiers"),
    (_clean_with_any, CLEAN_EMPTY, "`all` of nothing is true, so that no special case is needed.",
     "leaves out texts without identifiers"),
    (lambda true, found: len(true) - _clean(true, found), CLEAN_DIRTY, "Count the others.",
     "counts the texts that leak"),
    (lambda true, found: len(true), CLEAN_ALL, "Compare what is there with what was found.",
     "trusts the detector"),
)  # fmt: skip
"""What people write instead, what to say to it, the next step, and its name."""


def _clean_texts(rng: np.random.Generator) -> tuple[list[Places], list[Places]]:
    """Return places of identifiers and findings in texts of every kind that matters, each at least once."""
    true, found = [], []

    def place() -> tuple[int, int]:
        start = int(rng.integers(5, 40))
        return start, start + int(rng.integers(6, 20))

    def far(first: tuple[int, int]) -> tuple[int, int]:
        return first[1] + 10, first[1] + 10 + int(rng.integers(4, 12))

    for _ in range(int(rng.integers(2, 5))):
        one = place()
        two, middle = far(one), (one[0] + one[1]) // 2
        kinds: tuple[tuple[Places, Places], ...] = (
            ([one], [one]),
            ([one, two], [one, two]),
            ([one, two], [one]),
            ([one], [(one[0], one[1] - 2)]),
            ([one], [(one[0] - 3, one[1] + 1)]),
            ([one], [(one[0], middle), (middle, one[1])]),
            ([], [two]),
            ([], []),
            ([one], []),
        )
        # In numbers that differ, so that no two mistakes lead to the same count.
        for texts, times in zip(kinds, (1, 2, 4, 3, 5, 7, 6, 3, 2), strict=True):
            true += [texts[0]] * times
            found += [texts[1]] * times
    order = rng.permutation(len(true))
    return [true[i] for i in order], [found[i] for i in order]


@lab.task(
    prompt="Count the texts in which findings cover every identifier from its first to its last character.",
    hints=(
        "A text is clean if **all** its identifiers are covered. When is one identifier covered?",
        "Make a set of the positions that findings cover: `{at for start, end in places for at in "
        "range(start, end)}`. An identifier is covered if `range(start, end)` lies in it.",
        "`covered.issuperset(range(start, end))` for every identifier of a text, inside `all(...)`; then "
        "`sum` over the texts with `zip(true, found)`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message, name) for slip, message, _, name in CLEAN_SLIPS),
        KnownWrong(_share_of_clean, CLEAN_COUNT, "returns the share"),
        KnownWrong(lambda true, found: 0, CLEAN_OTHER, "returns zero"),
    ),
    solution=_clean,
)
def clean_texts(value) -> CheckResult:
    rng = fresh()
    cases = [_clean_texts(rng) for _ in range(4)]
    answers = [attempt(value, *case) for case in cases]
    whole = (int, np.integer)
    if any(isinstance(answer, bool) or not isinstance(answer, whole) for answer in answers):
        return incorrect(CLEAN_COUNT, "Return `sum(...)` over the texts.")
    if same(answers, [_clean(*case) for case in cases]):
        return correct("A text counts only if nothing of any identifier is left in it.")
    for slip, message, next_step, _ in CLEAN_SLIPS:
        if same(answers, [slip(*case) for case in cases]):
            return incorrect(message, next_step)
    return incorrect(
        CLEAN_OTHER, "Try it on one text with one identifier, found whole, in part and not at all."
    )
