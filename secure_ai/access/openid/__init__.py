"""Sign-on with OAuth 2.1 and OpenID Connect: a local provider, a client, and the check of tokens."""
