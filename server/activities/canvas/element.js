/*
 * <canvas-board data-screen="phone|desk|wall">: the board of the open canvas stage.
 *
 * Reads data-words, data-groups, data-level of its section.canvas, and data-mine, data-number, data-me of #canvas-mine.
 * State: `base` (the shared view at `number`), `mine` (the person's own part at `mineNumber`) and the asks that are not in them yet.
 * What is shown is computed anew from these on every change (board.js: shownFrom) and never edited.
 * How it looks is the screen's own file: phone.js, desk.js, wall.js.
 */
import { connect, here, openStage, pending, send, shelf, tell, unheard } from "../../line.js";
import { apply, digest, isOwn, laidOut, outOfColumns, shownFrom } from "./board.js";

const KEPT = 3000; // ms after its receipt in which an ask is drawn although the person's own part has not come
const LEASE = 8000; // ms between two heartbeats of "somebody is writing in this note"
const WOKEN = 800; // ms that a screen which is looked at again waits for a sign of its socket before it takes a fresh one
const PATIENCE = [4000, 15000]; // ms for the first try to read the whole board, which may go to a dead connection, and for the next
const SENTENCES = 5; // refusals of asks without a text that stand at once
const QUIET = 5000; // ms between two sentences for those who listen
const SVG = "http://www.w3.org/2000/svg";
const icons = new URL("../../icons.svg", import.meta.url).href;

// ---- building a page: text goes in as text, whatever stands in it
/** h("li.note", {id, "aria-label": ...}, ...children): strings become text, null and false nothing. */
export function h(what, props = {}, ...inside) {
  const [tag, ...classes] = what.split(".");
  const svg = ["svg", "use", "path", "rect", "circle", "line", "text"].includes(tag);
  const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(props)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside.flat(9).filter((one) => one || one === 0));
  return node;
}

export const icon = (name) =>
  h(`svg.icon.icon-${name}`, { "aria-hidden": "true" }, h("use", { href: `${icons}#${name}` }));
/** A button that does `act` (a method of the screen's `acts`) with these data-* fields. */
export const button = (act, label, data = {}, sign = null, look = "button") =>
  h(`button.${look}`, { type: "button", "data-act": act, ...data }, sign && icon(sign), h("span", {}, label));

/** The three dots of a card, a group or a zone, which open what can be done with it. */
export const more = (act, label, data) =>
  h(
    "button.cv-more",
    { type: "button", "data-act": act, "aria-label": label, ...data },
    h("span", { "aria-hidden": "true" }, "•••"),
  );

/** Puts these nodes into a place in this order; a node that stays is not touched. */
export function fill(place, ...nodes) {
  const wanted = nodes.flat(9).filter(Boolean);
  const staying = new Set(wanted);
  for (const old of [...place.childNodes]) if (!staying.has(old)) old.remove();
  let at = place.firstChild;
  for (const node of wanted) {
    if (node === at) at = at.nextSibling;
    else place.insertBefore(node, at);
  }
}

const SHAPES = {
  1: ["rect", { x: 1, y: 1, width: 26, height: 26, rx: 2 }],
  2: ["circle", { cx: 14, cy: 14, r: 12.5 }],
  4: ["path", { d: "M14 1.8 26.2 14 14 26.2 1.8 14Z" }],
  5: ["path", { d: "M8 3h12l6.5 11L20 25H8L1.5 14Z" }],
};
const SIGNS = { like: "M12 20.5C5 15.5 3 12.3 3 9a4.7 4.7 0 0 1 9-1.8A4.7 4.7 0 0 1 21 9c0 3.3-2 6.5-9 11.5Z" };
export const REACTIONS = { like: null, question: "message-question", important: "triangle-alert" };
export const COLOURS = ["group", "yellow", "blue", "green", "pink", "grey"];
export const signOf = (name) =>
  REACTIONS[name]
    ? icon(REACTIONS[name])
    : h("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, h("path.cv-heart", { d: SIGNS[name] }));

/** An id for something new: 96 random bits, 16 signs of base64url. */
export const newId = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))))
    .replaceAll("+", "-")
    .replaceAll("/", "_");

