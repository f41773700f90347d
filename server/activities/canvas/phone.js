/*
 * The board on a phone: zones are tabs, notes are a list, everything is a tap (CANVAS 8.1, 8.3). The list is what a screen reader reads.
 * Only the open zone is on the page. The composer stands in the frame's foot, where no swap of the server reaches it.
 */
import { send } from "../../line.js";
import { between, count, isOwn, LONGEST, may, openRound, placeAt, rank, targets, tidy, votes } from "./board.js";
import { button, COLOURS, fill, h, icon, more, newId, REACTIONS, signOf } from "./element.js";
import { ranking } from "./ranking.js";

const BIG = 10000;
const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const FIRST = 30; // cards of a zone drawn at once; a cheap phone takes a second for five hundred
const MORE = 120;
const PAUSE = 60; // ms between them

export default function phone(board) {
  const say = (key, fields) => board.say(key, fields);
  const foot = document.querySelector("#stage .foot");
  const place = {
    none: h("div"),
    banner: h("div.cv-banner-place"),
    vote: h("div.cv-vote-place"),
    tables: h("div"),
    tabs: h("div.cv-tabs", { role: "tablist", "aria-label": say("zones") }),
    panel: h("div.cv-panel", { role: "tabpanel", id: "cv-panel", tabindex: -1 }),
  };
  // one title for as long as the board stands, so that whoever is led to it stays there
  const title = h("h1", { tabindex: -1 }, board.querySelector("h1")?.textContent);
  const inPanel = { title, head: h("div.cv-head"), list: h("ul.cv-list"), end: h("div.cv-end") };
  place.panel.append(...Object.values(inPanel));
  const led = board.contains(document.activeElement);
  board.classList.add("cv-phone");
  board.replaceChildren(...Object.values(place));
  if (led) title.focus({ preventScroll: true });
  let table = null;
  let seated = null;
  let chosen = null; // ids that are being gathered into a group, or null
  let focusSeen = "";
  let typed = null;

  // ---- where we are
  const zonesOf = (key) => Object.entries(board.view.zones).filter(([, zone]) => !key || zone.table === key);
  const zone = () => board.view.zones[board.remembered.zone];
  const isFocus = (key) => key === board.view.board.focus || key.endsWith(`.${board.view.board.focus}`);
  const notesIn = (key) => (board.laid[key] ?? []).flatMap((one) => one.notes ?? [one.id]);

  function settle() {
    const { tables, focus } = board.view.board;
    if (board.who.table !== seated) table = seated = board.who.table;
    table = tables?.length
      ? tables.some((one) => one.key === table)
        ? table
        : (board.who.table ?? tables[0].key)
      : null;
    const keys = zonesOf(table).map(([key]) => key);
    if (focus && focus !== focusSeen) {
      const there = keys.find(isFocus);
      if (there) board.remember({ zone: there });
    }
    focusSeen = focus ?? "";
    if (!keys.includes(board.remembered.zone)) board.remember({ zone: keys[0] });
    board.here(board.remembered.zone);
  }

  /** Notes in a zone: those that may be seen, and the others as a number. */
  function counted(key) {
    const shown = Object.entries(board.view.notes).filter(([, note]) => note.zone === key);
    const secret = shown.filter(([id]) => board.mine.notes?.[id] && !board.base.notes?.[id]).length;
    const others = Math.max(0, (board.view.zones[key].hidden ?? 0) - secret);
    return { all: shown.length + others, others };
  }

  // ---- drawing
  function draw() {
    const none = !Object.keys(board.view.zones).length;
    for (const one of [place.tabs, place.panel, shell]) one.hidden = none;
    fill(place.none, none && board.once("none", "", () => h("p.lead", {}, say("no_board"))));
    if (none) return;
    settle();
    fill(place.banner, banner());
    fill(place.vote, voteHead());
    fill(place.tables, tablesLine());
    tabs();
    panel();
    compose();
    const fresh = board.seen ? Object.keys(board.base.notes ?? {}).filter((id) => !board.seen.has(id)) : [];
    const here = fresh.filter((id) => board.view.notes[id]?.zone === board.remembered.zone && !isOwn(board.own, id));
    if (here.length) board.announce("came", { n: here.length, zone: zone().title });
  }

  function banner() {
    const { focus, hold } = board.view.board;
    const there = focus && zonesOf(table).find(([key]) => isFocus(key));
    if (!there) return null;
    return board.once("banner", [there[1].title, hold], () =>
      h(
        "p.cv-banner",
        {},
        icon("pin"),
        h("span", {}, h("strong", {}, say("focus_now", { zone: there[1].title })), hold && ` ${say("held")}`),
      ),
    );
  }

  function voteHead() {
    const [id, round] = openRound(board.view, zone()) ?? [];
    if (!round) return null;
    if (!votes(round, board.who))
      return board.once("vote", "no", () => h("p.cv-banner", {}, icon("lock"), h("span", {}, say("vote_others"))));
    const left = board.own.left?.[id] ?? round.dots;
    return board.once("vote", [left, round.dots, round.max_on_one], () =>
      h(
        "section.cv-vote",
        { "aria-label": say("vote") },
        h(
          "div",
          {},
          h("h2", {}, say("dots_left", { n: left })),
          h("p.small", {}, say("dots_rule", { dots: round.dots, max: round.max_on_one })),
        ),
        round.dots <= 12 &&
          h(
            "p.cv-dots",
            { "aria-hidden": "true" },
            Array.from({ length: round.dots }, (_, n) => h(n < left ? "i.is-left" : "i")),
          ),
      ),
    );
  }

  function tablesLine() {
    const { tables } = board.view.board;
    if (!tables?.length) return null;
    return board.once("tables", [tables, table, board.who.table], () =>
      h(
        "div.cv-tables",
        {},
        h(
          "label",
          {},
          h("span.label", {}, say("table_board")),
          picker(
            tables.map((one) => [
              one.key,
              one.key === board.who.table
                ? say("own_table", { table: one.label })
                : say("table_named", { table: one.label }),
            ]),
            table,
            (key) => {
              table = key;
              board.draw();
            },
          ),
        ),
        !board.who.table &&
          h(
            "div",
            {},
            h("p.hint", {}, say("take_table")),
            h(
              "p.row",
              {},
              tables.map((one) => button("sit", say("sit_at", { table: one.label }), { "data-table": one.label })),
            ),
          ),
      ),
    );
  }

  function picker(options, chosenKey, how) {
    const select = h(
      "select.field",
      {},
      options.map(([key, words]) => h("option", { value: key, selected: key === chosenKey }, words)),
    );
    select.onchange = () => how(select.value);
    return select;
  }

  function tabs() {
    const held = board.view.board.hold && board.view.board.focus;
    const now = board.remembered.zone;
    const moved = place.tabs.dataset.now !== now;
    place.tabs.dataset.now = now;
    place.tabs.setAttribute("aria-label", say("zones"));
    fill(
      place.tabs,
      zonesOf(table).map(([key, one]) => {
        const { all } = counted(key);
        const stay = held && !isFocus(key);
        return board.once(`tab-${key}`, [one.title, all, key === now, stay], () =>
          h(
            "button.cv-tab",
            {
              type: "button",
              role: "tab",
              id: `cv-tab-${key}`,
              "data-act": "tab",
              "data-zone": key,
              "aria-controls": "cv-panel",
              "aria-selected": String(key === now),
              "aria-disabled": stay ? "true" : null,
              tabindex: key === now ? 0 : -1,
            },
            h("span", {}, one.title),
            h("b", { "aria-hidden": "true" }, String(all)),
            h("span.unseen", {}, say("notes", { n: all })),
          ),
        );
      }),
    );
    place.panel.setAttribute("aria-labelledby", `cv-tab-${now}`);
    const tab = place.tabs.querySelector("[aria-selected=true]");
    if (moved && tab) place.tabs.scrollTo({ left: tab.offsetLeft - 48, behavior: reducedMotion() ? "auto" : "smooth" });
  }

  place.tabs.addEventListener("keydown", (event) => {
    const all = [...place.tabs.children].filter((tab) => tab.getAttribute("aria-disabled") !== "true");
    const at = all.indexOf(event.target.closest("[role=tab]"));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const { zone: key } = all[(to + all.length) % all.length].dataset;
    go(key);
    requestAnimationFrame(() => place.tabs.querySelector(`[aria-selected=true]`)?.focus());
  });

  function go(key) {
    chosen = null;
    board.remember({ zone: key });
    board.draw();
    if (place.panel.getBoundingClientRect().top < 0) place.tabs.scrollIntoView({ block: "start" });
  }

  const foreign = (one) => Boolean(one.table) && one.table !== board.who.table;

  /** Why this zone is as it is, in one sentence each: what may not be done here and who reads along. */
  function lines(one) {
    const found = [];
    if (foreign(one)) found.push(["eye", say("other_table")]);
    else if (!one.open) found.push(["lock", say("zone_closed")]);
    else if (!may(one, "write", board.who)) found.push(["lock", say("no_writing")]);
    if (one.visible === "own") found.push(["eye-off", say("private")]);
    if (one.visible === "desk") found.push(["eye", say("desk_reads")]);
    if (one.anonymous || board.level === "anonymous") found.push(["lock", say("anonymous")]);
    return found;
  }

  function panel() {
    const key = board.remembered.zone;
    const one = zone();
    const laid = board.laid[key] ?? [];
    const { others } = counted(key);
    const [roundId, round] = openRound(board.view, one) ?? [];
    const votable =
      round && round.zones.includes(key) && votes(round, board.who) ? new Set(targets(board.view, round)) : new Set();
    const closed = Object.entries(board.view.rounds ?? {}).findLast(
      ([, some]) => some.tally && some.zones.includes(key),
    );
    const mayGroup = !foreign(one) && one.open && !round && may(one, "group", board.who) && notesIn(key).length > 1;
    if (!mayGroup) chosen = null;
    if (chosen) chosen = new Set([...chosen].filter((id) => board.view.notes[id]));
    fill(
      title,
      board.once("title", [key, one.title, one.prompt], () =>
        h("span", {}, one.prompt && h("span.unseen", {}, `${one.title}: `), one.prompt || one.title),
      ),
    );
    fill(
      inPanel.head,
      board.once("head", [lines(one), mayGroup, Boolean(chosen), board.own.undo, Boolean(closed)], () =>
        h(
          "div.cv-head-in",
          {},
          lines(one).map(([sign, words]) => h("p.cv-line", {}, icon(sign), h("span", {}, words))),
          h(
            "p.row",
            {},
            mayGroup && !chosen && button("gather", say("gather"), {}, "plus"),
            board.own.undo && button("undo", say("undo"), { "data-of": board.own.undo }, "arrow-left"),
            closed && button("result", say("see_result"), { "data-round": closed[0] }, "chart-bar"),
            zonesOf(table).length > 2 && button("map", say("map"), {}, "pin"),
          ),
        ),
      ),
      one.axis && matrix(key, one),
    );
    const drawn = laid.slice(0, reached(key, laid.length)).map((item) =>
      item.group
        ? groupItem(item, one, { votable, roundId, round })
        : card(item.id, one, { votable, roundId, round, closed }),
    );
    fill(inPanel.list, drawn);
    inPanel.list.hidden = !drawn.length;
    fill(
      inPanel.end,
      others > 0 &&
        board.once("others", others, () =>
          h(
            "p.cv-others",
            {},
            icon("eye-off"),
            h("span", {}, h("strong", {}, say("notes", { n: others })), ` ${say("of_others")}`),
          ),
        ),
      !laid.length &&
        !others &&
        board.once("empty", one.open && may(one, "write", board.who), () =>
          h(
            "div.empty",
            {},
            h("p", {}, say("empty")),
            one.open && may(one, "write", board.who) && h("p.small", {}, say("empty_next")),
          ),
        ),
    );
  }

  /** How many cards of a zone stand there by now: the first ones at once, hundreds more while the person reads them. */
  function reached(key, all) {
    if (reach.key !== key) reach = { key, n: FIRST };
    if (reach.n < all && !reach.waits) {
      reach.waits = setTimeout(() => {
        reach.waits = 0;
        reach.n += MORE;
        board.draw();
      }, PAUSE);
    }
    return reach.n;
  }
  let reach = { key: null, n: 0, waits: 0 };

  function card(id, one, { votable, roundId, round, closed }) {
    const picked = chosen?.has(id);
    const dots = votable.has(id) ? (board.own.dots?.[roundId]?.[id] ?? 0) : null;
    const left = dots === null ? null : (board.own.left?.[roundId] ?? round.dots);
    const row = closed?.[1].tally.targets.find((some) => some.target === id);
    const isNew = board.seen && !board.seen.has(id) && !isOwn(board.own, id) && !reducedMotion();
    const note = board.view.notes[id];
    return board.once(`note-${id}`, [board.made(id), Boolean(chosen), picked, dots, left, row?.total], () =>
      h(
        `li.cv-note.is-${note.colour ?? "group"}${dots ? ".has-dots" : ""}${isNew ? ".is-new" : ""}`,
        {
          "data-group": note.own_group && board.group(note.own_group).shape,
          "data-state": board.waiting[id] ? "waiting" : null,
        },
        board
          .pages(id)
          .map((page, at) =>
            h(
              "div.cv-page",
              {},
              board.variants[id] && h("p.small", {}, say(at ? "other_text" : "one_text")),
              words(page, picked),
            ),
          ),
        board.variants[id] && !foreign(one) && settling(id),
        h(
          "div.cv-under",
          {},
          note.own_group && board.badge(note.own_group),
          note.author && h("strong", {}, note.author),
          board.state(id),
          board.chips(id),
          row?.total > 0 && h("span.cv-chip", {}, say("dots_got", { n: row.total })),
          links(id),
          dots === null &&
            !chosen &&
            more("more", say("more", { text: short(note.text) }), { "data-note": id }),
          dots !== null && stepper(id, roundId, round, dots, left),
        ),
        board.refusals
          .filter((refusal) => refusal.ask.with.note === id && refusal.ask.do !== "add_note")
          .map((refusal) => board.refusal(refusal)),
      ),
    );
  }

  const short = (text) => ([...text].length > 60 ? `${[...text].slice(0, 60).join("")}…` : text);

  function words(id, picked) {
    const { text } = board.view.notes[id];
    if (!chosen) return h("p.cv-text", { dir: "auto" }, text);
    return h(
      "button.cv-pick",
      { type: "button", "data-act": "pick", "data-note": id, "aria-pressed": String(Boolean(picked)) },
      icon(picked ? "check" : "plus"),
      h("span.cv-text", { dir: "auto" }, text),
    );
  }

  function links(id) {
    const going = Object.values(board.view.links ?? {}).filter((one) => one.from === id && board.view.notes[one.to]);
    return going.map((one) =>
      h(
        "span.cv-chip.is-link",
        {},
        icon("arrow-right"),
        h(
          "span",
          {},
          `${say("leads_to")} ${short(board.view.notes[one.to].text)}${one.label ? ` (${one.label})` : ""}`,
        ),
      ),
    );
  }

  const settling = (id) =>
    board.variants[id].map((other) =>
      h(
        "p.row.cv-settle",
        {},
        [
          ["note", "keep_this"],
          ["variant", "keep_other"],
          ["both", "keep_both"],
        ].map(([keep, key]) =>
          button("settle", say(key), { "data-note": id, "data-variant": other, "data-keep": keep }),
        ),
      ),
    );

  function stepper(id, roundId, round, dots, left) {
    const what = short(board.targetName(id));
    const one = (by, sign, label, end) =>
      h(
        "button",
        {
          type: "button",
          "data-act": "dots",
          "data-target": id,
          "data-round": roundId,
          "data-by": by,
          "aria-label": say(label, { text: what }),
          "aria-disabled": end ? "true" : null,
        },
        icon(sign),
      );
    return h(
      "span.cv-stepper",
      {},
      one(-1, "minus", "fewer_dots", dots <= 0),
      h("output", { "data-waiting-for": board.waiting[id] }, String(dots)),
      one(1, "plus", "more_dots", left <= 0 || dots >= round.max_on_one),
    );
  }

  function groupItem({ group, notes }, one, vote) {
    const dots = vote.votable.has(group) ? (board.own.dots?.[vote.roundId]?.[group] ?? 0) : null;
    const left = dots === null ? null : (board.own.left?.[vote.roundId] ?? vote.round.dots);
    const node = board.once(
      `group-${group}`,
      [board.view.groups[group].title, notes.length, dots, left, Boolean(chosen), board.drafted.has(group)],
      () =>
        h(
          `li.cv-group${dots ? ".has-dots" : ""}`,
          {},
          h(
            "header",
            {},
            h(
              "div.cv-names",
              {},
              h("h2", { dir: "auto" }, board.view.groups[group].title || say("group_unnamed")),
              h("span.cv-state", {}, say("notes", { n: notes.length })),
              board.drafted.has(group) && h("span.cv-chip.is-draft", {}, icon("check"), say("drafted")),
            ),
            dots !== null && stepper(group, vote.roundId, vote.round, dots, left),
            dots === null &&
              !chosen &&
              !foreign(one) &&
              one.open &&
              may(one, "group", board.who) &&
              more("group_more", say("group_more", { text: short(board.groupName(group)) }), { "data-group": group }),
          ),
          h("ul.cv-list"),
        ),
    );
    fill(
      node.querySelector("ul"),
      notes.map((id) => card(id, one, vote)),
    );
    return node;
  }

  function matrix(key, one) {
    const notes = notesIn(key).map((id) => [id, board.view.notes[id]]);
    return board.once("matrix", [key, one.axis, notes.map(([id, note]) => [note.x, note.y, note.own_group, id])], () =>
      h(
        "figure.cv-matrix",
        { "aria-hidden": "true" },
        h("figcaption.is-top", {}, one.axis.y.high),
        h(
          "svg",
          { viewBox: "0 0 100 60" },
          h("rect", { x: 0.5, y: 0.5, width: 99, height: 59 }),
          h("line", { x1: 50, x2: 50, y1: 0, y2: 60 }),
          h("line", { x1: 0, x2: 100, y1: 30, y2: 30 }),
          notes.map(([, note]) =>
            h(`circle.group-${note.own_group ? board.group(note.own_group).shape : "other"}`, {
              cx: note.x / 100,
              cy: (note.y * 60) / BIG,
              r: 2,
            }),
          ),
        ),
        h("figcaption.is-bottom", {}, one.axis.y.low),
        h("figcaption.is-left", {}, one.axis.x.low),
        h("figcaption.is-right", {}, one.axis.x.high),
      ),
    );
  }

  /** Two labelled sliders instead of a drag; the place they stand for is read by `read()`. */
  function sliders(one, x = BIG / 2, y = BIG / 2) {
    const slider = (axis, value) => {
      const input = h("input", {
        type: "range",
        min: 0,
        max: 10,
        step: 1,
        value: Math.round(value / 1000),
        "aria-valuetext": "",
      });
      const tell = () => input.setAttribute("aria-valuetext", `${input.value} / 10`);
      input.oninput = tell;
      tell();
      return [h("label.cv-slider", {}, h("span", {}, axis.low), input, h("span", {}, axis.high)), input];
    };
    const [across, xs] = slider(one.axis.x, x);
    const [up, ys] = slider(one.axis.y, BIG - y);
    return {
      node: h("div.cv-sliders", {}, across, up),
      read: () => ({ x: xs.value * 1000, y: BIG - ys.value * 1000 }),
    };
  }

  // ---- composer, in the foot
  const text = h("textarea.field", { id: "cv-text", rows: 1, enterkeyhint: "enter", autocomplete: "off" });
  const label = h("label.cv-label", { for: "cv-text" });
  const counter = h("p.cv-counter", { id: "cv-counter" });
  const sendButton = h("button.button.is-primary", { type: "submit" });
  const composer = h("form.cv-composer.cv-of");
  const gathering = h("form.cv-gathering.cv-of");
  const refused = h("div.cv-refused.cv-of");
  const slide = h("div.cv-slide");
  let axis = null;
  text.setAttribute("aria-describedby", "cv-counter");
  composer.append(label, text, slide, h("div.cv-send", {}, counter, sendButton));
  const shell = h("div.cv-foot", {}, refused, gathering, composer);
  // until the board is here nobody knows in which zone one writes
  composer.hidden = gathering.hidden = true;
  foot?.insertBefore(shell, document.getElementById("mine"));

  function compose() {
    const key = board.remembered.zone;
    const one = zone();
    const writes = !foreign(one) && one.open && may(one, "write", board.who) && !chosen;
    composer.hidden = !writes;
    gathering.hidden = !chosen;
    const strips = board.refusals.filter(
      (refusal) => refusal.ask.do === "add_note" || !board.view.notes[refusal.ask.with.note],
    );
    fill(
      refused,
      strips
        .slice(-2)
        .map((refusal) => board.once(`refused-${refusal.key}`, refusal.key, () => board.refusal(refusal))),
    );
    label.textContent = say("your_note", { zone: one.title });
    fill(
      sendButton,
      board.once("send", say("send"), () => h("span.cv-send-words", {}, icon("send"), h("span", {}, say("send")))),
    );
    if (typed !== key) {
      typed = key;
      text.value = board.remembered[`draft:${key}`] ?? "";
      axis = one.axis ? sliders(one) : null;
      fill(slide, axis?.node);
      resized();
    }
    if (chosen) gatherFoot();
  }

  function resized() {
    const n = count(text.value);
    counter.textContent = say("of_signs", { n, most: LONGEST.note });
    counter.classList.toggle("is-bad", n > LONGEST.note);
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight + 4, innerHeight / 3)}px`;
  }

  text.addEventListener("input", () => {
    board.remember({ [`draft:${typed}`]: text.value });
    resized();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) composer.requestSubmit();
  });
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!tidy(text.value).trim()) return text.focus();
    if (count(text.value) > LONGEST.note) {
      counter.textContent = say("too_long", { n: count(text.value) - LONGEST.note });
      return text.focus();
    }
    board.ask("add_note", { note: newId(), zone: typed, text: text.value, ...axis?.read() });
    text.value = "";
    board.remember({ [`draft:${typed}`]: undefined });
    resized();
    // in the same event: the keyboard stays open for the next note
    text.focus();
    requestAnimationFrame(() => inPanel.list.lastElementChild?.scrollIntoView({ block: "nearest" }));
  });

  function gatherFoot() {
    const groups = Object.keys(board.view.groups ?? {}).filter((id) =>
      notesIn(board.remembered.zone).some((note) => board.view.notes[note].group === id),
    );
    fill(
      gathering,
      board.once(
        "gather-title",
        groups.map((id) => board.groupName(id)),
        () => {
          const field = h("input.field", { id: "cv-title", maxlength: LONGEST.title, autocomplete: "off" });
          return h("div", {}, h("label.cv-label", { for: "cv-title" }, say("group_title")), field);
        },
      ),
      board.once("gather", chosen.size, () =>
        h(
          "p.row",
          {},
          h(
            "button.button.is-primary",
            { type: "submit", "aria-disabled": chosen.size < 2 ? "true" : null },
            say("group_these", { n: chosen.size }),
          ),
          button("stop_gathering", say("cancel"), {}, "x"),
        ),
      ),
    );
  }
  gathering.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!chosen || chosen.size < 2) return;
    board.ask("make_group", { group: newId(), notes: [...chosen], title: gathering.querySelector("input").value });
    chosen = null;
    gathering.querySelector("input").value = "";
    board.draw();
  });

  // the keyboard of some phones lies over the page instead of shrinking it
  const raised = () => {
    const { height, offsetTop } = visualViewport;
    foot.style.bottom = `${Math.max(0, innerHeight - height - offsetTop)}px`;
    resized();
  };
  window.visualViewport?.addEventListener("resize", raised);

  // ---- sheets
  const fieldSheet = (title, value, most, done, others = null) => {
    const field = h("textarea.field", { rows: 4, "data-first": true, "aria-label": title });
    const rest = h("p.cv-counter");
    const tell = () => {
      rest.textContent = say("of_signs", { n: count(field.value), most });
      rest.classList.toggle("is-bad", count(field.value) > most);
    };
    field.value = value;
    field.oninput = tell;
    tell();
    const form = h(
      "form.cv-form",
      {},
      field,
      rest,
      h("button.button.is-primary.is-wide", { type: "submit" }, say("save")),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      if (count(field.value) > most || !tidy(field.value).trim()) return field.focus();
      board.closeSheet();
      done(field.value);
    };
    return board.open(title, form, others);
  };

  const acts = {
    tab: ({ zone: key }) => go(key),
    sit: ({ table: name }) => send({ stage: null, do: "take_table", with: { table: name } }),
    undo: ({ of }) => board.ask("undo", { of: Number(of) || null }),
    gather() {
      chosen = new Set();
      board.draw();
    },
    stop_gathering() {
      chosen = null;
      board.draw();
    },
    pick({ note }) {
      if (!chosen.delete(note)) chosen.add(note);
      board.draw();
    },
    dots({ target, round, by }) {
      const before = board.own.dots?.[round]?.[target] ?? 0;
      board.ask("place_dots", { round, target, dots: Math.max(0, before + Number(by)) });
    },
    settle: ({ note, variant, keep }) => board.ask("settle_variant", { note, variant, keep }),
    copy: ({ text: carried }, near) => board.copy(carried, near),
    dismiss: ({ keyOf }) => board.dismiss(keyOf),
    result({ round }) {
      board.open(say("result"), ranking(board, round));
    },
    map() {
      const { cols, rows } = board.view.board;
      const grid = h("div.cv-map");
      grid.style.gridTemplate = `repeat(${rows}, minmax(1.75rem, auto)) / repeat(${cols}, minmax(0, 1fr))`;
      for (const [key, one] of zonesOf(table)) {
        const [column, row, wide, high] = one.at;
        const cell = h(
          "button",
          {
            type: "button",
            "data-act": "map_go",
            "data-zone": key,
            "aria-current": key === board.remembered.zone ? "true" : null,
          },
          h(wide / cols >= 0.25 ? "span" : high > 2 ? "span.is-upright" : "span.unseen", {}, one.title),
          h("b", {}, String(counted(key).all)),
        );
        cell.style.gridArea = `${row} / ${column} / span ${high} / span ${wide}`;
        grid.append(cell);
      }
      board.open(say("map"), grid, h("p.hint", {}, say("map_hint")));
    },
    map_go({ zone: key }) {
      board.closeSheet();
      if (!board.view.board.hold) go(key);
    },
    more({ note: id }) {
      const note = board.view.notes[id];
      const one = board.view.zones[note.zone];
      const own = isOwn(board.own, id);
      const can = (verb) => !foreign(one) && one.open && may(one, verb, board.who, own);
      const secret = !board.base.notes?.[id];
      const data = { "data-note": id };
      const others = zonesOf(table).filter(
        ([key, some]) =>
          key !== note.zone && some.open && may(some, "write", board.who) && (own || some.visible === "all"),
      );
      const groups = Object.entries(board.view.groups ?? {}).filter(
        ([key, some]) => key !== note.group && board.view.zones[some.zone]?.table === one.table,
      );
      board.open(
        say("note"),
        h("blockquote", { dir: "auto" }, note.text),
        can("react") &&
          !secret &&
          h(
            "p.cv-signs",
            { role: "group", "aria-label": say("react") },
            Object.keys(REACTIONS).map((sign) =>
              h(
                "button",
                {
                  type: "button",
                  "data-act": "react",
                  ...data,
                  "data-sign": sign,
                  "aria-pressed": String(board.own.reactions?.[id] === sign),
                },
                signOf(sign),
                h("span", {}, say(`sign_${sign}`)),
              ),
            ),
          ),
        h(
          "div.cv-acts",
          {},
          can("edit") && button("edit", say("edit"), data, null, "cv-act"),
          can("move") && (others.length > 0 || one.axis) && button("move", say("move"), data, null, "cv-act"),
          can("edit") && button("colour", say("colour"), data, null, "cv-act"),
          !secret &&
            (can("comment") || board.commented[id]) &&
            button("comments", say("comments_title"), data, null, "cv-act"),
          !secret && can("link") && button("connect", say("connect"), data, null, "cv-act"),
          !secret &&
            can("group") &&
            groups.length > 0 &&
            !openRound(board.view, one) &&
            button("to_group", say("to_group"), data, null, "cv-act"),
          can("group") &&
            note.group &&
            button("from_group", say("from_group"), { ...data, "data-group": note.group }, null, "cv-act"),
          can("delete") && button("remove", say("delete"), data, null, "cv-act.is-danger"),
        ),
        !["edit", "move", "delete", "group", "link", "comment", "react"].some(can) &&
          h("p.hint", {}, say("nothing_to_do")),
      );
    },
    react({ note, sign }, pressed) {
      board.ask("react", { note, sign: pressed.getAttribute("aria-pressed") === "true" ? null : sign });
      board.closeSheet();
    },
    edit({ note: id }) {
      const { text: before, revs } = board.view.notes[id];
      const sheet = fieldSheet(
        say("edit"),
        before,
        LONGEST.note,
        (value) => value !== before && board.ask("edit_text", { note: id, text: value, base: revs?.text ?? 1 }),
      );
      board.lease(id, sheet);
    },
    move({ note: id }) {
      const note = board.view.notes[id];
      const own = isOwn(board.own, id);
      const others = zonesOf(table).filter(
        ([key, one]) => key !== note.zone && one.open && may(one, "write", board.who) && (own || one.visible === "all"),
      );
      const here = board.view.zones[note.zone];
      const at = here.axis && sliders(here, note.x, note.y);
      const put =
        at &&
        h("form.cv-form", {}, at.node, h("button.button.is-primary.is-wide", { type: "submit" }, say("put_here")));
      if (put)
        put.onsubmit = (event) => {
          event.preventDefault();
          board.ask("move_note", { note: id, zone: note.zone, ...at.read() });
          board.closeSheet();
        };
      board.open(
        say("move"),
        put,
        h(
          "div.cv-acts",
          {},
          others.map(([key, one]) =>
            button("move_to", one.title, { "data-note": id, "data-zone": key }, "arrow-right", "cv-act"),
          ),
        ),
      );
    },
    move_to({ note, zone: key }) {
      const last = notesIn(key)
        .map((id) => board.view.notes[id])
        .reduce((most, one) => (!most || rank(one) > rank(most) ? one : most), null);
      const there = board.view.zones[key].axis ? { x: BIG / 2, y: BIG / 2 } : last ? between(last) : placeAt(0);
      board.ask("move_note", { note, zone: key, ...there });
      board.closeSheet();
      board.announce("moved", { zone: board.view.zones[key].title });
    },
    colour({ note: id }) {
      const now = board.view.notes[id].colour ?? "group";
      board.open(
        say("colour"),
        h(
          "div.cv-acts",
          {},
          COLOURS.map((name) =>
            h(
              `button.cv-act.cv-colour.is-${name}`,
              {
                type: "button",
                "data-act": "paint",
                "data-note": id,
                "data-colour": name,
                "aria-pressed": String(name === now),
              },
              h("i"),
              h("span", {}, say(`colour_${name}`)),
              name === now && icon("check"),
            ),
          ),
        ),
      );
    },
    paint({ note, colour }) {
      board.ask("colour_note", { note, colour });
      board.closeSheet();
    },
    comments({ note: id }) {
      const note = board.view.notes[id];
      const said = Object.entries(board.view.comments ?? {}).filter(([, one]) => one.note === id);
      const list = h(
        "ul.cv-comments",
        {},
        said.map(([key, one]) =>
          h(
            "li",
            {},
            one.own_group && board.badge(one.own_group, 24),
            h("span", { dir: "auto" }, one.text),
            board.own.comments?.includes(key) && button("uncomment", say("delete"), { "data-comment": key }, "x"),
          ),
        ),
      );
      if (may(board.view.zones[note.zone], "comment", board.who, isOwn(board.own, id)))
        fieldSheet(
          say("comments_title"),
          "",
          LONGEST.comment,
          (value) => board.ask("comment", { comment: newId(), note: id, text: value }),
          list,
        );
      else board.open(say("comments_title"), list);
    },
    uncomment({ comment }) {
      board.ask("delete_comment", { comment });
      board.closeSheet();
    },
    connect({ note: id }) {
      const list = zonesOf(table)
        .filter(([, one]) => one.visible === "all" && may(one, "link", board.who))
        .map(([key, one]) => [
          h("h3", {}, one.title),
          notesIn(key)
            .filter((other) => other !== id && board.base.notes?.[other])
            .map((other) =>
              button(
                "link",
                board.view.notes[other].text,
                { "data-from": id, "data-to": other },
                "arrow-right",
                "cv-act",
              ),
            ),
        ]);
      const made = Object.entries(board.view.links ?? {}).filter(([, one]) => one.from === id || one.to === id);
      board.open(
        say("connect"),
        made.length > 0 &&
          h(
            "div.cv-acts",
            {},
            made.map(([key, one]) =>
              button(
                "unlink",
                say("cut_link", { text: short(board.view.notes[one.from === id ? one.to : one.from]?.text ?? "") }),
                { "data-link": key },
                "scissors",
                "cv-act",
              ),
            ),
          ),
        h("div.cv-acts", {}, list),
      );
    },
    link({ from, to }) {
      board.ask("link", { link: newId(), from, to });
      board.closeSheet();
    },
    unlink({ link }) {
      board.ask("unlink", { link });
      board.closeSheet();
    },
    to_group({ note }) {
      const groups = Object.keys(board.view.groups ?? {}).filter((key) => key !== board.view.notes[note].group);
      board.open(
        say("to_group"),
        h(
          "div.cv-acts",
          {},
          groups.map((key) =>
            button(
              "add_to",
              board.groupName(key) || say("group_unnamed"),
              { "data-note": note, "data-group": key },
              "plus",
              "cv-act",
            ),
          ),
        ),
      );
    },
    add_to({ note, group }) {
      board.ask("add_to_group", { group, notes: [note] });
      board.closeSheet();
    },
    from_group({ note, group }) {
      board.ask("take_from_group", { group, notes: [note] });
      board.closeSheet();
    },
    group_more({ group }) {
      board.open(
        say("group"),
        h("blockquote", {}, board.groupName(group)),
        h(
          "div.cv-acts",
          {},
          button("name_group", say("name_group"), { "data-group": group }, null, "cv-act"),
          button("dissolve", say("dissolve"), { "data-group": group }, null, "cv-act.is-danger"),
        ),
      );
    },
    name_group({ group }) {
      fieldSheet(say("group_title"), board.view.groups[group].title ?? "", LONGEST.title, (title) =>
        board.ask("name_group", { group, title }),
      );
    },
    dissolve({ group }) {
      board.ask("dissolve_group", { group });
      board.closeSheet();
    },
    remove({ note: id }) {
      const { revs } = board.view.notes[id];
      board.closeSheet();
      board.ask("delete_note", isOwn(board.own, id) ? { note: id } : { note: id, base: revs?.text ?? 1 });
      board.announce("deleted");
    },
  };

  return {
    acts,
    draw,
    gone() {
      shell.remove();
      window.visualViewport?.removeEventListener("resize", raised);
      if (foot) foot.style.bottom = "";
    },
  };
}
