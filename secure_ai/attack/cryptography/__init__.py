"""What goes wrong with good ciphers in wrong hands: reused nonces, ECB, no authentication."""

from secure_ai.attack.cryptography.altered_files import altered_copies, flip_bit, try_copies
from secure_ai.attack.cryptography.altered_unnoticed import (
    Alteration,
    Alterations,
    alter_cbc,
    alter_message,
    alter_stream,
)
from secure_ai.attack.cryptography.charts import plot_crib, plot_pictures
from secure_ai.attack.cryptography.ecb_picture import (
    EncryptedPictures,
    draw_bank_mark,
    draw_chest_film,
    encrypt_picture,
    repeated_blocks,
)
from secure_ai.attack.cryptography.forgery import Forgery, authentication_keys, forge_message
from secure_ai.attack.cryptography.messages import SealedMessage, demonstration_bytes, seal_with_one_nonce
from secure_ai.attack.cryptography.nonce_reuse import (
    CribDrag,
    ReadMessage,
    drag_crib,
    read_other_message,
    reused_nonces,
)

__all__ = [
    "Alteration",
    "Alterations",
    "CribDrag",
    "EncryptedPictures",
    "Forgery",
    "ReadMessage",
    "SealedMessage",
    "alter_cbc",
    "alter_message",
    "alter_stream",
    "altered_copies",
    "authentication_keys",
    "demonstration_bytes",
    "drag_crib",
    "draw_bank_mark",
    "draw_chest_film",
    "encrypt_picture",
    "flip_bit",
    "forge_message",
    "plot_crib",
    "plot_pictures",
    "read_other_message",
    "repeated_blocks",
    "reused_nonces",
    "seal_with_one_nonce",
    "try_copies",
]
