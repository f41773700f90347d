/*
 * The board on the projector, read from ten metres (CANVAS 8.2). Never a person, never a hidden text, never a running tally.
 * What does not fit is shown page after page; nothing is drawn smaller than may be read.
 */
import { openRound } from "./board.js";
import { fill, h, icon } from "./element.js";
import { axes, marks, onGrid, readable, scatter, stand, wires } from "./grid.js";
import { ranking } from "./ranking.js";

const TURN = 12000; // ms that a page stands
const RANKED = 5; // targets on a page of the result
const DOTS = 14; // notes of a matrix that are read at once; the others are dots

export default function wall(board) {
  const say = (key, fields) => board.say(key, fields);
  const at = new Map(); // zone -> index of the first card shown
  const following = new Map(); // zone -> index of the next page's first card, 0 at the end
  const place = { head: h("header.cv-wall-head"), body: h("div.cv-wall-body"), foot: h("p.cv-wall-foot") };
  board.classList.add("cv-wall");
  board.replaceChildren(...Object.values(place));
  let page = 0; // of the result
  let table = 0;

  const turning = setInterval(() => {
    if (!board.base || document.hidden) return;
    for (const [zone, next] of following) at.set(zone, next);
    page += 1;
    table += 1;
    board.draw();
  }, TURN);
  const resized = new ResizeObserver(() => board.draw());
  resized.observe(board);

  function result() {
    const closed = Object.entries(board.view.rounds ?? {}).findLast(([, round]) => round.tally);
    if (!closed || openRound(board.view) || board.view.board.focus) return null;
    const [id] = closed;
    // a phase that comes after the result leads back to the board, also when this page is opened again
    const seen = board.remembered.result;
    if (seen?.id !== id) board.remember({ result: { id, phase: board.view.board.phase ?? "" } });
    return board.remembered.result.phase === (board.view.board.phase ?? "") ? closed : null;
  }

  function zones() {
    const { tables } = board.view.board;
    const all = Object.entries(board.view.zones);
    if (!tables?.length) return [all, null];
    const { focus } = board.view.board;
    const led = tables.find((one) => focus?.startsWith(`${one.key}.`));
    const shown = led ?? tables[table % tables.length];
    return [all.filter(([, zone]) => zone.table === shown.key), shown];
  }

  function draw() {
    const [shown, led] = zones();
    const focus = board.view.board.focus;
    const focused = focus && shown.find(([key]) => key === focus || key.endsWith(`.${focus}`));
    const closed = result();
    const round = openRound(board.view)?.[1];
    board.dataset.mode = closed ? "result" : focused ? "focus" : "board";
    head(shown, led, focused, closed, round);
    if (closed) drawResult(closed);
    else if (focused) drawFocus(shown, focused);
    else drawBoard(shown);
    foot(shown);
  }

  function head(shown, led, focused, closed, round) {
    const title = board.closest(".canvas").dataset.title;
    const phase = board.view.board.phases?.find((one) => one.key === board.view.board.phase);
    const secret = shown.some(([, zone]) => zone.visible === "own" && zone.open);
    const words = closed
      ? say("result")
      : focused
        ? focused[1].title
        : round
          ? say("wall_vote")
          : secret
            ? say("wall_private")
            : title;
    const step = closed || focused ? null : round ? null : phase && h("p", {}, phase.title);
    const aside = round
      ? h("p.cv-figure", {}, h("strong", {}, String(round.voted)), h("span", {}, say("voted", { n: round.voted })))
      : null;
    fill(
      place.head,
      board.once("head", [words, led, closed && page, round?.voted, focused?.[1].prompt, phase], () =>
        h(
          "div",
          {},
          h("h1", {}, led && h("span.cv-led", {}, say("table_named", { table: led.label })), words),
          focused?.[1].prompt && h("p", {}, focused[1].prompt),
          closed && pages(closed),
          aside ?? step,
        ),
      ),
    );
  }

  function pages([, round]) {
    const n = Math.ceil(voted(round).length / RANKED);
    return n > 1 && h("p.cv-pages", {}, say("page_of", { n: (page % n) + 1, of: n }));
  }

  // ---- the result; what got no dot is not read out
  const voted = (round) => round.tally.targets.filter((row) => row.total);

  function drawResult([id, round]) {
    const n = Math.max(1, Math.ceil(voted(round).length / RANKED));
    following.clear();
    fill(
      place.body,
      board.once("result", [id, page % n, round.tally], () =>
        h("div.cv-result", {}, ranking(board, id, (page % n) * RANKED, RANKED)),
      ),
    );
  }

  // ---- cards
  function card(item) {
    if (item.group) {
      return h(
        "li.cv-card.is-cluster",
        { "data-note": item.notes[0], "data-group-id": item.group },
        h("p.cv-text", { dir: "auto" }, board.groupName(item.group)),
        h(
          "p.cv-under.is-wide",
          {},
          marks(board, item.notes, 0, 24),
          board.drafted.has(item.group) && draft(),
          h("b", {}, say("notes", { n: item.notes.length })),
        ),
      );
    }
    const note = board.view.notes[item.id];
    return h(
      `li.cv-card.is-${note.colour ?? "group"}`,
      { "data-note": item.id, "data-group": note.own_group && board.group(note.own_group).shape },
      board.pages(item.id).map((id) => h("p.cv-text", { dir: "auto" }, board.view.notes[id].text)),
      (note.own_group || note.author || board.drafted.has(item.id) || note.reactions) &&
        h(
          "p.cv-under",
          {},
          note.own_group && marks(board, [item.id]),
          note.author && h("span", {}, note.author),
          board.chips(item.id),
        ),
    );
  }
  const draft = () => h("span.cv-chip.is-draft", {}, icon("check"), say("drafted"));

  const sure = (item) =>
    item.group
      ? [board.view.groups[item.group], item.notes.map((id) => board.view.notes[id]), board.drafted.has(item.group)]
      : board.made(item.id);

  function cards(key) {
    const items = board.laid[key] ?? [];
    let first = at.get(key) ?? 0;
    if (first >= items.length) at.set(key, (first = 0));
    return {
      first,
      items,
      nodes: items
        .slice(first, first + 30)
        .map((item) => board.once(`${item.group ?? item.id}`, sure(item), () => card(item))),
    };
  }

  /** Takes away what does not fit a list, and remembers where the next page begins. */
  function trim(key, list, { first, items, nodes }, count) {
    // the number of notes as long as all of them are here, else which of the cards these are
    const all = readable(board, key).length;
    if (all) count.textContent = String(all);
    const room = () => {
      const { bottom } = list.getBoundingClientRect();
      const over = nodes.findIndex((node) => node.getBoundingClientRect().bottom > bottom + 1);
      return Math.max(1, over < 0 ? nodes.length : over);
    };
    let fitting = room();
    if (fitting < items.length) {
      count.textContent = say("cards_of", { from: first + 1, to: first + fitting, of: items.length });
      fitting = room();
    }
    for (const node of nodes.slice(fitting)) node.remove();
    const end = first + fitting;
    following.set(key, end < items.length ? end : 0);
    if (fitting < items.length)
      count.textContent = say(fitting > 1 ? "cards_of" : "card_of", {
        from: first + 1,
        to: Math.min(end, items.length),
        of: items.length,
      });
  }

  function cell(key, zone, full = false) {
    const seen = readable(board, key);
    const hidden = zone.hidden ?? 0;
    const node = board.once(
      `cell-${key}`,
      [zone.title, zone.prompt, zone.at, zone.open, zone.axis, zone.hints, zone.visible],
      () =>
        stand(
          h(
            `section.cv-cell${zone.axis ? ".is-matrix" : ""}`,
            { "data-cell": key },
            h(
              "header",
              {},
              h("h2", {}, !zone.open && icon("lock"), zone.title),
              h("b.cv-n"),
              zone.prompt && h("p.cv-prompt", {}, zone.prompt),
            ),
            h("div.cv-field", {}, zone.axis && axes(zone), h("ul.cv-cards")),
            h("p.cv-secret"),
          ),
          zone.at,
        ),
    );
    const n = node.querySelector(".cv-n");
    if (zone.axis || !seen.length) n.textContent = seen.length || zone.visible === "all" ? String(seen.length) : "";
    node.classList.toggle("is-focus", full);
    const secret = node.querySelector(".cv-secret");
    fill(
      secret,
      (hidden > 0 || (zone.visible !== "all" && !seen.length)) &&
        board.once(`secret-${key}`, [hidden, seen.length], () =>
          h(
            "span",
            {},
            hidden > 0 && marks(board, [], hidden, 40),
            h("strong", {}, String(hidden || 0)),
            h("span", {}, say("note_noun", { n: hidden })),
          ),
        ),
    );
    return node;
  }

  function drawBoard(shown) {
    following.clear();
    const grid = board.once("grid", [board.view.board.cols, board.view.board.rows], () =>
      onGrid(h("div.cv-grid"), board.view.board),
    );
    const overlay = board.once("wires", "board", () => h("svg.cv-wires", { "aria-hidden": "true" }));
    const built = shown.map(([key, zone]) => [key, zone, stand(cell(key, zone), zone.at), cards(key)]);
    fill(
      grid,
      built.map(([, , node]) => node),
      overlay,
    );
    fill(place.body, grid);
    for (const [, zone, node, some] of built)
      fill(node.querySelector(".cv-cards"), zone.axis ? some.nodes.slice(0, DOTS) : some.nodes);
    for (const [key, zone, node, some] of built) {
      const list = node.querySelector(".cv-cards");
      if (zone.axis) spread(key, list, some);
      else trim(key, list, some, node.querySelector(".cv-n"));
    }
    wires(board, grid, overlay);
  }

  function spread(key, list, { first, items, nodes }) {
    const read = nodes.slice(0, DOTS);
    const note = (item) => board.view.notes[item.id ?? item.notes[0]];
    scatter(
      list,
      read.map((node, n) => [node, note(items[first + n])]),
    );
    const end = first + read.length;
    following.set(key, end < items.length ? end : 0);
    const others = items.filter((_, n) => n < first || n >= end);
    fill(
      list,
      read,
      others.map((item) => {
        const dot = h("i.cv-dot");
        dot.style.left = `${note(item).x / 100}%`;
        dot.style.top = `${note(item).y / 100}%`;
        return dot;
      }),
    );
  }

  function drawFocus(shown, [key, zone]) {
    following.clear();
    const big = cell(key, zone, true);
    big.style.gridArea = "";
    const some = cards(key);
    const map = board.once(
      "map",
      shown.map(([one, { title, hidden }]) => [
        one,
        title,
        hidden,
        readable(board, one).map((id) => board.view.notes[id].own_group),
        one === key,
      ]),
      () =>
        h(
          "ol.cv-side",
          {},
          shown.map(([one, { title, hidden = 0 }]) =>
            h(
              `li${one === key ? ".is-here" : ""}`,
              {},
              h("p", {}, h("span", {}, title), h("b", {}, String(readable(board, one).length + hidden))),
              marks(board, readable(board, one), hidden, 24),
            ),
          ),
        ),
    );
    fill(
      place.body,
      board.once("focus", "", () => h("div.cv-focus")),
    );
    fill(place.body.firstChild, big, shown.length > 1 && map);
    const list = big.querySelector(".cv-cards");
    fill(list, zone.axis ? some.nodes.slice(0, DOTS) : some.nodes);
    if (zone.axis) spread(key, list, some);
    else trim(key, list, some, big.querySelector(".cv-n"));
  }

  function foot(shown) {
    const { credit } = board.view.board;
    const used = board.groups.filter((group) =>
      Object.values(board.view.notes).some((note) => note.own_group === group.id),
    );
    const legend = used.length ? used : [];
    const secret = shown.some(([, zone]) => zone.visible === "own");
    fill(
      place.foot,
      board.once("foot", [credit, legend, secret], () =>
        h(
          "span.cv-foot-in",
          {},
          h(
            "span.cv-legend",
            {},
            legend.map((group) => h("span", {}, board.badge(group.id, 46), group.name)),
            secret && !legend.length && h("span", {}, icon("eye-off"), say("wall_secret")),
          ),
          credit && h("small", {}, credit),
        ),
      ),
    );
  }

  return {
    acts: {},
    draw,
    gone() {
      clearInterval(turning);
      resized.disconnect();
    },
  };
}
