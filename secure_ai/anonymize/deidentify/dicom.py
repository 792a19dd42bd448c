"""DICOM headers: the Basic Application Level Confidentiality Profile of PS3.15 Annex E, by policy.

Only the header is handled. What is burned into the pixels (a name on an ultrasound image, a face in a
head CT) stays; the output says in its header whether the modality declares burned-in annotation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pydicom
import yaml
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.names import parse_name, render
from secure_ai.anonymize.deidentify.own_names import NOBODY, known_names
from secure_ai.anonymize.deidentify.people import People
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.rules import RandomCode
from secure_ai.anonymize.deidentify.text import TextCleaner, form_scanner
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

STANDARD_UIDS = "1.2.840.10008."
"""Root of the UIDs that DICOM itself assigns: they name classes and syntaxes, not instances."""


def _attributes() -> dict:
    file = resources.files("secure_ai.anonymize.deidentify").joinpath("dicom_attributes.yaml")
    return yaml.safe_load(file.read_text("utf-8"))


_LISTED = _attributes()
ENTITIES = {keyword: entity for entity, keywords in _LISTED["entities"].items() for keyword in keywords}
"""Attribute (DICOM keyword) → what it holds, where its value representation does not say so."""
REMOVED = frozenset(_LISTED["removed"])
"""Attributes that go whole whatever the policy."""
KEPT_TEXT = frozenset(_LISTED["kept"])
"""Text that describes the image and names nobody."""

_READ = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_DESCRIPTION = re.compile(
    r"(Description|Comments?|History|Remarks?|Notes?|Reason\w*|Impressions|Allergies|Text|MedicalAlerts|"
    r"SpecialNeeds|PatientState|Label|Arrangements)$"
)
_META_REMOVED = (
    "SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle",
    "PrivateInformation", "PrivateInformationCreatorUID", "ImplementationVersionName",
)  # fmt: skip
_LONGEST = {"SH": 16, "LO": 64, "CS": 16, "AS": 4, "IS": 12, "DS": 16}
_DATES = frozenset({"DA", "DT", "TM"})
_METHOD = "secure-ai, PS3.15 Annex E Basic Profile, header only"


def clean_dicom(path: Path, out: Path, actions: Actions, journal: Journal, person: str | None) -> None:
    """De-identify the header of the DICOM file ``path`` into ``out``; pixels are copied as they are.

    Raises:
        UserError: if it is no DICOM file, or is cut off.
    """
    dataset = read_dicom(path)
    cleaner = _HeaderCleaner(actions, journal, str(dataset.get("PatientID", "") or path.stem))
    cleaner.learn(dataset)
    cleaner.clean(dataset)
    meta = dataset.file_meta
    for keyword in _META_REMOVED:
        if keyword in meta:
            delattr(meta, keyword)
    if "MediaStorageSOPInstanceUID" in meta:
        meta.MediaStorageSOPInstanceUID = cleaner.uid(str(meta.MediaStorageSOPInstanceUID))
    dataset.preamble = b"\0" * 128
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = _METHOD
    dates_kept = actions.policy.rule("DATE_TIME").action
    dataset.LongitudinalTemporalInformationModified = (
        "UNMODIFIED" if dates_kept == "keep" else "MODIFIED" if dates_kept == "shift_date" else "REMOVED"
    )
    journal.notes["DICOM: only headers are handled; names burned into pixels and faces in head scans are not "
                  "looked for, private attributes are removed, UIDs replaced."] = None  # fmt: skip
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        journal.notes["A DICOM file says that its image holds burned-in annotation: look at it."] = None
    journal.rows += 1
    dataset.save_as(out, enforce_file_format=True)


def read_dicom(path: Path) -> Dataset:
    """Read a DICOM file.

    Raises:
        UserError: if it is none, or is damaged.
    """
    label = shown(path.name)
    try:
        dataset = pydicom.dcmread(path)
        # Values are decoded when first asked for: a damaged one must be met here.
        for element in dataset.iterall():
            _ = element.value
    except InvalidDicomError:
        raise UserError(f"{label} is no DICOM file (its marker is missing): check the file.") from None
    except OSError:
        raise
    except Exception:
        raise UserError(f"{label} is a damaged DICOM file: export it again.") from None
    return dataset


def header_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (keyword, text) of every text in the header, for a scan."""
    for element in read_dicom(path).iterall():
        if element.VR in _READ | {"PN", "DA", "DT"} and str(element.value).strip():
            yield element.keyword or "private", str(element.value)


