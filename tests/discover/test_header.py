"""A record that stands where the header should is never taken for names of columns."""

from __future__ import annotations

import pytest

from secure_ai.core import UserError
from secure_ai.core.sources import open_source
from secure_ai.discover.header import refuse_data_as_header

CANARY = "Quillfeather"
REFUSED = {
    "names and ages": "".join(f"{CANARY}{i},{20 + 3 * i},f\n" for i in range(30)),
    "an age that occurs again": f"{CANARY},44\nOther,44\nThird,45\n",
    "a date of birth": f"{CANARY},1960-01-01\nOther,1970-02-02\nThird,1980-03-03\n",
    "an amount": f"{CANARY},12.50\nOther,1.25\nThird,2.75\n",
    "an SSN": f"{CANARY},536-22-4000\nOther,536-22-4001\n",
    "a telephone number": f"{CANARY},(617) 555-0100\nOther,(617) 555-0101\n",
    "the header again further down": "name,age\nx,1\nname,age\ny,2\n",
    "a title line": "Patients of ward 4,,\n,,\nname,age,zip\nx,3,02155\ny,4,02156\n",
}
ACCEPTED = {
    "years": "region,2019,2020,2021\nnorth,2019,5,6\nsouth,7,2020,9\n",
    "two years far apart": "region,2010,2020\nnorth,1,5\nsouth,7,2\n",
    "pixels": "0,1,2,3\n0,3,2,1\n3,2,1,0\n",
    "one word that is a value": "group,other\nother,yes\nother,no\nmine,other\n",
    "an unnamed index": ",age,sex\n0,30,f\n1,31,m\n",
    "no names at all": ",,\n1,2,3\n4,5,6\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_record_as_header_is_refused_without_quoting_it(tmp_path, name):
    (tmp_path / "t.csv").write_text(REFUSED[name])
    with pytest.raises(UserError, match="looks like data") as caught:
        refuse_data_as_header(open_source(tmp_path / "t.csv"))
    assert CANARY not in str(caught.value) and "536" not in str(caught.value)


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unusual_header_is_a_header(tmp_path, name):
    (tmp_path / "t.csv").write_text(ACCEPTED[name])
    refuse_data_as_header(open_source(tmp_path / "t.csv"))
