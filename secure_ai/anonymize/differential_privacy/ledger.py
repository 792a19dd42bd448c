"""The budget of one data set in a SQLite file: every release pays, and an overdrawn query is refused."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.differential_privacy.amounts import amount_of, as_text, check_price, total
from secure_ai.anonymize.differential_privacy.fingerprint import content_of, fingerprint
from secure_ai.anonymize.differential_privacy.ledger_tables import DEFAULT_WHO, engine_of, tables
from secure_ai.anonymize.differential_privacy.noise import checked_privacy, epsilon_of, rho_of
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, TableLike, as_source, open_source, shown

if TYPE_CHECKING:
    import pandas as pd

COMPOSITIONS = ("basic", "zcdp")
Clock = Callable[[], dt.datetime]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class BudgetLedger:
    """The budget of one data set.

    Two ways of adding up (``composition``, fixed when the ledger is made): ``"basic"`` adds epsilon and
    delta; ``"zcdp"`` adds rho (zero-concentrated differential privacy, Bun and Steinke 2016), with which many
    Gaussian answers cost far less. Both hold for queries chosen after seeing earlier answers (Rogers et al.
    2016; Whitehouse et al. 2023).

    A spend is never given back, and there is no reset: what was said about people stays said. Keep the file
    where the data are kept: it holds no value of the data, but a (salted, slow) hash of them.

    What it does not hinder: whoever may write the file may put an older copy in its place, change the
    budget in it, or make a second ledger for the same people. An object that is open notices an older copy,
    a new one cannot. So the file and the data belong to an account that releases for the analysts, and the
    numbers of :meth:`sentence` into a log that they cannot write.

    Args:
        path: the ledger's file, made by :meth:`create`.
        clock: gives the time of a spend.

    Raises:
        UserError: if there is no such file, or it is damaged.
    """

    def __init__(self, path: str | Path, *, clock: Clock = _now) -> None:
        self.path = Path(path)
        self._clock = clock
        self._known: dict[int, tuple[Any, str]] = {}
        self._seen = 0
        if not self.path.is_file():
            raise UserError(f"There is no budget ledger {shown(self.path.name)}: create it first.")
        self._engine = engine_of(self.path)
        with self._transaction() as connection:
            self._state(connection)

    @classmethod
    def create(
        cls,
        path: str | Path,
        source: TableLike | Source,
        *,
        epsilon: float,
        delta: float = 0.0,
        person: str | None = None,
        composition: str = "basic",
        clock: Clock = _now,
    ) -> BudgetLedger:
        """Make a new ledger for one data set; an existing file is never overwritten.

        Args:
            path: where; readable by its owner alone.
            source: the data set.
            epsilon, delta: all that may ever be spent on it.
            person: column that says whose row it is; None where each row is another person.
            composition: ``"basic"`` or ``"zcdp"`` (needs a delta above 0).
            clock: gives the time of a spend.

        Raises:
            UserError: if the budget makes no sense, the file exists or cannot be written.
        """
        checked_privacy(epsilon, delta)
        if composition not in COMPOSITIONS:
            raise UserError(f"There is no composition '{composition}': choose basic or zcdp.")
        if composition == "zcdp" and delta == 0:
            raise UserError("A ledger that adds up rho (zcdp) needs a delta above 0, such as 1e-6.")
        path = Path(path)
        opened = as_source(source)
        if person is not None:
            opened.require([person])
        rho = rho_of(float(epsilon), float(delta)) if composition == "zcdp" else None
        salt = secrets.token_hex(16)
        digest = content_of(opened)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            name = shown(path.name)
            if path.exists():
                raise UserError(f"The ledger {name} exists: open it, or name another file.") from None
            reason = os.strerror(error.errno).lower() if error.errno else "unknown reason"
            raise UserError(f"The ledger {name} cannot be written ({reason}): name another place.") from None
        try:
            model = tables()
            with _readable(path), engine_of(path).begin() as connection:
                model.metadata.create_all(connection)
                connection.execute(
                    model.budget.insert().values(
                        only=1,
                        epsilon=as_text(epsilon),
                        delta=as_text(delta),
                        composition=composition,
                        rho=None if rho is None else as_text(rho),
                        person=person,
                        salt=salt,
                        spends=0,
                    )
                )
                connection.execute(
                    model.data_set.insert().values(
                        fingerprint=fingerprint(digest, salt), label=shown(opened.label), at=clock()
                    )
                )
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise
        ledger = cls(path, clock=clock)
        ledger._known[id(opened.connection)] = (opened.connection, digest)
        return ledger

    def check(
        self,
        source: TableLike | Source,
        epsilon: float,
        delta: float = 0.0,
        *,
        rho: float | None = None,
        person: str | None = None,
    ) -> None:
        """Refuse what :meth:`spend` would refuse, and spend nothing.

        Raises:
            UserError: as :meth:`spend`.
        """
        check_price(epsilon, delta, rho)
        digest = self._digest(source)
        with self._transaction() as connection:
            self._admit(connection, digest, (epsilon, delta, rho), person)

    def spend(
        self,
        source: TableLike | Source,
        epsilon: float,
        delta: float = 0.0,
        *,
        what: str,
        rho: float | None = None,
        person: str | None = None,
        who: str = "",
        mechanism: str = "",
    ) -> None:
        """Pay for a release, before it is made. All or nothing, also when several processes pay at once.

        Args:
            source: the data set that is asked.
            epsilon, delta: the price.
            what: what is asked, without values of the data.
            rho: the price in zero-concentrated differential privacy, where there is one.
            person: column of the person in the release's privacy unit.
            who: who asks: a role or a ticket number.
            mechanism: how the answer is made private.

        Raises:
            UserError: if the price makes no sense, the data set or the person is another one, or the
                budget does not suffice; nothing is spent then.
        """
        check_price(epsilon, delta, rho)
        digest = self._digest(source)
        model = tables()
        with self._transaction() as connection:
            number = self._admit(connection, digest, (epsilon, delta, rho), person)
            connection.execute(
                model.spend.insert().values(
                    number=number,
                    at=self._clock(),
                    who=shown(str(who or "")) or DEFAULT_WHO,
                    what=str(what)[:500],
                    mechanism=mechanism,
                    epsilon=as_text(epsilon),
                    delta=as_text(delta),
                    rho=None if rho is None else as_text(rho),
                )
            )
            connection.execute(model.budget.update().values(spends=number))
        self._seen = max(self._seen, number)

    def covers_also(self, source: TableLike | Source) -> None:
        """Let the same budget pay for another version or extract of the data set.

        A table with new rows is about the same people: it continues this budget, it does not get a new one.
        """
        opened = as_source(source)
        digest, label = self._digest(opened, known=False), opened.label
        model = tables()
        with self._transaction() as connection:
            state = self._state(connection)
            mark = fingerprint(digest, state["salt"])
            if mark not in state["data_sets"]:
                connection.execute(
                    model.data_set.insert().values(fingerprint=mark, label=shown(label), at=self._clock())
                )

    @property
    def epsilon(self) -> float:
        """All epsilon that may ever be spent."""
        return float(self._read()["epsilon"])

    @property
    def delta(self) -> float:
        """All delta that may ever be spent."""
        return float(self._read()["delta"])

    @property
    def composition(self) -> str:
        """How spends are added up."""
        return str(self._read()["composition"])

    @property
    def spent(self) -> tuple[float, float]:
        """Epsilon and delta spent so far, by the ledger's composition."""
        state = self._read()
        if state["composition"] == "zcdp":
            used = float(state["spent_rho"])
            return (epsilon_of(used, float(state["delta"])), float(state["delta"])) if used else (0.0, 0.0)
        return float(state["spent_epsilon"]), float(state["spent_delta"])

    @property
    def left(self) -> tuple[float, float]:
        """Epsilon and delta that are left (in a zcdp ledger: the total less :attr:`spent`)."""
        state = self._read()
        if state["composition"] == "zcdp":
            used = float(state["spent_rho"])
            gone = epsilon_of(used, float(state["delta"])) if used else 0.0
            return max(0.0, float(state["epsilon"]) - gone), float(state["delta"])
        return float(state["epsilon"] - state["spent_epsilon"]), float(state["delta"] - state["spent_delta"])

    def spends(self, *, times: bool = False) -> pd.DataFrame:
        """Return one row a spend: what, who, mechanism, epsilon, delta, rho; with ``times`` when (UTC)."""
        import pandas as pd

        rows = self._read()["rows"]
        columns = ["what", "who", "mechanism", "epsilon", "delta", "rho", *(["at"] if times else [])]
        frame = pd.DataFrame(rows, columns=["number", *columns]).set_index("number")
        for column in ("epsilon", "delta", "rho"):
            frame[column] = frame[column].astype(float)
        return frame

    def sentence(self) -> str:
        """Say what was spent and what is left."""
        state = self._read()
        n = len(state["rows"])
        return (
            f"{n} answer{'' if n == 1 else 's'} paid so far; {_left(state)} of epsilon {state['epsilon']:f}"
            + (f" and delta {float(state['delta']):g}" if state["delta"] else "")
            + "."
        )

    def _admit(
        self, connection: Any, digest: str, price: tuple[float, float, float | None], person: str | None
    ) -> int:
        epsilon, delta, rho = price
        state = self._state(connection)
        name = shown(self.path.name)
        if fingerprint(digest, state["salt"]) not in state["data_sets"]:
            raise UserError(
                f"The ledger {name} belongs to another data set ({state['labels'][0]}): use that one's "
                "ledger, or, if this is a newer version about the same people, add it with covers_also."
            )
        if person != state["person"]:
            ours = f"the person in '{shown(state['person'])}'" if state["person"] else "a row"
            theirs = f"the person in '{shown(person)}'" if person else "a row"
            raise UserError(
                f"The budget of {name} protects {ours}, but this query protects {theirs}: "
                "ask with the same person."
            )
        if state["composition"] == "zcdp":
            if rho is None:
                raise UserError(
                    f"The ledger {name} adds up rho, which this mechanism has not: give the categories, "
                    "or use a ledger with basic composition."
                )
            enough = total([state["spent_rho"], Decimal(as_text(rho))]) <= state["rho"]
        else:
            enough = (
                total([state["spent_epsilon"], Decimal(as_text(epsilon))]) <= state["epsilon"]
                and total([state["spent_delta"], Decimal(as_text(delta))]) <= state["delta"]
            )
        if not enough:
            asked = f"epsilon {epsilon:g}" + (f" and delta {delta:g}" if delta else "")
            raise UserError(
                f"The budget in {name} does not suffice: {asked} asked, {_left(state)}; "
                "ask for less, or do without this answer."
            )
        return len(state["rows"]) + 1

    def _digest(self, source: TableLike | Source, known: bool = True) -> str:
        if not isinstance(source, Source):
            return content_of(open_source(source))
        key = id(source.connection)
        if not known or key not in self._known:
            # The connection is kept, so that its id stays its own.
            self._known[key] = (source.connection, content_of(source))
        return self._known[key][1]

    def _read(self) -> dict[str, Any]:
        with self._transaction() as connection:
            return self._state(connection)

    def _state(self, connection: Any) -> dict[str, Any]:
        model = tables()
        budgets = connection.execute(model.budget.select()).mappings().all()
        rows = connection.execute(model.spend.select().order_by(model.spend.c.number)).mappings().all()
        sets = connection.execute(model.data_set.select().order_by(model.data_set.c.at)).mappings().all()
        if len(budgets) != 1 or not sets:
            raise _damaged(self.path)
        state = dict(budgets[0])
        numbers = [row["number"] for row in rows]
        try:
            for field in ("epsilon", "delta", "rho"):
                state[field] = None if state[field] is None else amount_of(state[field])
                state[f"spent_{field}"] = total(
                    amount_of(row[field]) for row in rows if row[field] is not None
                )
        except (InvalidOperation, ValueError, TypeError):
            raise _damaged(self.path) from None
        if numbers != list(range(1, state["spends"] + 1)) or state["composition"] not in COMPOSITIONS:
            raise _damaged(self.path)
        if len(numbers) < self._seen:
            raise UserError(
                f"The ledger {shown(self.path.name)} holds fewer answers than before, so it is an older "
                "copy: bring the last one back; until then nothing may be released."
            )
        self._seen = len(numbers)
        state["rows"] = [dict(row) for row in rows]
        state["data_sets"] = {row["fingerprint"] for row in sets}
        state["labels"] = [row["label"] for row in sets]
        return state

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        if not self.path.is_file():
            raise UserError(f"There is no budget ledger {shown(self.path.name)}: it was moved or removed.")
        with _readable(self.path), self._engine.begin() as connection:
            yield connection


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        text = str(error).lower()
        if "locked" in text or "busy" in text:
            raise UserError(
                f"Another program holds the ledger {shown(path.name)}: try again in a moment."
            ) from None
        if "readonly" in text or "unable to open" in text or "read-only" in text:
            raise UserError(f"The ledger {shown(path.name)} cannot be written: check its rights.") from None
        raise _damaged(path) from None
    except (ValueError, TypeError, LookupError):
        # SQLite gives whatever was written into a column, and SQLAlchemy cannot make a time of it.
        raise _damaged(path) from None


def _damaged(path: Path) -> UserError:
    return UserError(
        f"The ledger {shown(path.name)} is damaged or no budget ledger: bring it back from a backup; "
        "until then nothing may be released, because what was spent is not known."
    )


def _left(state: dict[str, Any]) -> str:
    if state["composition"] == "zcdp":
        return f"{float(state['rho'] - state['spent_rho']):.4g} of rho {float(state['rho']):.4g} left"
    said = f"epsilon {state['epsilon'] - state['spent_epsilon']:f}"
    if state["delta"]:
        said += f" and delta {float(state['delta'] - state['spent_delta']):g}"
    return said + " left"
