"""Every recognizer of ours: importing this module makes Presidio's registry find them by name."""

from __future__ import annotations

from secure_ai.discover.recognize_contact import (
    IpAddressRecognizer,
    SafeEmailRecognizer,
    TelephoneRecognizer,
    UrlOrDomainRecognizer,
    offline_suffixes,
)
from secure_ai.discover.recognize_finance import (
    AccountNumberRecognizer,
    CardNumberRecognizer,
    CusipRecognizer,
    IbanNumberRecognizer,
    RoutingNumberRecognizer,
    SecurityIdRecognizer,
    SedolRecognizer,
    SwiftCodeRecognizer,
)
from secure_ai.discover.recognize_government import (
    DriverLicenseRecognizer,
    ItinRecognizer,
    LicenseNumberRecognizer,
    PassportRecognizer,
    SsnRecognizer,
    VehicleRecognizer,
)
from secure_ai.discover.recognize_health import (
    DeaRecognizer,
    DeviceRecognizer,
    HealthPlanRecognizer,
    MbiRecognizer,
    MedicalRecordNumberRecognizer,
    NhsNumberRecognizer,
    NpiRecognizer,
)
from secure_ai.discover.recognize_people import (
    AgeRecognizer,
    ClinicalDateRecognizer,
    CoordinatesRecognizer,
    CuedPersonRecognizer,
    StreetAddressRecognizer,
    TitleRecognizer,
    ZipCodeRecognizer,
)

__all__ = [
    "AccountNumberRecognizer",
    "AgeRecognizer",
    "CardNumberRecognizer",
    "ClinicalDateRecognizer",
    "CoordinatesRecognizer",
    "CuedPersonRecognizer",
    "CusipRecognizer",
    "DeaRecognizer",
    "DeviceRecognizer",
    "DriverLicenseRecognizer",
    "HealthPlanRecognizer",
    "IbanNumberRecognizer",
    "IpAddressRecognizer",
    "ItinRecognizer",
    "LicenseNumberRecognizer",
    "MbiRecognizer",
    "MedicalRecordNumberRecognizer",
    "NhsNumberRecognizer",
    "NpiRecognizer",
    "PassportRecognizer",
    "RoutingNumberRecognizer",
    "SafeEmailRecognizer",
    "SecurityIdRecognizer",
    "SedolRecognizer",
    "SsnRecognizer",
    "StreetAddressRecognizer",
    "SwiftCodeRecognizer",
    "TelephoneRecognizer",
    "TitleRecognizer",
    "UrlOrDomainRecognizer",
    "VehicleRecognizer",
    "ZipCodeRecognizer",
    "offline_suffixes",
]
