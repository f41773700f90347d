/* The board as a picture, for wall and desk: zones on the template's grid, cards in them, arrows over both (CANVAS 8.2). */
import { h } from "./element.js";

const FAR = 10000;

/** Puts a zone's cell where the template has it. at: [column, row, width, height], from 1. */
export function stand(cell, [column, row, wide, high]) {
  cell.style.gridArea = `${row} / ${column} / span ${high} / span ${wide}`;
  return cell;
}

export function onGrid(node, { cols, rows }) {
  node.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / repeat(${cols}, minmax(0, 1fr))`;
  return node;
}

/** Names of the ends of a matrix, around it and in its corners. */
export function axes({ axis, hints = {} }) {
  const corner = (key) => hints[key] && h(`span.cv-hint.is-${key.replaceAll("_", "-")}`, {}, hints[key]);
  return [
    h("span.cv-axis.is-top", {}, axis.y.high),
    h("span.cv-axis.is-bottom", {}, axis.y.low),
    h("span.cv-axis.is-left", {}, axis.x.low),
    h("span.cv-axis.is-right", {}, axis.x.high),
    Object.keys(hints).map(corner),
  ];
}

/** Puts cards of a matrix at their places, each pushed down until it covers no other; what finds no room is left where it is. */
export function scatter(field, cards) {
  const { clientWidth: width, clientHeight: height } = field;
  const taken = [];
  const sized = cards.map(([node, note]) => [node, note, node.offsetWidth, node.offsetHeight]);
  for (const [node, note, wide, high] of sized.sort((a, b) => a[1].y - b[1].y)) {
    const left = Math.min(Math.max(0, (note.x / FAR) * width - wide / 2), Math.max(0, width - wide));
    const begin = Math.min(Math.max(0, (note.y / FAR) * height - high / 2), Math.max(0, height - high));
    const free = (top) =>
      !taken.some(
        (one) =>
          one.left < left + wide && left < one.left + one.wide && one.top < top + high && top < one.top + one.high,
      );
    let top = begin;
    while (!free(top) && top + high < height) top += 8;
    if (!free(top)) for (top = begin; !free(top) && top > 0;) top -= 8;
    if (!free(top)) top = begin;
    taken.push({ left, top: Math.max(0, top), wide, high });
    node.style.left = `${left}px`;
    node.style.top = `${Math.max(0, top)}px`;
  }
}

/** Arrows between zones (the template's flow) and between notes (people's links), drawn over the grid. */
export function wires(board, grid, overlay) {
  const frame = grid.getBoundingClientRect();
  const factor = frame.width / grid.offsetWidth || 1;
  const box = (node) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    return { x: (left - frame.left) / factor, y: (top - frame.top) / factor, w: width / factor, h: height / factor };
  };
  const found = (name, id) => grid.querySelector(`[data-${name}="${CSS.escape(id)}"]`);
  // a card that was scrolled out of its zone has no end of an arrow
  const inView = (node) => {
    const [one, field] = [node, node.closest(".cv-field")].map((some) => some.getBoundingClientRect());
    return one.bottom > field.top && one.top < field.bottom;
  };
  const lines = [];
  const draw = (from, to, kind) => {
    const [a, b] = [box(from), box(to)];
    const [ax, ay, bx, by] = [a.x + a.w / 2, a.y + a.h / 2, b.x + b.w / 2, b.y + b.h / 2];
    // leaves and arrives at the edge that faces the other
    const edge = (one, cx, cy, ox, oy) => {
      const [dx, dy] = [ox - cx, oy - cy];
      const part = Math.min(
        Math.abs(dx) ? one.w / 2 / Math.abs(dx) : Infinity,
        Math.abs(dy) ? one.h / 2 / Math.abs(dy) : Infinity,
      );
      return [cx + dx * part, cy + dy * part];
    };
    const [x1, y1] = edge(a, ax, ay, bx, by);
    const [x2, y2] = edge(b, bx, by, ax, ay);
    const turn = Math.atan2(y2 - y1, x2 - x1);
    const size = kind === "flow" ? 10 : 12;
    const wing = (side) => `${x2 - size * Math.cos(turn + side)} ${y2 - size * Math.sin(turn + side)}`;
    lines.push(h(`path.is-${kind}`, { d: `M${x1} ${y1}L${x2} ${y2}M${wing(0.5)}L${x2} ${y2}L${wing(-0.5)}` }));
  };
  for (const [from, to] of board.view.board.flow ?? []) {
    const ends = [...grid.querySelectorAll("[data-cell]")].filter((cell) =>
      [from, to].some((key) => cell.dataset.cell === key || cell.dataset.cell.endsWith(`.${key}`)),
    );
    const [a, b] = [from, to].map((key) =>
      ends.find((cell) => cell.dataset.cell === key || cell.dataset.cell.endsWith(`.${key}`)),
    );
    if (a && b) draw(a, b, "flow");
  }
  for (const { from, to } of Object.values(board.view.links ?? {})) {
    const [a, b] = [found("note", from), found("note", to)];
    if (a && b && inView(a) && inView(b)) draw(a, b, "link");
  }
  overlay.setAttribute("viewBox", `0 0 ${grid.offsetWidth} ${grid.offsetHeight}`);
  overlay.replaceChildren(...lines);
}

/** One mark for each note: its author's group where that is told, a plain sheet otherwise, dashed where it may not be read. */
export function marks(board, notes, hidden = 0, most = 60) {
  const shown = notes.slice(0, most).map((id) => {
    const group = board.view.notes[id]?.own_group;
    return group ? board.badge(group, 20, false) : h("i.cv-sheet-mark");
  });
  const secret = Math.max(0, Math.min(hidden, most - shown.length));
  return h(
    "span.cv-marks",
    { "aria-hidden": "true" },
    shown,
    Array.from({ length: secret }, () => h("i.cv-sheet-mark.is-hidden")),
  );
}

/** Notes of a zone that this screen may read. */
export const readable = (board, zone) => (board.laid[zone] ?? []).flatMap((one) => one.notes ?? [one.id]);
