/*
 * The desk's pages of a path: forms become asks, drafts survive a reload, and the page reads itself again when its path moves on.
 *
 * Reads from <body>: data-path, data-idea, data-number, data-lang, data-words (JSON); meta[name=csrf].
 * A form[data-edit="<leaf>"] edits one leaf of the idea (data-version, data-row: what its author saw; data-new: a new row);
 * [data-ask="<kind>"][data-with] is any other ask, as a form or as a button; [data-sure] is pressed twice. A form with
 * [data-follow] sends only the fields that were changed, as `set`, with the versions (data-version, JSON) they were laid over.
 * A field is a [data-field][data-kind]; its value is read by `valueOf`.
 */
const { body } = document;
const { path, idea, lang } = body.dataset;
const words = JSON.parse(body.dataset.words || "{}");
const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";
const api = `/api/paths/${encodeURIComponent(path)}/asks`;
const byId = (id) => document.getElementById(id);
const main = () => byId("main");
const CAP = 8000; // ms, the longest wait before the next attempt
const jitter = (most) => Math.random() * most;

const newId = (bytes = 16) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// ---- what is said

/** Beside the control that was pressed, and once for whoever does not see it. */
function tell(place, text, state = "") {
  const said = place?.closest("form")?.querySelector("[data-said]") ?? place?.closest(".row, .saving")?.querySelector("[data-said]");
  if (said) {
    said.textContent = text;
    said.dataset.state = state;
  }
  const receipt = byId("receipt");
  receipt.textContent = text;
  receipt.dataset.state = said && state !== "refused" ? "" : state;
}

function news(text) {
  byId("news-text").textContent = text;
  byId("news").hidden = false;
}

// ---- reading a form

const inside = (place) =>
  [...place.querySelectorAll("[data-field]")].filter((one) => one.parentElement.closest("[data-field], [data-item], form") === place);
const itemsOf = (place) => [...place.querySelectorAll("[data-item]")].filter((one) => one.parentElement.closest("[data-field]") === place);
const plain = (text) => text.trim().replace(/\s/g, "").replace(",", ".");
const only = (place) => place.querySelector("input, select, textarea").value.trim();

/** The row or part in `place`, laid over what it was; undefined where nothing is left of it. */
function partOf(place, before = {}) {
  const made = { ...before };
  for (const field of inside(place)) {
    const value = valueOf(field, before[field.dataset.field]);
    if (value === undefined) delete made[field.dataset.field];
    else made[field.dataset.field] = value;
  }
  return Object.keys(made).some((name) => name !== "uid") ? made : undefined;
}

const readers = {
  text(field, before) {
    const made = { ...before };
    for (const one of field.querySelectorAll("[data-lang]")) made[one.dataset.lang] = one.value.trim();
    return Object.values(made).some(Boolean) ? made : undefined;
  },
  codes(field) {
    const chosen = [...field.querySelectorAll("input:checked")].map((one) => ("whole" in field.dataset ? Number(one.value) : one.value));
    return chosen.length ? chosen : undefined;
  },
  lines(field) {
    const lines = only(field).split("\n").map((one) => one.trim()).filter(Boolean);
    return lines.length ? lines : undefined;
  },
  whole: (field) => (only(field) === "" ? undefined : Number(plain(only(field)))),
  number: (field) => plain(only(field)) || undefined,
  amount: (field) => plain(only(field)) || undefined,
  yes_no: (field) => ({ yes: true, no: false })[only(field)],
  money(field) {
    const [exact, min, max] = ["exact", "min", "max"].map((name) => plain(field.querySelector(`[data-part=${name}]`).value));
    const { currency } = field.dataset;
    // what is half said is sent as it is: the answer says what is missing
    if (exact) return { exact, ...(min && { min }), ...(max && { max }), currency };
    return min || max ? { ...(min && { min }), ...(max && { max }), currency } : undefined;
  },
  point(field, before) {
    const [latitude, longitude] = ["latitude", "longitude"].map((name) => plain(field.querySelector(`[data-part=${name}]`).value));
    if (!latitude && !longitude) return before?.type === "Polygon" ? before : undefined;
    return { type: "Point", coordinates: [Number(longitude), Number(latitude)] };
  },
  part: partOf,
  rows(field, before = []) {
    const known = new Map(before.map((one) => [one.uid, one]));
    const rows = itemsOf(field).map((item) => {
      const old = known.get(item.dataset.item);
      const made = partOf(item, old);
      item.dataset.uid ??= old?.uid ?? newId(8);
      return made && { ...made, uid: item.dataset.uid };
    });
    return rows.some(Boolean) ? rows.filter(Boolean) : undefined;
  },
  items(field) {
    const items = itemsOf(field).map((item) => partOf(item)).filter(Boolean);
    return items.length ? items : undefined;
  },
};

