/*
 * <market-hand>: what a form of the marketplace cannot do by itself. One for phone, desk and wall; every screen has one in its page.
 *
 * Reads data-market-do (an ask whose fields go into data-market-nest; with data-market-changed only what was changed),
 * data-market-practice (the card of a practice), data-market-id (a field that gets a fresh id), data-market-bring with
 * data-practice (opens the card, filled), data-market-set (opens the form of a stall, filled), data-market-mode and
 * data-market-step (stalls one by one), data-market-with, data-market-organisation and data-market-here (what is this
 * person's own), data-market-people (a choice of people), data-market-person and data-market-cell (dragging somebody on
 * the desk), data-market-names, data-market-output (what a slider says), data-market-swaps (what moving somebody costs),
 * data-market-pages (the wall's pages).
 * All of it hangs on the document, so that no drawing takes it away; what a drawing resets is put back after each swap.
 */
import { morph, openStage, send, shelf } from "../../line.js";

const PAGE = 15000; // ms that one page of the wall stands
const REST = 450; // ms between a rating and the next card: long enough to see the star
const FAR = 8; // px after which a press is a drag
const all = (what, root = document) => [...root.querySelectorAll(what)];
const one = (what, root = document) => root.querySelector(what);
const json = (text) => JSON.parse(text || "{}");
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches || Boolean(one(".is-calm-mode"));

/** 96 random bits as 16 signs of base64url. */
function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

function put(field, text) {
  if (field && field.textContent !== text) field.textContent = text;
}

// ---- asks whose fields go into one
const lines = (text) =>
  text
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter(Boolean);

/** The value a field had when it was drawn: what its author read. */
function before(field) {
  if (field.type === "checkbox") return field.defaultChecked;
  if (field.matches("select")) return ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value ?? "";
  return field.defaultValue;
}

/** Fields by name, checked boxes and typed lines of one name as one list; with `changed` only the names somebody touched. */
function fieldsOf(form, changed = false) {
  const [found, touched] = [{}, new Set()];
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.matches("button, fieldset, output")) continue;
    const { name } = field;
    const now = field.type === "checkbox" ? field.checked : field.value;
    if (now !== before(field)) touched.add(name);
    const list = () => (found[name] ??= []);
    switch (field.dataset.type) {
      case "list":
      case "ints":
        list();
        if (field.checked) found[name].push(field.dataset.type === "ints" ? Number(field.value) : field.value);
        break;
      case "tags":
        found[name] = [...new Set([...list(), ...lines(field.value)])];
        break;
      case "number":
        found[name] = field.value.trim() === "" ? null : Number(field.value);
        break;
      case "one-more":
        list();
        if (field.value && !found[name].includes(field.value)) found[name].push(field.value);
        break;
      default:
        found[name] = typeof now === "string" ? now.trim() : now;
    }
  }
  return changed ? Object.fromEntries(Object.entries(found).filter(([name]) => touched.has(name))) : found;
}

const closeSheet = (element) => element.closest("[popover]:popover-open")?.hidePopover();

/** A drawing must not take away what somebody is writing, nor the version they read. */
const dirty = (form) =>
  Boolean(form.closest(":popover-open")) ||
  [...form.elements].some(
    (field) =>
      field.name &&
      !field.matches("button, fieldset, [type=hidden]") &&
      (field.type === "checkbox" ? field.checked : field.value) !== before(field),
  );
let guarded = null;

// fields.js has its own rule for what a person has arranged; whichever script came first, both count
function guard() {
  if (morph.skips === guarded) return;
  const earlier = morph.skips;
  guarded = morph.skips = (node, next) =>
    (node.matches?.("form[data-market-do], form[data-market-practice]") && dirty(node)) ||
    // what this script has put there: the page itself brings an empty list of people, and no costs
    node.matches?.("select[data-market-people], [data-market-swaps]") ||
    earlier(node, next);
}

async function submitNested(form) {
  const { marketDo: kind, marketNest: nest } = form.dataset;
  const fields = fieldsOf(form, "marketChanged" in form.dataset);
  if (nest && !Object.keys(fields).length) return closeSheet(form);
  const what = { ...json(form.dataset.with), ...(nest ? { [nest]: fields } : fields) };
  const answer = await send({ stage: form.dataset.stage, do: kind, with: what });
  if (answer.t === "refusal" || answer.code) return refused(form, answer);
  closeSheet(form);
  for (const told of all("[data-market-current]", form)) told.remove();
  form.reset();
}

