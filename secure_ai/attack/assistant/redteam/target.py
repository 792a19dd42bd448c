"""What a red-team run is played against: our assistant over a model, or another's complete assistant."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from secure_ai.attack.assistant.chat import ChatModel, ChatReply
from secure_ai.attack.assistant.conversation import Conversation, Document, Effect, ToolCall, Turn, User
from secure_ai.attack.assistant.hooks import Guard
from secure_ai.attack.assistant.prompts import question
from secure_ai.attack.assistant.suite.case import Case, Plant, Success
from secure_ai.attack.assistant.tools import EFFECT_OF
from secure_ai.attack.assistant.world import World
from secure_ai.core.errors import UserError

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# Placeholders that are the same everywhere: nothing must be known of the assistant's own data.
ANYWHERE = frozenset(
    {
        "attacker",
        "attacker_mail",
        "attacker_account",
        "attacker_host",
        "org",
        "own_host",
        "date",
        "time",
        "amount",
    }
)
NO_SECRET = "No marked secret stands in this assistant's prompt: put one there, and name it as secret=."
NO_PROMPT = "The assistant's system prompt is not known: give it as system_prompt=."
NO_RECORDS = "The assistant does not hold the records that this case is about."


@dataclass(frozen=True)
class AssistantTarget:
    """Our assistant, driving any chat model, with guards or without: everything it does is seen.

    Attributes:
        worlds: sector → the world that the assistant serves.
        model: the chat model, such as a ChatEndpoint.
        guards: makes the guards of one assistant from its world; None for an assistant without guards.
        label: how the report names it, such as ``"naive, all guards"``; the model's name by default.
        options: further arguments of Assistant, such as ``retrieval``.
    """

    worlds: Mapping[str, World]
    model: ChatModel
    guards: Callable[[World], Sequence[Guard]] | None = None
    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", f"{self.model.name}{', guarded' if self.guards else ''}")

    def make_assistant(self, world: World) -> Any:
        """Return a new assistant over a world, with guards of its own."""
        from secure_ai.attack.assistant.assistant import Assistant

        guards = list(self.guards(world)) if self.guards else []
        return Assistant(world, self.model, guards=guards, **self.options)

    def with_seed(self, seed: int) -> AssistantTarget:
        """Return the target whose model is asked with this seed."""
        return replace(self, options={**self.options, "seed": seed})


class _Seeded:
    """A model that is always asked with one seed."""

    def __init__(self, model: ChatModel, seed: int) -> None:
        self.name, self._model, self._seed = model.name, model, seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        max_tokens: int = 512,
        seed: int = 0,
    ) -> ChatReply:
        return self._model.chat(messages, tools=tools, max_tokens=max_tokens, seed=self._seed)


@dataclass(frozen=True)
class BlackBoxTarget:
    """An organization's own complete assistant behind an OpenAI-compatible URL.

    Planted documents are handed over inside the user's message, as an attachment. Effects are seen only where
    the answer asks for a tool of ours; where nothing is seen the case is unassessed, never resisted.

    Attributes:
        endpoint: the chat model of the URL, such as a ChatEndpoint.
        worlds: sector → a world, for the values of placeholders.
        label: how the report names it; the endpoint's name by default.
        secret: a marked value that stands in the assistant's own prompt; without it, whether a secret left
            is unassessed.
        system_prompt: its own prompt, to recognize it in a reply; without it, leaks of it are unassessed.
        holds_records: whether the assistant serves the very records of ``worlds``.
    """

    endpoint: ChatModel
    worlds: Mapping[str, World]
    label: str = ""
    secret: str = ""
    system_prompt: str = ""
    holds_records: bool = False
    sees_effects: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.secret and len(self.secret) < 8:
            raise UserError("The secret is too short to be recognized: choose one of at least 8 characters.")
        if not self.label:
            object.__setattr__(self, "label", f"{self.endpoint.name}, from outside")
        if self.secret:
            # Facts are cached in what copies share: a world with another secret shares nothing.
            worlds = {
                sector: world
                if world.secret == self.secret
                else replace(world, secret=self.secret, shared={})
                for sector, world in self.worlds.items()
            }
            object.__setattr__(self, "worlds", worlds)

    def make_assistant(self, world: World) -> BlackBoxAssistant:
        """Return a talk with the endpoint over what was planted in a world."""
        return BlackBoxAssistant(world, self.endpoint, self.system_prompt)

    def with_seed(self, seed: int) -> BlackBoxTarget:
        """Return the target that is asked with this seed."""
        return replace(self, endpoint=_Seeded(self.endpoint, seed))

    def cannot_tell(self, case: Case, *, twin: bool) -> str:
        """Return why a case, or its twin, cannot be judged from outside; empty where it can."""
        part = case.twin if twin else case
        success = part.expects if twin else part.success
        return self._unknown(success, part.turns, part.plant)

    def _unknown(self, success: Success, turns: Sequence[str], plants: Sequence[Plant]) -> str:
        if success.detector == "prompt_leaked" and not self.system_prompt:
            return NO_PROMPT
        said = "\n".join([*turns, *(plant.text for plant in plants)])
        for text in _texts(success):
            names = set(PLACEHOLDER.findall(text)) - ANYWHERE
            if "secret" in names and not self.secret:
                return NO_SECRET
            if self.holds_records:
                continue
            if names - {"secret"} - set(PLACEHOLDER.findall(said)):
                return NO_RECORDS
            if success.detector == "answered" and not names and text.casefold() not in said.casefold():
                return NO_RECORDS
        if success.detector == "record_shown" and not self.holds_records:
            return NO_RECORDS
        return ""


def _texts(success: Success) -> list[str]:
    values = [value if isinstance(value, list) else [value] for value in success.arguments.values()]
    return [value for value in itertools.chain.from_iterable(values) if isinstance(value, str)]


class BlackBoxAssistant:
    """A talk with a complete assistant, of which only messages and tool calls are seen."""

    sees_effects: ClassVar[bool] = False

    def __init__(self, world: World, model: ChatModel, system_prompt: str = "") -> None:
        self.world, self.model = world, model
        self.prompt = system_prompt
        self._numbers = itertools.count(1)

    def system_prompt(self, user: User | None = None) -> str:
        """Return the assistant's own prompt, as far as it is known."""
        return self.prompt

    def open(self, user: User) -> Conversation:
        """Begin a talk."""
        return Conversation(f"talk-{next(self._numbers)}", user)

    def ask(self, conversation: Conversation, text: str) -> Turn:
        """Ask; what was planted goes along with the first question.

        Raises:
            EndpointError: if there is no usable answer.
        """
        planted = [] if conversation.turns else attached(self.world)
        messages = [*conversation.messages, {"role": "user", "content": question(text, planted)}]
        reply = self.model.chat(messages)
        turn = Turn(conversation.user, text, reply.text, reply.text, shown=list(planted))
        turn.usage = replace(
            reply.usage, model_calls=max(reply.usage.model_calls, 1), tool_calls=len(reply.calls)
        )
        turn.calls = list(reply.calls)
        turn.effects = [effect for call in reply.calls if (effect := asked_effect(call))]
        conversation.messages[:] = [*messages, {"role": "assistant", "content": reply.text}]
        conversation.turns.append(turn)
        return turn


def attached(world: World) -> list[Document]:
    """Return everything that was planted in a world, in the order of its channels."""
    planted = world.planted_things
    return [
        *planted.documents,
        *planted.mail,
        *planted.events,
        *planted.results,
        *planted.memory,
    ]


def asked_effect(call: ToolCall) -> Effect | None:
    """Return what a tool call would do; None for other tools, and without readable arguments."""
    kind = EFFECT_OF.get(call.name)
    return Effect(kind, dict(call.arguments)) if kind and call.arguments is not None else None
