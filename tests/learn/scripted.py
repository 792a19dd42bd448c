"""A person at a terminal, scripted: answers in order, then the end of the input."""

from __future__ import annotations


class Script:
    """Answers prompts from a list, an exception in it is raised; keeps what was said."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.said = []

    def ask(self, prompt):
        self.said.append(prompt)
        if not self.answers:
            raise EOFError
        answer = self.answers.pop(0)
        if not isinstance(answer, str):
            raise answer
        return answer

    def say(self, text):
        self.said.append(str(text))

    def text(self):
        return "\n".join(self.said)
