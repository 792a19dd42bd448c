// The page's conversation with the board, its keys and its buttons.
"use strict";

const XSRF = document.querySelector("meta[name=xsrf]").content;
const view = { heat: false, stuckFirst: true, big: false, names: null, seat: "", task: "", keys: true };
let state = null;
let received = 0;

const headers = () => ({ "X-XSRFToken": XSRF });
const redraw = () => { if (state) draw(state, view); };

function show(text) { put(byId("outcome"), ""); setTimeout(() => put(byId("outcome"), text), 30); }

function lost(text) {
  byId("lost").hidden = !text;
  if (text) put(byId("lost"), text);
}

async function order(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) show(said.error || "The board could not do this.");
    return answer.ok ? said : null;
  } catch {
    show("The board does not answer: nothing was sent.");
    return null;
  }
}

function take(text) {
  state = JSON.parse(text);
  received = performance.now();
  redraw();
  tick();
}

// Server-sent events, read by fetch: an EventSource cannot send the XSRF token.
async function listen() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    try {
      const answer = await fetch("api/stream", { headers: headers(), cache: "no-store" });
      if (answer.status === 403) { lost("You are signed out: load this page again."); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      // A stream that falls silent is as good as lost: the board sends every five seconds.
      for (;;) {
        const silence = new Promise((_, fail) => { setTimeout(() => fail(new Error("silent")), 15000); });
        const { done, value } = await Promise.race([reader.read(), silence]);
        if (done) break;
        rest += value;
        const parts = rest.split("\n\n");
        rest = parts.pop();
        const last = parts.filter((part) => part.startsWith("data: ")).pop();
        if (last) { take(last.slice(6)); lost(""); pause = 250; }
      }
    } catch { /* tried again below */ }
    const at = received ? ` What you see is from ${hour(state.now)}.` : "";
    lost(`The board does not answer; trying again.${at}`);
    await new Promise((done) => { setTimeout(done, pause); });
  }
}

function tick() { if (state) drawTimer(state.timer, (performance.now() - received) / 1000); }

function toggle(name) {
  view[name] = !view[name];
  byId({ stuckFirst: "sort" }[name] || name).setAttribute("aria-pressed", String(view[name]));
  redraw();
}

async function toggleNames() {
  if (view.names) view.names = null;
  else {
    const answer = await fetch("api/names", { headers: headers() }).catch(() => null);
    if (answer && answer.ok) view.names = await answer.json();
  }
  byId("names").setAttribute("aria-pressed", String(Boolean(view.names)));
  redraw();
}

async function timer(action) {
  const body = action === "more" || action === "less" ? { action: "add", minutes: action === "more" ? 1 : -1 } : { action };
  await order("api/timer", body);
}

function choose(name) {
  const seat = state.seats.find((one) => one.name === name);
  if (!seat) return;
  view.seat = name;
  if (seat.task) view.task = `${seat.lab}/${seat.task}`;
  redraw();
  byId("to").value = name;
  show(`Seat ${seat.number} is chosen${seat.task ? `, at ${spaced(seat.task)}` : ""}${seat.said ? `: ${seat.said}` : "."}`);
}

function leaveBig() { if (view.big) toggle("big"); }

function write(what) {
  leaveBig();
  byId("what").value = what;
  if (what === "announcement") byId("to").value = "all";
  redraw();
  const target = /^\d+$/.test(what) ? byId("send").querySelector("button") : byId("text");
  target.focus();
}

function ownHint(place) {
  if (!view.task) { show("Choose a task or a seat first."); return; }
  if ([...byId("what").options].some((one) => one.value === String(place))) write(String(place));
  else show("The task has no such hint.");
}

function move(by) {
  const rows = [...byId("rows").children];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const per = view.big ? Number(getComputedStyle(document.documentElement).getPropertyValue("--across")) : 1;
  const steps = { up: -per, down: per, left: -1, right: 1 };
  const to = by === "home" ? 0 : by === "end" ? rows.length - 1 : at < 0 ? 0 : at + steps[by];
  const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
  for (const one of rows) one.tabIndex = one === row ? 0 : -1;
  row.focus();
}

async function send(event) {
  event.preventDefault();
  const to = byId("to").value;
  const what = byId("what").value;
  const [lab, task] = view.task ? view.task.split("/") : ["", ""];
  const seats = to === "all" || to === "stuck" ? to : [to];
  const text = byId("text").value;
  const body = what === "announcement" ? { seats, text } : { seats, lab, task, ...(what === "text" ? { text } : { number: Number(what) }) };
  if (what === "announcement" && to === "stuck") body.seats = state.seats.filter((one) => `${one.lab}/${one.task}` === view.task && one.tries).map((one) => one.name);
  const said = await order(what === "announcement" ? "api/announce" : "api/hint", body);
  if (!said) return;
  byId("text").value = "";
  show(said.seats === 1 ? "Sent to 1 seat." : `Sent to ${said.seats} seats.`);
}

const KEYS = {
  t: () => toggle("heat"), s: () => toggle("stuckFirst"), b: () => toggle("big"), m: toggleNames,
  p: () => byId("run").click(), n: () => timer("next"), h: () => write("text"), a: () => write("announcement"),
  w: () => { leaveBig(); byId("task").focus(); }, "?": () => byId("help").showModal(),
  1: () => ownHint(1), 2: () => ownHint(2), 3: () => ownHint(3),
};
const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Home: "home", End: "end" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open || !state) return;
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "Escape") { move(byId("rows").contains(event.target) ? "home" : "up"); event.preventDefault(); return; }
  if (typing) return;
  const inRows = byId("rows").contains(event.target);
  if (MOVES[event.key] && (inRows || event.target === document.body)) { move(MOVES[event.key]); event.preventDefault(); return; }
  if ((event.key === "Enter" || event.key === " ") && inRows) { choose(event.target.dataset.seat); event.preventDefault(); return; }
  if (view.keys && KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
});
byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row) { row.focus(); choose(row.dataset.seat); }
});
byId("heat").addEventListener("click", () => toggle("heat"));
byId("sort").addEventListener("click", () => toggle("stuckFirst"));
byId("big").addEventListener("click", () => toggle("big"));
byId("names").addEventListener("click", toggleNames);
byId("keys").addEventListener("click", () => byId("help").showModal());
byId("single").addEventListener("change", (event) => { view.keys = event.target.checked; });
byId("task").addEventListener("change", (event) => { view.task = event.target.value; redraw(); });
byId("what").addEventListener("change", redraw);
byId("send").addEventListener("submit", send);
for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => timer(button.dataset.do));
setInterval(tick, 500);
listen();
