/*
 * <time-ruler>: how much of the stage's time is gone, moved once a second, over time shown as +mm:ss.
 * Reads data-started, data-ends (ms since 1970), data-total (ms) or data-minutes, data-running ("1"), data-spent (ms, used while it does
 * not run), data-quiet. Without a length it shows nothing.
 * Fills its [data-fill] (width) and [data-remaining="clock|minutes"] (text); classes is-late (20 % left), is-last-moment (5 %), is-over.
 */
import { say } from "../line.js";
import { announce, clockface, Ticking } from "./ticking.js";

const LATE = 0.2;
const LAST = 0.05;

class TimeRuler extends Ticking {
  static observedAttributes = ["data-started", "data-ends", "data-minutes", "data-running", "data-spent", "data-total"];

  paint(at) {
    const { started, ends, minutes, running, spent, total: given } = this.dataset;
    const total = Number(given) || Number(minutes) * 60000 || Number(ends) - Number(started);
    const runs = running === "1" && ends;
    const left = runs ? Number(ends) - at : total - Number(spent ?? 0);
    if (!(total > 0) || Number.isNaN(left)) return;
    const shown = Math.ceil(left / 1000) * 1000;
    const over = left <= 0;
    this.classList.toggle("is-late", !over && left <= total * LATE);
    const last = !over && left <= total * LAST;
    this.classList.toggle("is-last-moment", last);
    this.classList.toggle("is-over", over);
    const fill = this.querySelector("[data-fill]");
    const width = `${(100 * Math.min(1, Math.max(0, 1 - shown / total))).toFixed(2)}%`;
    if (fill instanceof SVGElement) fill.setAttribute("width", width);
    else if (fill) fill.style.width = width;
    const place = this.querySelector("[data-remaining]");
    const calm = place?.dataset.remaining === "minutes";
    if (over) this.write(place, `+${clockface(Math.floor(-left / 1000) * 1000)}`);
    else if (!calm) this.write(place, clockface(left));
    else this.write(place, last && say("soon") ? say("soon") : `${Math.ceil(left / 60000)} ${say("minutes")}`);
    if (runs && this.speaks) announce(ends, left);
  }
}

customElements.define("time-ruler", TimeRuler);