/** The line says why; where somebody else wrote the same field meanwhile, what stands there now is put beside it. */
function refused(form, { code, details }) {
  if (code !== "changed_since" || !details?.current) return;
  form.dataset.with = JSON.stringify({ ...json(form.dataset.with), base: details.version });
  for (const [name, value] of Object.entries(details.current)) {
    const field = form.elements[name];
    if (!field) continue;
    const told = one(`[data-market-current=${name}]`, form) ?? document.createElement("p");
    told.className = "field-error";
    told.dataset.marketCurrent = name;
    told.textContent = `→ ${value || "–"}`;
    field.after(told);
    field.focus();
  }
}

// ---- the card of a practice
const draft = shelf("market-practice");
// the card that is open: the stall ("" for a new one), its new id, and what was read when it was opened
let opened = { stall: "", read: {}, fresh: "" };
const card = () => document.getElementById("market-practice-form");

function resultRows(form, results = []) {
  const holder = one("[data-market-results]", form);
  const rows = all("[data-market-result]", holder);
  const wanted = Math.max(1, results.length + (results.length ? 1 : 0));
  for (const row of rows.slice(wanted)) row.remove();
  for (let n = rows.length; n < wanted; n++) {
    const row = rows[0].cloneNode(true);
    for (const label of all("label", row)) label.htmlFor = label.htmlFor.replace(/\d+$/, n);
    for (const field of all("input", row)) field.id = field.id.replace(/\d+$/, n);
    holder.append(row);
  }
  all("[data-market-result]", holder).forEach((row, n) => {
    for (const field of all("input", row)) field.value = results[n]?.[field.dataset.part] ?? "";
  });
}

function practiceOf(form) {
  const found = fieldsOf(form);
  const results = all("[data-market-result]", form)
    .map((row) => Object.fromEntries(all("input", row).map((field) => [field.dataset.part, field.value.trim()])))
    .filter(({ value }) => value)
    .map(({ value, evidence }) => (evidence ? { value, evidence } : { value }));
  return { ...found, results };
}

const lined = (value) => (Array.isArray(value) ? value.join("\n") : (value ?? ""));

/** Opens the card: empty (with what was typed before), or with what a stall says now. */
function fillPractice(stall, known) {
  const form = card();
  if (!form) return;
  const kept = draft.load({});
  const shown = stall ? known : (kept.new ?? {});
  form.reset();
  opened = { stall, read: stall ? normal(known) : {}, fresh: opened.stall || stall ? "" : opened.fresh };
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") field.checked = Boolean(shown[field.name]);
    else field.value = lined(shown[field.name]);
  }
  resultRows(form, shown.results ?? []);
  const more = one("#practice-more", form);
  if (more && stall) more.open = true;
  const button = one("button[data-word-add]", form);
  put(one("span", button), stall ? button.dataset.wordEdit : button.dataset.wordAdd);
  one("#practice-title-error", form).hidden = true;
}

const normal = (known) => ({
  ...known,
  results: (known.results ?? []).map(({ value, evidence }) => (evidence ? { value, evidence } : { value })),
});
const same = (a, b) => JSON.stringify(a ?? "") === JSON.stringify(b ?? "");
const nothing = (like) => (Array.isArray(like) ? [] : like === true || like === false ? false : "");
const empty = (value) => value === "" || value === false || (Array.isArray(value) && !value.length);

async function submitPractice(form) {
  const found = practiceOf(form);
  const title = one("[name=title]", form);
  const lacks = !found.title;
  one("#practice-title-error", form).hidden = !lacks;
  title.removeAttribute("aria-invalid");
  if (lacks) {
    title.setAttribute("aria-invalid", "true");
    title.setAttribute("aria-describedby", "practice-title-error");
    return title.focus();
  }
  const { stall, read: known } = opened;
  const { stage } = form.dataset;
  const fields = Object.fromEntries(
    Object.entries(found).filter(([name, value]) => (stall ? !same(known[name] ?? nothing(value), value) : !empty(value))),
  );
  const id = stall || (opened.fresh ||= fresh());
  if (stall && !Object.keys(fields).length) return closeSheet(form);
  const ask = stall ? { do: "edit_practice", with: { stall, set: fields } } : { do: "add_practice", with: { stall: id, fields } };
  const answer = await send({ stage, ...ask });
  if (answer.t === "refusal" || answer.code) return;
  opened.fresh = "";
  if (!stall) draft.save({});
  closeSheet(form);
  form.reset();
}

