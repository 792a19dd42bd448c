"""Clinical notes and patient messages, with the true place of every identifier."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from faker import Faker

from synthetic_data import identifiers
from synthetic_data.healthcare import model
from synthetic_data.healthcare.codes import CONDITIONS, DRUGS, REASONS, TEST_AT
from synthetic_data.healthcare.message_templates import MESSAGE_TEMPLATES
from synthetic_data.healthcare.note_templates import NOTE_TEMPLATES
from synthetic_data.healthcare.records import Frame
from synthetic_data.people import age_on
from synthetic_data.places import places
from synthetic_data.text import SyntheticText, parse, render

NOTES_PER_BLOCK = 250
MESSAGES_PER_BLOCK = 150

_HOSPITALS = (
    "Zenith Valley Medical Center",
    "Saint Orla Hospital",
    "Harborlight General Hospital",
    "Northwick Community Hospital",
    "Greyfield University Hospital",
    "Elmstone Children's Hospital",
)
_PLAIN = {
    "hypertension": "high blood pressure",
    "diabetes": "type 2 diabetes",
    "heart_failure": "heart failure",
    "copd": "COPD",
    "kidney_disease": "chronic kidney disease",
    "coronary_disease": "coronary artery disease",
    "atrial_fibrillation": "atrial fibrillation",
    "depression": "depression",
    "anxiety": "anxiety disorder",
    "alcohol": "alcohol dependence",
    "opioid": "opioid dependence",
    "hiv": "HIV",
    "cancer": "cancer",
    "asthma": "asthma",
    "lipids": "high cholesterol",
    "obesity": "obesity",
    "arthritis": "osteoarthritis of the knee",
    "dementia": "Alzheimer's disease",
    "thyroid": "hypothyroidism",
}
_COMPLAINTS = (
    "shortness of breath",
    "chest tightness",
    "dizziness on standing",
    "abdominal pain",
    "dry cough",
    "low back pain",
    "swollen ankles",
    "palpitations",
    "headache behind the eyes",
    "burning on urination",
    "numbness of the left hand",
    "poor appetite",
)
_EXAMS = (
    "Lungs clear, no wheeze.",
    "Heart regular, soft systolic murmur at the apex, no Osler nodes.",
    "Abdomen soft, Murphy sign negative.",
    "Romberg negative, gait steady with a walker.",
    "2+ pitting edema to the knees.",
    "Homans sign negative, calves soft.",
    "Oriented, speech fluent, Glasgow Coma Scale 15.",
    "Wound clean and dry, Penrose drain removed.",
    "No rash, no Koplik spots.",
)
_PLANS = (
    "Continue current treatment and repeat labs in the morning.",
    "Start antibiotics, cultures pending.",
    "Reduce the diuretic and weigh daily.",
    "Physical therapy twice a day; aim for home.",
    "Holter monitor for 48 hours.",
    "Chest film if fever returns.",
    "Trendelenburg as needed, compression stockings.",
    "No change. Lifestyle advice given, pamphlet 12-B handed out.",
)
_COURSES = (
    "The course was uneventful and pain was controlled with tablets.",
    "Oxygen was weaned on day 2. Cheyne-Stokes breathing was noted once at night.",
    "A fall without injury occurred on the ward; neurology saw no deficit.",
    "Antibiotics were changed after cultures grew Staphylococcus; fever settled.",
)
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"  # noqa: E501
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety"
_ADULT = (18, 130)
_AGES = {"pediatrics_note": (0, 17), "geriatrics_note": (75, 130)}
# Where a kind of note is written; the others are written anywhere.
_WARD = {
    "discharge_summary",
    "admission_note",
    "progress_note",
    "nursing_note",
    "procedure_note",
    "discharge_instructions",
    "transfer_note",
    "utilization_review",
    "family_worksheet",
}
_ANY_AGE = {"radiology_report", "quick_note", "addendum", "emergency_note", "utilization_review"}


def notes(rng: np.random.Generator, frame: Frame) -> tuple[pd.DataFrame, list[SyntheticText]]:
    """Notes on up to NOTES_PER_BLOCK encounters of a block; stays and people over 89 are favored.

    Returns:
        The table (note_id, encounter_id, patient_id, author_staff_id, note_type, written_at, text) and the
        same texts with spans.
    """
    age = _ages(frame)
    weight = np.array([0.25, 1.0, 2.0])[frame.visits.setting] * np.where(age >= 90, 3.0, 1.0)
    rows = _choose(rng, weight, NOTES_PER_BLOCK)
    bounds = [_AGES.get(kind, (0, 130) if kind in _ANY_AGE else _ADULT) for kind, _ in NOTE_TEMPLATES]
    settings = [
        (2,) if kind in _WARD else (1,) if kind == "emergency_note" else (0, 1, 2)
        for kind, _ in NOTE_TEMPLATES
    ]
    texts = _texts(rng, frame, rows, age, NOTE_TEMPLATES, bounds, settings, "note_id", "N")
    written = frame.visits.start[rows] + np.minimum(frame.visits.end - frame.visits.start, 2000)[rows]
    table = pd.DataFrame(
        {
            "note_id": identifiers.numbered("N", frame.number[rows], 11),
            "encounter_id": frame.encounter_id(rows),
            "patient_id": frame.patient_id(rows),
            "author_staff_id": frame.staff["staff_id"].array.take(frame.attending[rows]),
            "note_type": pd.array([text.meta["kind"] for text in texts], dtype="str"),
            "written_at": model.moment(written),
            "text": pd.array([text.text for text in texts], dtype="str"),
        }
    )
    return table, texts


def messages(rng: np.random.Generator, frame: Frame) -> tuple[pd.DataFrame, list[SyntheticText]]:
    """Up to MESSAGES_PER_BLOCK messages that adult patients sent after an encounter.

    Returns:
        The table (message_id, patient_id, staff_id of the addressee, subject, sent_at, text) and the same
        texts with spans.
    """
    age = _ages(frame)
    adult = (age >= 18) & (frame.visits.ordinal() < 6)
    weight = np.where(adult, np.where(age >= 90, 2.0, 1.0), 0.0)
    rows = _choose(rng, weight, MESSAGES_PER_BLOCK)
    count = len(MESSAGE_TEMPLATES)
    anywhere = [(0, 1, 2)] * count
    texts = _texts(rng, frame, rows, age, MESSAGE_TEMPLATES, [_ADULT] * count, anywhere, "message_id", "G")
    sent = frame.visits.end[rows] + rng.integers(600, 20_000, len(rows))
    table = pd.DataFrame(
        {
            "message_id": identifiers.numbered("G", frame.number[rows], 11),
            "patient_id": frame.patient_id(rows),
            "staff_id": frame.staff["staff_id"].array.take(frame.attending[rows]),
            "subject": pd.array([text.meta["kind"] for text in texts], dtype="str"),
            "sent_at": model.moment(sent),
            "text": pd.array([text.text for text in texts], dtype="str"),
        }
    )
    return table, texts


def _ages(frame: Frame) -> np.ndarray:
    birth = frame.patients["birth_date"].to_numpy()[frame.visits.patient]
    return age_on(birth, model.moment(frame.visits.start))


def _choose(rng: np.random.Generator, weight: np.ndarray, most: int) -> np.ndarray:
    count = min(most, int((weight > 0).sum()))
    if count == 0:
        return np.empty(0, np.int64)
    return np.sort(rng.choice(len(weight), count, replace=False, p=weight / weight.sum()))


@lru_cache(maxsize=4)
def _parsed(templates: tuple[tuple[str, str], ...]) -> list[Any]:
    return [parse(text) for _, text in templates]


@lru_cache(maxsize=1)
def _employers() -> list[str]:
    fake = Faker("en_US")
    fake.seed_instance(1789)
    return list(dict.fromkeys(fake.company() for _ in range(250)))


def _texts(  # noqa: PLR0917
    rng: np.random.Generator,
    frame: Frame,
    rows: np.ndarray,
    age: np.ndarray,
    templates: tuple[tuple[str, str], ...],
    bounds: list[tuple[int, int]],
    settings: list[tuple[int, ...]],
    id_name: str,
    prefix: str,
) -> list[SyntheticText]:
    low, high = (np.array(side) for side in zip(*bounds, strict=True))
    seen_in = np.array([[setting in allowed for allowed in settings] for setting in range(3)])
    people = _Casting(rng, frame, rows, age)
    texts = []
    for place, row in enumerate(rows):
        fits = np.flatnonzero((age[row] >= low) & (age[row] <= high) & seen_in[frame.visits.setting[row]])
        which = int(fits[int(people.chance[place, 0] * len(fits))])
        kind, _ = templates[which]
        meta = {
            id_name: f"{prefix}{frame.number[row]:011d}",
            "encounter_id": f"E{frame.number[row]:011d}",
            "patient_id": people.column("patient_id", place),
            "kind": kind,
            "template": which,
        }
        texts.append(render(_parsed(templates)[which], people.values(place), meta))
    return texts


class _Casting:
    """Every value that a template may ask for, for each chosen encounter."""

    def __init__(self, rng: np.random.Generator, frame: Frame, rows: np.ndarray, age: np.ndarray) -> None:
        n = len(rows)
        self.rows, self.frame, self.age = rows, frame, age
        self.chance = rng.random((n, 24))
        patient = frame.visits.patient[rows]
        wanted = [
            "patient_id",
            "first_name",
            "last_name",
            "sex",
            "birth_date",
            "ssn",
            "street",
            "city",
            "state",
            "zip",
            "phone",
            "email",
            "mrn",
            "health_plan_number",
            "drivers_license",
            "implant_serial",
            "emergency_contact_name",
            "emergency_contact_relation",
            "emergency_contact_phone",
        ]
        chosen = frame.patients[wanted].iloc[patient].astype(object)
        self._columns = {name: column.where(column.notna(), "").to_list() for name, column in chosen.items()}
        signs = np.flatnonzero((frame.staff["role"] == "physician").to_numpy())
        staff = [
            {"first": first, "last": last, "npi": npi if isinstance(npi, str) else ""}
            for first, last, npi in zip(
                frame.staff["first_name"], frame.staff["last_name"], frame.staff["npi"], strict=True
            )
        ]
        self.doctors = [staff[row] for row in frame.attending[rows]]
        self.seconds = [staff[row] for row in rng.choice(signs, n)]
        self.extra = {
            "ip": list(identifiers.ipv4(rng, n)),
            "clinic_phone": list(identifiers.phone(rng, n, area=np.full(n, "617", dtype=object))),
            "card": list(identifiers.card_number(rng, n)),
            "account": list(identifiers.account_number(rng, n)),
            "device": list(identifiers.device_id(rng, n)),
            "plan": list(identifiers.health_plan_number(rng, n)),
            "license": list(identifiers.drivers_license(rng, n)),
            "dea": list(identifiers.dea(rng, n, [doctor["last"] for doctor in self.doctors])) if n else [],
        }

    def column(self, name: str, place: int) -> Any:
        return self._columns[name][place]

    def values(self, place: int) -> dict[str, tuple[str, str | None]]:
        row = self.rows[place]
        values = self._plain(place, row)
        values.update(self._who(place, row))
        values.update(self._when(place, row))
        values.update(self._numbers(place))
        return values

    def _pick(self, place: int, column: int, options: Any) -> Any:
        return options[int(self.chance[place, column] * len(options))]

    def _who(self, place: int, row: int) -> dict[str, tuple[str, str | None]]:
        first, last = self.column("first_name", place), self.column("last_name", place)
        doctor, second = self.doctors[place], self.seconds[place]
        relative = self.column("emergency_contact_name", place)
        names = {
            "first": first,
            "last": last,
            "full": f"{first} {last}",
            "last_comma_first": f"{last}, {first}",
            "last_first": f"{last} {first}",
            "upper_comma": f"{last.upper()}, {first.upper()}",
            "upper_tight": f"{last.upper()},{first.upper()}",
            "upper_plain": f"{last.upper()} {first.upper()}",
            "full_lower": f"{first} {last}".lower(),
            "lower_comma": f"{last}, {first}".lower(),
            "first_lower": first.lower(),
            "initial_last": f"{first[0]}. {last}",
            "last_initial": f"{last}, {first[0]}.",
            "doctor": f"{doctor['first']} {doctor['last']}",
            "doctor_last": doctor["last"],
            "doctor_last_lower": doctor["last"].lower(),
            "doctor2": f"{second['first']} {second['last']}",
            "doctor2_last": second["last"],
            "relative": relative,
            "relative_first": relative.split(" ")[0],
            "relative_with_last": f"{relative.split(' ')[0]} {last}",
        }
        where = places()
        other = int(self.chance[place, 1] * len(where.city))
        street, city, state = (self.column(name, place) for name in ("street", "city", "state"))
        sites = {
            "address": f"{street}, {city}, {state} {self.column('zip', place)}",
            "city": city,
            "city_state": f"{city}, {state}",
            "city2": str(where.city[other]),
        }
        groups = {
            "hospital": self._pick(place, 2, _HOSPITALS[:3]),
            "hospital2": self._pick(place, 3, _HOSPITALS[3:]),
            "employer": self._pick(place, 4, _employers()),
        }
        out: dict[str, tuple[str, str | None]] = {name: (text, "PERSON") for name, text in names.items()}
        out |= {name: (text, "LOCATION") for name, text in sites.items()}
        out |= {name: (text, "ORGANIZATION") for name, text in groups.items()}
        age = int(self.age[row])
        out["age"] = (f"{age}-year-old", "AGE")
        out["age_short"] = (self._pick(place, 5, (f"{age}yo", f"{age} y/o", f"{age} y.o.")), "AGE")
        out["age_num"] = (str(age), "AGE")
        out["age_words"] = (f"{_in_words(age)} years old", "AGE")
        return out

    def _when(self, place: int, row: int) -> dict[str, tuple[str, str | None]]:
        start = model.moment(self.frame.visits.start[row]).astype("datetime64[D]").item()
        end = model.moment(self.frame.visits.end[row]).astype("datetime64[D]").item()
        follow = end + dt.timedelta(days=5 + int(self.chance[place, 6] * 40))
        before = start - dt.timedelta(days=20 + int(self.chance[place, 7] * 300))
        born = pd.Timestamp(self.column("birth_date", place)).date()
        style = _STYLES[int(self.chance[place, 8] * len(_STYLES))]
        days: dict[str, str] = {
            "date": _day(start, style),
            "end_date": _day(end, style),
            "date2": _day(before, style),
            "follow_date": _day(follow, style),
            "dob": _day(born, self._pick(place, 9, ("us", "us", "iso", "long", "dmy"))),
            "dob_us": _day(born, "us"),
            "dob_iso": _day(born, "iso"),
            "month_year": f"{_MONTHS[start.month - 1]} {start.year}",
        }
        for name, day in (("date", start), ("end_date", end), ("follow_date", follow)):
            for form in ("us", "iso", "long", "short"):
                days[f"{name}_{form}"] = _day(day, form)
        return {name: (text, "DATE_TIME") for name, text in days.items()}

    def _numbers(self, place: int) -> dict[str, tuple[str, str | None]]:
        phone, relative = self.column("phone", place), self.column("emergency_contact_phone", place)
        link = f"https://portal.example.org/r/{100000 + int(self.chance[place, 10] * 900000)}"
        extra = {name: values[place] for name, values in self.extra.items()}
        plan = self.column("health_plan_number", place) or extra["plan"]
        return {
            "phone": (_phone(phone, self.chance[place, 11]), "PHONE_NUMBER"),
            "phone_dots": (_phone(phone, 0.5), "PHONE_NUMBER"),
            "relative_phone": (_phone(relative, self.chance[place, 12]), "PHONE_NUMBER"),
            "clinic_phone": (extra["clinic_phone"], "PHONE_NUMBER"),
            "email": (self.column("email", place), "EMAIL_ADDRESS"),
            "ssn": (self.column("ssn", place), "US_SSN"),
            "mrn": (self.column("mrn", place), "MEDICAL_RECORD_NUMBER"),
            "plan_number": (
                plan,
                "US_MBI" if identifiers.can_belong_to_nobody("mbi", plan) else "HEALTH_PLAN_NUMBER",
            ),
            "license": (self.column("drivers_license", place) or extra["license"], "US_DRIVER_LICENSE"),
            "device": (self.column("implant_serial", place) or extra["device"], "DEVICE_ID"),
            "npi": (self.doctors[place]["npi"], "US_NPI"),
            "dea": (extra["dea"], "MEDICAL_LICENSE"),
            "account": (extra["account"], "ACCOUNT_NUMBER"),
            "card": (extra["card"], "CREDIT_CARD"),
            "ip": (extra["ip"], "IP_ADDRESS"),
            "url": (link, "URL"),
        }

    def _plain(self, place: int, row: int) -> dict[str, tuple[str, str | None]]:
        visits, frame = self.frame.visits, self.frame
        sex = self.column("sex", place)
        child = bool(self.age[row] < 18)
        woman = sex == "female"
        chronic = np.flatnonzero(frame.conditions[visits.patient[row]])
        known = [_PLAIN[CONDITIONS[index].key] for index in chronic] or ["seasonal allergies", "no surgery"]
        reason = REASONS[visits.reason[row]]
        short = reason.description.split(",")[0]
        drug = self._pick(place, 13, DRUGS)
        he, him, his = _PRONOUNS[sex]
        relation = self.column("emergency_contact_relation", place)
        labs = visits.labs[row]
        pressure = 100 + int(self.chance[place, 14] * 60)
        age = str(self.age[row])
        pulse, warmth = 60 + int(self.chance[place, 15] * 50), 36.5 + round(self.chance[place, 16] * 2, 1)
        vitals = f"BP {pressure}/{pressure - 50}, HR {pulse}, T {warmth:.1f} C."
        words = {
            "sex": sex,
            "sex_letter": "F" if woman else "M" if sex == "male" else "X",
            "title": "Ms." if woman else "Mr." if sex == "male" else "Mx.",
            "person_word": _PERSON_WORDS[sex][child],
            "he": he,
            "him": him,
            "his": his,
            "he_cap": he.capitalize(),
            "a": "an" if age.startswith("8") or age in ("11", "18") else "a",
            "relation": relation,
            "relation_cap": relation.capitalize(),
            "reason": reason.description[0].lower() + reason.description[1:],
            "reason_plain": short[0].lower() + short[1:],
            "condition": known[0],
            "condition2": known[-1],
            "condition_plain": known[int(self.chance[place, 17] * len(known))],
            "complaint": self._pick(place, 18, _COMPLAINTS),
            "exam": self._pick(place, 19, _EXAMS),
            "plan": self._pick(place, 20, _PLANS),
            "course": self._pick(place, 21, _COURSES),
            "vitals": vitals,
            "department": reason.department,
            "room": str(200 + int(self.chance[place, 22] * 500)),
            "drug": drug.name,
            "dose": drug.dose,
            "frequency": drug.frequency,
            "hemoglobin": f"{labs[TEST_AT['hemoglobin']]:.1f}",
            "sodium": f"{labs[TEST_AT['sodium']]:.0f}",
            "creatinine": f"{labs[TEST_AT['creatinine']]:.2f}",
        }  # fmt: skip
        return {name: (text, None) for name, text in words.items()}


_PRONOUNS = {
    "female": ("she", "her", "her"),
    "male": ("he", "him", "his"),
    "other": ("they", "them", "their"),
}
_PERSON_WORDS = {"female": ("woman", "girl"), "male": ("man", "boy"), "other": ("person", "child")}
_STYLES = ("us", "us", "iso", "long", "dmy", "short")


def _day(day: dt.date, style: str) -> str:
    """A date as people write it. Month names are spelled here: strftime would follow the machine's locale."""
    month = _MONTHS[day.month - 1]
    return {
        "us": f"{day.month:02d}/{day.day:02d}/{day.year}",
        "iso": day.isoformat(),
        "long": f"{month} {day.day}, {day.year}",
        "dmy": f"{day.day} {month[:3]} {day.year}",
        "short": f"{day.month}/{day.day}/{day.year % 100:02d}",
    }[style]


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _phone(number: str, chance: float) -> str:
    digits = "".join(character for character in number if character.isdigit())
    area, office, line = digits[:3], digits[3:6], digits[6:]
    if chance < 0.4:
        return number
    if chance < 0.65:
        return f"{area}.{office}.{line}" if chance < 0.55 else f"{area} {office} {line}"
    return f"{area}-{office}-{line}" if chance < 0.9 else f"+1 {area} {office} {line}"


def _in_words(number: int) -> str:
    ones, tens = _ONES.split(), _TENS.split()
    if number < 20:
        return ones[number]
    if number >= 100:
        rest = number - 100
        return "one hundred" + (f" and {_in_words(rest)}" if rest else "")
    return tens[number // 10] + (f"-{ones[number % 10]}" if number % 10 else "")
