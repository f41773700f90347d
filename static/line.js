/*
 * The line of one screen, stations 1, 2 and 9 of a message: socket, outbox, receipts, swaps, clock.
 *
 * Reads from <body>: data-screen, data-code, data-person, data-words (JSON), data-number, data-epoch.
 * Says on document: line:swapped, line:outbox, line:refused (for good), and each frame of the server by its t, after its own work:
 * line:welcome, line:patch, line:digest, line:notice, ...
 */
const { screen, code, person, words: wordsText, number: drawn, epoch: drawnEpoch } = document.body.dataset;
const words = JSON.parse(wordsText || "{}");
const LARGEST = 64 * 1024; // bytes of a frame; a larger one would be closed with 1009 and sent again for ever
const CAP = 8000; // ms, the longest wait before the next attempt
const KEPT = 3000; // ms in which the personal part of an accepted ask is drawn; an unchanged one is not sent at all
const NEWS = 12000; // ms that a sentence without a state stands: "5 minutes left" is wrong a minute later
const byId = (id) => document.getElementById(id);
const tellAll = (what, detail) => document.dispatchEvent(new CustomEvent(`line:${what}`, { detail }));
const jitter = (most) => Math.random() * most;
const ladder = (n) => jitter(Math.min(CAP, 250 * 2 ** n));

/** A sentence of data-words with its {fields} filled in; "" when the page has no such words. */
export function say(key, fields = {}) {
  const found = words[key] ?? "";
  const sentence = typeof found === "string" ? found : found[fields.n === 1 ? "one" : "other"];
  return sentence.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
}

/**
 * Text for the one polite live region; state is waiting, kept, refused or absent. What has no state is news: it stands
 * beside the state of an answer, never instead of it, and goes by itself.
 */
export function tell(text, state = "") {
  const place = byId("receipt");
  if (!place || !text) return;
  clearTimeout(fading);
  if (state) standing = text;
  news = state ? "" : text;
  if (state) place.dataset.state = state;
  else fading = setTimeout(fade, NEWS, place);
  show(place);
}
let standing = "";
let news = "";
let fading = 0;

/** Takes back what was said of an answer, when another question stands above it, or it is not true any more. */
export function untell(...states) {
  const place = byId("receipt");
  if (!states.includes(place?.dataset.state)) return;
  place.dataset.state = standing = "";
  show(place);
}

function fade(place) {
  news = "";
  show(place);
}

function show(place) {
  write(place, [standing, news].filter(Boolean).join(" · "));
}

function write(place, text) {
  const slot = place.querySelector("[data-word]") ?? place;
  if (slot.textContent !== text) slot.textContent = text;
}

/** localStorage of this person in this session. It may throw (full, private mode): the caller's own copy is the memory. */
export const shelf = (name) => ({
  key: `officina:${code}:${person || screen}:${name}`,
  load(empty) {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? empty;
    } catch {
      return empty;
    }
  },
  save(value) {
    try {
      localStorage.setItem(this.key, JSON.stringify(value));
    } catch {}
  },
});

// ---- clock: the sample with the least round trip wins (Cristian), counted on performance.now()
let offset = Date.now() - performance.now();
let best = Infinity;
let samples = 0;

/** The server's time in ms since 1970, whatever this device's clock says. */
export const now = () => performance.now() + offset;

const ping = () => up({ t: "ping", at: Math.round(performance.now()) });

function sampleClock() {
  best = Infinity;
  samples = 5;
  ping();
}

function clocked({ at, now: theirs }) {
  const trip = Math.max(0, performance.now() - at);
  if (trip < best) {
    best = trip;
    offset = theirs + trip / 2 - performance.now();
  }
  if (samples > 0 && --samples > 0) setTimeout(ping, 200);
}

// ---- outbox: an ask stays until its receipt, or a refusal that says again:false
const store = shelf("outbox");
let box = store.load([]);
let kept = []; // asks with a receipt whose personal part has not been drawn yet
let flight = null; // {id, way, since}: one ask at a time by one way at a time, or an old vote could overtake a new one
let notBefore = 0;
let attempts = 0;
const answers = new Map();
/** Refusals that no element has taken yet: a script that comes late finds here what was refused before it was there. */
export const unheard = [];