/** What a field says, as the ask takes it; undefined for nothing. */
function valueOf(field, before) {
  const reader = readers[field.dataset.kind];
  return reader ? reader(field, before) : only(field) || undefined;
}

const parsed = (text) => JSON.parse(text || "{}");

/** The edit of one leaf: {idea, base, set}. */
function editOf(form) {
  const { edit, version, row, base = version, baseRow = row } = form.dataset;
  let leaf = edit;
  let value;
  if (row === undefined) value = valueOf(inside(form)[0], leafBefore(form)) ?? emptied(form) ?? null;
  else {
    const made = partOf(inside(form)[0], parsed(baseRow));
    if ("new" in form.dataset) {
      form.dataset.uid ??= newId(8);
      leaf = `${edit}/${form.dataset.uid}`;
    }
    const uid = leaf.split("/")[1];
    value = made ? { ...made, uid } : null;
    if (!made && "new" in form.dataset) return null;
  }
  return { idea, base: { [leaf]: Number(base) }, set: { [leaf]: value } };
}

const leafBefore = () => undefined;

/** A text that was emptied says so in each language, because a language left out stays. */
function emptied(form) {
  const fields = [...form.querySelectorAll("[data-kind=text] [data-lang]")];
  return fields.length ? Object.fromEntries(fields.map((one) => [one.dataset.lang, ""])) : undefined;
}

function askOf(place) {
  const { ask, fresh } = place.dataset;
  const having = { ...(idea ? { idea } : {}), ...parsed(place.dataset.with) };
  if (place.localName === "form") Object.assign(having, partOf(place) ?? {});
  if (fresh) having[fresh] = place.dataset.uid ??= newId(8);
  return { do: ask, with: having };
}

// A field of a form that is followed up, by the name of its version; each organisation has its own owner.
const versionKey = ({ field, organisation }) => (organisation === undefined ? field : `owner ${organisation}`);
const controlOf = (field) => field.querySelector("input, select, textarea");
const changedIn = (form) => [...form.querySelectorAll("[data-field]")].filter((one) => stateOf(controlOf(one)) !== drawn(controlOf(one)));

/** The versions that the changed fields were laid over: those of the moment when they were first touched. */
function basesOf(form) {
  const [now, before] = [parsed(form.dataset.version), parsed(form.dataset.base)];
  return Object.fromEntries(changedIn(form).map(({ dataset }) => versionKey(dataset)).map((key) => [key, before[key] ?? now[key] ?? 0]));
}

/** Only what was changed; an emptied field is null, and an owner of nobody is an empty text. */
function followOf(form) {
  const set = {};
  for (const one of changedIn(form)) {
    const { field, organisation } = one.dataset;
    const value = controlOf(one).value.trim();
    if (organisation === undefined) set[field] = value || null;
    else (set.owners ??= {})[organisation] = value;
  }
  return Object.keys(set).length ? { do: form.dataset.ask, with: { ...parsed(form.dataset.with), base: basesOf(form), set } } : null;
}

// ---- sending: one ask of a form at a time; tried again under the same id, so that it counts once

const waiting = new Map(); // id of the form or button -> the ask whose fate is unknown

