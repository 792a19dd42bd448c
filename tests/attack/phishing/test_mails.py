"""Generated mails: they belong to nobody, their cues are there, and no single word tells them apart."""

import ipaddress
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.phishing import (
    BENIGN_KINDS,
    CUES,
    KINDS,
    MALICIOUS_KINDS,
    find_cues,
    inspect_url,
    mails_frame,
    make_mails,
    organization,
    verify_cue,
)
from secure_ai.attack.phishing.mail import DANGEROUS_ENDINGS, Cue
from secure_ai.attack.phishing.phish_scale import phish_scale
from secure_ai.attack.phishing.urls import final_host, host_of
from secure_ai.core.errors import UserError

RESERVED = re.compile(r"([\w-]+\.)*(example|test|invalid|example\.org)")
DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def belongs_to_nobody(host):
    if re.fullmatch(r"[\d.]+", host):
        return any(ipaddress.ip_address(host) in net for net in DOCUMENTATION)
    return bool(RESERVED.fullmatch(host))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), sector=st.sampled_from(["healthcare", "finance"]))
def test_every_address_link_and_number_belongs_to_nobody(seed, sector):
    for mail in make_mails(sector, 8, seed=seed):
        hosts = [mail.sender_domain, mail.reply_to.rpartition("@")[2].lower()]
        hosts += [host for link in mail.links for host in (host_of(link.url), final_host(link.url))]
        text = mail.seen()
        hosts += re.findall(r"https?://(?:[^\s/@]*@)?([^\s/?]+)", text)
        assert all(belongs_to_nobody(host.lower()) for host in hosts)
        assert all(re.fullmatch(r"555-01\d\d", number) for number in re.findall(r"\b\d{3}-\d{4}\b", text))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), sector=st.sampled_from(["healthcare", "finance"]))
def test_every_cue_that_is_claimed_is_there_and_every_difficulty_is_computed(seed, sector):
    place = organization(sector)
    for mail in make_mails(sector, 8, seed=seed):
        assert all(verify_cue(mail, cue, place.known_domains, place.name) for cue in mail.cues)
        assert {cue.name for cue in mail.cues} <= set(CUES)
        assert set(find_cues(mail, place.known_domains, place.name)) <= set(mail.cues)
        assert mail.difficulty == (phish_scale(mail).difficulty if mail.malicious else "")


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), sector=st.sampled_from(["healthcare", "finance"]))
def test_honest_mail_carries_no_malicious_link_and_asks_for_nothing(seed, sector):
    known = organization(sector).known_domains
    for mail in make_mails(sector, 8, seed=seed, phishing_share=0):
        assert not mail.malicious and not mail.ask and not mail.premise
        verdicts = {inspect_url(link.url, known).verdict for link in mail.links}
        assert verdicts <= {"known", "unknown"}
        assert not any(cue.name in {"domain_spoofing", "sensitive_request"} for cue in mail.cues)


def test_a_phish_always_has_a_way_to_do_harm(mails):
    for mail in mails:
        if mail.malicious:
            assert mail.ask and mail.ask in mail.body
            assert all(link.shown in mail.body for link in mail.links)


def test_all_seven_kinds_and_all_honest_kinds_are_made(mails):
    assert len(MALICIOUS_KINDS) == 7
    assert {mail.kind for mail in mails} == set(KINDS) == {*MALICIOUS_KINDS, *BENIGN_KINDS}


def test_mails_are_distinct_and_the_same_for_the_same_seed(mails):
    assert len({(mail.sector, mail.subject, mail.body) for mail in mails}) == len(mails)
    assert make_mails("finance", 15, seed=9) == make_mails("finance", 15, seed=9)
    assert make_mails("finance", 15, seed=9) != make_mails("finance", 15, seed=10)


def test_no_single_word_tells_phishing_from_honest_mail(mails):
    bad = [mail for mail in mails if mail.malicious]
    counts = defaultdict(Counter)
    for mail in mails:
        for word in set(re.findall(r"[a-z]+", f"{mail.sender_address} {mail.subject} {mail.body}".lower())):
            counts[word][mail.malicious] += 1
    good = len(mails) - len(bad)
    best = max(
        max(c[True] / len(bad) + 1 - c[False] / good, c[False] / good + 1 - c[True] / len(bad)) / 2
        for c in counts.values()
    )
    assert best < 0.75


def test_honest_mail_is_ugly_too(mails):
    honest = [mail for mail in mails if not mail.malicious]
    seen = Counter(cue.name for mail in honest for cue in mail.cues)
    for name in ("urgency", "threat", "spelling_grammar", "generic_greeting", "limited_time_offer"):
        assert seen[name] > 0
    assert any(mail.dmarc != "pass" for mail in honest)
    assert any(mail.reply_to != mail.sender_address for mail in honest)
    assert any(name.endswith(DANGEROUS_ENDINGS) for mail in honest for name in mail.attachments)


def test_every_difficulty_of_the_scale_occurs(mails):
    assert set(mails_frame(mails).query("malicious").difficulty) == {
        "least", "moderately to least", "moderately", "very",
    }  # fmt: skip


def test_an_invented_cue_is_not_verified(mails):
    mail, known = mails[0], organization("healthcare").known_domains
    assert not verify_cue(mail, Cue("urgency", "body", "no such words", 0), known)
    assert not verify_cue(mail, Cue("domain_spoofing", "link", "https://nowhere.test/"), known)
    with pytest.raises(UserError, match="unknown"):
        verify_cue(mail, Cue("vibes", "body", ""), known)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sector": "zoo"}, "healthcare or finance"),
        ({"n": 0}, "from 1"),
        ({"n": 2.5}, "whole number"),
        ({"n": True}, "whole number"),
        ({"seed": -1}, "seed"),
        ({"phishing_share": 2}, "from 0 to 1"),
        ({"phishing_share": float("nan")}, "from 0 to 1"),
        ({"kinds": ["spam"]}, "unknown"),
        ({"kinds": []}, "unknown"),
    ],
)
def test_bad_arguments_are_said_in_a_sentence(arguments, words):
    with pytest.raises(UserError, match=words):
        make_mails(**arguments)
