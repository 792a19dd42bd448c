"""Versions, ranges and scores agree with the published examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.defend.dependencies import Severity, compare_versions, cvss_base_score, in_range, severity_of
from secure_ai.defend.dependencies.versions import UnknownVersionError

# Semantic Versioning 2.0.0, items 10 and 11.
SEMANTIC = (
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0"
)
# PEP 440, "Summary of permitted suffixes and relative ordering".
PYTHON = (
    "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345 1.0rc1 1.0"
)
PYTHON += " 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456 1.1.dev1 1!0.1"


@pytest.mark.parametrize(("ecosystem", "ordered"), [("npm", SEMANTIC), ("PyPI", PYTHON)])
def test_versions_stand_in_the_published_order(ecosystem, ordered):
    versions = ordered.split()
    for place, one in enumerate(versions):
        for later in versions[place + 1 :]:
            assert compare_versions(ecosystem, one, later) == -1, (one, later)
            assert compare_versions(ecosystem, later, one) == 1


def test_build_metadata_and_a_leading_v_do_not_count():
    assert compare_versions("npm", "1.0.0+a", "1.0.0+b") == 0
    assert compare_versions("Go", "v1.2.3", "1.2.3") == 0
    assert compare_versions("PyPI", "1.0", "1.0.0") == 0


@pytest.mark.parametrize(
    ("ecosystem", "version"),
    [
        ("npm", "01.0.0"),
        ("npm", "latest"),
        ("npm", "1.0.0-01"),
        ("PyPI", "1.0-final-x"),
        ("PyPI", ""),
        ("Maven", "1.0"),
    ],
)
def test_a_version_without_an_order_is_not_guessed(ecosystem, version):
    with pytest.raises(UnknownVersionError):
        compare_versions(ecosystem, version, "1.0.0")


SPANS = [
    ([{"introduced": "0"}, {"fixed": "1.5"}], "1.4", True),
    ([{"introduced": "0"}, {"fixed": "1.5"}], "1.5", False),
    ([{"introduced": "0"}, {"fixed": "1.5"}], "1.5rc1", True),
    ([{"introduced": "0"}], "99", True),
    ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "1.5", True),
    ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "1.5.post1", False),
    ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "0.9", False),
    # Fixed, and introduced again; the events need not stand in order.
    ([{"fixed": "2.5"}, {"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "1.0"}], "1.7", False),
    ([{"fixed": "2.5"}, {"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "1.0"}], "2.1", True),
    ([{"introduced": "1.0"}, {"fixed": "2.0"}, {"introduced": "2.0"}], "2.0", True),
    ([{"introduced": "0"}, {"limit": "1.0"}], "1.0", False),
    ([{"introduced": "0"}, {"limit": "*"}], "5", True),
    ([{"fixed": "2.0"}], "1.0", False),
    ([], "1.0", False),
]


@pytest.mark.parametrize(("events", "version", "expected"), SPANS)
def test_a_version_lies_in_a_range_as_the_schema_evaluates_it(events, version, expected):
    assert in_range("PyPI", version, events) is expected


VERSION = st.tuples(*[st.integers(0, 4)] * 3).map(lambda parts: ".".join(map(str, parts)))


@given(VERSION, VERSION, VERSION)
def test_a_range_is_what_lies_between_its_ends_in_both_orders(low, high, version):
    for ecosystem in ("PyPI", "npm"):
        inside = in_range(ecosystem, version, [{"introduced": low}, {"fixed": high}])
        numbers = [tuple(map(int, one.split("."))) for one in (low, version, high)]
        # An end before the beginning closes nothing.
        assert inside == (numbers[0] <= numbers[1] and not numbers[0] < numbers[2] <= numbers[1]
                          and not numbers[2] == numbers[0] > numbers[1])  # fmt: skip


# Published scores: three of FIRST's examples for v3.1 (6.1, 6.4, 3.1), and vectors frequent in the NVD.
SCORES = {
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N": 6.1,
    "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N": 6.4,
    "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N": 3.1,
    "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H": 7.8,
    "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N": 0.0,
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H": 10.0,
    "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N": 7.5,
    "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H/E:P": 9.1,
}


@pytest.mark.parametrize(("vector", "score"), SCORES.items())
def test_the_base_score_is_that_of_the_published_examples(vector, score):
    assert cvss_base_score(vector) == score


@pytest.mark.parametrize(
    "vector", ["", "CVSS:4.0/AV:N", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"]
)
def test_a_vector_that_cannot_be_read_has_no_score(vector):
    assert cvss_base_score(vector) is None


def test_the_worst_severity_that_is_stated_counts_and_none_is_not_low():
    medium = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"
    assert severity_of([medium], ["CRITICAL"]) == (Severity.CRITICAL, 6.1)
    assert severity_of([medium], ["low"]) == (Severity.MEDIUM, 6.1)
    assert severity_of([], ["MODERATE"]) == (Severity.MEDIUM, None)
    assert severity_of(["CVSS:4.0/AV:N"], ["strange"]) == (Severity.UNKNOWN, None)
