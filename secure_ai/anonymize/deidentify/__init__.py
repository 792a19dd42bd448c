"""De-identification of texts, tables, nested records, FHIR and DICOM under a policy."""
