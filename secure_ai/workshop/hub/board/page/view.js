// What the page shows of a state: no requests and no keys here.
"use strict";

const WORDS = {
  "stuck": "▲ stuck", "not yet": "◆ not yet", "error": "✖ error", "working": "● working", "quiet": "◇ quiet",
  "done": "✔ done", "away": "▽ away", "here": "○ here", "signed in": "○ signed in", "not here yet": "– not here",
};
const MARKS = { correct: ["✔", "solved"], incorrect: ["◆", "not yet"], error: ["✖", "error"] };
const ORDER = ["stuck", "error", "not yet", "quiet", "away", "working", "here", "done", "signed in", "not here yet"];
const byId = (id) => document.getElementById(id);

// Set only what changed, so that a screen reader and the focus are left in peace.
function put(element, text) { if (element.textContent !== text) element.textContent = text; }

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function replaceWhenNew(element, key, children) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...children());
}

const spaced = (name) => name.replaceAll("_", " ");
const number = (lab) => lab.split("_")[0];

function seatLabel(seat, names) {
  const short = String(seat.number).padStart(2, "0");
  return names && names[seat.name] ? `${short} ${names[seat.name]}` : short;
}

function sorted(seats, stuckFirst) {
  const rank = (seat) => ORDER.indexOf(seat.word);
  return [...seats].sort((one, other) => (stuckFirst
    ? other.stuck - one.stuck || rank(one) - rank(other) || (other.minutes || 0) - (one.minutes || 0) : 0)
    || one.number - other.number);
}

// The lab whose tasks are the columns: the one where most seats are.
function mainLab(state) {
  const count = (key) => state.seats.filter((seat) => seat.lab === key).length;
  return [...state.labs].sort((one, other) => count(other.key) - count(one.key))[0] || null;
}

function columns(state, view) {
  const lab = view.heat ? mainLab(state) : null;
  if (view.heat) {
    const tasks = lab ? lab.tasks : [];
    return [["seat", "Seat"], ["word", "Status"], ...tasks.map((task) => ["cell", task.name])];
  }
  return [["seat", "Seat"], ["lab n", "Lab"], ["task", "Task"], ["word", "Status"], ["n minutes", "Min"],
    ["n", "Tries"], ["n", "Hints"], ["n", "Stuck"], ["strip", "Tasks"]];
}

function strip(state, seat) {
  const lab = state.labs.find((one) => one.key === seat.lab);
  if (!lab) return ["", ""];
  const marks = lab.tasks.map((task) => (MARKS[(seat.tasks[task.name] || {}).status] || ["·", "open"]));
  return [marks.map((mark) => mark[0]).join(""),
    `${marks.filter((mark) => mark[1] === "solved").length} of ${marks.length} solved`];
}

function cellsOf(state, seat, view) {
  const name = seatLabel(seat, view.names);
  const minutes = seat.minutes === null ? "" : `${seat.minutes} min`;
  if (view.heat) {
    const lab = mainLab(state);
    const cells = (lab ? lab.tasks : []).map((task) => {
      const entry = seat.lab === lab.key ? seat.tasks[task.name] || {} : {};
      const [shape, word] = MARKS[entry.status] || ["", "open"];
      const here = seat.lab === lab.key && seat.task === task.name;
      const tries = entry.tries ? ` ${entry.tries}` : "";
      const kind = { correct: "correct", incorrect: "incorrect", error: "errored" }[entry.status] || "";
      return [`cell ${kind}${here ? " here" : ""}`, (here && !shape ? "●" : shape) + tries,
        `${spaced(task.name)}: ${word}${tries ? `,${tries} tries` : ""}${here ? ", is here" : ""}`];
    });
    return [["seat", name], ["word", WORDS[seat.word]], ...cells];
  }
  const [marks, said] = strip(state, seat);
  return [["seat", name], ["lab n", number(seat.lab)], ["task", spaced(seat.task)], ["word", WORDS[seat.word]],
    ["n minutes", minutes], ["n", seat.tries ? String(seat.tries) : ""], ["n", seat.hints ? String(seat.hints) : ""],
    ["n", seat.stuck >= 1 ? String(Math.floor(seat.stuck)) : ""], ["strip", marks, said]];
}

