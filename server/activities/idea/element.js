/*
 * <idea-form>: the form of one field, the form of an endorsement, and what the shared drawing cannot know of this person.
 *
 * Reads data-leaves (descriptions by path), data-words, data-languages, data-lang, data-stage, data-screen of #idea-form;
 * data-leaves and data-versions (values by path) of each [data-idea] card; data-endorsed and data-arguments of #idea-mine.
 * A form stands above the page in a <dialog> of its own, so that no drawing takes a word or the place in it away. What is typed
 * is kept, with the versions that its author saw, until the server has it or the author throws it away.
 */
import { here, pending, send, shelf, tell } from "../../line.js";

const AGAIN = 8000; // ms after which somebody who goes on typing is said to be writing again
const PLACE = 100; // signs of a place that the server tells others
const FAR = 4000; // signs of a text, where its field has no fewer
const SHORT = 300;
const icons = new URL("../../icons.svg", import.meta.url).href;
const SVG = "http://www.w3.org/2000/svg";

const island = () => document.getElementById("idea-form");
const own = () => document.getElementById("idea-mine");
const json = (element, name, empty) => JSON.parse(element?.dataset[name] || JSON.stringify(empty));
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** h("p.hint", {lang}, ...inside): text goes in as text, whatever stands in it. */
function h(what, props = {}, ...inside) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside.flat(9).filter((one) => one || one === 0));
  return node;
}

function icon(name) {
  const [svg, use] = [document.createElementNS(SVG, "svg"), document.createElementNS(SVG, "use")];
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${icons}#${name}`);
  svg.append(use);
  return svg;
}

// ---- what stands on the page
let words = {};
let leaves = {};
let languages = [];
let mother = "it";

function look() {
  const place = island();
  if (!place) return false;
  words = json(place, "words", {});
  leaves = json(place, "leaves", {});
  languages = json(place, "languages", []);
  mother = place.dataset.lang;
  return true;
}

