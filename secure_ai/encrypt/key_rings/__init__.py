"""Key-encryption keys: on this disk, with AWS KMS or with Vault; rotated, audited, shredded."""
