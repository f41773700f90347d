/*
 * What a thumb does inside a stage becomes an ask (station 1): one delegated listener on data-do, drafts,
 * personal marks, order lists, steppers. Phone and desk load it, the wall does not.
 *
 * Reads data-do, data-with, data-stage, data-value, data-value-name, data-send, data-then, data-confirm, data-unfinished, data-yes,
 * data-clear, data-total, data-spend-all, data-top, data-order, data-move, data-stepper, data-step-by, data-option, data-waiting,
 * data-saved (with data-for, the ask it belongs to, where one question has several).
 * What a field shows is the first of: draft (typed, not sent), pending ask, saved value. The server never sends a draft.
 */
import { morph, openStage, pending, say, send, shelf, tell, untell } from "./line.js";

const TEXT = "textarea, input:not([type=radio], [type=checkbox], [type=hidden], [type=submit], [type=button])";
const TWICE = 400; // ms: the second tap of a double tap on a button is not a second ask
const REST = 600; // ms of rest after which a stepper or an order list with data-send="change" is sent
const all = (root, what) => [...root.querySelectorAll(what)];
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const stageOf = (element) => element.closest("[data-stage]")?.dataset.stage || null;
const baseOf = (element) => JSON.parse(element?.dataset.with || "{}");
const keyOf = (form) =>
  [stageOf(form) ?? "", form.dataset.do, form.dataset.with ?? "", form.getAttribute("id")].join("|");

const store = shelf("drafts");
const drafts = store.load({});
const refusals = new Map();
const known = new WeakMap(); // form -> the key it was last filled for: a morph may turn a form into the next question's
const filled = new WeakSet();

// ---- reading a form
const stepped = (stepper) => Number(stepper.querySelector("output").textContent) || 0;

/** The state of a form's fields as they stand, before any conversion: what a draft keeps. */
function raw(form) {
  if (form.dataset.valueName) return all(form, "input:checked").map((input) => input.value);
  switch (form.dataset.value) {
    case "list":
      return all(form, "input:checked").map((input) => input.value);
    case "one":
    case "int":
      return form.querySelector("input:checked")?.value;
    case "number":
    case "text":
      return form.querySelector(TEXT)?.value ?? "";
    case "counts":
      return Object.fromEntries(all(form, "[data-stepper]").map((one) => [one.dataset.key, stepped(one)]));
    case "order":
      return all(form, "[data-order] > [data-key]").map((item) => item.dataset.key);
    case "pairs":
      return Object.fromEntries(
        all(form, "select[data-key]")
          .filter((one) => one.value)
          .map((one) => [one.dataset.key, one.value]),
      );
  }
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.matches("button, fieldset, output")) continue;
    if (field.type === "checkbox") {
      if (field.dataset.type !== "list") found[field.name] = field.checked;
      else found[field.name] = [...(found[field.name] ?? []), ...(field.checked ? [field.value] : [])];
    } else if (field.type !== "radio" || field.checked) found[field.name] = field.value;
  }
  return found;
}

