"""Claims about the phishing inbox: widget, text and terminal show one mail, and nothing in it is live."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from secure_ai.attack.phishing import make_mails
from secure_ai.attack.phishing.mail import Link
from secure_ai.core import UserError
from secure_ai.govern.awareness import ANSWERS, PhishingTrainer, cue_choices
from secure_ai.learn.mail_view import MailView, authentication_in_words, defanged, visible
from secure_ai.learn.phishing_inbox import ANSWERS_IN_WORDS, LABELS, PhishingInbox
from secure_ai.learn.terminal import train_in_terminal
from tests.learn.scripted import Script

# What JupyterLab turns into a link where it shows plain text.
LINKED = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{2,40}://|data:|www\.)[^\s]{2,}")
HOSTILE = '<img src=x onerror=alert(1)><a href="https://evil.example">go</a>'


@pytest.fixture(scope="module")
def mails():
    return make_mails("healthcare", 80, seed=3)


@pytest.fixture
def inbox(mails):
    return PhishingInbox(PhishingTrainer(mails, seed=1))


def truth(mails, inbox):
    return next(mail for mail in mails if mail.mail_id == inbox.mail.mail_id)


def wait_for_phish(mails, inbox):
    while not truth(mails, inbox).malicious:
        inbox.answer("trust")
        inbox.next()
    return truth(mails, inbox)


def parts(box):
    mail, _, groups, buttons, feedback = box.children
    cues = {
        c.description: c
        for column in groups.children
        for group in column.children
        for c in group.children[1:]
    }
    return mail, cues, {button.description: button for button in buttons.children}, feedback


def test_every_answer_of_the_trainer_has_its_words_and_button(inbox):
    _, _, buttons, _ = parts(inbox.widget())
    assert set(ANSWERS) == set(ANSWERS_IN_WORDS)
    assert list(buttons) == [*(ANSWERS_IN_WORDS[answer] for answer in ANSWERS), "Next mail"]


def test_every_cue_of_the_trainer_has_a_box(inbox):
    _, cues, _, _ = parts(inbox.widget())
    assert set(cues) == set(cue_choices().values())


def test_feedback_names_found_and_missed_cues(mails, inbox):
    mail = wait_for_phish(mails, inbox)
    names = list(dict.fromkeys(cue.name for cue in mail.cues))
    said = inbox.answer("report", names[:1]).text()
    assert said.startswith("Right:") and "Score so far" in said
    found, missed = said.split("Cues you missed:")
    assert cue_choices()[names[0]] in found
    flat = " ".join(missed.split())
    assert all(cue_choices()[name] in flat for name in names[1:])


def test_text_and_widget_say_the_same_after_an_answer(mails):
    one, two = (PhishingInbox(PhishingTrainer(mails, seed=5)) for _ in range(2))
    mail, cues, buttons, feedback = parts(one.widget())
    assert MailView(two.mail).html() in mail.value
    cues["time pressure"].value = True
    buttons[ANSWERS_IN_WORDS["report"]].click()
    assert two.answer("report", ["urgency"]).html() in feedback.value and 'role="status"' in feedback.value
    buttons["Next mail"].click()
    assert two.next().html() in mail.value
    assert not any(box.value for box in cues.values())


def test_buttons_pressed_at_the_wrong_time_say_so_and_count_nothing(inbox):
    mail, _, buttons, feedback = parts(inbox.widget())
    before = mail.value
    buttons["Next mail"].click()
    assert "Answer this mail first" in feedback.value and mail.value == before
    buttons[ANSWERS_IN_WORDS["trust"]].click()
    counted = inbox.trainer.progress()["count"].sum()
    buttons[ANSWERS_IN_WORDS["report"]].click()
    assert "is answered" in feedback.value and inbox.trainer.progress()["count"].sum() == counted


def test_the_verdict_stands_in_words_before_any_color(mails, inbox):
    mail = wait_for_phish(mails, inbox)
    assert mail.malicious
    shown = re.sub(r"<[^>]+>", "", inbox.answer("trust").html())
    assert shown.startswith("Not right:")


def test_links_are_text_with_the_true_address_on_a_line_of_its_own(mails):
    inbox = PhishingInbox(PhishingTrainer(mails, seed=2))
    seen = 0
    for _ in range(25):
        view = inbox.next()
        assert "<a" not in view.html() and "href" not in view.html() and "<img" not in view.html()
        assert not LINKED.search(view.text())
        for link in view.mail.links:
            seen += 1
            assert f"\n  leads to: {defanged(link.url)}" in view.text()
            assert "<br>leads to: <code" in view.html()
        assert not LINKED.search(inbox.answer("trust").text())
    assert seen


def hostile(mails):
    phish, honest = (next(mail for mail in mails if mail.malicious is side) for side in (True, False))
    changed = {
        "subject": HOSTILE,
        "body": HOSTILE + "\x1b[2J\u202egpj.exe see https://evil.example data:text/html,x",
        "sender_name": "\u202e<b>Bank</b>", "links": (Link(HOSTILE, 'https://a.example/"><script>\u200b'),),
        "attachments": ("<script>.pdf", "a\u202efdp.exe"), "images": (HOSTILE,),
    }  # fmt: skip
    return [replace(mail, **changed) for mail in (phish, honest)]


def test_a_hostile_mail_is_shown_and_runs_nothing(mails):
    inbox = PhishingInbox(PhishingTrainer(hostile(mails), seed=1))
    inbox.widget()
    view, judged = MailView(inbox.mail), inbox.answer("report", ["urgency"])
    for page in (view.html(), judged.html()):
        assert not re.search(r"<(script|img|a|b)\b", page)
        assert "\u202e" not in page and "\x1b" not in page
    for text in (view.text(), judged.text()):
        assert not LINKED.search(text) and "\x1b" not in text and "\u202e" not in text
    assert "[U+202E]" in view.text() and "[U+200B]" in view.text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("see https://www.a.example/b", "see https[:]//www[.]a.example/b"),
        ("ftp://x and WWW.y.example", "ftp[:]//x and WWW[.]y.example"),
        ("data: three rows; data:text/html,x", "data: three rows; data[:]text/html,x"),
        ("nothing here", "nothing here"),
    ],
)
def test_defanged_text_holds_nothing_that_a_viewer_links(given, said):
    assert defanged(given) == said and not LINKED.search(said)


def test_letters_of_other_scripts_stay_and_controls_are_named():
    assert visible("Дорогой\tколлега\n\u202e\x07") == "Дорогой\tколлега\n[U+202E][U+0007]"
    assert visible("a b\u00ad", address=True) == "a[U+0020]b[U+00AD]"


def test_results_of_authentication_are_put_in_words():
    found = authentication_in_words("Authentication: spf=fail dkim=pass dmarc=none")
    assert [line.split(":")[0] for line in found] == ["SPF fail", "DKIM pass", "DMARC none"]
    assert "may not send" in found[0]
    assert authentication_in_words("no idea") == ["no idea"]


@pytest.mark.parametrize(
    ("decision", "cues"), [("delete", ()), (None, ()), ("report", ["magic"]), ("report", 7), ("report", [7])]
)
def test_an_answer_that_is_none_is_refused_and_counts_nothing(inbox, decision, cues):
    with pytest.raises(UserError):
        inbox.answer(decision, cues)
    assert inbox.answered is None and inbox.score == "No mail has been answered yet."


def test_an_inbox_goes_on_where_the_trainer_was_answered_elsewhere(inbox):
    inbox.trainer.answer(inbox.mail.mail_id, "trust")
    with pytest.raises(UserError, match="not waiting"):
        inbox.answer("trust")
    assert inbox.answer("trust").text()


def test_an_inbox_that_runs_empty_says_so_in_widget_and_text(mails):
    few = [next(m for m in mails if m.malicious), next(m for m in mails if not m.malicious)]
    inbox = PhishingInbox(PhishingTrainer(few, seed=0))
    mail, _, buttons, _ = parts(inbox.widget())
    for _ in range(3):
        buttons[ANSWERS_IN_WORDS["report"]].click()
        buttons["Next mail"].click()
    assert "The inbox is empty" in mail.value and "The inbox is empty" in inbox.look().text()
    assert parts(inbox.widget())[0].value == mail.value


def test_an_inbox_needs_a_trainer():
    with pytest.raises(UserError, match="needs a trainer"):
        PhishingInbox("trainer")


def test_without_widgets_only_the_text_is_shown(inbox, monkeypatch):
    shown = []
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    inbox.show()
    assert [item.text() for item in shown] == [inbox.look().text()]
    assert "inbox.answer(" in shown[0].text() and "Subject:" in shown[0].text()


def test_with_widgets_the_text_is_folded_under_them(inbox, monkeypatch):
    shown = []
    monkeypatch.delenv("SECURE_AI_WIDGETS", raising=False)
    monkeypatch.setattr("IPython.display.display", shown.append)
    inbox.show()
    assert len(shown) == 2 and shown[1].html().startswith("<details")
    assert shown[1].text() == inbox.look().text()


def test_the_trainers_words_for_cues_are_found_in_its_message(mails, inbox):
    """The labels follow the trainer's wording; a change there must not pile all of it into one line."""
    mail = wait_for_phish(mails, inbox)
    said = inbox.answer("trust", [mail.cues[0].name, "security_icon"]).text()
    assert {label for label in LABELS.values() if f"{label}:" in said} >= {
        "Cues you found", "Cues you missed", "If it happens at work",
    }  # fmt: skip