const w = (key, fields = {}) => (words[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
const stageOf = () => island()?.dataset.stage ?? null;
const cardOf = (idea) => document.querySelector(`.id-card[data-idea="${CSS.escape(idea)}"]`);
const entryOf = (path) => leaves[path.split("/")[0]];
/** The languages that are written here: a phone's own, all of them on the desk. */
const written = () => (island()?.dataset.screen === "desk" ? languages : [mother]);
const inWords = (text) => (text && typeof text === "object" ? (text[mother] ?? Object.values(text).find(Boolean) ?? "") : (text ?? ""));

// ---- drafts: {[key]: {idea, paths, base, seen, typed, extra, sent?, reason?, current?}}
const store = shelf("ideas");
const drafts = store.load({});
const keyOf = (idea, paths) => `${stageOf()}|${idea}|${paths.join(" ")}`;
const keep = () => store.save(drafts);

// ---- building a form: one function for each kind of field, and beside it the one that reads it again
const LEAVE = Symbol("leave"); // a field that shows nothing of its value: it stays as it was seen

function labelled(id, label, control, ...more) {
  control.id = id;
  return h("div.id-field", {}, h("label.label", { for: id }, label), control, ...more);
}

const input = (name, value, props = {}) => h("input.field", { name, value: value ?? "", autocomplete: "off", ...props });

function area(name, value, most, language, small = false) {
  const field = h("textarea.field", { name, rows: small ? 2 : most > 500 ? 5 : 3, maxlength: most, lang: language, spellcheck: "true" });
  field.value = value ?? "";
  field.defaultValue = field.value;
  return field;
}

function select(name, value, choices) {
  const field = h("select.field", { name }, h("option", { value: "" }, w("choose")));
  for (const [code, label] of choices) field.append(h("option", { value: code, selected: String(value ?? "") === String(code) }, label));
  return field;
}

function boxes(name, value, choices) {
  const chosen = (value ?? []).map(String);
  return h(
    "div.id-choices",
    {},
    choices.map(([code, label]) =>
      h("label.check", {}, h("input", { type: "checkbox", name, value: code, checked: chosen.includes(String(code)) }), h("span", {}, label)),
    ),
  );
}

/** Rows of the idea that a reference may name: [[uid, name]]. */
function named(what, context) {
  const list = { challenge: "challenges", action: "next_steps", depends_on: "next_steps" }[what] ?? "actors";
  return Object.entries(context.all)
    .filter(([path]) => path.startsWith(`${list}/`) && path !== context.path)
    .map(([path, row]) => [path.split("/")[1], inWords(row.name ?? row.text) || "…"]);
}

const isList = (what) => ["provider_actors", "depends_on"].includes(what);
const numbers = (what) => ["sdg", "lines_of_action"].includes(what);
const step = (path) => path.split(".").pop();

/** The nodes of one field. entry: its description; name: of its controls; context: {all, path, draft}. */
function build(entry, value, name, context, label = w(entry.name)) {
  const id = `id-${name.replace(/[^\w-]/g, "-")}`;
  const what = step(entry.path);
  switch (entry.kind) {
    case "text": {
      const most = entry.most ?? FAR;
      const mine = written();
      const deep = name.includes("|");
      const texts = mine.map((language) =>
        labelled(`${id}-${language}`, mine.length > 1 ? `${label} (${language})` : label, area(`${name}|${language}`, value?.[language], most, language, deep)),
      );
      const nodes = texts.length > 1 ? [h("div.id-languages", {}, texts)] : texts;
      const others = Object.entries(value ?? {}).filter(([language, text]) => !mine.includes(language) && text);
      for (const [language, text] of others) {
        nodes.push(h("p.hint", {}, value?.[mother] ? w("other_language") : `${w("translation_missing")} ${w("other_language")}:`), h("p.id-other", { lang: language }, text));
      }
      return nodes;
    }
    case "code":
      return [labelled(id, label, select(name, value, entry.values.map((code) => [code, w(`${entry.codes}_${code}`)])))];
    case "codes":
      return [h("fieldset", {}, h("legend", {}, label), boxes(name, value, entry.values.map((code) => [code, w(`${entry.codes}_${code}`)])))];
    case "reference":
      return [labelled(id, label, select(name, value, named(what, context)))];
    case "yes_no":
      return [labelled(id, label, select(name, value === undefined ? "" : value ? "yes" : "no", [["yes", w("yes")], ["no", w("no")]]))];
    case "date": {
      const whole = !value || /^\d{4}-\d\d-\d\d$/.test(value);
      const field = input(name, value, whole ? { type: "date" } : { type: "text", inputmode: "numeric" });
      return [labelled(id, label, field, whole ? null : h("p.hint", {}, w("date_hint")))];
    }
    case "whole":
      return [labelled(id, label, input(name, value, { inputmode: "numeric" }))];
    case "number":
    case "amount":
      return [labelled(id, label, input(name, local(value), { inputmode: "decimal" }))];
    case "money":
      return [money(label, value, name, id)];
    case "url":
      return [labelled(id, label, input(name, value, { type: "url", maxlength: 500, placeholder: "https://" }))];
    case "list": {
      if (what === "tranches") return [tranches(label, value ?? [], name)];
      if (isList(what)) return [h("fieldset", {}, h("legend", {}, label), boxes(name, value, named(what, context)))];
      return [labelled(id, label, area(name, (value ?? []).join("\n"), FAR), h("p.hint", {}, w("one_a_line")))];
    }
    case "rows":
      return [
        h(
          "fieldset",
          {},
          h("legend", {}, label),
          (value ?? []).map((row, n) => inner(entry, row, `${name}|${row.uid}`, context, w("row_n", { n: n + 1 }), false)),
          inner(entry, {}, `${name}|${blankOf(context, name)}`, context, w("new_row"), true),
        ),
      ];
    case "part":
      return entry.row ? [inner(entry, value ?? {}, name, context, label, false)] : [];
    default:
      return [labelled(id, label, input(name, value, { maxlength: SHORT }))];
  }
}

function inner(entry, value, name, context, label, isNew) {
  return h(`fieldset${isNew ? ".is-new" : ""}`, {}, h("legend", {}, label), columns(entry.row, value, name, context));
}

const columns = (entries, value, name, context) => entries.flatMap((one) => build(one, value?.[one.path], `${name}|${one.path}`, context));

/** The uid of the row that may be added in this form: the same one as long as its draft lives. */
function blankOf(context, name) {
  context.draft.extra ??= {};
  return (context.draft.extra[name] ??= fresh());
}

function money(label, value, name, id) {
  const ranged = value?.min !== undefined;
  return h(
    "fieldset",
    {},
    h("legend", {}, `${label}, ${value?.currency ?? "EUR"}`),
    labelled(`${id}-exact`, w("field.exact"), input(`${name}|exact`, local(value?.exact), { inputmode: "decimal" })),
    h(
      "details.id-more",
      { open: ranged },
      h("summary", {}, w("range")),
      h(
        "div.id-pair",
        {},
        labelled(`${id}-min`, w("field.min"), input(`${name}|min`, local(value?.min), { inputmode: "decimal" })),
        labelled(`${id}-max`, w("field.max"), input(`${name}|max`, local(value?.max), { inputmode: "decimal" })),
      ),
    ),
  );
}

function tranches(label, value, name) {
  const lines = [...value, {}, {}].map((one, n) =>
    h(
      "div.id-pair",
      {},
      labelled(`id-${name.replace(/[^\w-]/g, "-")}-${n}-from`, w("field.from_value"), input(`${name}|${n}|from`, local(one.from_value), { inputmode: "decimal" })),
      labelled(`id-${name.replace(/[^\w-]/g, "-")}-${n}-pay`, w("field.pay"), input(`${name}|${n}|pay`, local(one.pay?.exact), { inputmode: "decimal" })),
    ),
  );
  return h("fieldset", {}, h("legend", {}, label), lines);
}

const local = (text) => (mother === "it" && text ? String(text).replace(".", ",") : text);

/** A decimal as the server takes it, typed with a comma or a point; what is no number stays as it is, to be refused. */
function decimal(text) {
  let tidy = String(text ?? "").replace(/[\s\u00a0'€%]/g, "");
  if (/^-?\d{1,3}(\.\d{3})+(,\d+)?$/.test(tidy) && mother === "it") tidy = tidy.replaceAll(".", "");
  else if (/^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(tidy)) tidy = tidy.replaceAll(",", "");
  return tidy.replace(",", ".");
}

const control = (form, name) => form.elements.namedItem(name);
const typed = (form, name) => control(form, name)?.value?.trim() ?? "";
const ticked = (form, name) => [...form.querySelectorAll(`input[name="${CSS.escape(name)}"]:checked`)].map((one) => one.value);

/** The value of one field as it stands in the form, undefined for nothing. seen: what its author saw. */
function read(entry, form, name, seen, context) {
  const what = step(entry.path);
  switch (entry.kind) {
    case "text": {
      const found = Object.fromEntries(written().map((language) => [language, typed(form, `${name}|${language}`)]));
      const said = Object.values(found).some(Boolean) || Object.keys(seen ?? {}).length;
      // A language that was never there is not taken away by a field that is left empty.
      for (const language of Object.keys(found)) if (!found[language] && !seen?.[language]) delete found[language];
      return said ? found : undefined;
    }
    case "codes":
      return orNothing(ticked(form, name));
    case "yes_no":
      return { yes: true, no: false }[typed(form, name)];
    case "whole": {
      const text = decimal(typed(form, name)).replace(/\.0*$/, "");
      return text === "" ? undefined : /^-?\d+$/.test(text) ? Number(text) : text;
    }
    case "number":
    case "amount":
      return decimal(typed(form, name)) || undefined;
    case "money": {
      const [exact, min, max] = ["exact", "min", "max"].map((one) => decimal(typed(form, `${name}|${one}`)));
      const currency = seen?.currency ?? "EUR";
      if (exact) return { exact, currency };
      return min || max ? { min: min || max, max: max || min, currency } : undefined;
    }
    case "list": {
      if (what === "tranches") {
        const found = [];
        for (let n = 0; control(form, `${name}|${n}|from`); n += 1) {
          const [from, pay] = [decimal(typed(form, `${name}|${n}|from`)), decimal(typed(form, `${name}|${n}|pay`))];
          if (from || pay) found.push({ from_value: from, pay: { exact: pay, currency: seen?.[n]?.pay?.currency ?? "EUR" } });
        }
        return orNothing(found);
      }
      if (isList(what)) return orNothing(ticked(form, name));
      const lines = typed(form, name).split("\n").map((line) => line.trim()).filter(Boolean);
      return orNothing(numbers(what) ? lines.map((line) => (/^\d+$/.test(line) ? Number(line) : line)) : lines);
    }
    case "rows": {
      const known = (seen ?? []).map((row) => readRow(entry.row, form, `${name}|${row.uid}`, row, context));
      const added = readRow(entry.row, form, `${name}|${blankOf(context, name)}`, { uid: blankOf(context, name) }, context);
      return orNothing([...known, added].filter((row) => Object.entries(row).some(([key, one]) => key !== "uid" && says(one))));
    }
    case "part":
      if (!entry.row) return LEAVE;
      return orNothing(readRow(entry.row, form, name, seen ?? {}, context));
    default:
      return typed(form, name) || undefined;
  }
}

const says = (value) =>
  value !== undefined && value !== null && value !== "" && value !== false &&
  (typeof value !== "object" || (Array.isArray(value) ? value.length > 0 : Object.values(value).some(says)));
const orNothing = (value) => (Array.isArray(value) ? (value.length ? value : undefined) : Object.keys(value).length ? value : undefined);

/** A row with what the form says; columns that the form does not show stay as they were seen. */
function readRow(entries, form, name, seen, context) {
  const row = structuredClone(seen);
  for (const one of entries) {
    const value = read(one, form, `${name}|${one.path}`, seen[one.path], context);
    if (value === undefined) delete row[one.path];
    else if (value !== LEAVE) row[one.path] = value;
  }
  return row;
}

// ---- the sheet
let sheet = null;
let opener = null;

function dialog() {
  if (!sheet) {
    sheet = h("dialog.id-sheet", { "aria-labelledby": "id-sheet-title" });
    sheet.addEventListener("close", () => {
      here({ stage: stageOf(), writing: null });
      at = "";
      // The line that opened it may have been drawn anew; the one in its place has its attributes.
      const again = opener?.isConnected ? opener : opener && document.querySelector(opener.selector);
      again?.focus?.();
      mark();
    });
    document.body.append(sheet);
  }
  return sheet;
}

function show(form, from, selector) {
  opener = from ?? null;
  if (opener) opener.selector = selector;
  dialog().replaceChildren(form);
  if (!sheet.open) sheet.showModal();
  form.querySelector("textarea, input:not([type=checkbox], [type=radio]), select")?.focus();
}

const foot = (save, ...more) =>
  h(
    "div.id-foot",
    {},
    h("button.button.is-primary", {}, h("span", {}, save)),
    h("button.button", { type: "button", "data-shut": true }, h("span", {}, w("close"))),
    more,
  );

function restore(form, state) {
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") {
      if (state[field.name]) field.checked = state[field.name].includes(field.value);
    } else if (field.type === "radio") {
      if (state[field.name] !== undefined) field.checked = state[field.name] === field.value;
    } else if (state[field.name] !== undefined) field.value = state[field.name];
  }
}

function snapshot(form) {
  const state = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") state[field.name] = [...(state[field.name] ?? []), ...(field.checked ? [field.value] : [])];
    else if (field.type !== "radio") state[field.name] = field.value;
    else if (field.checked) state[field.name] = field.value;
  }
  return state;
}

let at = ""; // the place that this person writes in
let told = 0;
function writing(place, now = false) {
  if (!now && Date.now() - told < AGAIN) return;
  told = Date.now();
  here({ stage: stageOf(), writing: place.slice(0, PLACE) });
}

/** Opens the form of these fields of an idea. paths: leaves, one row, or `list/+` for a new one. */
function edit(idea, paths, from) {
  const card = cardOf(idea);
  if (!look() || !card) return;
  const values = json(card, "leaves", {});
  const versions = json(card, "versions", {});
  const key = keyOf(idea, paths);
  const known = drafts[key];
  const draft = known ?? { idea, paths, base: {}, seen: {}, typed: null, extra: {} };
  const real = paths.map((path) => (path.endsWith("/+") ? `${path.slice(0, -1)}${blankOf({ draft }, path)}` : path));
  if (!known || known.current !== undefined) {
    // A new look at what stands there: with it a change that was refused is asked again.
    for (const path of real) {
      draft.base[path] = versions[path] ?? 0;
      if (values[path] === undefined) delete draft.seen[path];
      else draft.seen[path] = values[path];
    }
  }
  const context = { all: values, draft, path: real[0] };
  const title = w(paths.length > 1 ? `field.${paths[0].split(".")[0]}` : entryOf(paths[0]).name);
  const nodes = real.map((path) => {
    const entry = entryOf(path);
    if (!path.includes("/")) return build(entry, draft.seen[path], path, context);
    const first = entry.row.some((one) => one.main) ? (one) => one.main : (_, n) => n < 6;
    const [main, rest] = [entry.row.filter(first), entry.row.filter((one, n) => !first(one, n))];
    const more = columns(rest, draft.seen[path], path, context);
    return [columns(main, draft.seen[path], path, context), more.length ? h("details.id-more", {}, h("summary", {}, w("more_columns")), more) : null];
  });
  const alone = paths.length === 1 && !paths[0].includes("/");
  const form = h(
    `form${alone ? ".is-alone" : ""}`,
    { novalidate: true },
    h("h2", { id: "id-sheet-title", tabindex: "-1" }, title),
    draft.reason ? h("p.id-reason", { role: "alert" }, draft.reason) : null,
    draft.current !== undefined ? h("div.id-now", {}, h("p", {}, w("changed")), h("p", {}, plain(draft.current) || "…")) : null,
    nodes,
    foot(w("save"), known ? h("button.button.is-danger", { type: "button", "data-discard": true }, h("span", {}, w("discard"))) : null),
  );
  if (draft.typed) restore(form, draft.typed);
  const place = `${idea}:${real[0]}`;
  at = place.slice(0, PLACE);
  form.addEventListener("input", () => {
    draft.typed = snapshot(form);
    delete draft.sent;
    drafts[key] = draft;
    keep();
    writing(place);
  });
  form.addEventListener("focusin", () => writing(place));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [base, set] = [{}, {}];
    for (const path of real) {
      const entry = entryOf(path);
      const seen = draft.seen[path];
      const uid = path.split("/")[1];
      const value = uid ? readRow(entry.row, form, path, seen ?? { uid }, context) : read(entry, form, path, seen, context);
      const empty = !says(uid ? { ...value, uid: undefined } : value);
      if ((empty && seen === undefined) || same(value, seen)) continue;
      if (draft.base[path]) base[path] = draft.base[path];
      // A text that is emptied goes language by language: a language that is not shown here stays.
      set[path] = value === undefined || (uid && empty) ? null : value;
    }
    if (!Object.keys(set).length) {
      delete drafts[key];
      keep();
      tell(w("nothing_changed"));
      return sheet.close();
    }
    draft.typed = snapshot(form);
    draft.sent = true;
    delete draft.reason;
    delete draft.current;
    drafts[key] = draft;
    keep();
    send({ stage: stageOf(), do: "edit_idea", with: { idea, base, set } });
    sheet.close();
  });
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-discard]")) {
      delete drafts[key];
      keep();
      sheet.close();
    }
  });
  show(form, from, `[data-edit="${CSS.escape(paths.join(" "))}"][data-idea="${CSS.escape(idea)}"]`);
  writing(place, true);
}