/** A number typed with a comma or a point; undefined when it is none. */
function typedNumber(text) {
  const tidy = String(text)
    .replace(/[\s\u00a0']/g, "")
    .replace(",", ".");
  return tidy === "" || Number.isNaN(Number(tidy)) ? undefined : Number(tidy);
}

/** `with` for the ask of this form; null (and a sentence) when something is missing. */
function contents(form, submitter) {
  const state = raw(form);
  const kind = form.dataset.value;
  if (form.dataset.valueName) return { ...baseOf(form), [form.dataset.valueName]: state };
  if (!kind) {
    const found = { ...state };
    for (const field of form.elements) {
      const type = field.dataset?.type ?? field.type;
      if (!(field.name in found) || !["int", "number"].includes(type) || (field.type === "radio" && !field.checked))
        continue;
      const value = typedNumber(field.value);
      if (value === undefined) delete found[field.name];
      else found[field.name] = type === "int" ? Math.trunc(value) : value;
    }
    if (submitter?.name) found[submitter.name] = submitter.value;
    return { ...baseOf(form), ...found };
  }
  let value = state;
  if (kind === "int" || kind === "number") value = typedNumber(state ?? "");
  if (kind === "order")
    value = state.slice(0, Number(form.querySelector("[data-top]")?.dataset.top ?? form.dataset.top) || undefined);
  if (value === undefined || (kind === "text" && !value.trim())) {
    tell(say(kind === "number" ? "not_a_number" : "choose_first"), "refused");
    return null;
  }
  if ("spendAll" in form.dataset && left(form) !== 0) {
    tell(say("spend_all", { n: left(form) }), "refused");
    return null;
  }
  return { ...baseOf(form), value };
}

// ---- writing a form
function put(field, text) {
  if (field && field.value !== text && (field !== document.activeElement || field.value === "")) field.value = text;
}

function write(form, value) {
  const kind = form.dataset.valueName ? "list" : form.dataset.value;
  const local = (number) =>
    document.documentElement.lang === "it" ? String(number).replace(".", ",") : String(number);
  if (kind === "list") {
    for (const input of all(form, "input[type=checkbox], input[type=radio]"))
      input.checked = [].concat(value).map(String).includes(input.value);
  } else if (kind === "one" || kind === "int") {
    for (const input of all(form, "input[type=radio]")) input.checked = input.value === String(value);
  } else if (kind === "text" || kind === "number") {
    put(form.querySelector(TEXT), typeof value === "number" ? local(value) : String(value));
  } else if (kind === "counts") {
    for (const one of all(form, "[data-stepper]")) setCount(one, value[one.dataset.key] ?? 0);
  } else if (kind === "order") {
    if (!Array.isArray(value)) return;
    const list = form.querySelector("[data-order]");
    const items = all(form, "[data-order] > [data-key]");
    const place = (item) => (value.includes(item.dataset.key) ? value.indexOf(item.dataset.key) : value.length);
    const wanted = [...items].sort((a, b) => place(a) - place(b));
    if (wanted.some((item, i) => item !== items[i])) list.append(...wanted);
  } else if (kind === "pairs") {
    for (const one of all(form, "select[data-key]")) put(one, value[one.dataset.key] ?? "");
  } else {
    for (const field of form.elements) {
      if (!(field.name in value) || field.type === "hidden") continue;
      const wanted = value[field.name];
      if (field.type === "checkbox")
        field.checked = Array.isArray(wanted) ? wanted.includes(field.value) : Boolean(wanted);
      else if (field.type === "radio") field.checked = field.value === String(wanted);
      else put(field, typeof wanted === "number" && field.type !== "number" ? local(wanted) : String(wanted));
    }
  }
}

function clear(form) {
  form.reset();
  for (const one of all(form, "[data-stepper]")) setCount(one, 0);
}

// ---- personal marks: what the shared drawing cannot know
const fits = (base, what) => Object.keys(base).every((key) => key === "value" || same(base[key], what[key]));

function lastAsk(stage, kind, base) {
  return pending().findLast(
    (ask) =>
      ask.stage === stage &&
      fits(base, ask.with) &&
      (ask.do === kind || ask.do === "take_back" || (!kind && "value" in ask.with)),
  );
}

function savedFor(stage, kind, base) {
  for (const place of all(document, "#mine [data-saved]")) {
    if (kind && place.dataset.for && place.dataset.for !== kind) continue;
    const saved = JSON.parse(place.dataset.saved || "{}");
    if ((stageOf(place) ?? stage) === stage && fits(base, saved)) return saved;
  }
}

function fill(form) {
  const key = keyOf(form);
  if (known.has(form) && known.get(form) !== key) clear(form);
  known.set(form, key);
  const kind = form.dataset.value;
  const [stage, base] = [stageOf(form), baseOf(form)];
  const lasting = !("clear" in form.dataset) && !form.dataset.valueName && (kind || Object.keys(base).length);
  const ask = lasting ? lastAsk(stage, form.dataset.do, base) : null;
  const saved = lasting ? savedFor(stage, form.dataset.do, base) : null;
  const told = ask?.with ?? saved;
  const value = drafts[key] ? drafts[key].value : kind ? told?.value : told;
  if (value !== undefined && value !== null) {
    write(form, value);
    filled.add(form);
  } else if (filled.delete(form)) clear(form);
  const waiting = ask
    ? ask.number === undefined
    : pending().some((one) => one.draft?.key === key && one.number === undefined);
  const settled = !drafts[key] && value !== undefined && value !== null;
  setState(form, refusals.has(key) ? "refused" : waiting ? "waiting" : settled ? "kept" : "");
  const reason = form.querySelector("[data-refusal]");
  if (reason) reason.textContent = refusals.get(key) ?? "";
  tally(form);
}

function setState(element, state) {
  if (state) element.dataset.state = state;
  else element.removeAttribute("data-state");
}

function isChosen(value, option) {
  if (Array.isArray(value)) return value.map(String).includes(option);
  if (value && typeof value === "object") return Boolean(value[option]);
  return value !== undefined && value !== null && String(value) === option;
}

function mark() {
  for (const form of all(document, "form[data-do]")) if (!form.closest("[inert]")) fill(form);
  for (const place of all(document, "[data-draft-line]")) {
    const stage = openStage();
    const here = Object.keys(drafts).filter(
      (key) => key.startsWith(`${stage}|`) && typeof drafts[key].value === "string",
    );
    const typed = here.reduce((sum, key) => sum + drafts[key].value.length, 0);
    if (typed) place.textContent = place.dataset.draftWords.replace("{n}", typed);
  }
  for (const element of all(document, "[data-option]")) {
    const holder = element.closest("[data-do]") ?? element.querySelector("[data-do]");
    const question = element.closest("[data-question]")?.dataset.question;
    const base = holder ? baseOf(holder) : question ? { question } : {};
    const stage = stageOf(element);
    const told = lastAsk(stage, holder?.dataset.do, base)?.with ?? savedFor(stage, holder?.dataset.do, base);
    element.toggleAttribute("data-chosen", isChosen(told?.value, element.dataset.option));
  }
  for (const button of all(document, "[data-do]:not(form)")) {
    if (asked(button)) button.dataset.state = "waiting";
    else if (button.dataset.state === "waiting") button.removeAttribute("data-state");
  }
  for (const list of all(document, "[data-waiting]")) {
    const asks = pending().filter((ask) => ask.do === list.dataset.waiting && ask.stage === stageOf(list));
    list.replaceChildren(
      ...asks.map((ask) => {
        const item = document.createElement("li");
        item.dataset.state = "waiting";
        item.textContent = ask.with.text ?? ask.with.value ?? "";
        return item;
      }),
    );
  }
}

const asked = (button) =>
  pending().some(
    (ask) =>
      ask.number === undefined &&
      ask.do === button.dataset.do &&
      ask.stage === stageOf(button) &&
      same(ask.with, baseOf(button)),
  );

// ---- order lists and steppers
function setCount(stepper, count) {
  const output = stepper.querySelector("output");
  if (output.textContent !== String(count)) output.textContent = count;
}

const left = (form) =>
  Number(form.dataset.total) - all(form, "[data-stepper]").reduce((sum, one) => sum + stepped(one), 0);

function tally(form) {
  const rest = form.dataset.total ? left(form) : Infinity;
  const slot = form.querySelector("[data-left]");
  if (slot && slot.textContent !== String(rest)) slot.textContent = rest;
  for (const button of all(form, "[data-step-by]")) {
    const stepper = button.closest("[data-stepper]");
    const end =
      Number(button.dataset.stepBy) < 0
        ? stepped(stepper) <= bounds(stepper).least
        : stepped(stepper) >= bounds(stepper).most || rest <= 0;
    button.setAttribute("aria-disabled", end);
  }
  const items = all(form, "[data-order] > [data-key]");
  items.forEach((item, i) => {
    const place = item.querySelector("[data-place]");
    if (place && place.textContent !== String(i + 1)) place.textContent = i + 1;
    item.querySelector("[data-move=up]")?.setAttribute("aria-disabled", i === 0);
    item.querySelector("[data-move=down]")?.setAttribute("aria-disabled", i === items.length - 1);
  });
}

const bounds = ({ dataset }) => ({ least: Number(dataset.min ?? 0), most: Number(dataset.max ?? Infinity) });

function step(button) {
  const stepper = button.closest("[data-stepper]");
  const form = button.closest("form");
  const before = stepped(stepper);
  const rest = form.dataset.total ? Math.max(0, left(form)) : Infinity;
  const { least, most } = bounds(stepper);
  const after = Math.max(least, Math.min(most, before + Math.min(Number(button.dataset.stepBy), rest)));
  if (after === before) return;
  setCount(stepper, after);
  edited(form, true);
}

function move(item, way, button) {
  const other = way === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  if (way === "up") other.before(item);
  else other.after(item);
  button?.focus();
  const items = [...item.parentElement.children];
  untell("kept", "refused");
  const what = (item.querySelector("[data-label]") ?? item).textContent.trim();
  tell(say("moved", { what, place: items.indexOf(item) + 1, of: items.length }));
  edited(item.closest("form"), true);
}

const resting = new WeakMap();
function edited(form, sendsLater = false) {
  const key = keyOf(form);
  drafts[key] = { value: raw(form) };
  store.save(drafts);
  refusals.delete(key);
  fill(form);
  if (!sendsLater || form.dataset.send !== "change") return;
  clearTimeout(resting.get(form));
  resting.set(
    form,
    setTimeout(() => form.isConnected && keyOf(form) === key && submit(form), REST),
  );
}

// a list a person has ordered, a number a person has set: the morph would put the server's own back, and take the focus away
morph.skips = (node, next) => {
  const form = node.closest?.("form[data-do]");
  if (!form || known.get(form) !== keyOf(form)) return false;
  if (node.matches("[data-stepper] output")) return true;
  const keys = (list) =>
    all(list, "[data-key]")
      .map((item) => item.dataset.key)
      .sort();
  return node.matches("[data-order]") && same(keys(node), keys(next));
};

// ---- asks
/** Puts a sentence before the person; true when they go on. The safe answer has the focus. Uses the page's #confirm where there is one. */
export function confirmed(sentence, yes) {
  return new Promise((resolve) => {
    const ready = document.getElementById("confirm");
    if (ready) {
      ready.querySelector("[data-confirm-words]").textContent = sentence;
      ready.returnValue = "";
      ready.onclose = () => resolve(ready.returnValue === "go");
      ready.showModal();
      ready.querySelector("[data-confirm-stay]")?.focus();
      return;
    }
    const dialog = document.createElement("dialog");
    const text = document.createElement("p");
    const [stay, go] = ["stay", "go_on"].map((key) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = say(key) || say("close");
      button.onclick = () => dialog.close(key);
      return button;
    });
    dialog.className = "confirm";
    text.textContent = sentence;
    stay.autofocus = true;
    if (yes) go.textContent = yes;
    dialog.append(text, stay, go);
    dialog.onclose = () => {
      dialog.remove();
      resolve(dialog.returnValue === "go_on");
    };
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function ask(element, what, draft = null) {
  const { do: kind, confirm, unfinished, yes, then } = element.dataset;
  const stage = stageOf(element);
  const question = confirm ?? unfinished;
  if (question && !(await confirmed(question, yes ?? element.textContent.trim()))) return false;
  send({ stage, do: kind, with: what, then: then ? JSON.parse(then) : null, draft });
  return true;
}

async function submit(form, submitter = null) {
  const key = keyOf(form);
  const what = contents(form, submitter);
  if (!what) return;
  const text = !form.dataset.value || form.dataset.value === "text" || form.dataset.value === "number";
  const before = drafts[key];
  clearTimeout(resting.get(form));
  // from here on the outbox keeps it; a draft beside it would hide the answer of the server
  delete drafts[key];
  const typed = text ? raw(form) : undefined;
  if (!(await ask(form, what, { key, typed }))) {
    if (before) drafts[key] ??= before;
  } else if ("clear" in form.dataset && !drafts[key]) clear(form);
  store.save(drafts);
  mark();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-do]");
  if (!form) return;
  event.preventDefault();
  submit(form, event.submitter);
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-do]");
  if (form) edited(form);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-do]");
  if (form?.dataset.send === "change") submit(form);
});

