/*
 * <tables-desk>: moving people between tables on the desk. Every name is a button; pressing it asks the server what each move would
 * cost and shows it in a dialog, where arrows go from choice to choice. Dragging a name onto a table moves, onto a name exchanges.
 *
 * Reads data-words, data-names of itself, [data-person][data-at] of the names and [data-table] of the cards. Keeps nothing on the page:
 * the dialog stands above it, so no drawing takes it away.
 */
import { send } from "../../line.js";

const json = (element, name) => JSON.parse(element.dataset[name] || "{}");
const fill = (text, fields = {}) => (text ?? "").replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");

/** h("p.hint", {lang}, ...inside): text goes in as text, whatever stands in it. */
function h(what, props = {}, ...inside) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value);
  node.append(...inside.filter(Boolean));
  return node;
}

class TablesDesk extends HTMLElement {
  connectedCallback() {
    if (this.listens) return;
    this.listens = true;
    this.addEventListener("click", (event) => {
      const button = event.target.closest(".tb-person");
      if (button) this.choose(button.dataset.person, button.dataset.at);
    });
    this.addEventListener("dragstart", (event) => {
      const button = event.target.closest?.(".tb-person");
      if (!button) return;
      this.dragged = { person: button.dataset.person, at: button.dataset.at };
      event.dataTransfer.setData("text/plain", this.name(button.dataset.person));
      event.dataTransfer.effectAllowed = "move";
      button.classList.add("is-dragged");
    });
    this.addEventListener("dragover", (event) => {
      const place = this.dragged && this.place(event.target);
      if (!place) return;
      event.preventDefault();
      this.mark(place);
    });
    this.addEventListener("dragleave", (event) => {
      if (!this.contains(event.relatedTarget)) this.mark(null);
    });
    this.addEventListener("drop", (event) => {
      const place = this.dragged && this.place(event.target);
      if (!place) return;
      event.preventDefault();
      const { person } = this.dragged;
      if (place.matches(".tb-person")) this.move(person, place.dataset.at, place.dataset.person);
      else this.move(person, place.dataset.table);
      this.done();
    });
    this.addEventListener("dragend", () => this.done());
  }

  disconnectedCallback() {
    this.dialog?.close();
  }

  get stage() {
    return this.closest("[data-stage]")?.dataset.stage ?? null;
  }

  say(key, fields) {
    return fill(json(this, "words")[key], fields);
  }

  count(key, n) {
    return this.say(`${key}_${n === 1 ? "one" : "other"}`, { n });
  }

  name(person) {
    return json(this, "names")[person] || person.slice(0, 6);
  }

  /** What a drag would drop on: a name at another table, or another table. */
  place(target) {
    const person = target.closest?.(".tb-person");
    if (person && person.dataset.at !== this.dragged.at) return person;
    const card = target.closest?.(".tb-card");
    return card && card.dataset.table !== this.dragged.at ? card : null;
  }

  mark(place) {
    for (const one of this.querySelectorAll(".is-over")) if (one !== place) one.classList.remove("is-over");
    place?.classList.add("is-over");
  }

  done() {
    this.dragged = null;
    this.mark(null);
    for (const one of this.querySelectorAll(".is-dragged")) one.classList.remove("is-dragged");
  }

  move(person, table, instead = null) {
    const what = instead ? { person, table, instead } : { person, table };
    send({ stage: this.stage, do: "move_person", with: what });
  }

  async choose(person, at) {
    this.dialog?.close();
    const list = h("div", {}, h("p", { role: "status" }, this.say("loading")));
    const close = h("button.button", { type: "button" }, this.say("close"));
    const title = this.say(at ? "move_title" : "move_none", { name: this.name(person) });
    const dialog = h(
      "dialog.tb-dialog",
      { "aria-labelledby": "tables-move" },
      h("h2", { id: "tables-move" }, title),
      at && h("p", {}, this.say("move_here", { table: at })),
      list,
      close,
    );
    this.dialog = dialog;
    close.onclick = () => dialog.close();
    dialog.onclose = () => {
      dialog.remove();
      if (this.dialog === dialog) this.dialog = null;
      document.getElementById(`seat-${person}`)?.focus();
    };
    dialog.addEventListener("keydown", (event) => {
      const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const choices = [...dialog.querySelectorAll(".tb-choice")];
      const here = choices.indexOf(document.activeElement);
      choices[(here + way + choices.length) % choices.length]?.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    const known = await this.lookUp(person);
    if (this.dialog !== dialog) return;
    list.replaceChildren(...(known ? this.choices(known, dialog) : this.plain(person, at, dialog)));
    list.querySelector(".tb-choice")?.focus();
  }

  async lookUp(person) {
    try {
      const path = `/api/sessions/${document.body.dataset.code}/stages/${this.stage}/look/moves?of=${encodeURIComponent(person)}`;
      const got = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(15000) });
      return got.ok ? (await got.json()).moves : null;
    } catch {
      return null;
    }
  }

  change(n) {
    return n ? this.say(n > 0 ? "cost_more" : "cost_less", { n: Math.abs(n) }) : this.say("cost_same");
  }

  choice(dialog, label, more, worth, act) {
    const button = h("button.tb-choice", { type: "button", "aria-disabled": act ? null : "true" }, h("strong", {}, label), h("span", {}, more), h("b", {}, worth));
    button.onclick = () => {
      if (!act) return;
      act();
      dialog.close();
    };
    return button;
  }

  choices({ person, tables, swaps }, dialog) {
    const rows = tables.map((row) => {
      const more = [
        this.count("move_people", row.people),
        row.met && this.count("move_met", row.met),
        row.colleagues && this.count("move_colleagues", row.colleagues),
        row.full ? this.say("move_full") : row.uneven && this.say("move_uneven"),
      ];
      const act = row.full ? null : () => this.move(person, row.table);
      return this.choice(dialog, this.say("table_n", { table: row.table }), more.filter(Boolean).join(" · "), this.change(row.change), act);
    });
    if (!swaps.length) return rows;
    return [
      ...rows,
      h("h3", {}, this.say("move_swap")),
      ...swaps.map((row) =>
        this.choice(dialog, this.name(row.person), this.say("table_n", { table: row.table }), this.change(row.change), () => this.move(person, row.table, row.person)),
      ),
    ];
  }

  /** Without the server's figures: the tables alone. */
  plain(person, at, dialog) {
    const tables = [...this.querySelectorAll("[data-table]")].map((card) => card.dataset.table).filter((table) => table !== at);
    return [
      h("p", {}, this.say("not_now")),
      ...tables.map((table) => this.choice(dialog, this.say("table_n", { table }), "", "", () => this.move(person, table))),
    ];
  }
}

customElements.define("tables-desk", TablesDesk);