/** The asks of this person that the drawn page may not show yet, oldest first. */
export const pending = () => [...kept, ...box];

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const wire = ({ id, stage, do: kind, with: what }) => ({ id, stage, do: kind, with: what });

/**
 * Puts an ask into the outbox. `then`: an ask to put in after the receipt; `draft`: key of the form it came from.
 * Resolves to the receipt or the refusal, maybe after a reconnect, never rejects.
 */
export function send({ stage = null, do: kind, with: what = {}, then = null, draft = null }) {
  const ask = { id: newId(), stage, do: kind, with: what, then, draft, at: Date.now() };
  if (new TextEncoder().encode(JSON.stringify({ t: "ask", ...wire(ask) })).length > LARGEST) {
    const refusal = { t: "refusal", id: ask.id, code: "too_big", text: say("too_big"), again: false, ask };
    tell(refusal.text, "refused");
    tellAll("refused", refusal);
    return Promise.resolve(refusal);
  }
  box.push(ask);
  changed();
  pump();
  return new Promise((resolve) => answers.set(ask.id, resolve));
}

function changed() {
  store.save(box);
  tellAll("outbox");
  showLine();
}

function pump() {
  if (flight || stopped || !box.length || Date.now() < notBefore) return;
  if (live) {
    flight = { id: box[0].id, way: "socket", since: Date.now() };
    up({ t: "ask", ...wire(box[0]) });
  } else if (leaving || document.hidden || tries >= 2) post(box[0]);
}

async function post(ask) {
  const mine = (flight = { id: ask.id, way: "post", since: Date.now() });
  let status = 0;
  let body = {};
  try {
    const answer = await fetch(`/api/sessions/${code}/asks`, {
      method: "POST",
      keepalive: true,
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        "X-Officina-CSRF": document.querySelector("meta[name=csrf]")?.content ?? "",
      },
      body: JSON.stringify(wire(ask)),
      signal: AbortSignal.timeout(10000),
    });
    status = answer.status;
    body = await answer.json();
  } catch {}
  if (flight === mine) flight = null;
  if (status === 200 && body.number !== undefined) return received({ ...body, id: ask.id });
  // an answer without our own error is some proxy's: the ask stays
  const ours = status >= 400 && status < 500 && status !== 429 ? body.error : null;
  if (ours && (status === 401 || status === 403)) return stop("removed");
  refused({ ...ours, id: ask.id, again: ours ? Boolean(ours.again) : true });
}

function settle(frame) {
  const ask = box.find((one) => one.id === frame.id);
  if (flight?.id === frame.id) flight = null;
  if (!ask) return null;
  attempts = notBefore = 0;
  box = box.filter((one) => one !== ask);
  answers.get(ask.id)?.(frame);
  answers.delete(ask.id);
  return ask;
}

function received(frame) {
  const ask = settle(frame);
  if (ask) {
    if (screen === "phone") kept.push({ ...ask, number: frame.number, until: Date.now() + KEPT });
    changed();
    if (!box.length) tell(say("saved"), "kept");
    if (ask.then) send({ stage: ask.stage, ...ask.then });
  }
  pump();
}

function refused(frame) {
  if (frame.again) {
    if (flight?.id === frame.id) flight = null;
    const wait = 100 + ladder(attempts++);
    notBefore = Date.now() + wait;
    setTimeout(pump, wait + 1);
    return;
  }
  const ask = settle(frame);
  if (ask) {
    const told = { ...frame, ask };
    unheard.push(told);
    if (unheard.length > 20) unheard.shift();
    tellAll("refused", told);
    changed();
    tell(frame.text || say("refused"), "refused");
  }
  pump();
}

// another tab of this person may have put asks in before it was replaced; the same id sent twice counts once
function adopt() {
  const known = new Set(pending().map((ask) => ask.id));
  box.push(...store.load([]).filter((ask) => !known.has(ask.id)));
}
addEventListener("storage", (event) => {
  if (event.key !== store.key || stopped) return;
  adopt();
  pump();
});

// ---- drawing: swaps are awaited one after the other, or two of them finish in the wrong order
/** What a morph must leave alone; set by fields.js for what a person has arranged. */
export const morph = { skips: () => false };

