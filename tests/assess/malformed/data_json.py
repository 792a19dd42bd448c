"""JSON and FHIR that are deep, empty, hostile or of the wrong shape."""

from __future__ import annotations

from tests.assess.malformed.case import CANARY, Case, Ends, counted, good, in_file


def json_cases() -> list[Case]:
    deep = 200_000
    rows: list[tuple[str, str, bytes | str, Ends]] = [
        ("deep lists", "json", "[" * deep + "]" * deep, "sentence"),
        ("deep objects", "json", '[{"a":' * 3000 + "1" + "}]" * 3000, "sentence"),
        ("deep in a record", "json", '[{"x":1,"a":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}]", "sentence"),
        ("NaN", "json", '[{"x": NaN, "y": 1}, {"x": Infinity, "y": 2}]', "report"),
        ("a number", "json", "5", "sentence"),
        ("a text", "json", f'"{CANARY}"', "sentence"),
        ("null", "json", "null", "sentence"),
        ("empty list", "json", "[]", "sentence"),
        ("empty objects", "json", "[{}, {}]", "sentence"),
        ("empty object", "json", "{}", "sentence"),
        ("list of lists", "json", "[[1, 2], [3, 4]]", "sentence"),
        ("list of numbers", "json", "[1, 2, 3]", "sentence"),
        ("a key twice", "json", '[{"a": 1, "a": 2, "b": 1}]', "sentence"),
        ("keys that differ in case", "json", '[{"a": 1, "A": 2}]', "report"),
        ("empty key", "json", '[{"": 1, "b": 2}]', "report"),
        ("other keys in each row", "ndjson", "".join(f'{{"k{i}": 1}}\n' for i in range(900)), "sentence"),
        ("types that change", "ndjson", '{"a": 1}\n{"a": "x"}\n{"a": [1]}\n{"a": {"b": 2}}\n', "report"),
        ("half a line", "ndjson", good("ndjson") + f'{{"age": 1, "note": "{CANARY}'.encode(), "sentence"),
        ("no JSON in the middle", "jsonl", good("ndjson") * 9 + b"<html>\n" + good("ndjson"), "sentence"),
        ("comments", "json", "// all\n[{'a': 1}]", "sentence"),
        ("lone surrogate", "json", '[{"a": "\\ud800", "b": 1}]', "sentence"),
        ("NUL in a text", "json", '[{"a": "x\\u0000y", "b": 1}]', "report"),
        ("BOM", "json", b"\xef\xbb\xbf" + good("json"), "sentence"),
        ("utf-16", "json", good("json").decode().encode("utf-16"), "sentence"),
        ("long number", "json", f'[{{"a": {"9" * 6000}, "b": 1}}]', "report"),
        ("FHIR: no entries", "json", '{"resourceType": "Bundle"}', "sentence"),
        ("FHIR: entry is a text", "json", '{"resourceType": "Bundle", "entry": "x"}', "sentence"),
        ("FHIR: resource is a list", "json", '{"resourceType": "Bundle", "entry": [{"resource": [1]}]}',
         "sentence"),
        ("FHIR: deep bundles", "json", '{"resourceType": "Bundle", "entry": [{"resource": ' * 4000 + "{}"
         + "}]}" * 4000, "sentence"),
        ("FHIR: deep patient", "json", '{"resourceType": "Patient", "a":' + '{"a":' * 900 + "1" + "}" * 901,
         "sentence"),
        ("FHIR: every name a number", "json", '{"resourceType": "Patient", "name": 5, "id": [[1], {}]}',
         "report"),
        ("FHIR: hostile names", "json", '{"resourceType": "Patient", "<script>": 1, "=cmd": {"../x": 2}}',
         "report"),
        ("FHIR: long number", "json", f'{{"resourceType": "Patient", "a": {"9" * 6000}}}', "sentence"),
        ("FHIR: NaN", "json", '{"resourceType": "Patient", "a": NaN, "b": Infinity, "id": "1"}', "report"),
        ("FHIR: two types at once", "ndjson", '{"resourceType": "Claim"}\n{"resourceType": "Coverage"}\n',
         "sentence"),
    ]  # fmt: skip
    shapes = {
        "NaN": (2, 2), "keys that differ in case": (1, 2), "empty key": (1, 2), "types that change": (4, 1),
        "NUL in a text": (1, 2),
        "long number": (1, 2), "FHIR: every name a number": (1, 1), "FHIR: hostile names": (1, 2),
        "FHIR: NaN": (1, 3),
    }  # fmt: skip
    return [
        Case(
            "data, JSON", name, in_file(f"data.{end}", text), ends,
            facts=counted(*shapes[name]) if ends == "report" else {},
        )
        for name, end, text, ends in rows
    ]  # fmt: skip
