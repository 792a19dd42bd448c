"""Mails and a trained filter, made once."""

import pytest

from secure_ai.attack.phishing import PhishingFilter, make_mails


@pytest.fixture(scope="session")
def mails():
    return make_mails("healthcare", 170, seed=4) + make_mails("finance", 170, seed=4)


@pytest.fixture(scope="session")
def trained(mails):
    return PhishingFilter().fit(mails)
