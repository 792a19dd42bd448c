"""Data on the way: TLS with mutual authentication, SFTP, signed packages."""

from secure_ai.encrypt.transport.batches import Batch
from secure_ai.encrypt.transport.capture import Capture, byte_entropy, random_entropy, recording_relay
from secure_ai.encrypt.transport.certificates import CertificateAuthority, lesson_authority
from secure_ai.encrypt.transport.charts import plot_comparison
from secure_ai.encrypt.transport.comparison import Comparison, compare_captures, size_leak
from secure_ai.encrypt.transport.endpoint import Endpoint, inspect_endpoint
from secure_ai.encrypt.transport.gate import Admitted, Gate, Refused
from secure_ai.encrypt.transport.handshakes import (
    Handshake,
    handshake_sentence,
    handshake_table,
    try_handshake,
)
from secure_ai.encrypt.transport.layers import what_each_layer_hides, what_each_observer_learns
from secure_ai.encrypt.transport.messages import BadMessage
from secure_ai.encrypt.transport.public_keys import (
    KeyPairFiles,
    OrganizationKeyError,
    generate_recipient_key,
    generate_signing_key,
)
from secure_ai.encrypt.transport.recipient_keys import NotForThisRecipient, RecipientKey, RecipientKeys
from secure_ai.encrypt.transport.scoring_client import (
    CallRefused,
    HandshakeRefused,
    RequestRefused,
    ServiceFailed,
    TooMany,
    request_score,
    request_score_without_tls,
)
from secure_ai.encrypt.transport.scoring_connection import ScoringConnection
from secure_ai.encrypt.transport.scoring_server import Limits
from secure_ai.encrypt.transport.scoring_service import ScoringService, serve, serve_gate, serve_without_tls
from secure_ai.encrypt.transport.sftp import (
    HostKeyChanged,
    LoginRefused,
    SftpError,
    SftpReceipt,
    UploadFailed,
    send_by_sftp,
)
from secure_ai.encrypt.transport.sftp_server import VendorServer, vendor_sftp_server
from secure_ai.encrypt.transport.sockets import Address, NotReachable
from secure_ai.encrypt.transport.ssh_keys import SshKeyError, SshKeyFiles, generate_ssh_key
from secure_ai.encrypt.transport.tls import CertificateError, TlsFiles

__all__ = [
    "Address",
    "Admitted",
    "BadMessage",
    "Batch",
    "CallRefused",
    "Capture",
    "CertificateAuthority",
    "CertificateError",
    "Comparison",
    "Endpoint",
    "Gate",
    "Handshake",
    "HandshakeRefused",
    "HostKeyChanged",
    "KeyPairFiles",
    "Limits",
    "LoginRefused",
    "NotForThisRecipient",
    "NotReachable",
    "OrganizationKeyError",
    "RecipientKey",
    "RecipientKeys",
    "Refused",
    "RequestRefused",
    "ScoringConnection",
    "ScoringService",
    "ServiceFailed",
    "SftpError",
    "SftpReceipt",
    "SshKeyError",
    "SshKeyFiles",
    "TlsFiles",
    "TooMany",
    "UploadFailed",
    "VendorServer",
    "byte_entropy",
    "compare_captures",
    "generate_recipient_key",
    "generate_signing_key",
    "generate_ssh_key",
    "handshake_sentence",
    "handshake_table",
    "inspect_endpoint",
    "lesson_authority",
    "plot_comparison",
    "random_entropy",
    "recording_relay",
    "request_score",
    "request_score_without_tls",
    "send_by_sftp",
    "serve",
    "serve_gate",
    "serve_without_tls",
    "size_leak",
    "try_handshake",
    "vendor_sftp_server",
    "what_each_layer_hides",
    "what_each_observer_learns",
]
