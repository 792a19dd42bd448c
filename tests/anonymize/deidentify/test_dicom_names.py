"""The people whom a DICOM header names go from all its texts, and what cannot be read goes whole."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from secure_ai.anonymize import Key, deidentify_file

KEPT_ELEMENTS = ["EthnicGroup", "Occupation", "ProtocolName", "ContrastBolusAgent", "StudyDescription"]


@pytest.mark.parametrize(
    "policy", ["safe_harbor", "limited_data_set", "expert_determination", "pseudonymize"]
)
def test_no_name_of_the_header_is_left_in_it(policy, tmp_path):
    header = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    header.PatientName, header.PatientAge = "Quill^Xantor", "094Y"
    for keyword in KEPT_ELEMENTS:
        setattr(header, keyword, "for Quill")
    item = Dataset()
    item.PersonName, item.CodeMeaning, item.CodeValue, item.TextValue = (
        "Zwyx^Bo",
        "Quill",
        "219-09-9999",
        "Zwyx",
    )
    header.ContentSequence = Sequence([item])
    header.add_new(0x0010FFFF, "UN", b"Quill unknown ")
    header.file_meta.ImplementationVersionName = "QUILLHOSP"
    header.preamble = b"Quill".ljust(128, b"\0")
    header.save_as(tmp_path / "q.dcm", enforce_file_format=True)
    deidentify_file(tmp_path / "q.dcm", tmp_path / "o.dcm", policy, key=Key(bytes(range(64))), seed=1)
    content = (tmp_path / "o.dcm").read_bytes().lower()
    for value in (b"quill", b"xantor", b"zwyx", b"219-09"):
        assert value not in content
    assert (b"094y" in content) is (policy == "limited_data_set")