/** What a value says, in words only. */
function plain(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(plain).filter(Boolean).join(", ");
  const said = inWords(value);
  if (said && typeof said === "string" && Object.keys(value).every((one) => languages.includes(one))) return said;
  return Object.entries(value).filter(([name]) => name !== "uid").map(([, one]) => plain(one)).filter(Boolean).join(" · ");
}

// ---- backing an idea, arguing about it, beginning one
const LEVELS = ["support", "support_with_conditions", "neutral", "object"];

function endorse(button) {
  if (!look()) return;
  const { endorse: idea, version, title } = button.dataset;
  const known = json(own(), "endorsed", {})[idea];
  const key = keyOf(idea, ["endorse"]);
  const draft = drafts[key] ?? { idea, paths: ["endorse"], typed: null };
  const conditions = [...(known?.conditions ?? []), {}, {}].slice(0, 10);
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { id: "id-sheet-title", tabindex: "-1" }, title),
    draft.reason ? h("p.id-reason", { role: "alert" }, draft.reason) : null,
    h(
      "fieldset",
      {},
      h("legend", {}, w("level")),
      LEVELS.map((level) =>
        h("label.check", {}, h("input", { type: "radio", name: "level", value: level, checked: known?.level === level }), h("span", {}, w(`level_${level}`))),
      ),
    ),
    h(
      "fieldset",
      { "data-for": "support_with_conditions" },
      h("legend", {}, w("conditions")),
      conditions.map((one, n) =>
        h(
          "div.id-field",
          {},
          labelled(`id-condition-${n}`, `${w("condition")} ${n + 1}`, area(`condition|${n}`, one.text, 1000, mother, true)),
          labelled(
            `id-degree-${n}`,
            w("degree"),
            h("select.field", { name: `degree|${n}` }, ["must", "should", "should_not", "must_not"].map((degree) => h("option", { value: degree, selected: (one.degree ?? "must") === degree }, w(`degree_${degree}`)))),
          ),
        ),
      ),
    ),
    h("div.id-field", { "data-for": "object support neutral" }, h("label.label", { for: "id-reason" }, w("reason")), Object.assign(area("reason", known?.reason, FAR, mother), { id: "id-reason" })),
    labelled("id-organisation", w("organisation"), input("organisation", known?.organisation, { maxlength: SHORT })),
    foot(w("send"), known ? h("button.button.is-danger", { type: "button", "data-take-back": true }, h("span", {}, w("take_back"))) : null),
  );
  if (draft.typed) restore(form, draft.typed);
  const level = () => form.elements.level.value;
  const fit = () => {
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(level());
    form.querySelector("label[for=id-reason]").textContent = w(level() === "object" ? "reason_object" : "reason");
  };
  fit();
  form.addEventListener("input", () => {
    fit();
    drafts[key] = { ...draft, typed: snapshot(form), sent: undefined };
    keep();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!level()) return form.elements.level[0].focus();
    const what = { idea, version: Number(version), level: level() };
    if (level() === "support_with_conditions") {
      what.conditions = conditions
        .map((one, n) => ({ text: typed(form, `condition|${n}`), degree: typed(form, `degree|${n}`), ...(one.field && !one.text ? { field: one.field } : {}) }))
        .filter((one) => one.text || one.field)
        .map((one) => (one.text ? one : { field: one.field, degree: one.degree }));
    } else if (typed(form, "reason")) what.reason = typed(form, "reason");
    if (typed(form, "organisation")) what.organisation = typed(form, "organisation");
    drafts[key] = { ...draft, typed: snapshot(form), sent: true, reason: undefined };
    keep();
    send({ stage: stageOf(), do: "endorse", with: what });
    sheet.close();
  });
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-take-back]")) return;
    delete drafts[key];
    keep();
    send({ stage: stageOf(), do: "endorse", with: { idea, version: Number(version), level: null } });
    sheet.close();
  });
  show(form, button, `[data-endorse="${CSS.escape(idea)}"]`);
}

