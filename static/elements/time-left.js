/*
 * <time-left>: mm:ss until data-ends (ms since 1970), empty without it; class is-over at the end.
 * It speaks the milestones only with data-announce, because a ruler usually stands beside it.
 */
import { announce, clockface, Ticking } from "./ticking.js";

class TimeLeft extends Ticking {
  static observedAttributes = ["data-ends"];

  paint(at) {
    const { ends } = this.dataset;
    const left = Number(ends) - at;
    this.classList.toggle("is-over", Boolean(ends) && left <= 0);
    this.write(this.querySelector("[data-remaining]") ?? this, ends ? clockface(left) : "");
    if (ends && "announce" in this.dataset && this.speaks) announce(ends, left);
  }
}

customElements.define("time-left", TimeLeft);