// in the capture phase, before fields.js reads the form: a fresh id for each thing that is made
document.addEventListener(
  "submit",
  ({ target }) => {
    for (const field of all("[data-market-id]", target)) field.value = fresh();
  },
  true,
);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-market-do]")) {
    event.preventDefault();
    submitNested(form);
  } else if (form.matches("[data-market-practice]")) {
    event.preventDefault();
    submitPractice(form);
  }
});

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("[data-market-practice]");
  if (form && !opened.stall) draft.save({ new: practiceOf(form) });
  if (target.type === "range") said(target);
});

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-market-set]");
  if (row) fillStall(json(row.dataset.marketSet));
  const opener = event.target.closest("[data-market-bring]");
  if (opener) {
    const known = json(opener.dataset.practice);
    fillPractice(opener.dataset.marketBring, { ...known.practice, ...(known.title ? { title: known.title } : {}) });
  }
  const way = event.target.closest("[data-market-mode]");
  if (way) {
    mode.save(way.dataset.marketMode);
    showMode();
  }
  const step = event.target.closest("[data-market-step]");
  if (step) turn(Number(step.dataset.marketStep));
  // a choice in a sheet of short lists is the end of it
  const done = event.target.closest("[popover] [data-do=check_in], [popover] [data-do=say_organisation]:not(form)");
  if (done && done.getAttribute("aria-disabled") !== "true") closeSheet(done);
});
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[popover] form[data-do=say_organisation]")) closeSheet(target);
});

// a sheet begins at its top, wherever it was left the last time
document.addEventListener("toggle", ({ target, newState }) => newState === "open" && target.matches(".mk-sheet") && target.scrollTo(0, 0), true);

// ---- stalls one by one: the browser scrolls and snaps, this only moves it
const mode = shelf("market-mode");
const deck = () => document.getElementById("market-deck");
const single = () => document.body.dataset.screen === "phone" && mode.load("list") === "cards" && Boolean(deck());
const here = () => {
  const list = deck();
  return list ? Math.round(list.scrollLeft / Math.max(1, list.clientWidth)) : 0;
};

function turn(by, to = here() + by) {
  const list = deck();
  const cards = list ? [...list.children] : [];
  const card = cards[Math.max(0, Math.min(cards.length - 1, to))];
  if (card) list.scrollTo({ left: card.offsetLeft - list.offsetLeft, behavior: still() ? "auto" : "smooth" });
}

function countCards() {
  const list = deck();
  if (!list) return;
  const [n, of] = [here() + 1, list.children.length];
  for (const place of all("[data-market-at]")) put(place, place.dataset.words.replace("{n}", n).replace("{of}", of));
  for (const button of all("[data-market-step]"))
    button.setAttribute("aria-disabled", button.dataset.marketStep === "-1" ? n <= 1 : n >= of);
}

function showMode() {
  const cards = single();
  deck()?.classList.toggle("is-cards", cards);
  one(".market")?.classList.toggle("is-single", cards);
  for (const button of all("#now [data-market-mode]")) button.setAttribute("aria-pressed", button.dataset.marketMode === (cards ? "cards" : "list"));
  countCards();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches(".mk-wish input") && single()) {
    const card = target.closest("[data-market-stall]");
    const place = [...deck().children].indexOf(card);
    setTimeout(() => here() === place && turn(1), REST);
  } else if (target.matches("[data-market-names]")) showNames(target.checked);
});

document.addEventListener("scroll", ({ target }) => target === deck() && countCards(), true);