async function post(ask) {
  const answer = await fetch(api, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-Officina-CSRF": csrf },
    body: JSON.stringify(ask),
    signal: AbortSignal.timeout(15000),
  });
  const said = await answer.json();
  return { ok: answer.ok, status: answer.status, ...said };
}

async function send(place, made) {
  const key = place.id || JSON.stringify(place.dataset);
  const before = waiting.get(key);
  const same = before && JSON.stringify([before.do, before.with]) === JSON.stringify([made.do, made.with]);
  const ask = same ? before : { id: newId(), stage: null, ...made };
  const button = place.localName === "form" ? place.querySelector("button:not([type=button])") : place;
  const name = place.querySelector("[data-said]") ? button : place;
  if (button?.getAttribute("aria-disabled") === "true") return;
  button?.setAttribute("aria-disabled", "true");
  tell(name, words.saving, "waiting");
  try {
    // what may have been kept goes first: the new text is then laid over it and not over what it replaced
    if (before && !same && (await post(before)).ok && ask.with.base) {
      for (const leaf of Object.keys(before.with.base ?? {})) if (leaf in ask.with.base) ask.with.base[leaf] += 1;
    }
    waiting.set(key, ask);
    const answer = await post(ask);
    if (!answer.ok && (answer.status === 429 || answer.status >= 500 || answer.error?.again)) throw new Error(answer.error?.text);
    waiting.delete(key);
    if (answer.ok) await kept(place, name, answer.number);
    else await refused(place, name, answer.error ?? {});
  } catch (error) {
    console.info(error);
    tell(name, words.offline, "refused");
  } finally {
    button?.removeAttribute("aria-disabled");
  }
}

async function kept(place, name, number) {
  if (place.localName === "form") forget(place);
  tell(name, words.saved, "kept");
  const opened = place.closest("details.edit");
  const at = opened?.closest(".leaf, .row-of, li, section")?.id;
  if (opened) opened.open = false;
  await reread(at ?? place.closest("[id]")?.id, true);
  // A text that met another one is kept beside it; whoever wrote it must not think that it stands alone.
  tell(null, main().querySelector(`#${CSS.escape(at ?? "none")} .wordings`) ? words.kept_beside : words.saved, "kept");
}

async function refused(place, name, { text, details }) {
  const field = details?.field && byId(`at-${details.field.replace(/[/.]/g, "-")}`)?.querySelector(".leaf-name")?.textContent;
  if ("follow" in place.dataset && "version" in (details ?? {})) return met(place, name, details);
  const said = [text || words.refused_plain, field && words.at_field.replace("{field}", field.trim())].filter(Boolean).join(" ");
  tell(name, said, "refused");
  if (!Array.isArray(details?.missing)) return;
  if (!editing()) await reread(place.id, true);
  tell(byId(place.id)?.querySelector("button") ?? null, said, "refused");
  byId("missing")?.focus();
}

/** Somebody else wrote in the same field: says what, and lays the next try over it. */
function met(form, name, { field, current, version }) {
  form.dataset.base = JSON.stringify({ ...parsed(form.dataset.base), [field]: version });
  remember(form);
  const one = [...form.querySelectorAll("[data-field]")].find(({ dataset }) => versionKey(dataset) === field);
  const control = one && controlOf(one);
  const shown = control?.localName === "select" ? [...control.options].find((option) => option.value === current)?.textContent : current;
  const label = one?.querySelector(".label").textContent ?? field;
  tell(name, `${label}: ${shown ? words.meanwhile.replace("{text}", shown) : words.meanwhile_empty}`, "refused");
  control?.focus();
}

// ---- drafts: what is typed and not yet kept

const shelf = (form) => `officina:path:${path}:${idea ?? ""}:${form.id}`;
const controls = (form) => [...form.querySelectorAll("input[id], select[id], textarea[id]")];
const stateOf = (one) => (one.type === "checkbox" ? one.checked : one.value);
const drawn = (one) =>
  one.type === "checkbox" ? one.defaultChecked : one.localName === "select" ? ([...one.options].find((option) => option.defaultSelected) ?? one.options[0]).value : one.defaultValue;

