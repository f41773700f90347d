/*
 * <copy-link data-text="...">: its button copies the text. Over plain http there is no clipboard API, so it falls back to a selected field;
 * where even that is refused the text stays selected in [data-source] and the person copies by hand.
 */
import { say, tell } from "../line.js";

class CopyLink extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
  }
  disconnectedCallback() {
    this.removeEventListener("click", this);
  }
  async handleEvent(event) {
    if (!event.target.closest("button")) return;
    const text = this.dataset.text ?? this.querySelector("[data-source]")?.textContent ?? "";
    const done = (await writeClipboard(text)) || copySelected(text);
    if (done) tell(say("copied"), "kept");
    else this.select();
  }
  select() {
    const source = this.querySelector("[data-source]");
    if (source) getSelection().selectAllChildren(source);
  }
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copySelected(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.readOnly = true;
  field.style.position = "fixed";
  field.style.opacity = "0";
  // inside an open modal dialog only its own descendants can take the selection
  (document.querySelector("dialog:modal") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

customElements.define("copy-link", CopyLink);