/** What a person wrote into an ask. */
const carried = (ask) => ask.with.text ?? ask.with.title ?? ask.with.label;

class CanvasBoard extends HTMLElement {
  async connectedCallback() {
    // a preview is looked at: there the server's own drawing stays
    if (this.closest("[inert], screen-preview")) return;
    this.setAttribute("hx-morph-skip", "");
    this.screen = this.dataset.screen;
    this.heard = {};
    this.on = (what, how) => document.addEventListener(what, (this.heard[what] = how.bind(this)));
    this.reset();
    this.read();
    const { default: look } = await import(`./${this.screen}.js`);
    if (!this.isConnected) return;
    this.look = look(this);
    this.on("line:patch", (event) => this.patched(event.detail));
    this.on("line:welcome", (event) => this.compare(event.detail));
    this.on("line:digest", (event) => this.compare(event.detail));
    this.on("line:receipt", (event) => this.receipted(event.detail));
    this.on("line:notice", ({ detail }) => {
      if (detail.code !== "presence" || detail.stage !== this.stage) return;
      this.presence = detail.zones ?? {};
      this.written = new Set(detail.writing);
      this.counts = detail.hidden ?? this.counts;
      this.draw();
    });
    this.on("line:refused", this.refusedNow);
    this.refusedNow();
    this.on("line:outbox", this.draw);
    this.on("line:swapped", this.swapped);
    this.on("click", this.clicked);
    this.on("visibilitychange", this.woken);
    this.ticking = setInterval(() => this.held.size && this.draw(), 1000);
    this.swapped();
  }

  /** Takes what was refused on this board, also before this script was there. */
  refusedNow() {
    for (const told of unheard.filter(({ ask }) => ask?.stage === this.stage)) {
      unheard.splice(unheard.indexOf(told), 1);
      this.givenBack(told);
    }
  }

  disconnectedCallback() {
    for (const what in this.heard ?? {}) document.removeEventListener(what, this.heard[what]);
    clearInterval(this.ticking);
    this.sheet?.remove();
    this.look?.gone?.();
    this.base = null;
  }

  reset() {
    this.stage = openStage();
    this.number = -1;
    this.mineNumber = -1;
    this.base = null;
    this.mine = {};
    this.me = { desk: this.screen === "desk" };
    this.past = null; // the board as it was at an earlier number, on the desk only
    this.early = [];
    this.held = new Map();
    this.known = new Map();
    this.failed = 0;
    this.presence = {};
    this.counts = {}; // notes in anonymous zones that nobody may look into yet: told with presence, not with each note
    this.written = new Set();
    this.nodes = new Map();
    this.turn = 0;
    this.spoken = 0;
    this.seen = null;
    this.shelf = shelf(`canvas:${this.stage}`);
    this.remembered = this.shelf.load({});
    this.refusals = this.remembered.refusals ?? [];
  }

  remember(fields) {
    Object.assign(this.remembered, fields);
    this.shelf.save(this.remembered);
  }

  // ---- words and people
  say(key, fields = {}) {
    const sentence = this.words[`${key}_${fields.n === 1 ? "one" : "other"}`] ?? this.words[key] ?? "";
    return sentence.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
  }

  /** A sentence for those who do not see the board change, at most one every five seconds. */
  announce(key, fields) {
    if (Date.now() - this.spoken < QUIET) return;
    this.spoken = Date.now();
    tell(this.say(key, fields));
  }

  group(id) {
    const other = { id, name: this.say("others"), letters: this.say("others_letters"), shape: "other" };
    return this.groups.find((one) => one.id === id) ?? other;
  }