document.addEventListener("keydown", (event) => {
  if (!single() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=radio]), textarea, select") || event.target.closest("[popover]")) return;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (way && !event.target.matches("input[type=radio]")) {
    event.preventDefault();
    turn(way);
  } else if (/^[0-3]$/.test(event.key)) {
    const radio = one(`.mk-wish input[value="${event.key}"]`, deck().children[here()]);
    if (!radio) return;
    event.preventDefault();
    radio.click();
  }
});

// ---- what only this person's page can know
function showOwn() {
  const own = document.getElementById("market-mine");
  if (!own) return;
  for (const item of all("[data-market-with]")) item.hidden = item.dataset.marketWith === own.dataset.organisation;
  for (const button of all("[data-market-organisation]"))
    button.setAttribute("aria-pressed", button.dataset.marketOrganisation === own.dataset.organisation);
  for (const button of all("[data-market-here]")) button.classList.toggle("is-on", button.dataset.marketHere === own.dataset.here);
}

// ---- the desk: names, sliders, a list of people for many fields, dragging
const names = shelf("market-names");

function showNames(on) {
  names.save(on);
  one("#market-plan")?.classList.toggle("has-names", on);
  for (const box of all("[data-market-names]")) box.checked = on;
}

/** The form of one stall, filled with what its row says; what was filled in counts as read, not as written. */
function fillStall(stall) {
  const form = document.getElementById("desk-set-form");
  if (!form) return;
  form.reset();
  form.dataset.with = JSON.stringify({ stall: stall.stall });
  put(document.getElementById("desk-set-title"), `${stall.n} · ${stall.title}`);
  for (const name of ["title", "table", "organisation", "minimum"]) form.elements[name].defaultValue = stall[name] ?? "";
  form.elements.minimum.max = stall.capacity;
  for (const option of form.elements.hosting.options) option.selected = option.defaultSelected = option.value === stall.hosting;
  for (const box of all("[name=open]", form)) box.checked = box.defaultChecked = stall.open.includes(Number(box.value));
  const people = new Map(all("option", document.getElementById("market-people").content).map((one) => [one.value, one.textContent]));
  one("[data-market-hosts]", form).replaceChildren(
    ...stall.hosts.map((id, n) => {
      const [label, box, name] = ["label", "input", "span"].map((tag) => document.createElement(tag));
      Object.assign(box, { type: "checkbox", name: "hosts", value: id, id: `set-host-${n}`, checked: true, defaultChecked: true });
      box.dataset.type = "list";
      label.className = "check";
      name.textContent = people.get(id) ?? "–";
      label.append(box, name);
      return label;
    }),
  );
  const remove = one("[data-do=remove_stall]", form.closest("[popover]"));
  remove.dataset.with = JSON.stringify({ stall: stall.stall });
}

function said(range) {
  put(one(`[data-market-output][for="${range.id}"]`), range.value);
}

/** The people of the room in a field, as they are now; who was chosen there stays chosen. */
function fillPeople(select) {
  const list = document.getElementById("market-people");
  const known = list ? [...list.content.children] : [];
  const same = known.length === select.options.length - 1 && known.every((one, n) => one.isEqualNode(select.options[n + 1]));
  if (!list || same) return;
  const { value } = select;
  for (const option of [...select.options].slice(1)) option.remove();
  select.append(list.content.cloneNode(true));
  select.value = value;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}
document.addEventListener("focusin", ({ target }) => target.matches?.("select[data-market-people]") && fillPeople(target));

// what it would cost the room to place this person elsewhere; worked out off the line, so it may come a little later
let asked = 0;
async function showSwaps() {
  const place = one("[data-market-swaps]");
  const [person, round] = ["#pin-person", "#pin-round"].map((id) => one(id)?.value);
  const turn = ++asked;
  if (!place || !person || !round) return put(place, "");
  const { code } = document.body.dataset;
  const of = encodeURIComponent(`${person}:${round}`);
  let swaps = null;
  try {
    const got = await fetch(`/api/sessions/${code}/stages/${openStage()}/look/swaps?of=${of}`, { credentials: "same-origin", signal: AbortSignal.timeout(15000) });
    if (got.ok) ({ swaps } = await got.json());
  } catch {}
  if (turn !== asked || !place.isConnected) return;
  if (!swaps) return put(place, "");
  const { lead, none, stall, broken } = place.dataset;
  const numbers = new Map(all("#pin-stall option").map((option) => [option.value, option.textContent.split(" ")[0]]));
  const told = swaps.slice(0, 6).map((swap) => stall.replace("{n}", numbers.get(swap.stall) ?? "–").replace("{loss}", swap.loss) + (swap.broken > 0 ? ` ${broken}` : ""));
  put(place, told.length ? `${lead} ${told.join(" · ")}` : none);
}
document.addEventListener("change", ({ target }) => target.matches?.("#pin-person, #pin-round") && showSwaps());
document.addEventListener("reset", ({ target }) => target.id === "market-pin" && setTimeout(showSwaps));