function refuseCode() {
  throw new Error("officina builds no code from text");
}
const rules = { createHTML: (text) => text, createScript: () => "" };
htmx.registerExtension("line", {
  init: (api) => api.initSecurity(window.trustedTypes?.createPolicy("htmx", rules) ?? rules, refuseCode, refuseCode),
  // an opened <details> stays open, a focused title keeps its focus: the server knows of neither
  htmx_before_morph_attr: (elt, { attrName }) =>
    attrName !== "open" && !(attrName === "tabindex" && elt === document.activeElement),
  htmx_before_morph_node: (elt, { newNode }) => !morph.skips(elt, newNode),
});

let number = Number(drawn) || 0;
let epoch = drawnEpoch || null;
let swaps = Promise.resolve();
/** Id of the stage on this screen; "" when none is open. */
export const openStage = () => document.querySelector("#now [data-stage]")?.dataset.stage ?? "";

function draw(swap) {
  swaps = swaps.then(swap).then(drawnAnew).catch(console.error);
}

function drawHtml(html, from) {
  for (const [, target] of html.matchAll(/<hx-partial[^>]*hx-target="([^"]+)"/g)) {
    if (!document.querySelector(target)) console.warn(`officina: no place for ${target}`);
  }
  draw(async () => {
    await htmx.swap({ text: html, sourceElement: document.body, target: "#stage", swap: "none" });
    if (/hx-target="#mine"/.test(html)) kept = kept.filter((ask) => ask.number > from);
  });
}

function drawnAnew() {
  tellAll("swapped");
  loadElements();
  stayAwake();
}

const REGIONS = "place now mine who foot bar agenda count previews notes people dock".split(" ");
let refreshed = 0;

// the page itself, read again: the way without a socket. Only <main> is taken, a <script> of the frame would be a sink
async function refresh() {
  refreshed = Date.now();
  try {
    const answer = await fetch(location.pathname + location.search, {
      credentials: "same-origin",
      signal: AbortSignal.timeout(10000),
    });
    if (answer.redirected || answer.status === 401 || answer.status === 403) return stop("removed");
    const page = await answer.text();
    const text = page.match(/<main[\s\S]*<\/main>/)?.[0];
    const from = Number(page.match(/<body[^>]*data-number="(\d+)"/)?.[1] ?? number);
    if (!answer.ok || live || !text || from < number) return;
    number = from;
    draw(async () => {
      for (const id of REGIONS.filter((id) => byId(id) && text.includes(`id="${id}"`))) {
        await htmx.swap({ text, sourceElement: document.body, target: `#${id}`, select: `#${id}`, swap: "outerMorph" });
      }
      kept = kept.filter((ask) => ask.number > from);
    });
  } catch {}
}

// ---- socket
let socket = null;
let live = false;
let stopped = "";
let leaving = false;
let tries = 0;
let heard = 0;
let lostAt = Date.now();
let probing = false;
let restartWindow = 2000;
let timer = 0;
let steady = 0;