function drawTable(state, view) {
  const heads = columns(state, view);
  replaceWhenNew(byId("head"), JSON.stringify(heads), () => {
    const row = make("tr");
    for (const [kind, title] of heads) {
      row.append(make("th", kind === "cell" ? spaced(title) : title, { scope: "col", class: kind, title: spaced(title) }));
    }
    return [row];
  });
  const body = byId("rows");
  const rows = new Map([...body.children].map((row) => [row.dataset.seat, row]));
  const seats = sorted(state.seats, view.stuckFirst);
  const focused = body.contains(document.activeElement) ? document.activeElement : null;
  seats.forEach((seat, index) => {
    let row = rows.get(seat.name);
    if (!row) {
      row = make("tr", "", { "data-seat": seat.name, tabindex: "-1" });
      body.append(row);
    }
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] || null);
    const word = seat.word.replaceAll(" ", "-");
    if (row.className !== word) row.className = word;
    row.setAttribute("aria-selected", String(view.seat === seat.name));
    const cells = cellsOf(state, seat, view);
    if (row.children.length !== cells.length || row.dataset.heat !== String(view.heat)) {
      row.dataset.heat = String(view.heat);
      row.replaceChildren(...cells.map((_, place) => make(place ? "td" : "th", "", place ? {} : { scope: "row" })));
    }
    cells.forEach(([kind, text, label], place) => {
      const cell = row.children[place];
      if (cell.className !== kind) cell.className = kind;
      put(cell, text);
      if (kind === "task" && seat.said) cell.title = seat.said;
      if (label) { cell.title = label; cell.setAttribute("aria-label", label); }
    });
  });
  for (const [name, row] of rows) if (!seats.some((seat) => seat.name === name)) row.remove();
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
  const stop = focused || [...body.children].find((row) => row.dataset.seat === view.seat) || body.firstElementChild;
  for (const row of body.children) row.tabIndex = row === stop ? 0 : -1;
  const across = Math.ceil(Math.sqrt(seats.length * 1.25)) || 1;
  const style = document.documentElement.style;
  style.setProperty("--rows", Math.max(seats.length, 1));
  style.setProperty("--across", across);
  style.setProperty("--down", Math.ceil(seats.length / across) || 1);
}

function clockText(timer, now) {
  const left = Math.round(timer.left - (timer.running ? now : 0));
  const all = Math.abs(left);
  return [`${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`, left < 0];
}

function drawTimer(timer, passed) {
  const [text, over] = clockText(timer, passed);
  put(byId("clock"), text);
  byId("clock").classList.toggle("over", over);
  put(byId("step"), `${timer.running ? "" : "(paused) "}${timer.step}/${timer.of} ${timer.title}`);
  byId("step").title = timer.next ? `Next: ${timer.next}` : "";
  const run = byId("run");
  run.dataset.do = timer.running ? "pause" : "start";
  put(run.firstChild, timer.running ? "Pause " : "Start ");
}

function drawOptions(select, options) {
  replaceWhenNew(select, JSON.stringify(options), () => {
    const chosen = select.value;
    const made = options.map(([value, text]) => make("option", text, { value }));
    for (const option of made) if (option.value === chosen) option.selected = true;
    return made;
  });
}

function tasksOf(state) {
  return state.labs.flatMap((lab) => lab.tasks.map((task) => ({ lab: lab.key, ...task })));
}

function drawChoices(state, view) {
  const tasks = tasksOf(state);
  drawOptions(byId("task"), [["", "All tasks"],
    ...tasks.map((task) => [`${task.lab}/${task.name}`, `${number(task.lab)} · ${spaced(task.name)}`])]);
  byId("task").value = tasks.some((task) => `${task.lab}/${task.name}` === view.task) ? view.task : "";
  const task = tasks.find((one) => `${one.lab}/${one.name}` === view.task);
  const stuck = task ? state.seats.filter((seat) => seat.lab === task.lab && seat.task === task.name && seat.tries) : [];
  const to = [["all", "All seats"]];
  if (task) to.push(["stuck", `Those who try ${spaced(task.name)} (${stuck.length})`]);
  for (const seat of [...state.seats].sort((one, other) => one.number - other.number)) {
    to.push([seat.name, `Seat ${seatLabel(seat, view.names)}`]);
  }
  drawOptions(byId("to"), to);
  const what = [["announcement", "Announcement"], ["text", "Hint, own words"]];
  if (task) task.hints.forEach((_, place) => what.push([String(place + 1), `Hint ${place + 1} of ${spaced(task.name)}`]));
  drawOptions(byId("what"), what);
  const own = /^\d+$/.test(byId("what").value);
  put(byId("preview"), own && task ? task.hints[Number(byId("what").value) - 1] : "");
  byId("free").hidden = own;
}