let drag = null; // {id, from, x, y, ghost?}: somebody held with the pointer
const cellAt = (x, y) => document.elementFromPoint(x, y)?.closest("[data-market-cell]:not([data-past])");

document.addEventListener("pointerdown", (event) => {
  const person = event.target.closest(".has-names [data-market-person]");
  const cell = person?.closest("[data-market-cell]:not([data-past])");
  if (!cell || event.button !== 0) return;
  drag = { id: person.dataset.marketPerson, from: cell, person, x: event.clientX, y: event.clientY };
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (!drag.ghost) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    drag.ghost = drag.person.cloneNode(true);
    drag.ghost.classList.add("mk-ghost");
    document.body.append(drag.ghost);
  }
  event.preventDefault();
  drag.ghost.style.left = `${event.clientX + 8}px`;
  drag.ghost.style.top = `${event.clientY + 8}px`;
  const over = cellAt(event.clientX, event.clientY);
  for (const cell of all(".mk-plan .is-target")) cell.classList.toggle("is-target", cell === over);
  over?.classList.add("is-target");
});
function letGo(event, put_down) {
  if (!drag) return;
  const { ghost, id, from } = drag;
  drag = null;
  ghost?.remove();
  for (const cell of all(".mk-plan .is-target")) cell.classList.remove("is-target");
  const cell = ghost && put_down ? cellAt(event.clientX, event.clientY) : null;
  if (!cell || cell === from) return;
  const stage = one("#market-plan").dataset.stage;
  send({ stage, do: "pin", with: { person: id, stall: cell.dataset.marketCell, round: Number(cell.dataset.round) } });
}
document.addEventListener("pointerup", (event) => letGo(event, true));
document.addEventListener("pointercancel", (event) => letGo(event, false));
document.addEventListener("keydown", (event) => event.key === "Escape" && letGo(event, false));

// ---- the wall: more stalls than one page holds, a page at a time
let page = 0;
let turned = 0;

function showPage() {
  for (const list of all("#now [data-market-pages]")) {
    const per = Number(list.dataset.marketPages);
    const of = Math.max(1, Math.ceil(list.children.length / per));
    page %= of;
    [...list.children].forEach((item, n) => item.toggleAttribute("data-later", Math.floor(n / per) !== page));
    for (const place of all("[data-market-page-of]"))
      put(place, place.dataset.words.replace("{n}", page + 1).replace("{of}", of));
  }
}
setInterval(() => {
  if (document.body.dataset.screen !== "wall" || Date.now() - turned < PAGE) return;
  turned = Date.now();
  page += 1;
  showPage();
}, 1000);

// ---- a stall's sign: its QR leads to this page with #stall-…, and a scan says where somebody stands
function scanned() {
  const stall = location.hash.startsWith("#stall-") ? decodeURIComponent(location.hash.slice(7)) : "";
  const stage = openStage();
  if (!stall || !stage || document.body.dataset.screen !== "phone" || !one("market-hand")) return;
  history.replaceState(null, "", location.pathname + location.search);
  send({ stage, do: "check_in", with: { stall } });
}
addEventListener("hashchange", scanned);

function afterSwap() {
  guard();
  if (!openStage() || !one("market-hand")) return;
  showMode();
  showOwn();
  if (one("#market-plan")) showNames(names.load(false));
  for (const range of all("input[type=range]")) said(range);
  showPage();
  scanned();
}

customElements.define("market-hand", class extends HTMLElement {});
document.addEventListener("line:swapped", afterSwap);
document.addEventListener("line:outbox", showOwn);
turned = Date.now();
afterSwap();
