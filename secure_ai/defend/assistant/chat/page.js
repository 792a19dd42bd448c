// The page of the talk. Whatever comes from a model or a document is put in as text, never as markup.
"use strict";

const find = (id) => document.getElementById(id);
const key = document.querySelector("meta[name=page-key]").content;
let talk = null;
let settings = null;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function call(address, body) {
  const asked = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Page-Key": key },
    body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(address, asked);
  } catch {
    throw new Error("The page's server does not answer: is it still running?");
  }
  const values = await answer.json().catch(() => ({ error: "The page's server gave no readable answer." }));
  if (!answer.ok) throw new Error(values.error || "Something failed.");
  return values;
}

function say(who, text, className) {
  const line = element("li", undefined, className);
  line.append(element("strong", who), document.createTextNode(text));
  find("talk").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function options(id, names) {
  find(id).replaceChildren(...names.map((name) => {
    const option = element("option", String(name).replaceAll("_", " "));
    option.value = name;
    return option;
  }));
}

const boxes = () => [...document.querySelectorAll("#guards input")];

function countGuards() {
  const on = boxes().filter((box) => box.checked).length;
  find("guard-count").textContent = on === 0 ? "all off" : on === boxes().length ? "all on" : `${on} of ${boxes().length} on`;
}

function setGuards(on) {
  boxes().forEach((box) => { box.checked = on; });
  countGuards();
}

function showExamples() {
  const said = settings.examples[find("role").value] || [];
  find("examples").replaceChildren(...said.map((sentence) => {
    const button = element("button", sentence);
    button.type = "button";
    button.addEventListener("click", () => { find("text").value = sentence; find("text").focus(); });
    return button;
  }));
}

function fill(id, items, none) {
  find(id).replaceChildren(...(items.length ? items : [element("li", none)]));
}

const pairs = (values) => typeof values === "string" ? values :
  Object.entries(values).map(([name, value]) => `${name}: ${value}`).join(", ");

function behind(turn) {
  fill("shown", turn.shown.map((document_) => {
    const item = element("li"), details = element("details"), summary = element("summary", `${document_.title} (${document_.channel}, ${document_.id})`);
    if (!document_.trusted) summary.append(element("span", " others can write here", "outside"));
    details.append(summary, element("pre", document_.text));
    item.append(details);
    return item;
  }), "Nothing.");
  fill("calls", turn.calls.map((made) => element("li", `${made.tool} (${pairs(made.arguments)})`)), "None.");
  fill("effects", turn.effects.map((effect) => element("li", `${effect.kind.replaceAll("_", " ")}: ${pairs(effect.details)}`)), "Nothing outside this talk.");
  fill("acts", turn.acts.map((act) => {
    const item = element("li");
    item.append(element("span", `${act.guard.replaceAll("_", " ")} ${act.act}`, act.act), document.createTextNode(` ${act.target ? `${act.target}: ` : ""}${act.reason}`));
    return item;
  }), "Nothing.");
  const usage = turn.usage;
  find("usage").textContent = `${usage.model_calls} calls of the model, ${usage.prompt_tokens} tokens read and ${usage.completion_tokens} written, ${usage.tool_calls} tools called.`;
}

async function begin() {
  const plant = find("plant-text").value.trim();
  const plants = plant ? [{ channel: find("channel").value, title: find("plant-title").value, text: plant }] : [];
  const guards = boxes().filter((box) => box.checked).map((box) => box.value);
  const started = await call("api/talks", { role: find("role").value, model: find("model").value, guards, plants });
  talk = started.talk;
  find("talk").replaceChildren();
  say("The page", `You are ${started.user} (${started.role.replaceAll("_", " ")}). Guards: ${find("guard-count").textContent}.`, "it");
  behind({ shown: [], calls: [], effects: [], acts: [], usage: { model_calls: 0, prompt_tokens: 0, completion_tokens: 0, tool_calls: 0 } });
  find("talk").firstChild.dataset.ready = "yes";
}

// One after the other: what is asked while a talk begins belongs to the new talk.
let last = Promise.resolve();

function attempt(work) {
  last = last.then(() => carryOut(work));
  return last;
}

async function carryOut(work) {
  const buttons = document.querySelectorAll("button[type=submit]");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    await work();
  } catch (problem) {
    say("Problem", problem.message, "it problem");
  }
  buttons.forEach((button) => { button.disabled = false; });
  find("status").textContent = "";
}

find("settings").addEventListener("submit", (event) => { event.preventDefault(); attempt(begin); });
find("all-guards").addEventListener("click", () => setGuards(true));
find("no-guards").addEventListener("click", () => setGuards(false));
find("role").addEventListener("change", showExamples);
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); find("say").requestSubmit(); }
});
find("say").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const text = find("text").value;
    if (!text.trim()) return;
    if (talk === null) await begin();
    say("You", text.length > 4000 ? `${text.slice(0, 4000)} …` : text, "you");
    find("text").value = "";
    find("status").textContent = "It is thinking.";
    const turn = await call("api/ask", { talk, text });
    const words = { answered: "The assistant", blocked: "Stopped by a guard", held: "Held for a person" };
    say(words[turn.outcome], turn.reply, turn.outcome === "answered" ? "it" : "it stopped");
    behind(turn);
  });
});

attempt(async () => {
  settings = await call("api/settings");
  find("notice").textContent = settings.notice;
  options("role", settings.roles);
  options("model", settings.models);
  options("channel", settings.channels);
  find("guards").append(...settings.guards.map((guard) => {
    const item = element("li"), label = element("label"), box = element("input");
    box.type = "checkbox";
    box.value = guard.name;
    box.addEventListener("change", countGuards);
    label.append(box, element("span", `${guard.name.replaceAll("_", " ")}: ${guard.does}`));
    item.append(label);
    return item;
  }));
  countGuards();
  showExamples();
  await begin();
});