function argue(button) {
  if (!look()) return;
  const { idea, argue: side } = button.dataset;
  const key = keyOf(idea, [`argue_${side}`]);
  const draft = drafts[key] ?? { idea, paths: [`argue_${side}`], argument: fresh(), typed: null };
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { id: "id-sheet-title", tabindex: "-1" }, w(`argue_${side}`)),
    draft.reason ? h("p.id-reason", { role: "alert" }, draft.reason) : null,
    labelled("id-argument", w("argue_text"), area("text", "", 1000, mother)),
    foot(w("send")),
  );
  if (draft.typed) restore(form, draft.typed);
  form.addEventListener("input", () => {
    drafts[key] = { ...draft, typed: snapshot(form), sent: undefined };
    keep();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!typed(form, "text")) return control(form, "text").focus();
    drafts[key] = { ...draft, typed: snapshot(form), sent: true, reason: undefined };
    keep();
    send({ stage: stageOf(), do: "argue", with: { idea, argument: draft.argument, side, text: typed(form, "text") } });
    sheet.close();
  });
  show(form, button, `[data-argue="${side}"][data-idea="${CSS.escape(idea)}"]`);
}

/** A new idea: of the phone's own table, or of any from the desk. */
function begin(button) {
  if (!look()) return;
  if (button.dataset.begin !== "desk") return send({ stage: stageOf(), do: "new_idea", with: { idea: fresh() } });
  const tables = json(own(), "tables", []);
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { id: "id-sheet-title", tabindex: "-1" }, w("new_idea")),
    labelled("id-new-title", w("new_title"), input("title", "", { maxlength: 120 })),
    labelled("id-new-table", w("for_table"), tables.length ? select("table", "", tables.map((one) => [one, one])) : input("table", "", { maxlength: 12 })),
    foot(w("save")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [title, table] = [typed(form, "title"), typed(form, "table")];
    const fields = title ? { title: { [mother]: title } } : {};
    send({ stage: stageOf(), do: "new_idea", with: { idea: fresh(), fields, ...(table ? { table } : {}) } });
    sheet.close();
  });
  show(form, button, "[data-begin]");
}

