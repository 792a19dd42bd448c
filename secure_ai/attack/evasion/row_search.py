"""The search for one row: what is asked next, given what was answered; many rows run side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.evasion.coding import TableCode, Unit
from secure_ai.attack.evasion.combinations import Frontier, cheapest_combinations

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_DONORS = 8
DONOR_SHARE = 0.4
OPTION_SHARE = 0.45
ROUNDS = 8
FINE = 6
NEAR = 1e-3
BETTER = 1e-4
WORTH_ANOTHER = 3e-3
NEIGHBORS = 24
LEAST_MARGIN = -1e9


@dataclass(frozen=True)
class Question:
    """What a search wants to know next.

    Attributes:
        rows: coded.
        own: whether the attacker's own model is asked (which costs no query) and not the target.
    """

    rows: NDArray
    own: bool = False


# What comes back: success of each row, and its margins on two scales.
Answers = tuple["NDArray", "NDArray"]
Questions = Generator[Question, Answers, None]


class RowSearch:
    """Everything that is known about one row while its change is looked for.

    Args:
        code: the table.
        row: coded.
        margins: of the row itself, on each scale; negative before success.
        donors: coded reference rows of the class that is wanted.
        budget: rows that may be asked.
        own_model: whether the attacker has a model of their own, since the target gives labels only.

    Attributes:
        best: the cheapest success, coded; None so far.
        cost: what it costs.
        asked: rows asked so far.
        history: (asked, cost) at each success that was cheaper than the one before.
    """

    def __init__(
        self,
        code: TableCode,
        row: NDArray,
        margins: NDArray,
        donors: NDArray,
        *,
        budget: int,
        own_model: bool = False,
    ) -> None:
        self.code, self.row, self.donors = code, row, donors
        self.budget, self.own_model = budget, own_model
        self.best: NDArray | None = None
        self.cost = np.inf
        self.asked = 0
        self.history: list[tuple[int, float]] = []
        self._known = {(row + 0.0).tobytes(): (False, margins)}
        self._closest, self._closest_margin = row, float(margins[0])
        self._option_lists: dict[str, NDArray] = {}

    def run(self) -> Questions:
        """Ask until nothing cheaper is found or the budget is spent."""
        yield from self._donors()
        yield from self._revert()
        center, idle = self.row, 0
        # The attacker's own model learns from what all rows ask: a later round may know better.
        patience = 3 if self.own_model else 1
        for _ in range(ROUNDS):
            before, margin = self.cost, self._closest_margin
            yield from self._combine(center)
            yield from self._revert()
            yield from self._shrink()
            if self.own_model and self.best is not None:
                yield from self._neighbors()
            if self.asked >= self.budget:
                return
            if self.best is None:
                idle += self._closest_margin <= margin and center is self._closest
                center = self._closest
            else:
                idle = (
                    0 if before - self.cost > WORTH_ANOTHER * self.cost else idle + (center is not self.row)
                )
                center = self.best
            if idle >= patience:
                break
        if self.best is None:
            yield from self._more_donors()
            yield from self._revert()
            yield from self._shrink()

    def _ask(self, candidates: NDArray) -> Generator[Question, Answers, Answers]:
        """Ask what is allowed and not known yet; return success and margins (NaN where not asked)."""
        candidates = candidates + 0.0
        success = np.zeros(len(candidates), dtype=bool)
        margins = np.full((len(candidates), 2), np.nan)
        if not len(candidates):
            return success, margins
        keys = [candidate.tobytes() for candidate in candidates]
        new: dict[bytes, int] = {}
        for place in np.flatnonzero(self.code.valid(self.row, candidates)):
            if keys[place] not in self._known and len(new) < self.budget - self.asked:
                new.setdefault(keys[place], place)
        if new:
            places = list(new.values())
            found, reached = yield Question(candidates[places])
            costs = self.code.costs(self.row, candidates[places])
            for place, hit, margin, cost in zip(places, found, reached, costs, strict=True):
                self.asked += 1
                self._known[keys[place]] = (bool(hit), margin)
                if hit and cost < self.cost:
                    self.best, self.cost = candidates[place], float(cost)
                    self.history.append((self.asked, float(cost)))
                elif not hit and margin[0] > self._closest_margin:
                    self._closest, self._closest_margin = candidates[place], float(margin[0])
        for place, key in enumerate(keys):
            if key in self._known:
                success[place], margins[place] = self._known[key]
        return success, margins

    def _donors(self) -> Questions:
        candidates = self._by_cost(self.code.project(self.row, self.donors))
        start, size, most = 0, FIRST_DONORS, int(self.budget * DONOR_SHARE)
        while self.best is None and start < min(len(candidates), most):
            yield from self._ask(candidates[start : start + size])
            start, size = start + size, size * 2

    def _more_donors(self) -> Questions:
        start = self.row if self.own_model else self._closest
        near = self.code.project(start, self.donors)
        near = self.code.tie(self.row, self.code.project(self.row, near))
        candidates = self._by_cost(np.vstack([near, self.code.project(self.row, self.donors)]))
        for begin in range(0, len(candidates), 4 * FIRST_DONORS):
            if self.best is not None or self.asked >= self.budget:
                return
            yield from self._ask(candidates[begin : begin + 4 * FIRST_DONORS])

    def _by_cost(self, candidates: NDArray) -> NDArray:
        candidates = np.unique(candidates[self.code.valid(self.row, candidates)], axis=0)
        candidates = candidates[(candidates != self.row).any(axis=1)]
        return candidates[np.argsort(self.code.costs(self.row, candidates), kind="stable")]

    def _changed(self, candidate: NDArray) -> list[Unit]:
        return [u for u in self.code.units if (candidate[list(u.places)] != self.row[list(u.places)]).any()]

    def _with(self, base: NDArray, unit: Unit, values: NDArray) -> NDArray:
        """Return ``base`` once for each row of values of the unit."""
        changed = np.repeat(base[None, :], len(values), axis=0)
        changed[:, unit.places] = values
        return self.code.tie(self.row, changed)

    def _options(self, unit: Unit) -> NDArray:
        if unit.name not in self._option_lists:
            self._option_lists[unit.name] = self.code.options(unit, self.row)
        return self._option_lists[unit.name]

    def _reset(self, base: NDArray, units: list[Unit]) -> NDArray:
        changed = base.copy()
        for unit in units:
            changed[list(unit.places)] = self.row[list(unit.places)]
        return self.code.tie(self.row, changed[None, :])[0]

    def _dearest_first(self, base: NDArray, units: list[Unit]) -> list[Unit]:
        parts = [
            self.code.costs(self.row, self._with(self.row, u, base[None, list(u.places)]))[0] for u in units
        ]
        return [units[place] for place in np.argsort(-np.array(parts), kind="stable")]

    def _revert(self) -> Questions:
        """Take back changes that were not needed, first one at a time, then those together."""
        while self.best is not None and self.asked < self.budget:
            base, before = self.best, self.cost
            units = self._changed(base)
            if len(units) < 2:
                return
            success, _ = yield from self._ask(np.array([self._reset(base, [unit]) for unit in units]))
            spare = [unit for unit, hit in zip(units, success, strict=True) if hit]
            spare = self._dearest_first(base, spare)
            together = [self._reset(base, spare[:count]) for count in range(2, len(spare) + 1)]
            if together:
                yield from self._ask(np.array(together))
            if self.cost >= before:
                return

    def _shrink(self) -> Questions:
        """Bring numbers back towards where they were, as far as the answer allows."""
        if self.best is None:
            return
        base = self.best
        numbers = [unit for unit in self._changed(base) if self.code.is_number(unit)]
        for unit in self._dearest_first(base, numbers):
            at = unit.places[0]
            whole = self.code.is_whole(unit) or unit.kind == "category"
            near, far = self.row[at], self.best[at]
            while self.asked < self.budget:
                middle = (near + far) / 2
                middle = np.round(middle) if whole else middle
                if middle in (near, far) or abs(far - near) <= NEAR * abs(far - self.row[at]):
                    break
                success, _ = yield from self._ask(self._with(self.best, unit, np.array([[middle]])))
                near, far = (near, middle) if success[0] else (middle, far)

    def _combine(self, center: NDArray) -> Questions:
        """Learn what single changes do around ``center``, and ask the combinations that should suffice."""
        units, values, asked = [], [], []
        room = max(int((self.budget - self.asked) * OPTION_SHARE), 1)
        listed = []
        for unit in self.code.units:
            found = self._options(unit)
            here = (found == center[list(unit.places)]).all(axis=1)
            found = found[~here]
            if len(found):
                dear = self.code.costs(self.row, self._with(self.row, unit, found)) >= self.cost
                found = found[~dear]
            listed.append((unit, found))
        while not self.own_model and sum(len(found) for _, found in listed) > room:
            longest = max(range(len(listed)), key=lambda place: len(listed[place][1]))
            unit, found = listed[longest]
            if len(found) < 3:
                break
            listed[longest] = (unit, found[::2])
        for unit, found in listed:
            back = self.row[list(unit.places)][None, :]
            more = back if (back != center[list(unit.places)]).any() else back[:0]
            options = np.vstack([found, more])
            units.append(unit)
            values.append(options)
            asked.append(self._with(center, unit, options))
        flat = np.vstack(asked)
        if not self.own_model:
            _, margins = yield from self._ask(flat)
            origin = self._known[(center + 0.0).tobytes()][1]
        else:
            _, margins = yield Question(np.vstack([flat, center]), own=True)
            margins, origin = margins[:-1], margins[-1]
            margins[~self.code.valid(self.row, flat)] = np.nan
        ends = np.cumsum([len(options) for options in values])[:-1]
        for scale in range(1 if self.own_model else 2):
            gains = np.split(margins[:, scale] - origin[scale], ends)
            yield from self._verify(center, units, values, gains, -origin[scale])

    def _verify(
        self, center: NDArray, units: list[Unit], values: list[NDArray], gains: list[NDArray], need: float
    ) -> Questions:
        chosen, costs, wins = [], [], []
        for unit, options, gain in zip(units, values, gains, strict=True):
            here = center[list(unit.places)][None, :]
            known = np.isfinite(gain)
            points = np.vstack([here, options[known]])
            gained = np.concatenate([[0.0], gain[known]])
            if unit.kind == "number":
                points, gained = self._between(unit, points, gained)
            chosen.append(points)
            wins.append(gained)
            costs.append(self.code.costs(self.row, self._with(self.row, unit, points)))
        frontier = cheapest_combinations(costs, wins, need=need, dearest=self.cost * (1 - BETTER))
        if not len(frontier.cost):
            return
        order = np.flatnonzero(frontier.gain >= min(0.0, 2 * need))

        def combined(places: NDArray) -> NDArray:
            made = np.repeat(center[None, :], len(places), axis=0)
            for column, unit in enumerate(units):
                made[:, unit.places] = chosen[column][frontier.choice[places, column]]
            return self.code.tie(self.row, made)

        yield from self._cheapest_success(frontier, order, combined, need)

    def _cheapest_success(
        self, frontier: Frontier, order: NDArray, combined: Callable[[NDArray], NDArray], need: float
    ) -> Questions:
        """Look along the frontier for the first combination that succeeds: predictions are not exact."""
        if not len(order):
            return
        start = min(int(np.searchsorted(frontier.gain[order], need)), len(order) - 1)
        fails, hit = -1, len(order)
        places = np.unique(np.clip(start + np.array([-4, -1, 0, 1, 3, 8, 20]), 0, len(order) - 1))
        for _ in range(4):
            success, _ = yield from self._ask(combined(order[places]))
            if success.any():
                hit = min(hit, int(places[success.argmax()]))
            below = places[~success & (places < hit)]
            fails = max(fails, int(below.max(initial=-1)))
            if hit - fails <= 1:
                return
            if hit == len(order):
                places = np.unique(np.linspace(fails + 1, len(order) - 1, 5).astype(int))
            else:
                places = np.unique(np.linspace(fails, hit, 5).astype(int)[1:-1])
                places = places[(places > fails) & (places < hit)]
            if not len(places):
                return

    def _between(self, unit: Unit, points: NDArray, gains: NDArray) -> tuple[NDArray, NDArray]:
        """Return the points of a number with others between them, gains interpolated."""
        x, first = np.unique(points[:, 0], return_index=True)
        steps = np.linspace(0, len(x) - 1, FINE * (len(x) - 1) + 1)
        fine = np.interp(steps, np.arange(len(x)), x)
        fine = np.unique(np.round(fine)) if self.code.is_whole(unit) else fine
        return fine[:, None], np.interp(fine, x, gains[first])

    def _neighbors(self) -> Questions:
        """Try what is cheaper than the best and one or two changes away, the likeliest first."""
        base = self.best
        single = [self._with(base, u, self._options(u)) for u in self.code.units]
        reverted = [self._reset(base, [unit]) for unit in self._changed(base)]
        for unit in self.code.units:
            single += [self._with(back, unit, self._options(unit)) for back in reverted]
        near = np.vstack([*single, *(back[None, :] for back in reverted)])
        near = near[self.code.costs(self.row, near) < self.cost * (1 - BETTER)]
        near = self._by_cost(near) if len(near) else near
        near = near[[(c + 0.0).tobytes() not in self._known for c in near]] if len(near) else near
        if not len(near):
            return
        _, margins = yield Question(near, own=True)
        yield from self._ask(near[np.argsort(-margins[:, 0], kind="stable")[:NEIGHBORS]])
        yield from self._revert()
        yield from self._shrink()
