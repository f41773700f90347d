/* What every clock on a page shares: one timer, the server's time, and four spoken milestones. */
import { now, say, tell } from "../line.js";

// seconds left and what is said then (WCAG 4.1.3): never each second
const MILESTONES = [
  [300, "minutes_left", { n: 5 }],
  [60, "minutes_left", { n: 1 }],
  [30, "half_minute"],
  [0, "time_over"],
];
const clocks = new Set();
const said = new Set();

/** mm:ss, rounded up so that 00:00 is really the end; h:mm:ss from one hour. */
export function clockface(ms) {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** Says a milestone once per deadline, when it is passed while somebody watches, not when a late page finds it passed. */
export function announce(ends, leftMs) {
  for (const [seconds, key, fields] of MILESTONES) {
    const late = seconds * 1000 - leftMs;
    const mark = `${ends}:${seconds}`;
    if (late < 0 || late > 3000 || said.has(mark)) continue;
    said.add(mark);
    tell(say(key, fields));
  }
}

/** Base of an element that paints itself a few times a second, after each swap and when an attribute changes. */
export class Ticking extends HTMLElement {
  connectedCallback() {
    clocks.add(this);
    this.paint(now());
  }
  disconnectedCallback() {
    clocks.delete(this);
  }
  attributeChangedCallback() {
    if (this.isConnected) this.paint(now());
  }
  /** Writes text only when it differs: a screen reader and the morph both notice writes. */
  write(where, text) {
    if (where && where.textContent !== text) where.textContent = text;
  }
  get speaks() {
    return !("quiet" in this.dataset) && !this.closest("[inert], screen-preview");
  }
}

const paintAll = () => clocks.forEach((clock) => clock.paint(now()));
setInterval(paintAll, 200);
document.addEventListener("line:swapped", paintAll);
