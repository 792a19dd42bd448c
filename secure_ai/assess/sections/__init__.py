"""The sections of an assessment: each module measures one thing on what it was given."""
