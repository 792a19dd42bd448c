"""FHIR resources: names, identifiers, contacts, dates and references by their datatype, all else as text.

Ids and references are replaced together, so that a patient's resources still point to each other.
Narratives (``text.div``) repeat the structured data in prose and are removed, as are attachments and
photographs: what is in them is not examined.
"""

from __future__ import annotations

import re
from typing import Any

from secure_ai.anonymize.deidentify.actions import Actions, placeholder
from secure_ai.anonymize.deidentify.fhir_elements import (
    ADDRESS,
    ADDRESSES,
    CODE,
    DATE,
    INSTANTS,
    KEPT,
    KEPT_EXTENSIONS,
    MISPLACED,
    MOST_DIGITS,
    NAMED,
    PEOPLE,
    PEOPLE_ELEMENTS,
    PUBLIC,
    REMOVED,
    SYSTEMS,
)
from secure_ai.anonymize.deidentify.fhir_names import listed, note_names
from secure_ai.anonymize.deidentify.names import parse_name
from secure_ai.anonymize.deidentify.own_names import NOBODY
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.records import Texts
from secure_ai.anonymize.deidentify.rules import RandomCode
from secure_ai.anonymize.deidentify.text import TextCleaner, form_scanner
from secure_ai.core.errors import UserError
from secure_ai.discover.fhir import CONTACT_SYSTEMS, IDENTIFIER_TYPES