function drawWrongs(state, view) {
  const found = state.wrongs.filter((one) => !view.task || `${one.lab}/${one.task}` === view.task);
  const rows = found.flatMap((one) => one.messages.map((row) => ({ ...row, task: one.task })));
  rows.sort((one, other) => other.now - one.now || other.seats - one.seats || other.tries - one.tries);
  replaceWhenNew(byId("wrongs"), JSON.stringify([rows, view.task]), () => {
    if (!rows.length) return [make("li", "None so far.")];
    return rows.slice(0, 8).map((row) => {
      const item = make("li");
      const seats = row.seats === 1 ? "1 seat" : `${row.seats} seats`;
      const tries = row.tries === 1 ? "1 try" : `${row.tries} tries`;
      item.append(make("b", `${seats}, ${tries}${row.now ? `, still there: ${row.now}` : ""}:`), ` ${view.task ? "" : `${spaced(row.task)}: `}${row.message}`);
      return item;
    });
  });
}

function hour(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function drawLists(state, view) {
  const label = (name) => {
    const seat = state.seats.find((one) => one.name === name);
    return seat ? seatLabel(seat, view.names) : name;
  };
  replaceWhenNew(byId("submitted"), JSON.stringify([state.submissions, view.names]), () => {
    if (!state.submissions.length) return [make("li", "Nothing yet.")];
    return state.submissions.map((one) => {
      const item = make("li", `Seat ${label(one.seat)}, ${hour(one.at)}: `);
      item.append(make("a", `${one.lab}.ipynb`, { href: `api/submission/${one.id}`, download: "" }));
      return item;
    });
  });
  replaceWhenNew(byId("agenda"), JSON.stringify([state.agenda, state.timer.step]), () => state.agenda.map((step, place) =>
    make("li", `${step.title}, ${step.minutes} min`, place + 1 === state.timer.step ? { "aria-current": "step" } : {})));
  replaceWhenNew(byId("said"), JSON.stringify([state.said, view.names]), () => {
    if (!state.said.length) return [make("li", "Nothing yet.")];
    return [...state.said].reverse().map((one) => {
      const to = one.seats === null ? "all" : one.seats.map(label).join(", ");
      return make("li", `${hour(one.at)}, to ${to}: ${one.text}`);
    });
  });
}

function drawWords(state) {
  document.title = `Board · ${state.room}`;
  put(byId("room"), state.room);
  const counts = ORDER.map((word) => [word, state.seats.filter((seat) => seat.word === word).length]).filter((one) => one[1]);
  put(byId("counts"), `${state.seats.length} seats: ${counts.map(([word, many]) => `${many} ${WORDS[word]}`).join(", ")}.`);
  const users = state.isolated ? "Each seat is a user of its own"
    : "NOT ISOLATED: all seats are one user of this machine, a learner can read another's files and the solutions";
  const sees = state.own_view ? ", solutions are out of its view." : "; what others may read on this machine, it may.";
  put(byId("isolation"), users + (state.isolated ? sees : "."));
  put(byId("rule"), state.rule);
  put(byId("legend"), `${Object.values(WORDS).join(", ")}. Quiet: no try for ten minutes. Away: the seat's kernel is closed or does not answer.`);
}

function draw(state, view) {
  document.body.classList.toggle("big", view.big);
  document.body.classList.toggle("heat", view.heat);
  document.body.classList.toggle("named", Boolean(view.names));
  drawTable(state, view);
  drawChoices(state, view);
  drawWrongs(state, view);
  drawLists(state, view);
  drawWords(state);
}