# ---------------------------------------------------------------- in a terminal


def test_a_terminal_session_answers_names_cues_and_ends_with_the_score(mails):
    script = Script(["?", "banana", "r", "?", "99", "13, 14", "t", "", "quit"])
    trainer = PhishingTrainer(mails, seed=1)
    ending = train_in_terminal(trainer, script.ask, script.say)
    score = trainer.score()
    assert score.phishing + score.honest == 2 and "Score" in ending
    said = script.text()
    assert said.count("Type r to report") == 2 and "Give numbers from 1 to 23" in said
    assert "1. spelling or grammar mistakes" in said and script.said[-1] == ending


@pytest.mark.parametrize("leaving", ["quit", "Q", "exit", EOFError, KeyboardInterrupt])
@pytest.mark.parametrize("before", [[], ["r"], ["r", ""]])
def test_a_terminal_session_ends_cleanly_however_it_is_left(mails, leaving, before):
    script = Script([*before, leaving])
    trainer = PhishingTrainer(mails, seed=1)
    assert train_in_terminal(trainer, script.ask, script.say).startswith("End of the training.")
    assert trainer.score().phishing + trainer.score().honest == (len(before) == 2)


def test_a_terminal_session_stops_after_so_many_mails_or_when_there_are_none_left(mails):
    trainer = PhishingTrainer(mails, seed=1)
    train_in_terminal(trainer, Script(["r", "", "t", ""]).ask, lambda _: None, mails=2)
    assert trainer.score().phishing + trainer.score().honest == 2
    few = [next(m for m in mails if m.malicious), next(m for m in mails if not m.malicious)]
    script = Script(["r", ""] * 3)
    train_in_terminal(PhishingTrainer(few, seed=0), script.ask, script.say)
    assert "Every mail was served" in script.text()
    for wrong in (0, True, "2"):
        with pytest.raises(UserError, match="whole number"):
            train_in_terminal(trainer, script.ask, script.say, mails=wrong)


def test_nonsense_in_a_terminal_never_breaks_the_session(mails):
    nonsense = ["", " ", "\x00", "r" * 10_000, "²", "-1", "9" * 5_000, "❤", "[]", "None"]
    script = Script([*nonsense, "r", *[one for one in nonsense if one.strip()], "1"])
    trainer = PhishingTrainer(mails, seed=1)
    assert train_in_terminal(trainer, script.ask, script.say)
    assert trainer.score().phishing + trainer.score().honest == 1