// ---- marks: what the drawing of all cannot know of this person
let others = [];

const waits = (ask) => ask.number === undefined;
const asksOf = (key) => {
  const draft = drafts[key];
  return pending().filter((ask) => {
    if (ask.with.idea !== draft.idea || ask.stage !== stageOf()) return false;
    if (draft.paths[0] === "endorse") return ask.do === "endorse";
    if (draft.paths[0].startsWith("argue_")) return ask.do === "argue" && ask.with.argument === draft.argument;
    return ask.do === "edit_idea" && Object.keys(ask.with.set).some((path) => covers(draft, path));
  });
};
const covers = (draft, path) => draft.paths.some((one) => one === path || (one.endsWith("/+") && draft.extra?.[one] === path.split("/")[1]));

function say(element, text, state) {
  if (!element) return;
  element.hidden = !text;
  if (element.textContent !== text && text) element.textContent = text;
  if (state) element.dataset.state = state;
  else element.removeAttribute("data-state");
}

function mark() {
  if (!look()) return;
  let changed = false;
  const shown = new Map();
  for (const [key, draft] of Object.entries(drafts)) {
    if (!key.startsWith(`${stageOf()}|`)) continue;
    const asks = asksOf(key);
    if (draft.sent && !asks.some(waits)) {
      // Neither waiting nor refused: the server has it.
      delete drafts[key];
      changed = true;
      continue;
    }
    const state = draft.reason ? "refused" : draft.sent ? "waiting" : "unsent";
    shown.set(`${draft.idea}|${draft.paths.join(" ")}`, [draft.reason ? `${w("refused")}: ${draft.reason}` : w(state), state]);
  }
  if (changed) keep();
  for (const place of document.querySelectorAll("[data-unsent]")) {
    const idea = place.closest("[data-idea]")?.dataset.idea;
    const [text, state] = shown.get(`${idea}|${place.dataset.unsent}`) ?? ["", ""];
    say(place, text, state);
  }
  const endorsed = json(own(), "endorsed", {});
  for (const place of document.querySelectorAll("[data-backing]")) {
    const idea = place.dataset.backing;
    const waiting = pending().findLast((ask) => ask.do === "endorse" && ask.with.idea === idea && waits(ask));
    const known = endorsed[idea];
    if (waiting) say(place, w("waiting"), "waiting");
    else say(place, known ? (known.standing === "counts" ? w(`own_${known.level}`) : w("own_old")) : "", known?.standing);
    const button = document.querySelector(`[data-endorse="${CSS.escape(idea)}"]`);
    if (known && button) {
      button.classList.toggle("is-primary", known.standing !== "counts");
      button.querySelector("[data-backing-word]").textContent = w("change_backing");
    }
    const [text, state] = shown.get(`${idea}|endorse`) ?? ["", ""];
    say(document.querySelector(`[data-unsent-backing="${CSS.escape(idea)}"]`), state === "waiting" ? "" : text, state);
  }
  const said = json(own(), "arguments", []);
  for (const place of document.querySelectorAll("[data-argument]")) place.hidden = !said.includes(place.dataset.argument);
  for (const place of document.querySelectorAll("[data-writing]")) {
    const idea = place.closest("[data-idea]")?.dataset.idea;
    const places = place.dataset.writing.split(" ").map((path) => `${idea}:${path}`.slice(0, PLACE));
    place.hidden = !places.some((one) => one !== at && others.includes(one));
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-shut]")) return sheet.close();
  const button = event.target.closest("[data-edit], [data-endorse], [data-argue], [data-begin]");
  if (!button || button.closest("[inert]") || !island()) return;
  if (button.dataset.edit) edit(button.dataset.idea, button.dataset.edit.split(" "), button);
  else if (button.dataset.endorse) endorse(button);
  else if (button.dataset.argue) argue(button);
  else begin(button);
});

