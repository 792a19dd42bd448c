"""Data on the way: TLS with mutual authentication, SFTP, signed packages."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "batches": "Batch",
        "capture": "Capture byte_entropy random_entropy recording_relay",
        "certificates": "CertificateAuthority lesson_authority",
        "charts": "plot_comparison",
        "comparison": "Comparison compare_captures size_leak",
        "endpoint": "Endpoint inspect_endpoint",
        "gate": "Admitted Gate Refused",
        "handshakes": "Handshake handshake_sentence handshake_table try_handshake",
        "layers": "what_each_layer_hides what_each_observer_learns",
        "messages": "BadMessage",
        "public_keys": "KeyPairFiles OrganizationKeyError generate_recipient_key generate_signing_key",
        "recipient_keys": "NotForThisRecipient RecipientKey RecipientKeys",
        "scoring_client": [
            "CallRefused",
            "HandshakeRefused",
            "RequestRefused",
            "ServiceFailed",
            "TooMany",
            "request_score",
            "request_score_without_tls",
        ],
        "scoring_connection": "ScoringConnection",
        "scoring_server": "Limits",
        "scoring_service": "ScoringService serve serve_gate serve_without_tls",
        "sftp": "HostKeyChanged LoginRefused SftpError SftpReceipt UploadFailed send_by_sftp",
        "sftp_server": "VendorServer vendor_sftp_server",
        "sockets": "Address NotReachable",
        "ssh_keys": "SshKeyError SshKeyFiles generate_ssh_key",
        "tls": "CertificateError TlsFiles",
    },
)
