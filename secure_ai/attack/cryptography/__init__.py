"""What goes wrong with good ciphers in wrong hands: reused nonces, ECB, no authentication, leaked keys."""