function up(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

/** Presence: shown to others, never kept, lost without a line. */
export const here = (what) => live && up({ t: "here", ...what });

function drop() {
  const old = socket;
  if (live) lostAt = Date.now();
  socket = null;
  live = false;
  clearTimeout(timer);
  clearTimeout(steady);
  if (flight?.way === "socket") flight = null;
  old?.close();
}

/** A fresh socket with a full view: for a screen or an element that doubts what it shows. */
export function connect() {
  drop();
  if (stopped || leaving) return;
  const fresh = (socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/live/${code}`));
  timer = setTimeout(() => closed(1006), 5000); // a swallowed handshake would hang for minutes
  fresh.onopen = () => up({ t: "hello", v: 1, screen, as: "html", last: number || null, epoch, language: document.body.dataset.lang });
  fresh.onmessage = ({ data }) => fresh === socket && take(JSON.parse(data));
  fresh.onclose = (event) => fresh === socket && closed(event.code);
}

function closed(how) {
  drop();
  const card = { 4001: "elsewhere", 4003: "removed", 4010: "over" }[how];
  if (card) return stop(card);
  if (how === 4009) tries = Math.max(tries, 5);
  timer = setTimeout(connect, how === 1012 ? jitter(restartWindow) : ladder(tries));
  tries += 1;
  showLine();
  pump();
}

function take(frame) {
  heard = Date.now();
  frames[frame.t]?.(frame);
  tellAll(frame.t, frame);
}

const frames = {
  welcome(frame) {
    clearTimeout(timer);
    const back = tries > 0 && Date.now() - lostAt > 4000;
    // after a restore or an erasure the number may be lower than ours: the full view wins, the outbox stays
    number = frame.number;
    epoch = frame.epoch;
    notBefore = attempts = 0;
    live = true;
    // a server that welcomes and hangs up at once must still meet the ladder
    steady = setTimeout(() => (tries = 0), 5000);
    offset = frame.now - performance.now();
    sampleClock();
    if (frame.html) drawHtml(frame.html, number);
    if (!box.length) untell("waiting");
    if (back && !box.length) tell(say("back"));
    showLine();
    pump();
  },
  view(frame) {
    if (frame.number < number) return;
    number = frame.number;
    if (frame.html) drawHtml(frame.html, number);
  },
  receipt: received,
  refusal: refused,
  pong: clocked,
  notice(frame) {
    if (frame.code === "restart") restartWindow = frame.window ?? restartWindow;
    tell(say(`notice_${frame.code}`, frame));
  },
};

// a socket may be dead without saying so (sleep, bfcache, a moved phone): ask it, then take a fresh one
function probe() {
  if (!code || stopped || probing) return;
  if (!live) return connect();
  const asked = Date.now();
  probing = true;
  ping();
  setTimeout(() => {
    probing = false;
    if (live && heard < asked) connect();
  }, 2000);
}

// ---- what the person sees of the line
function showLine() {
  const late = box.length && (!live || Date.now() - box[0].at > 700);
  const state = stopped ? "stopped" : late ? "waiting" : live ? "live" : "reconnecting";
  const line = byId("line");
  if (state === "waiting" && document.body.dataset.line !== state) tell(say("waiting"), state);
  document.body.dataset.line = state;
  document.body.toggleAttribute("data-offline", !live && !stopped && Date.now() - lostAt > 4000);
  if (!line) return;
  line.dataset.line = state;
  write(line, say(state === "waiting" ? "n_waiting" : state, { n: box.length }));
}

async function stop(why) {
  if (stopped) return;
  stopped = why;
  drop();
  showLine();
  untell("waiting", "kept", "refused");
  if (why === "over") {
    tell(say("over"));
    return refresh(); // the closing page itself says the rest
  }
  (await import("./stopped.js")).card(why, say(why), why === "elsewhere" ? say("use_here") : "", useHere);
}

function useHere() {
  stopped = "";
  box = store.load(box);
  connect();
}

async function stayAwake() {
  if (navigator.wakeLock && code) (await import("./awake.js")).stayAwake(Boolean(openStage()) && !document.hidden);
}

// an element's script comes with the first page that shows it; an activity's own stands in data-module
const fetched = new Set();
function loadElements() {
  for (const { localName, dataset } of document.querySelectorAll(":not(:defined)")) {
    if (fetched.has(localName)) continue;
    fetched.add(localName);
    import(dataset.module ?? `./elements/${localName}.js`).catch(console.warn);
  }
}

// ---- when to look again
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return pump();
  probe();
  if (live) sampleClock();
  stayAwake();
});
addEventListener("online", probe);
addEventListener("pagehide", () => {
  leaving = true;
  drop();
  pump();
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  leaving = false;
  connect();
});
function lookAround() {
  if (kept.some((ask) => ask.until < Date.now())) {
    kept = kept.filter((ask) => ask.until >= Date.now());
    tellAll("outbox");
  }
  const age = flight?.way === "socket" ? Date.now() - flight.since : 0;
  if (live && age > 30000) connect();
  else if (live && (age > 8000 || Date.now() - heard > 20000)) probe();
  else if (!live && !stopped && tries >= 2 && !document.hidden && Date.now() - refreshed > 3000) refresh();
  pump();
  showLine();
}

// the desk's other pages load this file for their policy alone
if (code) {
  connect();
  setInterval(lookAround, 1000);
  if (screen !== "wall") import("./fields.js").catch(console.error);
}
loadElements();
stayAwake();
