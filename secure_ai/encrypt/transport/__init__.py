"""Data on the way: TLS with mutual authentication, SFTP, signed packages."""