function remember(form) {
  const values = {};
  for (const one of controls(form)) if (stateOf(one) !== drawn(one)) values[one.id] = stateOf(one);
  if (!Object.keys(values).length) return forget(form);
  if ("follow" in form.dataset) form.dataset.base = JSON.stringify(basesOf(form));
  else form.dataset.base ??= form.dataset.version ?? "";
  if (form.dataset.row !== undefined) form.dataset.baseRow ??= form.dataset.row;
  form.dataset.draft = "";
  const { base, baseRow } = form.dataset;
  try {
    sessionStorage.setItem(shelf(form), JSON.stringify({ values, base, baseRow }));
  } catch {}
}

function forget(form) {
  for (const name of ["draft", "base", "baseRow"]) delete form.dataset[name];
  try {
    sessionStorage.removeItem(shelf(form));
  } catch {}
}

function restore() {
  for (const form of document.querySelectorAll("form[data-edit], form[data-ask]")) {
    let draft = null;
    try {
      draft = JSON.parse(sessionStorage.getItem(shelf(form)));
    } catch {}
    if (!draft) continue;
    for (const one of controls(form)) {
      if (!(one.id in draft.values)) continue;
      if (one.type === "checkbox") one.checked = draft.values[one.id];
      else one.value = draft.values[one.id];
    }
    form.dataset.draft = "";
    if (draft.base !== undefined) form.dataset.base = draft.base;
    if (draft.baseRow !== undefined) form.dataset.baseRow = draft.baseRow;
    for (let place = form.closest("details"); place; place = place.parentElement.closest("details")) place.open = true;
    const said = form.querySelector("[data-said]");
    if (said) said.textContent = words.unsaved;
  }
}

const editing = () => Boolean(main()?.querySelector("form[data-draft]")) || Boolean(document.activeElement?.matches("main :is(input, textarea, select)"));

// ---- the page, read again

/** A document, parsed by the browser itself: it runs nothing, and its nodes are moved here as they are. */
const read = (url) =>
  new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.timeout = 15000;
    request.onload = () => (request.status === 200 && request.response?.getElementById("main") ? done(request.response) : fail(new Error(String(request.status))));
    request.onerror = request.ontimeout = () => fail(new Error("no answer"));
    request.send();
  });

let reading = null;
let wanted = 0; // the newest number that we have heard of

function reread(focus = null, own = false) {
  reading = (reading ?? Promise.resolve()).then(() => swap(focus, own));
  return reading;
}

async function swap(focus, own) {
  try {
    const page = await read(location.pathname + location.search);
    const open = [...main().querySelectorAll("details[open][id]")].map((one) => one.id);
    const active = focus ?? document.activeElement?.closest("main [id]")?.id;
    const inMain = Boolean(document.activeElement?.closest("main")) || own;
    const chosen = [...main().querySelectorAll("[name=compare]:checked")].map((one) => one.id);
    const { scrollX, scrollY } = window;
    body.dataset.number = page.body.dataset.number;
    document.title = page.title;
    main().replaceWith(document.adoptNode(page.getElementById("main")));
    for (const id of open) if (byId(id)?.localName === "details") byId(id).open = true;
    restore();
    for (const one of main().querySelectorAll("[name=compare][id]")) one.checked = chosen.includes(one.id);
    scrollTo(scrollX, scrollY);
    byId("news").hidden = true;
    if (!inMain || !active) return;
    const place = byId(active);
    const into = place?.querySelector(":scope > .leaf-what > details > summary, :scope > details > summary") ?? place;
    if (into && into.tabIndex < 0 && !into.hasAttribute("tabindex")) into.tabIndex = -1;
    into?.focus({ preventScroll: true });
  } catch (error) {
    console.info(error);
    news(/^40[134]/.test(error.message) ? words.page_gone : words.changed_keep);
  }
}