  /** The group's badge with letters, or its mark without; always a shape beside the colour. */
  badge(id, size = 28, letters = true) {
    const group = this.group(id);
    const [tag, props] = SHAPES[group.shape] ?? ["path", { d: "M14 2.5 26.5 25.5h-25Z" }];
    const low = group.shape === 3 || group.shape === "other";
    return h(
      `svg.${letters ? "badge" : "mark-of"}.group-${group.shape}`,
      { width: size, height: size, viewBox: "0 0 28 28", role: "img", "aria-label": group.name },
      h(tag, props),
      letters &&
        h("text", { x: 14, y: low ? 22.5 : 18.3, class: low || group.shape === 4 ? "is-small" : null }, group.letters),
    );
  }

  // ---- what the server says
  swapped() {
    if (!this.isConnected) return;
    if (openStage() !== this.stage) this.reset();
    this.read();
    // without a socket no entry comes: the page was read again, so is the board
    if (!this.base || document.body.dataset.line !== "live") this.fetch();
    this.draw();
  }

  /** What the server draws into the page beside the element: words, groups, and the person's own part. */
  read() {
    const { words, groups, level } = this.closest(".canvas").dataset;
    if (words !== this.wordsText) {
      this.wordsText = words;
      this.words = JSON.parse(words);
      this.nodes.clear();
    }
    this.groups = JSON.parse(groups);
    this.level = level;
    const own = document.getElementById("canvas-mine")?.dataset;
    if (own?.mine) {
      this.mine = JSON.parse(own.mine);
      this.mineNumber = Number(own.number) || 0;
      this.me = { ...this.me, ...JSON.parse(own.me ?? "{}") };
    }
  }

  async fetch() {
    if (this.fetching || !this.stage) return;
    this.fetching = true;
    const { code, lang } = document.body.dataset;
    const language = this.screen === "phone" ? "" : `&lang=${lang}`;
    const stage = this.stage;
    let answer = null;
    try {
      const got = await fetch(`/api/sessions/${code}/view?screen=${this.screen}&own=0&columns=1${language}`, {
        credentials: "same-origin",
        signal: AbortSignal.timeout(PATIENCE[Math.min(this.failed, 1)]),
      });
      if (got.ok) answer = await got.json();
    } catch {}
    this.fetching = false;
    this.failed = answer ? 0 : this.failed + 1;
    if (!this.isConnected) return;
    if (stage !== this.stage) return this.fetch();
    if (!answer) {
      setTimeout(() => this.isConnected && this.fetch(), 1000 + Math.random() * 2000);
      return;
    }
    if (answer.stage?.id !== stage) return;
    this.base = outOfColumns(answer.stage.view);
    this.number = answer.number;
    const early = this.early;
    this.early = [];
    this.take(early);
    this.draw();
  }

  /** What only the desk may read about this stage; null when it cannot be had. */
  async lookUp(path) {
    const { code, lang } = document.body.dataset;
    try {
      const got = await fetch(`/api/sessions/${code}/stages/${this.stage}/${path}${path.includes("?") ? "&" : "?"}lang=${lang}`, {
        credentials: "same-origin",
        signal: AbortSignal.timeout(15000),
      });
      return got.ok ? await got.json() : null;
    } catch {
      return null;
    }
  }

  fetchSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.isConnected && this.fetch(), Math.random() * 500);
  }

  patched({ stage, entries }) {
    if (stage !== this.stage) return;
    if (this.fetching || !this.base) this.early.push(...entries);
    else this.take(entries);
    this.draw();
  }

  /** Entries in order, without a hole: what is known already is passed over, after a gap the whole view is fetched. */
  take(entries) {
    for (const [at, entry] of entries.entries()) {
      if (entry.all) return this.missed(entries.slice(at + 1));
      if ((entry.to ?? entry.n) <= this.number) continue;
      if (entry.n > this.number + 1) return this.missed(entries.slice(at));
      this.base = apply(this.base, entry);
      this.number = entry.to ?? entry.n;
    }
  }

  missed(rest) {
    this.early = rest;
    this.fetchSoon();
  }

  /** A number of the server (a welcome's, a digest's) beside ours; a lower welcome means that it was set back. */
  compare({ t, number, stage, hash }) {
    if (this.fetching || !this.base) return;
    if (number > this.number) {
      // entries that are on their way come first; a fresh socket brings none of before, and a whole room may take one at once
      setTimeout(() => this.isConnected && this.number < number && this.fetch(), t === "welcome" ? Math.random() * 300 : 1000);
    } else if (t === "welcome" && number < this.number) this.fetch();
    else if (hash && stage === this.stage && number === this.number && digest(this.base) !== hash) this.fetch();
  }

  /** Looked at again: a socket that died in its sleep does not say so, and the line itself doubts it only later. */
  woken() {
    if (document.hidden || document.body.dataset.line !== "live") return;
    const late = setTimeout(() => this.isConnected && document.body.dataset.line === "live" && connect(), WOKEN);
    document.addEventListener("line:pong", () => clearTimeout(late), { once: true });
  }

  // ---- asks
  ask(kind, what) {
    return send({ stage: this.stage, do: kind, with: what });
  }

  /** A refused ask. What somebody wrote stands there until they have put it away, also after the page was opened anew. */
  givenBack({ ask, code, text }) {
    const refusal = { key: newId(), code, text, ask: { id: ask.id, do: ask.do, with: ask.with } };
    this.refusals = [...this.refusals, refusal].filter((one, n, all) => carried(one.ask) || all.length - n <= SENTENCES);
    this.keepRefusals();
    this.draw();
  }

  keepRefusals() {
    const texts = this.refusals.filter((one) => carried(one.ask));
    this.remember({ refusals: texts.length ? texts : undefined });
  }

  receipted({ id, number }) {
    const ask = this.known.get(id);
    if (ask && !this.held.has(id)) this.held.set(id, { ...ask, number, since: Date.now() });
    this.draw();
  }

  /** This stage's asks that the shared and the own part do not show yet, oldest first. */
  asks() {
    const mine = pending().filter((ask) => ask.stage === this.stage);
    for (const ask of mine) {
      this.known.set(ask.id, ask);
      if (ask.number !== undefined && !this.held.has(ask.id)) this.held.set(ask.id, { ...ask, since: Date.now() });
    }
    for (const [id, { number, since }] of this.held) {
      const shown = this.number >= number && (this.screen !== "phone" || this.mineNumber >= number);
      if (shown || Date.now() - since > KEPT) {
        this.held.delete(id);
        this.known.delete(id);
      }
    }
    const waiting = mine.filter((ask) => ask.number === undefined);
    return [...this.held.values(), ...waiting.filter((ask) => !this.held.has(ask.id))];
  }

  // ---- drawing
  draw() {
    if (this.drawing || !this.look) return;
    this.drawing = true;
    const now = () => {
      this.drawing = false;
      if (this.isConnected && this.base?.zones) this.redraw();
    };
    // a hidden tab has no frames, but a screen reader may still be there
    if (document.hidden) setTimeout(now, 200);
    else requestAnimationFrame(now);
  }

  redraw() {
    const base = this.withOwnTable(this.past ?? this.base);
    const table = base.board?.tables?.find((one) => one.label === this.me.table)?.key;
    this.who = { ...this.me, table: table ?? this.mine.table ?? null };
    const { view, mine, waiting } = shownFrom(base, this.mine, this.past ? [] : this.asks(), this.who);
    for (const [key, hidden] of Object.entries(this.counts))
      if (view.zones[key]?.visible !== "all" && view.zones[key]) view.zones = { ...view.zones, [key]: { ...view.zones[key], hidden } };
    Object.assign(this, { view, own: mine, waiting, laid: laidOut(view) });
    this.variants = {};
    for (const id in view.notes) {
      const first = view.notes[id].variant_of;
      if (first && view.notes[first]) (this.variants[first] ??= []).push(id);
    }
    this.commented = {};
    for (const one of Object.values(view.comments ?? {}))
      this.commented[one.note] = (this.commented[one.note] ?? 0) + 1;
    this.drafted = new Set((view.board?.drafts ?? []).flatMap((one) => [one.group, ...(one.notes ?? [])]));
    const focused = document.activeElement;
    const back = focused?.closest?.("[data-k]")?.dataset.k;
    const act = focused?.dataset?.act;
    this.turn += 1;
    this.look.draw();
    for (const [key, { turn }] of this.nodes) if (turn !== this.turn) this.nodes.delete(key);
    // a card that was drawn anew takes the focus back
    if (back && !focused.isConnected) {
      const again = [...document.querySelectorAll("[data-k]")].find((one) => one.dataset.k === back);
      (again?.querySelector(act ? `[data-act="${act}"]` : "[data-act]") ?? again)?.focus?.({ preventScroll: true });
    }
    this.seen = new Set(Object.keys(this.view.notes));
  }

  /** The board of a table that came later begins with its first note; until then it is shown empty, made like the others. */
  withOwnTable(view) {
    const { tables = [] } = view.board ?? {};
    const label = this.me.table;
    if (!tables.length || !label || tables.some((one) => one.label === label)) return view;
    const plain = `t${label
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "")
      .slice(0, 30)}`;
    let key = plain;
    for (let n = 2; tables.some((one) => one.key === key); n++) key = `${plain}_${n}`;
    const like = Object.entries(view.zones).filter(([, zone]) => zone.table === tables[0].key);
    const zones = like.map(([one, { hidden, ...zone }]) => [one.replace(tables[0].key, key), { ...zone, table: key }]);
    return {
      ...view,
      board: { ...view.board, tables: [...tables, { key, label }] },
      zones: { ...view.zones, ...Object.fromEntries(zones) },
    };
  }

  /** The node for a key, built anew only when what it is made of has changed. */
  once(key, of, build) {
    const sign = JSON.stringify(of);
    let held = this.nodes.get(key);
    if (held?.sign !== sign) {
      const before = held?.node;
      held = { sign, node: build() };
      if (before?.localName === "details") held.node.open = before.open;
      held.node.dataset.k = key;
      this.nodes.set(key, held);
    }
    held.turn = this.turn;
    return held.node;
  }

  /** What a card says beneath its text: whose it is, whether it is kept, what others said of it. */
  state(id) {
    if (this.waiting[id]) return [h("span.cv-state.is-warn", {}, icon("cloud-off"), this.say("waiting"))];
    const own = isOwn(this.own, id);
    const secret = own && !this.base.notes?.[id];
    if (secret)
      return [
        h("span.cv-state", {}, icon("eye-off"), this.say("only_you")),
        h("span.cv-state.is-ok", {}, icon("check"), this.say("kept")),
      ];
    if (this.writtenBy(id)) return [h("span.cv-state", {}, icon("loader"), this.say("writing"))];
    return own && this.screen === "phone" ? [h("span.cv-state", {}, this.say("yours"))] : [];
  }

  chips(id) {
    const note = this.view.notes[id];
    const mine = this.own.reactions?.[id];
    const said = Object.entries(note.reactions ?? {}).filter(([, n]) => n);
    return [
      ...said.map(([sign, n]) =>
        h(
          `span.cv-chip${sign === mine ? ".is-mine" : ""}`,
          { title: this.say(`sign_${sign}`) },
          signOf(sign),
          h("span.unseen", {}, this.say(`sign_${sign}`)),
          String(n),
        ),
      ),
      this.commented[id] && h("span.cv-chip", {}, this.say("comments", { n: this.commented[id] })),
      this.drafted.has(id) && h("span.cv-chip.is-draft", {}, icon("check"), this.say("drafted")),
    ];
  }

  /** Texts of a note: its own, and those written over it at the same time. */
  pages(id) {
    return [id, ...(this.variants[id] ?? [])];
  }

  /** What a note is made of, so that its card is drawn anew exactly when one of these changes. */
  made(id) {
    return [
      this.pages(id).map((one) => this.view.notes[one]),
      Boolean(this.waiting[id]),
      isOwn(this.own, id),
      Boolean(this.base.notes?.[id]),
      this.writtenBy(id),
      this.own.reactions?.[id],
      this.commented[id],
      this.drafted.has(id),
      this.refusals.filter((one) => one.ask.with.note === id).map((one) => one.key),
      Object.values(this.view.links ?? {}).filter((one) => one.from === id),
    ];
  }

  groupName(id) {
    const group = this.view.groups[id];
    return group?.title || this.view.notes[group?.notes.find((one) => this.view.notes[one])]?.text || "";
  }

  targetName(id) {
    return this.view.notes[id]?.text ?? this.groupName(id) ?? "";
  }

  here(zone) {
    if (this.at === zone) return;
    this.at = zone;
    here({ stage: this.stage, zone });
  }

  /** Somebody else has this note open to write in. */
  writtenBy(id) {
    return this.written.has(id) && this.writing !== id;
  }

  /** Tells the others which note is being written in, as long as this sheet is open; it decides nothing. */
  lease(id, dialog) {
    const told = (writing) => here({ stage: this.stage, zone: this.at, writing });
    this.writing = id;
    told(id);
    const beat = setInterval(told, LEASE, id);
    dialog.addEventListener("close", () => {
      clearInterval(beat);
      this.writing = null;
      told();
    });
  }

  clicked(event) {
    const place = event.target.closest?.("[data-act]");
    if (!place || place.getAttribute("aria-disabled") === "true" || !(this.contains(place) || place.closest(".cv-of")))
      return;
    const act = this.look.acts[place.dataset.act];
    if (!act || (this.past && !place.closest("[data-then]"))) return;
    event.preventDefault();
    act(place.dataset, place, event);
  }

  // ---- sheets
  /** A modal sheet with a title and these parts; every part may hold buttons with data-act. */
  open(title, ...parts) {
    this.sheet?.close();
    const before = document.activeElement;
    const dialog = h("dialog.cv-sheet.cv-of", { "aria-label": title });
    dialog.append(
      h(
        "header",
        {},
        h("h2", { tabindex: -1 }, title),
        h("button.cv-close", { type: "button", "aria-label": this.say("close") }, icon("x")),
      ),
      ...parts.flat(9).filter(Boolean),
    );
    dialog.querySelector(".cv-close").onclick = () => dialog.close();
    dialog.onclick = (event) => {
      if (event.target === dialog) dialog.close();
    };
    dialog.onclose = () => {
      dialog.remove();
      // another sheet may have taken its place
      if (this.sheet !== dialog) return;
      this.sheet = null;
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
    document.body.append(dialog);
    this.sheet = dialog;
    dialog.showModal();
    (dialog.querySelector("[data-first]") ?? dialog.querySelector("h2")).focus();
    return dialog;
  }

  closeSheet() {
    this.sheet?.close();
  }

  /** A refused ask's sentence, and the text it carried, to copy. */
  refusal({ key, text, code, ask }) {
    const words = carried(ask);
    return h(
      "div.cv-refusal",
      { "data-k": `refused-${key}` },
      h("p", {}, icon("circle-x"), h("span", {}, text || this.say("refused"))),
      words && h("blockquote", {}, words),
      h(
        "p.row",
        {},
        words && button("copy", this.say("copy"), { "data-text": words }, "copy"),
        button("dismiss", this.say("close"), { "data-key-of": key }, "x"),
      ),
    );
  }

  dismiss(key) {
    this.refusals = this.refusals.filter((one) => one.key !== key);
    this.keepRefusals();
    this.draw();
  }

  /** Copies a text also where the page has no clipboard, as over plain http. */
  async copy(text, near) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = h("textarea.cv-copied", { readonly: true });
      field.value = text;
      near.after(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      near.focus();
    }
    tell(this.say("copied"), "kept");
  }
}

customElements.define("canvas-board", CanvasBoard);