const tapped = new WeakMap();
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step-by], [data-move], [data-do]:not(form)");
  const { stepBy, move: way, do: kind } = button?.dataset ?? {};
  if (!button || !(stepBy || way || kind)) return;
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  if (stepBy) return step(button);
  if (way) return move(button.closest("[data-key]"), way, button);
  const last = tapped.get(button) ?? -TWICE;
  if (event.timeStamp - last < TWICE || asked(button)) return;
  ask(button, baseOf(button)).then((sent) => sent && tapped.set(button, event.timeStamp));
});

document.addEventListener("keydown", (event) => {
  const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  const item = way && event.target.closest("[data-order] > [data-key]");
  if (!item || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  move(item, way, event.target);
});

document.addEventListener("line:refused", ({ detail: { ask: old, text } }) => {
  if (!old.draft) return;
  const { key, typed } = old.draft;
  refusals.set(key, text || say("refused"));
  if (typed !== undefined && !drafts[key]) {
    drafts[key] = { value: typed };
    store.save(drafts);
  }
});
let asking = "";
document.addEventListener("line:swapped", () => {
  const now = document.querySelector("#now form[data-do]")?.id;
  if (now && now !== asking) untell("kept", "refused");
  asking = now ?? asking;
});
// a new stage begins at its title; an update of the same one never moves the focus or the page
let stageShown = openStage();
document.addEventListener("line:swapped", () => {
  if (openStage() === stageShown) return;
  stageShown = openStage();
  if (document.body.dataset.screen !== "phone") return;
  const title = document.querySelector("#now h1, #now h2, #now [data-title]");
  scrollTo(0, 0);
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
});
for (const what of ["swapped", "outbox", "refused"]) document.addEventListener(`line:${what}`, mark);
mark();
