/*
 * <word-cloud>: places its children [data-word][data-size] (px) on a spiral. Decoration only: it hides itself from screen readers,
 * the numbers are in the list beside it. A word keeps its place while the room adds others; only a word that no longer fits moves.
 */
const TURN = 0.35; // radians a step; small enough to leave no hole that a word of 28 px would fit
const GAP = 6; // px between words
const SHRINK = 0.92;
const SMALLEST = 0.3;

// where the spiral begins for a word: from the word itself, so that every wall and every reload shows the same cloud
function seed(word) {
  let hash = 0x811c9dc5;
  for (const letter of word) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return (hash / 2 ** 32) * 2 * Math.PI;
}

class WordCloud extends HTMLElement {
  connectedCallback() {
    this.setAttribute("aria-hidden", "true");
    this.places = new Map(); // word -> centre, as a fraction of the cloud's size
    this.factor = 1;
    this.watch = new ResizeObserver(() => {
      this.factor = 1;
      this.arrange();
    });
    this.watch.observe(this);
    this.again = () => this.arrange();
    document.addEventListener("line:swapped", this.again);
    document.fonts?.ready.then(this.again);
    this.arrange();
  }
  disconnectedCallback() {
    this.watch.disconnect();
    document.removeEventListener("line:swapped", this.again);
  }

  arrange() {
    const [width, height] = [this.clientWidth, this.clientHeight];
    if (!this.isConnected || !width || !height) return;
    if (getComputedStyle(this).position === "static") this.style.position = "relative";
    const words = [...this.querySelectorAll("[data-word]")];
    const size = (element) => Number(element.dataset.size) || 28;
    const isOld = (element) => this.places.has(element.dataset.word);
    words.sort((a, b) => isOld(b) - isOld(a) || size(b) - size(a) || a.dataset.word.localeCompare(b.dataset.word));
    while (!this.place(words, size, width, height) && this.factor > SMALLEST) this.factor *= SHRINK;
  }

  place(words, size, width, height) {
    const taken = [];
    let complete = true;
    for (const element of words) {
      element.style.position = "absolute";
      element.style.whiteSpace = "nowrap";
      element.style.fontSize = `${Math.round(size(element) * this.factor)}px`;
    }
    const boxes = words.map((element) => [element.offsetWidth + GAP, element.offsetHeight]);
    words.forEach((element, i) => {
      const { word } = element.dataset;
      const [wide, high] = boxes[i];
      const old = this.places.get(word);
      const spot = findSpot(
        old ? [old[0] * width, old[1] * height] : [width / 2, height / 2],
        seed(word),
        wide,
        high,
        width,
        height,
        taken,
      );
      element.style.visibility = spot ? "visible" : "hidden";
      if (!spot) {
        complete = false;
        return;
      }
      taken.push(spot);
      this.places.set(word, [(spot.x + wide / 2) / width, (spot.y + high / 2) / height]);
      element.style.left = `${spot.x}px`;
      element.style.top = `${spot.y}px`;
    });
    return complete;
  }
}

function findSpot([cx, cy], start, wide, high, width, height, taken) {
  const flat = height / width; // the spiral follows the shape of the wall
  for (let turn = 0; turn * 3 < width; turn += TURN) {
    const [x, y] = [
      cx + 3 * turn * Math.cos(start + turn) - wide / 2,
      cy + 3 * turn * flat * Math.sin(start + turn) - high / 2,
    ];
    const inside = x >= 0 && y >= 0 && x + wide <= width && y + high <= height;
    if (
      inside &&
      !taken.some(
        (other) => x < other.x + other.wide && other.x < x + wide && y < other.y + other.high && other.y < y + high,
      )
    ) {
      return { x: Math.round(x), y: Math.round(y), wide, high };
    }
  }
  return null;
}

customElements.define("word-cloud", WordCloud);