function moved(number) {
  wanted = Math.max(wanted, number);
  setTimeout(() => {
    if (wanted <= Number(body.dataset.number)) return;
    if (editing()) news(words.changed_keep);
    else reread();
  }, 150);
}

// ---- the line of the path: it only says that something is new

let socket = null;
let tries = 0;
let timer = 0;

function connect() {
  clearTimeout(timer);
  const fresh = (socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/live/path/${encodeURIComponent(path)}`));
  timer = setTimeout(() => fresh.close(), 5000);
  fresh.onopen = () => fresh.send(JSON.stringify({ t: "hello", v: 1, screen: "desk", as: "json", last: null, epoch: null, language: lang }));
  fresh.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.t === "welcome") {
      clearTimeout(timer);
      body.dataset.line = "live";
      setTimeout(() => socket === fresh && (tries = 0), 5000);
    }
    if (frame.t === "welcome" || frame.t === "view") moved(frame.number);
  };
  fresh.onclose = ({ code }) => {
    if (socket !== fresh) return;
    clearTimeout(timer);
    body.dataset.line = "reconnecting";
    if ([4001, 4003, 4010].includes(code)) return;
    timer = setTimeout(connect, jitter(Math.min(CAP, 250 * 2 ** tries)));
    tries += 1;
  };
}

// ---- hands

/** A press that must be meant: the first one asks, the second one does. */
function meant(button) {
  if (!button.dataset.sure || "asked" in button.dataset) return true;
  const label = button.textContent;
  button.dataset.asked = "";
  button.textContent = button.dataset.sure;
  byId("receipt").textContent = button.dataset.sure;
  button.addEventListener(
    "blur",
    () => {
      delete button.dataset.asked;
      button.textContent = label;
    },
    { once: true },
  );
  return false;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-edit], form[data-ask]")) return;
  event.preventDefault();
  if (form.dataset.ask && !("follow" in form.dataset)) return send(form, askOf(form));
  const edit = form.dataset.ask ? null : editOf(form);
  const made = form.dataset.ask ? followOf(form) : edit && { do: "edit_idea", with: edit };
  if (made) return send(form, made);
  return tell(form.querySelector("button"), words.nothing_new, "");
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const form = button.closest("form");
  if (button.id === "news-show") reread();
  else if ("discard" in button.dataset) {
    forget(form);
    form.reset();
    tell(button, "", "");
    const details = form.closest("details");
    details.open = false;
    details.querySelector("summary").focus();
  } else if ("remove" in button.dataset) {
    if (!meant(button)) return;
    const { edit, version } = form.dataset;
    send(form, { do: "edit_idea", with: { idea, base: { [edit]: Number(version) }, set: { [edit]: null } } });
  } else if (button.dataset.ask && meant(button)) send(button, askOf(button));
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-edit], form[data-ask]");
  if (form) remember(form);
  const slider = event.target.closest("input[type=range][data-points]");
  if (slider) slide(slider);
});

// A link to a place inside what is folded away opens it.
function unfold() {
  const place = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
  for (let one = place && place.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
  place?.focus?.({ preventScroll: false });
}
addEventListener("hashchange", unfold);

/** The payment for another result, out of the points that the server drew. */
function slide(slider) {
  const [result, pay, x, y] = JSON.parse(slider.dataset.points)[Number(slider.value)];
  const figure = slider.closest("figure");
  const said = figure.querySelector("[data-said]");
  const line = figure.querySelector("[data-point] line");
  const knob = figure.querySelector("[data-point] circle");
  for (const name of ["x1", "x2"]) line.setAttribute(name, x);
  line.setAttribute("y1", y);
  knob.setAttribute("cx", x);
  knob.setAttribute("cy", y);
  const text = `${said.textContent.trim().split(/\s/)[0]} ${result}: ${pay}`;
  said.textContent = text;
  slider.setAttribute("aria-valuetext", text);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && socket?.readyState !== WebSocket.OPEN && socket?.readyState !== WebSocket.CONNECTING) connect();
});

restore();
unfold();
connect();
