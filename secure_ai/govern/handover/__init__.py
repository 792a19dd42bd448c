"""Handing data to a vendor: the least that the purpose needs, sealed, signed, receipted, destroyed."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "certificates": "CertificateRefused VendorKey vendor_key",
        "contract": "Contract declare_contract load_contract",
        "details": "HandoverDetails",
        "extract": "Extract extract_minimum",
        "package": "HandOver check_handover prepare_handover send_handover",
        "purpose": "Condition Purpose declare_purpose example_purpose load_purpose propose_columns",
        "refusals": "HandoverRefused",
        "register": "HandoverRegister",
        "returns": "confirm_destruction confirm_receipt outstanding recipients_of",
        "vendor_side": "Received destroy_handover receive_handover sign_destruction",
    },
)
