"""Who may do what, for which purpose: identities, policy, and rules in the database."""