document.addEventListener("line:notice", ({ detail }) => {
  if (detail.code !== "presence" || detail.stage !== stageOf()) return;
  others = detail.writing ?? [];
  mark();
});

document.addEventListener("line:refused", ({ detail: { ask, code, text, details } }) => {
  for (const [key, draft] of Object.entries(drafts)) {
    if (draft.idea !== ask.with.idea || !draft.sent) continue;
    const ours =
      (ask.do === "endorse" && draft.paths[0] === "endorse") ||
      (ask.do === "argue" && draft.argument === ask.with.argument) ||
      (ask.do === "edit_idea" && Object.keys(ask.with.set).some((path) => covers(draft, path)));
    if (!ours) continue;
    delete draft.sent;
    draft.reason = text || w("refused");
    if (code === "changed_since") draft.current = details?.current ?? null;
    drafts[key] = draft;
  }
  keep();
  // What a publication lacks stands beside the idea, line by line: it is opened where the desk looks for the reason.
  const lacks = ask.do === "move_idea" && document.querySelector(`[data-lacks="${CSS.escape(ask.with.idea)}"]`);
  if (lacks) {
    lacks.open = true;
    lacks.classList.add("is-named");
    lacks.scrollIntoView({ block: "nearest" });
    setTimeout(() => lacks.classList.remove("is-named"), 4000);
  }
  mark();
});

// ---- the slider: from one computed point of the payment to the next
function slide(input) {
  const point = json(input, "points", [])[Number(input.value)];
  const figure = input.closest("figure");
  if (!point || !figure) return;
  const [result, pay, x, y] = point;
  const line = figure.querySelector("[data-point] line");
  const knob = figure.querySelector("[data-point] circle");
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", y]]) line.setAttribute(name, value);
  knob.setAttribute("cx", x);
  knob.setAttribute("cy", y);
  input.setAttribute("aria-valuetext", `${result}: ${pay}`);
  figure.querySelector("[data-said]").textContent = `${w("result")} ${result}: ${pay}`;
}
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-points]") || !look()) return;
  slid.set(event.target.id, event.target.value);
  slide(event.target);
});
const slid = new Map();

for (const what of ["swapped", "outbox"]) {
  document.addEventListener(`line:${what}`, () => {
    // Another stage is open: what was typed is kept for this one's return.
    if (!island() && sheet?.open) sheet.close();
    mark();
    for (const input of document.querySelectorAll("[data-points]")) {
      if (slid.has(input.id)) {
        input.value = slid.get(input.id);
        slide(input);
      }
    }
  });
}

customElements.define("idea-form", class extends HTMLElement {});
mark();