class FhirCleaner:
    """De-identifies FHIR resources, one by one or in a Bundle.

    Args:
        actions: the policy's actions.
        journal: where everything is noted.
    """

    def __init__(self, actions: Actions, journal: Journal) -> None:
        self.actions = actions
        self.journal = journal
        self._cleaner = TextCleaner(actions)
        self._scan = form_scanner(actions)
        self._texts = self._displays = Texts()
        rule = actions.policy.rule("UNIQUE_IDENTIFIER")
        # References must still meet their targets: ids get a code where the policy would remove them.
        self._ids = rule if rule.action in {"hash", "random_code"} else RandomCode()
        journal.notes["FHIR: narratives, attachments, photographs and URLs of servers are removed, not read; "
                      "ids and references are replaced together."] = None  # fmt: skip

    def clean(self, resources: list[Any]) -> list[Any]:
        """Return ``resources`` after de-identification.

        Raises:
            UserError: if one of them is no resource.
        """
        self._texts, self._displays = Texts(), Texts()
        note_names(resources, self.actions.named)
        cleaned = [self._resource(resource, "") for resource in resources]
        self._texts.clean(self._cleaner, self.journal)
        self._displays.clean(self._scan, self.journal)
        self.journal.rows += len(resources)
        return cleaned

    def _resource(self, resource: Any, owner: str) -> dict[str, Any]:
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise UserError(
                f"Record {self.journal.rows + 1:,} or one soon after it is no FHIR resource: "
                "each needs a resourceType."
            )
        kind = resource["resourceType"]
        owner = _owner(resource) or owner
        if kind == "Bundle":
            new = {"resourceType": kind}
            for key, value in resource.items():
                if key == "entry" and isinstance(value, list):
                    new[key] = [self._entry(entry, owner) for entry in value if isinstance(entry, dict)]
                elif key in {"type", "total"}:
                    new[key] = value
            return new
        return self._object(resource, kind, "", owner)

    def _entry(self, entry: dict[str, Any], owner: str) -> dict[str, Any]:
        new: dict[str, Any] = {}
        if isinstance(entry.get("fullUrl"), str):
            new["fullUrl"] = self._reference(entry["fullUrl"])
        if "resource" in entry:
            new["resource"] = self._resource(entry["resource"], owner)
        return new

    def _object(self, value: dict[str, Any], kind: str, key: str, owner: str) -> dict[str, Any]:
        if key in {"extension", "modifierExtension"}:
            return self._extension(value, kind, owner)
        coded = {"code", "system", "coding"} & set(value)
        if isinstance(value.get("reference"), str) or (isinstance(value.get("display"), str) and not coded):
            return self._referring(value, key, owner)
        if key == "name" or {"family", "given"} & set(value):
            return self._name(value)
        if key == "telecom" or ("system" in value and value.get("system") in CONTACT_SYSTEMS):
            return self._telecom(value, owner)
        if {"line", "city", "postalCode"} & set(value) and key not in {"", "code"}:
            return self._address(value)
        if key == "identifier":
            return self._identifier(value, owner)
        if "contentType" in value or (key in {"attachment", "content"} and "url" in value):
            self._did("ATTACHMENT", "drop")
            return {"contentType": value["contentType"]} if isinstance(value.get("contentType"), str) else {}
        if _is_old_age(key, value) and self.actions.policy.rule("AGE_OVER_89").action != "keep":
            self._did("AGE_OVER_89", self.actions.policy.rule("AGE_OVER_89").action)
            return {**{k: v for k, v in value.items() if k in {"unit", "system", "code"}}, "value": 90,
                    "comparator": ">="}  # fmt: skip
        new: dict[str, Any] = {}
        for name, child in value.items():
            result = self._member(name, child, kind, owner, (new, value))
            if result is not _GONE:
                new[name] = result
        return new

    def _member(self, name: str, child: Any, kind: str, owner: str, place: tuple[dict, dict]) -> Any:
        holder, whole = place
        if name.startswith("_") or child is None:
            return _GONE
        if name == "id" and isinstance(child, str | int):
            return self._id(str(child))
        if (name in REMOVED or name.endswith("Base64Binary")) and self._removed(name, child):
            return _GONE
        if name == "name" and isinstance(child, str):
            entity = "PERSON" if kind in PEOPLE else "LOCATION" if kind == "Location" else "ORGANIZATION"
            if kind in {*PEOPLE, "Location", "Organization"}:
                return self._apply(entity, child, owner)
        if name == "contained" and isinstance(child, list):
            return [self._resource(item, owner) for item in child]
        if isinstance(child, list):
            items: list[Any] = []
            for item in child:
                self._append(items, name, item, kind, owner)
            return items or _GONE
        if isinstance(child, dict):
            new = self._object(child, kind, name, owner)
            if not new and "identifier" in child:
                # A reference by identifier alone may be required: it stays, and points nowhere.
                return {"display": "removed"}
            return new or _GONE
        public = name == "code" and PUBLIC.match(str(whole.get("system")))
        if public and isinstance(child, str) and not re.search(r"\s", child):
            return child  # the code systems of standards bodies have long numbers, too
        result = self._leaf(name, child, owner)
        if isinstance(result, _Waiting):
            holder[name] = None
            coded = name in {"display", "code", "unit"} and bool({"code", "system"} & set(whole))
            self._wait(holder, name, child, owner, scan=coded)
            return None
        return result

    def _append(self, items: list[Any], name: str, item: Any, kind: str, owner: str) -> None:
        if name == "name" and isinstance(item, str) and kind in PEOPLE:
            new = self._apply("PERSON", item, owner)
        elif isinstance(item, dict):
            new = self._object(item, kind, name, owner)
        else:
            new = self._leaf(name, item, owner)
        if new is _GONE or new == {}:
            return
        items.append(None if isinstance(new, _Waiting) else new)
        if isinstance(new, _Waiting):
            self._wait(items, len(items) - 1, item, owner)

    def _leaf(self, name: str, value: Any, owner: str) -> Any:
        entity = NAMED.get(name) or (MISPLACED.get(name) if isinstance(value, str) else None)
        if name in {"value", "valueDecimal"} and not isinstance(value, str):
            return value
        if entity is not None:
            return self._apply(entity, str(value), owner)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= MOST_DIGITS:
            # A measurement stands in "value"; elsewhere a number so long is somebody's.
            self._did("UNIQUE_IDENTIFIER", "drop")
            return _GONE
        if not isinstance(value, str) or not value.strip():
            return value
        if name in ADDRESSES:
            return value if PUBLIC.match(value) else "urn:removed"
        if name in KEPT and CODE.fullmatch(value) and not self.actions.named.get(owner, NOBODY).find(value):
            return value
        if DATE.fullmatch(value):
            new = self._apply("DATE_TIME", value, owner)
            if new is not _GONE and len(new) < 10 <= len(value) and name in INSTANTS:
                return _GONE
            return new
        if value.startswith(("urn:uuid:", "urn:oid:")):
            return self._reference(value)
        return _Waiting()

    def _wait(self, holder: Any, at: Any, value: str, owner: str, *, scan: bool = False) -> None:
        def put(new: str) -> None:
            holder[at] = new

        # The display of a code is a clinical term: only identifiers that have a form are looked for.
        known = self.actions.named.get(owner)
        (self._displays if scan else self._texts).add(value, owner, put, known)

    def _removed(self, name: str, child: Any) -> bool:
        if name == "text":
            # A narrative has a div; CodeableConcept.text and Annotation.text are plain texts.
            if isinstance(child, dict) and ("div" in child or "status" in child):
                self._did("NARRATIVE", "drop")
                return True
            return False
        if name == "source" and isinstance(child, dict):
            return False
        entity = {"photo": "PHOTO", "position": "COORDINATES"}.get(name, "ATTACHMENT")
        if name == "position" and self.actions.policy.rule("COORDINATES").action == "keep":
            return False
        self._did(entity, "drop")
        return True

    # ------------------------------------------------------------ datatypes

    def _name(self, value: dict[str, Any]) -> dict[str, Any]:
        given = [part for part in listed(value.get("given")) if isinstance(part, str)]
        family = value.get("family") if isinstance(value.get("family"), str) else ""
        rule = self.actions.policy.rule("PERSON")
        if rule.action == "keep":
            return value
        self._did("PERSON", rule.action)
        if rule.action != "pseudonym":
            if rule.action in {"redact", "drop"}:
                return {"use": value["use"]} if isinstance(value.get("use"), str) else {}
            whole = " ".join([*given, family]).strip()
            return {"text": self.actions.apply("PERSON", whole, rule=rule)} if whole else {}
        people = self.actions.people()
        if given and family:
            people.add([parse_name(f"{family}, {' '.join(given)}")])
        new = {key: value[key] for key in ("use", "prefix") if key in value}
        if family:
            new["family"] = people.replace(family, "family")
        if given:
            new["given"] = [people.replace(given[0], "given")]
        if not (given or family) and isinstance(value.get("text"), str):
            new["text"] = people.replace(value["text"])
        return new

    def _telecom(self, value: dict[str, Any], owner: str) -> dict[str, Any]:
        entity = CONTACT_SYSTEMS.get(str(value.get("system")), "PHONE_NUMBER")
        return self._with_value(value, entity, owner, ("system", "use", "rank"))

    def _identifier(self, value: dict[str, Any], owner: str) -> dict[str, Any]:
        codings = listed(
            (value.get("type") or {}).get("coding") if isinstance(value.get("type"), dict) else None
        )
        codes = [str(coding.get("code")) for coding in codings if isinstance(coding, dict)]
        system = str(value.get("system", "")).lower()
        entity = next((IDENTIFIER_TYPES[code] for code in codes if code in IDENTIFIER_TYPES), None) or next(
            (entity for mark, entity in SYSTEMS.items() if mark in system), "UNIQUE_IDENTIFIER"
        )
        new = self._with_value(value, entity, owner, ("use",))
        if "value" in new and codes:
            kept = [{k: c[k] for k in ("system", "code") if k in c} for c in codings if isinstance(c, dict)]
            new["type"] = {"coding": kept}
        return new if "value" in new else {}

    def _with_value(
        self, value: dict[str, Any], entity: str, owner: str, kept: tuple[str, ...]
    ) -> dict[str, Any]:
        if not isinstance(value.get("value"), str | int | float):
            return {}
        new = self._apply(entity, str(value["value"]), owner)
        return {} if new is _GONE else {**{k: value[k] for k in kept if k in value}, "value": new}

    def _address(self, value: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for name, child in value.items():
            if name in {"use", "type"}:
                new[name] = child
            elif name in ADDRESS:
                parts = [self._apply(ADDRESS[name], str(part), "") for part in listed(child)]
                parts = [part for part in parts if part is not _GONE]
                if parts:
                    new[name] = parts if isinstance(child, list) else parts[0]
            elif name not in {"period"}:
                self._did("LOCATION", "drop")
        return new

    def _extension(self, value: dict[str, Any], kind: str, owner: str) -> dict[str, Any]:
        url = str(value.get("url", ""))
        if url.rsplit("/", 1)[-1].lower() in {"geolocation", "latitude", "longitude"}:
            self._did("COORDINATES", "drop")
            return {}
        if any(url.endswith(mark) for mark in KEPT_EXTENSIONS) and PUBLIC.match(url) and _coded(value):
            return value
        if "maidenName" in url or "MaidenName" in url:
            name = value.get("valueString")
            new = self._apply("PERSON", str(name), owner) if name else _GONE
            return {} if new is _GONE else {"url": self._leaf("url", url, owner), "valueString": new}
        # Within an extension "url" is a short name.
        new = {"url": url if CODE.fullmatch(url) else self._leaf("url", url, owner)} if url else {}
        for name, child in value.items():
            if name in {"url", "id"}:
                continue
            datatype = name.removeprefix("value")
            shaped = {"Address": "address", "Identifier": "identifier", "ContactPoint": "telecom"}.get(
                datatype, name
            )
            result = (
                self._object(child, kind, shaped, owner)
                if isinstance(child, dict)
                else self._member(name, child, kind, owner, (new, value))
            )
            if result is not _GONE and result != {}:
                new[name] = result
        return new if len(new) > 1 else {}

    def _referring(self, value: dict[str, Any], key: str, owner: str) -> dict[str, Any]:
        new: dict[str, Any] = {}
        reference = value.get("reference")
        if isinstance(reference, str):
            new["reference"] = self._reference(reference)
        kind = value.get("type") or (_target(reference)[0] if isinstance(reference, str) else "")
        kind = kind if isinstance(kind, str) else ""
        if "type" in value and CODE.fullmatch(kind):
            new["type"] = kind
        if isinstance(value.get("identifier"), dict):
            identifier = self._identifier(value["identifier"], owner)
            if identifier:
                new["identifier"] = identifier
        display = value.get("display")
        if isinstance(display, str) and display.strip():
            entity = "PERSON" if kind in PEOPLE or (not kind and key in PEOPLE_ELEMENTS) else ""
            entity = {"Organization": "ORGANIZATION", "Location": "LOCATION"}.get(kind, entity)
            if entity:
                named = self._apply(entity, display, owner)
                if named is not _GONE:
                    new["display"] = named
            else:
                new["display"] = None
                self._wait(new, "display", display, owner)
        return new

    # ------------------------------------------------------------ values

    def _id(self, value: str) -> str:
        self._did("UNIQUE_IDENTIFIER", self._ids.action)
        return self.actions.apply("UNIQUE_IDENTIFIER", value, rule=self._ids)

    def _reference(self, value: str) -> str:
        if value.startswith("#"):
            return "#" + self._id(value[1:]) if len(value) > 1 else value
        if value.startswith(("urn:uuid:", "urn:oid:")):
            return "urn:uuid:" + self._id(value.rsplit(":", 1)[1])
        if "?" in value:
            # A conditional reference holds an identifier in its query.
            return _target(value)[0] or "Resource"
        kind, identifier = _target(value)
        return f"{kind}/{self._id(identifier)}" if kind else self._id(identifier)

    def _apply(self, entity: str, value: str, owner: str) -> Any:
        rule = self.actions.policy.rule(entity)
        if rule.action == "keep" or not value.strip():
            self.journal.tally.kept[entity] += 1
            return value
        new = self.actions.apply(entity, value, rule=rule, person=owner, column=True)
        if new == value:
            self.journal.tally.kept[entity] += 1
            return value
        self._did(entity, rule.action)
        # An element that FHIR gives a form is left out rather than filled with a word in brackets.
        return _GONE if new == placeholder(entity) else new

    def _did(self, entity: str, action: str) -> None:
        self.journal.tally.done[entity, action] += 1


def _coded(value: Any) -> bool:
    """Whether an extension of a known kind holds what such ones hold: codes and their displays."""
    if isinstance(value, dict):
        return all(
            key
            in {"url", "system", "code", "valueCode", "display", "valueString", "valueCoding", "extension"}
            and _coded(child)
            for key, child in value.items()
        )
    if isinstance(value, list):
        return all(map(_coded, value))
    return isinstance(value, str) and len(value) < 120 and not re.search(r"\d{7}", value)


class _Waiting:
    """Stands for a text that is read later."""


_GONE: Any = object()


def _owner(resource: dict[str, Any]) -> str:
    """Return the id of the patient that a resource is about."""
    if resource.get("resourceType") == "Patient" and isinstance(resource.get("id"), str):
        return resource["id"]
    for name in ("subject", "patient", "beneficiary", "individual"):
        target = resource.get(name)
        if isinstance(target, dict) and isinstance(target.get("reference"), str):
            return _target(target["reference"])[1]
    return ""


def _target(reference: str) -> tuple[str, str]:
    """Return the type and id that a reference names: ("Patient", "123")."""
    clean = reference.split("?", maxsplit=1)[0].split("/_history/", maxsplit=1)[0].rstrip("/")
    if clean.startswith(("urn:uuid:", "urn:oid:")):
        return "", clean.rsplit(":", 1)[1]
    parts = clean.split("/")
    kind = parts[-2] if len(parts) > 1 and re.fullmatch(r"[A-Z][A-Za-z]+", parts[-2]) else ""
    if not kind and re.fullmatch(r"[A-Z][A-Za-z]+", parts[-1]) and "?" in reference:
        return parts[-1], ""
    return kind, parts[-1]


def _is_old_age(key: str, value: dict[str, Any]) -> bool:
    number = value.get("value")
    unit = str(value.get("unit") or value.get("code") or "").lower()
    years = unit in {"a", "yr", "yrs", "year", "years", "y"}
    return ("age" in key.lower() or years) and years and isinstance(number, int | float) and number >= 90