class _HeaderCleaner:
    def __init__(self, actions: Actions, journal: Journal, person: str) -> None:
        self.actions = actions
        self.journal = journal
        self.person = person
        # The profile without its option to clean descriptions: they go.
        self._strict = actions.policy.standard in {"safe_harbor", "limited_data_set"}
        self._text = TextCleaner(actions)
        self._scan = form_scanner(actions)
        self._people: People = actions.people()
        self._known = NOBODY
        rule = actions.policy.rule("UNIQUE_IDENTIFIER")
        self._codes = rule if rule.action in {"hash", "random_code"} else RandomCode()

    def learn(self, dataset: Dataset) -> None:
        """Note who is named in the header: descriptions may stand before the name, or without its form."""
        names = []
        for element in dataset.iterall():
            if element.VR == "PN":
                values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
                for group in (group for value in values for group in str(value or "").split("=")):
                    names += [(part, "") for part in group.split("^")[:3]]
        self._known = known_names(names)

    def clean(self, dataset: Dataset) -> None:
        for element in list(dataset):
            tag = element.tag
            if tag.is_private or 0x5000 <= tag.group <= 0x50FF or (0x6000 <= tag.group <= 0x60FF):
                self._did("PRIVATE" if tag.is_private else "OVERLAY", "drop")
                del dataset[tag]
            elif element.keyword in REMOVED or element.VR == "UN" or not element.keyword:
                # What this reader does not know, it cannot clean.
                self._did("OTHER", "drop")
                del dataset[tag]
            elif element.VR == "SQ":
                for item in element.value:
                    self.clean(item)
            elif element.keyword != "PixelData":
                self._element(dataset, element)

    def _element(self, dataset: Dataset, element: DataElement) -> None:
        if element.value is None or element.value == "" or element.is_empty:
            return
        if element.VR == "UI":
            element.value = self._each(element, lambda uid: self.uid(str(uid)))
        elif element.VR == "PN":
            self._put(dataset, element, "PERSON", self._name)
        elif element.keyword in ENTITIES:
            self._put(dataset, element, ENTITIES[element.keyword], None)
        elif element.VR in _DATES:
            self._date(dataset, element)
        elif element.VR in _READ and self._strict and _DESCRIPTION.search(element.keyword):
            self._did("OTHER", "drop")
            del dataset[element.tag]
        elif element.VR in _READ:
            limit = _LONGEST.get(element.VR)
            kept = element.keyword in KEPT_TEXT
            element.value = self._each(element, lambda value: self._read(value, kept)[:limit])
        elif element.VR in {"AE", "UR"}:
            self._did("DEVICE_ID" if element.VR == "AE" else "URL", "drop")
            del dataset[element.tag]

    def _put(self, dataset: Dataset, element: DataElement, entity: str, change) -> None:
        rule = self.actions.policy.rule(entity)
        if element.keyword == "PatientAge":
            self._age(dataset, element)
            return
        if rule.action == "keep":
            self.journal.tally.kept[entity] += 1
            if element.VR in _READ:
                limit = _LONGEST.get(element.VR)
                element.value = self._each(element, lambda value: self._read(value, True)[:limit])
            return
        if element.VR in _DATES:
            self._date(dataset, element, entity)
            return
        change = change or (
            lambda value: self.actions.apply(entity, value, rule=rule, person=self.person, column=True)
        )
        new = self._each(element, lambda value: _fitting(change(str(value)), element.VR))
        if new == element.value:
            self.journal.tally.kept[entity] += 1
            return
        self._did(entity, rule.action)
        element.value = new

    def _age(self, dataset: Dataset, element: DataElement) -> None:
        found = re.fullmatch(r"(\d{3})([DWMY])", str(element.value))
        years = int(found[1]) if found and found[2] == "Y" else 0
        rule = self.actions.policy.rule("AGE_OVER_89" if years >= 90 else "AGE")
        if rule.action == "keep" and found:
            return
        if rule.action == "age" and found and years < 90:
            return
        self._did("AGE", rule.action)
        element.value = "090Y" if rule.action == "age" and years >= 90 else ""

    def _name(self, value: str) -> str:
        rule = self.actions.policy.rule("PERSON")
        if rule.action != "pseudonym":
            new = self.actions.apply("PERSON", value, rule=rule)
            return "" if new.startswith("[") else new
        family, given = [*value.split("=", maxsplit=1)[0].split("^"), "", ""][:2]
        mention = parse_name(f"{family}, {given}" if given else family, "" if given else "family")
        self._people.add([mention])
        key, mention = self._people.find(mention)
        made = self.actions.cast.made_up(key, mention)
        new = render(f"{family}, {given}" if given else family, mention, made)
        return "^".join(part.strip() for part in new.split(","))

    def _date(self, dataset: Dataset, element: DataElement, entity: str = "DATE_TIME") -> None:
        rule = self.actions.policy.rule(entity)
        if rule.action == "keep":
            self.journal.tally.kept[entity] += 1
            return
        if element.VR == "TM":
            # The basic profile removes times of day; with shifted dates they keep intervals.
            if rule.action != "shift_date":
                self._did(entity, "drop")
                element.value = ""
            return
        self._did(entity, rule.action)
        if rule.action in {"shift_date", "year"}:
            new = self._each(
                element, lambda value: self.actions.apply(entity, str(value), rule=rule, person=self.person)
            )
            if not str(new).startswith("["):
                # A DICOM date has eight digits: of a year that may stay only DT can hold four.
                fits = element.VR == "DT" or rule.action == "shift_date"
                element.value = new if fits else ""
                return
        element.value = ""

    def _read(self, value: object, kept: bool = False) -> str:
        text = str(value)
        if kept:
            (document,) = self._scan.clean([text], [self.person], known=[self._known])
            self.journal.tally.add(document.tally)
            return document.text
        (document,) = self._text.clean([text], [self.person], self._people, [self._known])
        self.journal.tally.add(document.tally)
        return document.text

    def uid(self, value: str) -> str:
        """Return another UID for an instance, the same for the same; those of the standard stay."""
        if not value or value.startswith(STANDARD_UIDS):
            return value
        self._did("UID", self._codes.action)
        code = self.actions.apply("UNIQUE_IDENTIFIER", value, rule=self._codes)
        number = int.from_bytes(hashlib.sha256(code.encode()).digest(), "big")
        # PS3.5 B.2: a UID under 2.25 is a UUID as a number, at most 39 digits.
        return f"2.25.{number % (1 << 122)}"

    def _each(self, element: DataElement, change):
        if isinstance(element.value, MultiValue | list):
            return [change(value) for value in element.value]
        return change(element.value)

    def _did(self, entity: str, action: str) -> None:
        self.journal.tally.done[entity, action] += 1


def _fitting(value: str, vr: str) -> str:
    """Return ``value`` if the value representation can hold it; a placeholder becomes an empty value."""
    if value.startswith("["):
        return ""
    longest = _LONGEST.get(vr)
    return value[:longest] if longest else value
