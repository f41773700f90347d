/*
 * <screen-preview>: a whole screen drawn small. Its one child keeps the size data-width x data-height (px) and is scaled to fit the width.
 * The child is made inert: a preview is looked at, never used.
 */
class ScreenPreview extends HTMLElement {
  connectedCallback() {
    this.watch = new ResizeObserver(() => this.scale());
    this.watch.observe(this);
    // the server's drawing has no style attribute, so a morph takes ours away
    this.again = () => this.scale();
    document.addEventListener("line:swapped", this.again);
    this.scale();
  }
  disconnectedCallback() {
    this.watch.disconnect();
    document.removeEventListener("line:swapped", this.again);
  }
  scale() {
    const child = this.firstElementChild;
    const width = Number(this.dataset.width);
    this.style.display = "block"; // an inline element has no width to fit
    this.style.overflow = "hidden";
    if (!child || !width || !this.clientWidth) return;
    const factor = this.clientWidth / width;
    const height = Number(this.dataset.height) || child.scrollHeight;
    child.inert = true;
    child.style.width = `${width}px`;
    if (this.dataset.height) child.style.height = `${height}px`;
    child.style.transformOrigin = "0 0";
    child.style.transform = `scale(${factor})`;
    this.style.height = `${Math.round(height * factor)}px`;
  }
}

customElements.define("screen-preview", ScreenPreview);
