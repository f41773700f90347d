/*
 * The facilitator's console: keys, simple and expert view, drawers, sheets, the CSRF header.
 *
 * Reads button[data-key], [data-mode="simple|expert"], [data-drawer="name"], [data-open="dialog id"], [data-rejoin="person"],
 * [data-look="stage"], [data-rename="person"][data-name], [data-rehearse="people"], [data-sheet="url"], time[data-clock].
 * Writes class is-simple or is-expert, and data-drawer-<name>, on <body>, where no morph reaches them.
 */
import { confirmed } from "./fields.js";
import { now, say, send, tell } from "./line.js";
import { local, localKeys, onKey, panel, remembered } from "./screen.js";

const { body } = document;
const { code, lang } = body.dataset;
const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";
const byId = (id) => document.getElementById(id);
const all = (what) => [...document.querySelectorAll(what)];

document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-Officina-CSRF"] = csrf;
});

/** fetch to this server with the CSRF header; throws where the answer is not a good one. */
export async function call(path, options = {}) {
  const answer = await fetch(path, {
    credentials: "same-origin",
    ...options,
    headers: { "X-Officina-CSRF": csrf, ...options.headers },
  });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer;
}

const post = (path, what) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what) });
const failed = (key) => (error) => {
  console.warn(error);
  tell(say(key) || say("refused"), "refused");
};

// ---- keys: the visible button with that key is pressed, so a key can never do more than a button
const pressable = (one) => one.checkVisibility() && !one.closest("[inert]");
onKey((key) => {
  const opened = document.querySelector("dialog:modal");
  const names = [key, { PageDown: "ArrowRight", PageUp: "ArrowLeft" }[key]]
    .filter(Boolean)
    .map((name) => name.toUpperCase());
  const button = all("button[data-key], a[data-key]").find(
    (one) => names.includes(one.dataset.key.toUpperCase()) && pressable(one),
  );
  if (opened && button?.dataset.open !== opened.id) return false;
  if (button) {
    if (!button.disabled && button.getAttribute("aria-disabled") !== "true") button.click();
    return true;
  }
  const own = localKeys[key];
  if (own) local[own]();
  return Boolean(own);
});

// ---- simple and expert, drawers, the clock of the bar
function showSelf() {
  const mode = remembered.get("mode") ?? "simple";
  body.classList.toggle("is-simple", mode === "simple");
  body.classList.toggle("is-expert", mode === "expert");
  for (const button of all("button[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  for (const button of all("[data-drawer]"))
    button.setAttribute("aria-expanded", body.hasAttribute(`data-drawer-${button.dataset.drawer}`));
  for (const place of all("time[data-clock]")) {
    const text = new Date(now()).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
    if (place.textContent !== text) place.textContent = text;
  }
}
for (const name of (remembered.get("drawers") ?? "").split(" ")) if (name) body.setAttribute(`data-drawer-${name}`, "");

function toggleDrawer(name) {
  body.toggleAttribute(`data-drawer-${name}`);
  const open = body.getAttributeNames().filter((one) => one.startsWith("data-drawer-"));
  remembered.set("drawers", open.map((one) => one.slice("data-drawer-".length)).join(" "));
  showSelf();
}

// ---- sheets: a fragment of the server, or one field, in a dialog
function sheet() {
  const dialog = byId("sheet") ?? document.createElement("dialog");
  const close = document.createElement("button");
  dialog.id = "sheet";
  dialog.className = "sheet";
  dialog.setAttribute("hx-ignore", "");
  close.type = "button";
  close.className = "button";
  close.textContent = say("close");
  close.onclick = () => dialog.close();
  dialog.replaceChildren(close);
  body.append(dialog);
  return [dialog, close];
}

async function showFragment(path, method = "GET") {
  const text = await (await call(path, { method })).text();
  const [dialog, close] = sheet();
  const place = document.createElement("div");
  close.before(place);
  await htmx.swap({ text, sourceElement: body, target: place, swap: "innerMorph" });
  if (!dialog.open) dialog.showModal();
}

function rename(person, name, words) {
  const [dialog, close] = sheet();
  const form = document.createElement("form");
  const label = document.createElement("label");
  const field = document.createElement("input");
  const save = document.createElement("button");
  label.textContent = words;
  field.className = "field";
  field.value = name;
  field.maxLength = 40;
  field.required = true;
  save.className = "button is-primary";
  save.textContent = words;
  label.append(field);
  form.append(label, save);
  form.onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    if (field.value.trim() !== name)
      send({ stage: null, do: "rename_person", with: { person, name: field.value.trim() } });
  };
  close.before(form);
  dialog.showModal();
  field.select();
}

async function eraseData(person, sure, words) {
  if (await confirmed(sure, words)) await post(`/desk/${code}/people/${encodeURIComponent(person)}/erase`, {});
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(
    "button[data-mode], [data-drawer], [data-open], [data-rejoin], [data-look], [data-rename], [data-erase], [data-rehearse], [data-sheet]",
  );
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  const { mode, drawer, open, rejoin, look, rename: person, name, erase, sure, rehearse, sheet: url } = button.dataset;
  const desk = `/desk/${code}`;
  if (mode) {
    remembered.set("mode", mode);
    showSelf();
  } else if (drawer) toggleDrawer(drawer);
  else if (open) panel(open);
  else if (person) rename(person, name, button.textContent.trim());
  else if (erase) eraseData(erase, sure, button.textContent.trim()).catch(failed("sheet_refused"));
  else if (rehearse) post(`${desk}/rehearse`, { people: Number(rehearse) }).catch(failed("sheet_refused"));
  else {
    const path =
      url ?? (rejoin ? `${desk}/rejoin/${encodeURIComponent(rejoin)}` : `${desk}/preview/${encodeURIComponent(look)}`);
    showFragment(path, rejoin ? "POST" : "GET").catch(failed("sheet_refused"));
  }
});

document.addEventListener("line:swapped", showSelf);
setInterval(showSelf, 1000);
showSelf();
