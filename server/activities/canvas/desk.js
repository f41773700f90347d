/*
 * The board on the facilitator's desk: the same picture, and what steers it (CANVAS 8.2). A note is dragged by pointer, or moved by the
 * arrow keys and by its menu. Nothing is grouped, drafted or shown by itself.
 */
import { confirmed } from "../../fields.js";
import { tell } from "../../line.js";
import { between, count, laidOut, LONGEST, openRound, rank, tidy } from "./board.js";
import { button, COLOURS, fill, h, icon, more, newId } from "./element.js";
import { axes, marks, onGrid, readable, scatter, stand, wires } from "./grid.js";
import { ranking } from "./ranking.js";

const FAR = 10000;
const STEP = 500; // of a matrix, for one press of an arrow key
const DRAG_FROM = 768; // px of window width
const SHIFTED = 6; // px after which a press is a drag

export default function desk(board) {
  const say = (key, fields) => board.say(key, fields);
  const dock = () => document.getElementById("canvas-dock");
  const place = {
    phases: h("div.cv-phases", { role: "group" }),
    strip: h("div.cv-strip"),
    bar: h("div.cv-bar"),
    grid: h("div.cv-grid"),
    credit: h("p.small.cv-credit"),
    result: h("div"),
    more: h("div.cv-desk-more"),
  };
  const overlay = h("svg.cv-wires", { "aria-hidden": "true" });
  board.classList.add("cv-desk");
  board.replaceChildren(...Object.values(place));
  let table = null;
  let dragged = null;
  const chosen = new Set();

  const zonesOf = () => Object.entries(board.view.zones).filter(([, zone]) => !table || zone.table === table);
  const notesIn = (key) => readable(board, key);
  const isFocus = (key) => key === board.view.board.focus || key.endsWith(`.${board.view.board.focus}`);
  const round = () => openRound(board.view);

  // ---- drawing
  function draw() {
    const { tables } = board.view.board;
    table = tables?.length ? (tables.some((one) => one.key === table) ? table : tables[0].key) : null;
    for (const id of chosen) if (!board.view.notes[id]) chosen.delete(id);
    place.phases.setAttribute("aria-label", say("phases"));
    fill(place.phases, phases());
    fill(place.strip, strip());
    fill(place.bar, bar());
    fill(place.result, result());
    grid();
    place.credit.textContent = board.view.board.credit ?? "";
    fill(place.more, refusals(), before(), ...(board.past ? [] : [similar(), voteForm(), checkpoints(), pictures()]));
    docked();
  }

  function phases() {
    const { phases: all = [], phase } = board.view.board;
    return all.map((one) =>
      board.once(`phase-${one.key}`, [one, one.key === phase], () =>
        h(
          "button.button",
          { type: "button", "data-act": "phase", "data-phase": one.key, "aria-pressed": String(one.key === phase) },
          h("span", {}, one.title ?? one.key),
          one.minutes > 0 && h("small", {}, `${one.minutes}′`),
        ),
      ),
    );
  }

  function strip() {
    const { focus, hold, tables } = board.view.board;
    const [, open] = round() ?? [];
    return [
      tables?.length &&
        board.once("tables", [tables, table], () => {
          const select = h(
            "select.field",
            { "aria-label": say("table_board") },
            tables.map((one) =>
              h("option", { value: one.key, selected: one.key === table }, say("table_named", { table: one.label })),
            ),
          );
          select.onchange = () => {
            table = select.value;
            board.draw();
          };
          return select;
        }),
      focus &&
        board.once("focus", [focus, hold], () => {
          const [key, zone] = Object.entries(board.view.zones).find(([one]) => isFocus(one)) ?? [
            focus,
            { title: focus },
          ];
          return h(
            "p.cv-banner",
            {},
            icon("pin"),
            h("span", {}, h("strong", {}, say("focus_now", { zone: zone.title })), hold && ` ${say("held_desk")}`),
            button("focus", say(hold ? "unhold" : "hold"), { "data-zone": key, "data-hold": hold ? "" : "1" }),
            button("focus", say("unfocus"), { "data-zone": "" }, "x"),
          );
        }),
      open &&
        board.once("voting", [open.voted, open.left, open.dots], () =>
          h(
            "p.cv-banner.is-vote",
            {},
            icon("circle-dashed"),
            h(
              "span",
              {},
              h("strong", {}, `${open.voted} ${say("voted", { n: open.voted })}`),
              open.left !== undefined && ` · ${say("dots_in_room", { n: open.left })}`,
            ),
          ),
        ),
    ];
  }

  function bar() {
    const n = chosen.size;
    return [
      board.once("bar", [n, board.classList.contains("is-large"), Boolean(round())], () =>
        h(
          "div.row",
          {},
          n === 0 && h("p.hint", {}, say("choose_hint")),
          n > 0 && h("strong", { role: "status" }, say("chosen", { n })),
          n > 1 && !round() && button("group_chosen", say("group_them"), {}, "plus"),
          n > 0 && button("draft", say("draft_idea"), {}, "upload"),
          n > 0 && button("unchoose", say("unchoose"), {}, "x"),
          button("undo", say("undo"), {}, "arrow-left"),
          button("large", say(board.classList.contains("is-large") ? "smaller" : "larger"), {}, "presentation"),
        ),
      ),
    ];
  }

  function result() {
    const closed = Object.entries(board.view.rounds ?? {}).filter(([, one]) => one.tally);
    if (!closed.length) return null;
    const [id, last] = closed.at(-1);
    return board.once("result", [id, last.tally, Object.keys(board.view.notes).length], () =>
      h(
        "details.cv-fold",
        { open: true },
        h(
          "summary",
          {},
          say("result"),
          h("small", {}, ` ${last.tally.voters} ${say("voted", { n: last.tally.voters })}`),
        ),
        ranking(board, id),
      ),
    );
  }

  function card(item) {
    const id = item.id;
    const note = board.view.notes[id];
    const picked = chosen.has(id);
    return board.once(`note-${id}`, [board.made(id), picked], () =>
      h(
        `li.cv-card.is-${note.colour ?? "group"}${picked ? ".is-chosen" : ""}`,
        {
          "data-note": id,
          "data-group": note.own_group && board.group(note.own_group).shape,
          "data-state": board.waiting[id] ? "waiting" : null,
        },
        h(
          "button.cv-text",
          {
            type: "button",
            "data-act": "choose",
            "data-note": id,
            "aria-pressed": String(picked),
            "aria-keyshortcuts": "ArrowUp ArrowDown ArrowLeft ArrowRight",
            dir: "auto",
          },
          note.text,
        ),
        (board.variants[id] ?? []).map((other) =>
          h(
            "div.cv-variant",
            {},
            h("p.small", {}, say("other_text")),
            h("p", { dir: "auto" }, board.view.notes[other].text),
            h(
              "p.row",
              {},
              [
                ["note", "keep_this"],
                ["variant", "keep_other"],
                ["both", "keep_both"],
              ].map(([keep, key]) =>
                button("settle", say(key), { "data-note": id, "data-variant": other, "data-keep": keep }),
              ),
            ),
          ),
        ),
        h(
          "div.cv-under",
          {},
          note.own_group && board.badge(note.own_group, 22),
          note.author && h("span.cv-state", {}, note.author),
          board.state(id),
          board.chips(id),
          more("more", say("more", { text: short(note.text) }), { "data-note": id }),
        ),
      ),
    );
  }

  const short = (text) => ([...text].length > 60 ? `${[...text].slice(0, 60).join("")}…` : text);

  function groupCard({ group, notes }) {
    const node = board.once(
      `group-${group}`,
      [board.view.groups[group].title, notes.length, board.drafted.has(group)],
      () =>
        h(
          "li.cv-group",
          { "data-group-id": group },
          h(
            "header",
            {},
            h("h4", { dir: "auto" }, board.view.groups[group].title || say("group_unnamed")),
            h("b", {}, String(notes.length)),
            board.drafted.has(group) && h("span.cv-chip.is-draft", {}, icon("check"), say("drafted")),
            more("group_more", say("group_more", { text: short(board.groupName(group)) }), { "data-group": group }),
          ),
          h("ul"),
        ),
    );
    fill(
      node.querySelector("ul"),
      notes.map((id) => card({ id })),
    );
    return node;
  }

  function cell(key, zone) {
    const seen = notesIn(key);
    const hidden = zone.hidden ?? 0;
    const there = board.presence[key] ?? 0;
    const node = board.once(
      `cell-${key}`,
      [zone.title, zone.prompt, zone.at, zone.axis, zone.hints, zone.anonymous],
      () =>
        stand(
          h(
            `section.cv-cell${zone.axis ? ".is-matrix" : ""}`,
            { "data-cell": key, "aria-label": zone.title },
            h("header", {}, h("h3", {}, zone.title), h("span.cv-slot")),
            h("p.cv-signs-line"),
            h("div.cv-field", {}, zone.axis && axes(zone), h("ul.cv-cards")),
          ),
          zone.at,
        ),
    );
    fill(
      node.querySelector(".cv-slot"),
      board.once(`zone-${key}`, [zone.title], () =>
        more("zone", say("zone_more", { zone: zone.title }), { "data-zone": key }),
      ),
    );
    fill(
      node.querySelector(".cv-signs-line"),
      board.once(`signs-${key}`, [zone.open, zone.visible, seen.length, hidden, there, zone.anonymous], () =>
        h(
          "span",
          {},
          h("b", {}, say("notes", { n: seen.length + hidden })),
          !zone.open && h("span.cv-sign", {}, icon("lock"), say("is_closed")),
          zone.visible !== "all" &&
            h("span.cv-sign", {}, icon("eye-off"), say(zone.visible === "own" ? "is_private" : "is_desk")),
          there > 0 && h("span.cv-sign", {}, icon("users"), String(there), h("span.unseen", {}, say("people_here"))),
          hidden > 0 && !zone.axis && marks(board, [], hidden, 30),
        ),
      ),
    );
    node.classList.toggle("is-focus", isFocus(key));
    return node;
  }

  function grid() {
    onGrid(place.grid, board.view.board);
    const built = zonesOf().map(([key, zone]) => [key, zone, cell(key, zone)]);
    fill(
      place.grid,
      built.map(([, , node]) => node),
      overlay,
    );
    for (const [key, zone, node] of built) {
      const items = board.laid[key] ?? [];
      const flat = zone.axis ? items.flatMap((one) => (one.notes ?? [one.id]).map((id) => ({ id }))) : items;
      const nodes = flat.map((item) => (item.group ? groupCard(item) : card(item)));
      const list = node.querySelector(".cv-cards");
      fill(list, nodes);
      if (zone.axis && !dragged)
        scatter(
          list,
          nodes.map((one, n) => [one, board.view.notes[flat[n].id]]),
        );
    }
    if (!dragged) wires(board, place.grid, overlay);
  }
  const resized = new ResizeObserver(() => board.draw());
  resized.observe(place.grid);
  place.grid.addEventListener("scroll", () => wires(board, place.grid, overlay), { capture: true, passive: true });

  const refusals = () =>
    board.refusals.map((one) => board.once(`refused-${one.key}`, one.key, () => board.refusal(one)));

  function similar() {
    if (round() || Object.keys(board.view.notes).length < 2) return null;
    const pairs = (alike ?? []).filter(
      ({ a, b }) =>
        board.view.notes[a] &&
        board.view.notes[b] &&
        !(board.view.notes[a].group && board.view.notes[a].group === board.view.notes[b].group),
    );
    return board.once(
      "similar",
      [alike !== null, pairs.map(({ a, b }) => [a, b, board.view.notes[a].text, board.view.notes[b].text])],
      () =>
        h(
          "section.cv-similar",
          {},
          button("find_similar", say("find_similar"), {}, "eye"),
          alike !== null && h("p.hint", {}, pairs.length ? say("similar_hint") : say("similar_none")),
          pairs.length > 0 && h("h3", {}, say("similar", { n: pairs.length })),
          h(
            "ul",
            {},
            pairs
              .slice(0, 8)
              .map(({ a, b }) =>
                h(
                  "li",
                  {},
                  h("span", {}, h("q", {}, board.view.notes[a].text), " · ", h("q", {}, board.view.notes[b].text)),
                  button("pair", say("group_two"), { "data-a": a, "data-b": b }, "plus"),
                ),
              ),
          ),
        ),
    );
  }

  /** The board as it was: a slider over its numbers, and the end of each phase. Nothing can be changed while it shows the past. */
  function before() {
    return board.once("then", [earlier, Boolean(board.past)], () => {
      const fold = h("details.cv-fold", { open: Boolean(earlier) }, h("summary", {}, say("then")));
      if (!earlier) {
        fold.addEventListener("toggle", () => fold.open && lookBack(null), { once: true });
        return fold;
      }
      const { first, last, marks: steps } = earlier;
      const slider = h("input", { type: "range", min: first, max: last, value: earlier.number, "aria-label": say("then") });
      slider.addEventListener("input", () => {
        clearTimeout(sliding);
        sliding = setTimeout(() => lookBack(Number(slider.value)), 150);
      });
      const time = (at) => new Date(at).toLocaleTimeString(document.body.dataset.lang, { hour: "2-digit", minute: "2-digit" });
      const name = (key) => board.base.board.phases?.find((one) => one.key === key)?.title ?? key;
      let phase = board.base.board.phases?.[0]?.key;
      const ends = steps
        .filter((one) => one.kind === "phase_set")
        .map((one) => {
          const label = say("then_end", { phase: name(phase), time: time(one.at) });
          phase = one.phase;
          return button("then", label, { "data-at": one.number - 1 });
        });
      fold.append(
        h("div.cv-then", { "data-then": "" }, slider, h("div.row", {}, ends, board.past && button("then_now", say("then_now"), {}, "arrow-right", "button.is-primary"))),
      );
      return fold;
    });
  }

  let alike = null;
  let earlier = null;
  let sliding = 0;
  async function lookBack(at) {
    const found = await board.lookUp(at === null ? "then" : `then?at=${at}`);
    if (!found?.view) return;
    earlier = found;
    board.past = at === null ? null : found.view;
    board.classList.toggle("is-past", Boolean(board.past));
    board.draw();
  }

  const named = (name, words, value, props = {}) =>
    h("label.cv-named", {}, h("span", {}, words), h("input.field", { name, value, ...props }));

  function voteForm() {
    if (round()) return null;
    const zones = zonesOf();
    return board.once(
      "vote",
      [zones.map(([key, zone]) => [key, zone.title]), board.groups, board.view.board.dots, board.view.board.max_on_one],
      () => {
        const form = h(
          "form.cv-form",
          {},
          h(
            "fieldset",
            {},
            h("legend", {}, say("vote_on")),
            [
              ["notes", "vote_notes"],
              ["groups", "vote_groups"],
            ].map(([key, words], n) =>
              h(
                "label.check",
                {},
                h("input", { type: "radio", name: "target", value: key, checked: n === 0 }),
                h("span", {}, say(words)),
              ),
            ),
          ),
          h(
            "fieldset",
            {},
            h("legend", {}, say("vote_zones")),
            zones.map(([key, zone]) =>
              h(
                "label.check",
                {},
                h("input", { type: "checkbox", name: "zones", value: key, checked: true }),
                h("span", {}, zone.title),
              ),
            ),
          ),
          h(
            "div.row",
            {},
            named("dots", say("vote_dots"), board.view.board.dots ?? 3, { type: "number", min: 1, max: 99 }),
            named("most", say("vote_most"), board.view.board.max_on_one ?? 3, { type: "number", min: 1, max: 99 }),
          ),
          h(
            "fieldset",
            {},
            h("legend", {}, say("vote_voters")),
            board.groups.map((group) =>
              h(
                "label.check",
                {},
                h("input", { type: "checkbox", name: "voters", value: group.id, checked: true }),
                board.badge(group.id, 22),
                h("span", {}, group.name),
              ),
            ),
          ),
          h("button.button", { type: "submit" }, icon("circle-dashed"), h("span", {}, say("open_vote"))),
        );
        form.onsubmit = (event) => {
          event.preventDefault();
          const told = new FormData(form);
          const chosenZones = told.getAll("zones");
          const voters = told.getAll("voters");
          if (!chosenZones.length) return form.querySelector("[name=zones]")?.focus();
          const dots = Math.max(1, Math.min(99, Number(told.get("dots")) || 3));
          board.ask("open_vote", {
            round: newId(),
            target: told.get("target"),
            zones: chosenZones,
            dots,
            max_on_one: Math.max(1, Math.min(dots, Number(told.get("most")) || dots)),
            voters: !voters.length || voters.length === board.groups.length ? "all" : voters,
          });
        };
        return h("details.cv-fold", { id: "cv-vote" }, h("summary", {}, say("vote")), form);
      },
    );
  }

  function checkpoints() {
    const all = board.view.board.checkpoints ?? [];
    return board.once("checkpoints", all, () => {
      const form = h(
        "form.row",
        {},
        named("name", say("checkpoint_name"), "", { maxlength: LONGEST.title, autocomplete: "off" }),
        h("button.button", { type: "submit" }, icon("pin"), h("span", {}, say("make_checkpoint"))),
      );
      form.onsubmit = (event) => {
        event.preventDefault();
        const name = form.elements.name.value;
        board.ask("make_checkpoint", { checkpoint: newId(), name });
        form.reset();
      };
      const time = (at) =>
        at ? new Date(at).toLocaleTimeString(document.body.dataset.lang, { hour: "2-digit", minute: "2-digit" }) : "";
      return h(
        "details.cv-fold",
        {},
        h("summary", {}, say("checkpoints")),
        form,
        h(
          "ul",
          {},
          all
            .toReversed()
            .map((one) =>
              h(
                "li",
                {},
                h("span", {}, h("b", {}, one.name || say("automatic")), ` ${time(one.at)}`),
                button("restore", say("restore"), { "data-checkpoint": one.id }, "refresh"),
              ),
            ),
        ),
      );
    });
  }

  function pictures() {
    return board.once("pictures", [table], () =>
      h(
        "p.row.cv-pictures",
        {},
        button("picture", say("picture_svg"), { "data-kind": "svg" }, "download"),
        button("picture", say("picture_png"), { "data-kind": "png" }, "download"),
      ),
    );
  }

  /** The board as the server draws it for reports; a PNG is made of it here, twice as large as a wall. */
  async function picture(kind) {
    const { code, lang } = document.body.dataset;
    const label = board.view.board.tables?.find((one) => one.key === table)?.label;
    const of = label === undefined ? "" : `&table=${encodeURIComponent(label)}`;
    const got = await fetch(`/api/sessions/${code}/stages/${board.stage}/board.svg?lang=${lang}${of}`, { credentials: "same-origin" });
    if (!got.ok) return tell(say("picture_none"), "refused");
    const svg = await got.text();
    let blob = new Blob([svg], { type: "image/svg+xml" });
    if (kind === "png") {
      const image = new Image();
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      const larger = 3840 / image.naturalWidth;
      [canvas.width, canvas.height] = [3840, Math.round(image.naturalHeight * larger)];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    }
    const link = h("a", { download: `officina-${code}-${board.stage}${label === undefined ? "" : `-${label}`}.${kind}` });
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /** The next step beside the agenda's own buttons: the next phase, or the end of the vote. */
  function docked() {
    const node = dock();
    if (!node) return;
    node.setAttribute("hx-morph-skip", "");
    node.classList.add("cv-of");
    const { phases: all = [], phase } = board.view.board;
    const next = all[all.findIndex((one) => one.key === phase) + 1];
    const [id] = round() ?? [];
    fill(
      node,
      id
        ? board.once("dock", ["vote", id], () => big("close_vote", say("close_vote"), { "data-round": id }, "lock"))
        : next &&
            board.once("dock", ["phase", next], () =>
              big(
                "phase",
                say("next_phase", { phase: next.title ?? next.key }),
                { "data-phase": next.key },
                "arrow-right",
              ),
            ),
    );
  }

  function big(act, words, data, sign) {
    const made = button(act, words, { ...data, "data-key": "r" }, sign);
    made.classList.add("is-dock");
    made.append(h("kbd", {}, "R"));
    return made;
  }

  // ---- moving by keys: up and down in the list, left and right to the neighbouring zone; in a matrix a step each way
  board.addEventListener("keydown", (event) => {
    const id = event.target.closest?.("[data-act=choose]")?.dataset.note;
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!id || !way) return;
    event.preventDefault();
    const note = board.view.notes[id];
    const zone = board.view.zones[note.zone];
    const clamp = (value) => Math.max(0, Math.min(FAR, value));
    if (zone.axis)
      return board.ask("move_note", {
        note: id,
        zone: note.zone,
        x: clamp(note.x + way[0] * STEP),
        y: clamp(note.y + way[1] * STEP),
      });
    if (way[0]) {
      const keys = zonesOf().map(([key]) => key);
      const to = keys[keys.indexOf(note.zone) + way[0]];
      if (to) moveTo(id, to);
      return;
    }
    const order = sorted(note.zone);
    const at = order.indexOf(id);
    const [before, after] = way[1] < 0 ? [order[at - 2], order[at - 1]] : [order[at + 1], order[at + 2]];
    if (way[1] < 0 ? at === 0 : at === order.length - 1) return;
    board.ask("move_note", {
      note: id,
      zone: note.zone,
      ...between(board.view.notes[before], board.view.notes[after]),
    });
  });

  const sorted = (key) =>
    Object.keys(board.view.notes)
      .filter((id) => board.view.notes[id].zone === key)
      .sort((a, b) => rank(board.view.notes[a]) - rank(board.view.notes[b]));

  function moveTo(id, zone) {
    const last = sorted(zone).at(-1);
    const there = board.view.zones[zone].axis ? { x: FAR / 2, y: FAR / 2 } : between(board.view.notes[last]);
    board.ask("move_note", { note: id, zone, ...there });
    board.announce("moved", { zone: board.view.zones[zone].title });
  }

  // ---- moving by pointer
  board.addEventListener("pointerdown", (event) => {
    const node = event.target.closest(".cv-card[data-note]");
    if (!node || event.button || innerWidth < DRAG_FROM || event.target.closest(".cv-more, .cv-variant")) return;
    dragged = { node, id: node.dataset.note, x: event.clientX, y: event.clientY, pointer: event.pointerId, on: false };
  });
  board.addEventListener("pointermove", (event) => {
    if (!dragged || event.pointerId !== dragged.pointer) return;
    const [dx, dy] = [event.clientX - dragged.x, event.clientY - dragged.y];
    if (!dragged.on && Math.hypot(dx, dy) < SHIFTED) return;
    if (!dragged.on) {
      dragged.on = true;
      board.setPointerCapture(event.pointerId);
      dragged.node.classList.add("is-dragged");
      // a copy flies: the card itself would be cut off at the edge of its zone
      const { left, top, width } = dragged.node.getBoundingClientRect();
      dragged.copy = dragged.node.cloneNode(true);
      dragged.copy.classList.add("is-flying");
      Object.assign(dragged.copy.style, { left: `${left}px`, top: `${top}px`, width: `${width}px` });
      board.append(dragged.copy);
    }
    dragged.copy.style.transform = `translate(${dx}px, ${dy}px)`;
    const over = under(event)?.closest(".cv-cell");
    for (const one of place.grid.children) one.classList?.toggle("is-over", one === over);
  });
  const under = ({ clientX, clientY }) =>
    document
      .elementsFromPoint(clientX, clientY)
      .find((one) => board.contains(one) && !dragged.node.contains(one) && one.closest(".cv-cell"));
  addEventListener("keydown", letGo, true);
  function letGo(event) {
    if (event.key !== "Escape" || !dragged?.on) return;
    event.stopPropagation();
    dropped({ pointerId: dragged.pointer, type: "pointercancel" });
  }

  function dropped(event) {
    if (!dragged || event.pointerId !== dragged.pointer) return;
    const { id, node, on, copy } = dragged;
    copy?.remove();
    const target = on && event.type === "pointerup" ? under(event) : null;
    node.classList.remove("is-dragged");
    for (const one of place.grid.children) one.classList?.remove("is-over");
    dragged = null;
    if (!on) return;
    // the click that ends a drag chooses nothing
    addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true });
    setTimeout(() => board.draw());
    const key = target?.closest(".cv-cell").dataset.cell;
    if (!key) return;
    board.ask("move_note", { note: id, zone: key, ...placeUnder(event, target, key, id) });
  }
  board.addEventListener("pointerup", dropped);
  board.addEventListener("pointercancel", dropped);

  function placeUnder(event, target, key, id) {
    if (board.view.zones[key].axis) {
      const { left, top, width, height } = target
        .closest(".cv-cell")
        .querySelector(".cv-cards")
        .getBoundingClientRect();
      const part = (value, from, size) => Math.max(0, Math.min(FAR, Math.round(((value - from) / size) * FAR)));
      return { x: part(event.clientX, left, width), y: part(event.clientY, top, height) };
    }
    const order = sorted(key).filter((one) => one !== id);
    const over = target.closest(".cv-card[data-note]");
    let at = over ? order.indexOf(over.dataset.note) : order.length;
    if (over) {
      const { top, height } = over.getBoundingClientRect();
      if (event.clientY > top + height / 2) at += 1;
    }
    return between(board.view.notes[order[at - 1]], board.view.notes[order[at]]);
  }

  // ---- what buttons do
  const fieldSheet = (title, value, most, done) => {
    const field = h("textarea.field", { rows: 4, "data-first": true, "aria-label": title });
    field.value = value;
    const form = h("form.cv-form", {}, field, h("button.button.is-primary", { type: "submit" }, say("save")));
    form.onsubmit = (event) => {
      event.preventDefault();
      if (count(field.value) > most || !tidy(field.value).trim()) return field.focus();
      board.closeSheet();
      done(field.value);
    };
    return board.open(title, form);
  };
  const then =
    (act) =>
    (data, ...rest) => {
      board.closeSheet();
      act(data, ...rest);
    };

  function draftIdea(what) {
    const field = h("input.field", { "data-first": true, maxlength: LONGEST.title, autocomplete: "off" });
    field.value = what.group ? board.groupName(what.group).slice(0, LONGEST.title) : "";
    const form = h(
      "form.cv-form",
      {},
      h("p", {}, say("draft_what")),
      h("label", {}, h("span.label", {}, say("draft_title")), field),
      h("button.button.is-primary", { type: "submit" }, icon("upload"), h("span", {}, say("draft_idea"))),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      const title = tidy(field.value).trim();
      board.closeSheet();
      chosen.clear();
      board.ask("draft_idea", { idea: newId(), ...what, fields: title ? { title } : {} });
    };
    board.open(say("draft_idea"), form);
  }

  const acts = {
    phase: ({ phase }) => board.ask("set_phase", { phase }),
    close_vote: ({ round: id }) => board.ask("close_vote", { round: id }),
    focus: then(({ zone, hold }) => board.ask("focus", { zone: zone || null, hold: Boolean(hold) })),
    undo: () => board.ask("undo", { of: null }),
    copy: ({ text }, near) => board.copy(text, near),
    dismiss: ({ keyOf }) => board.dismiss(keyOf),
    choose({ note }) {
      if (!chosen.delete(note)) chosen.add(note);
      board.draw();
    },
    unchoose() {
      chosen.clear();
      board.draw();
    },
    large() {
      board.classList.toggle("is-large");
      board.draw();
    },
    group_chosen() {
      const notes = [...chosen];
      const field = h("input.field", { "data-first": true, maxlength: LONGEST.title, autocomplete: "off" });
      const form = h(
        "form.cv-form",
        {},
        h("label", {}, h("span.label", {}, say("group_title")), field),
        h("button.button.is-primary", { type: "submit" }, say("group_these", { n: notes.length })),
      );
      form.onsubmit = (event) => {
        event.preventDefault();
        board.closeSheet();
        chosen.clear();
        board.ask("make_group", { group: newId(), notes, title: field.value });
      };
      board.open(say("group_them"), form);
    },
    pair: ({ a, b }) => {
      const [one, other] = [a, b].map((id) => board.view.notes[id]);
      const known = board.view.groups?.[one.group] ? one.group : board.view.groups?.[other.group] ? other.group : null;
      if (known)
        board.ask("add_to_group", { group: known, notes: [a, b].filter((id) => board.view.notes[id].group !== known) });
      else board.ask("make_group", { group: newId(), notes: [a, b], title: "" });
    },
    draft: () => draftIdea({ notes: [...chosen] }),
    draft_group: then(({ group }) => draftIdea({ group })),
    settle: ({ note, variant, keep }) => board.ask("settle_variant", { note, variant, keep }),
    async restore({ checkpoint }) {
      const known = (await board.lookUp(`look/restoring?of=${encodeURIComponent(checkpoint)}`))?.restoring;
      const sure = known ? say("restore_sure", known) : say("restore_sure_plain");
      if (await confirmed(sure, say("restore"))) board.ask("restore_checkpoint", { checkpoint });
    },
    picture: ({ kind }) => picture(kind),
    async find_similar() {
      alike = (await board.lookUp("look/similar"))?.similar ?? [];
      board.draw();
    },
    then: ({ at }) => lookBack(Number(at)),
    then_now() {
      earlier = null;
      board.past = null;
      board.classList.remove("is-past");
      board.draw();
    },
    zone({ zone: key }) {
      const zone = board.view.zones[key];
      const data = { "data-zone": key };
      board.open(
        zone.title,
        zone.prompt && h("p", {}, zone.prompt),
        h(
          "div.cv-acts",
          {},
          zone.open
            ? button("close_zone", say("close_zone"), data, "lock", "cv-act")
            : button("open_zone", say("open_zone"), data, "lock-open", "cv-act"),
          zone.visible !== "all" &&
            button("show_zone", say("show_all"), { ...data, "data-to": "all" }, "eye", "cv-act"),
          zone.visible === "own" &&
            button("show_zone", say("show_desk"), { ...data, "data-to": "desk" }, "eye", "cv-act"),
          zone.visible !== "own" && button("hide_zone", say("hide_zone"), data, "eye-off", "cv-act"),
          !isFocus(key) && button("focus", say("focus"), data, "pin", "cv-act"),
          !isFocus(key) && button("focus", say("focus_hold"), { ...data, "data-hold": "1" }, "users", "cv-act"),
          isFocus(key) && button("focus", say("unfocus"), { "data-zone": "" }, "x", "cv-act"),
          button("write", say("write_here"), data, "plus", "cv-act"),
        ),
      );
    },
    open_zone: then(({ zone }) => board.ask("open_zone", { zone })),
    close_zone: then(({ zone }) => board.ask("close_zone", { zone })),
    hide_zone: then(({ zone }) => board.ask("hide_zone", { zone })),
    show_zone: then(({ zone, to }) => board.ask("show_zone", { zone, to })),
    write({ zone }) {
      fieldSheet(say("your_note", { zone: board.view.zones[zone].title }), "", LONGEST.note, (text) =>
        board.ask("add_note", { note: newId(), zone, text }),
      );
    },
    more({ note: id }) {
      const note = board.view.notes[id];
      const data = { "data-note": id };
      const zones = zonesOf().filter(([key]) => key !== note.zone);
      const groups = Object.keys(board.view.groups ?? {}).filter((key) => key !== note.group);
      const said = Object.values(board.view.comments ?? {}).filter((one) => one.note === id);
      board.open(
        say("note"),
        h("blockquote", { dir: "auto" }, note.text),
        said.length > 0 &&
          h(
            "ul.cv-comments",
            {},
            said.map((one) =>
              h("li", {}, one.own_group && board.badge(one.own_group, 22), h("span", { dir: "auto" }, one.text)),
            ),
          ),
        h(
          "div.cv-acts",
          {},
          button("edit", say("edit"), data, null, "cv-act"),
          button("draft_one", say("draft_idea"), data, null, "cv-act"),
          note.group && button("from_group", say("from_group"), { ...data, "data-group": note.group }, null, "cv-act"),
          button("remove", say("delete"), data, null, "cv-act.is-danger"),
        ),
        h("h3", {}, say("move")),
        h(
          "div.cv-acts.is-many",
          {},
          zones.map(([key, zone]) =>
            button("move_to", zone.title, { ...data, "data-zone": key }, "arrow-right", "cv-act"),
          ),
        ),
        groups.length > 0 && [
          h("h3", {}, say("to_group")),
          h(
            "div.cv-acts.is-many",
            {},
            groups.map((key) =>
              button(
                "add_to",
                short(board.groupName(key)) || say("group_unnamed"),
                { ...data, "data-group": key },
                "plus",
                "cv-act",
              ),
            ),
          ),
        ],
        h("h3", {}, say("colour")),
        h(
          "div.cv-acts.is-many",
          {},
          COLOURS.map((name) =>
            h(
              `button.cv-act.cv-colour.is-${name}`,
              {
                type: "button",
                "data-act": "paint",
                ...data,
                "data-colour": name,
                "aria-pressed": String(name === (note.colour ?? "group")),
              },
              h("i"),
              h("span", {}, say(`colour_${name}`)),
            ),
          ),
        ),
        h("h3", {}, say("connect")),
        h(
          "div.cv-acts",
          {},
          others(id).map((other) =>
            button(
              "link",
              short(board.view.notes[other].text),
              { "data-from": id, "data-to": other },
              "arrow-right",
              "cv-act",
            ),
          ),
          linksOf(id).map(([key, one]) =>
            button(
              "unlink",
              say("cut_link", { text: short(board.view.notes[one.from === id ? one.to : one.from]?.text ?? "") }),
              { "data-link": key },
              "scissors",
              "cv-act",
            ),
          ),
        ),
      );
    },
    edit({ note: id }) {
      const { text, revs } = board.view.notes[id];
      const sheet = fieldSheet(
        say("edit"),
        text,
        LONGEST.note,
        (value) => value !== text && board.ask("edit_text", { note: id, text: value, base: revs?.text ?? 1 }),
      );
      board.lease(id, sheet);
    },
    draft_one: then(({ note }) => draftIdea({ notes: [note] })),
    move_to: then(({ note, zone }) => moveTo(note, zone)),
    add_to: then(({ note, group }) => board.ask("add_to_group", { group, notes: [note] })),
    from_group: then(({ note, group }) => board.ask("take_from_group", { group, notes: [note] })),
    paint: then(({ note, colour }) => board.ask("colour_note", { note, colour })),
    link: then(({ from, to }) => board.ask("link", { link: newId(), from, to })),
    unlink: then(({ link }) => board.ask("unlink", { link })),
    remove: then(({ note }) => board.ask("delete_note", { note, base: board.view.notes[note].revs?.text ?? 1 })),
    group_more({ group }) {
      const data = { "data-group": group };
      board.open(
        say("group"),
        h("blockquote", {}, board.groupName(group)),
        h(
          "div.cv-acts",
          {},
          button("name_group", say("name_group"), data, null, "cv-act"),
          button("draft_group", say("draft_idea"), data, null, "cv-act"),
          button("dissolve", say("dissolve"), data, null, "cv-act.is-danger"),
        ),
      );
    },
    name_group: ({ group }) =>
      fieldSheet(say("group_title"), board.view.groups[group].title ?? "", LONGEST.title, (title) =>
        board.ask("name_group", { group, title }),
      ),
    dissolve: then(({ group }) => board.ask("dissolve_group", { group })),
  };

  const linksOf = (id) => Object.entries(board.view.links ?? {}).filter(([, one]) => one.from === id || one.to === id);
  const others = (id) =>
    Object.values(laidOut(board.view))
      .flatMap((items) => items.flatMap((one) => one.notes ?? [one.id]))
      .filter((one) => chosen.has(one) && one !== id);

  return {
    acts,
    draw,
    gone() {
      resized.disconnect();
      removeEventListener("keydown", letGo, true);
      dock()?.replaceChildren();
    },
  };
}
