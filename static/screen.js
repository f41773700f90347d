/*
 * What a big screen (wall, desk) does for itself, without asking anybody: full screen, contrast, black, text size, panels, keys.
 * Reads [data-local="join|help|full|contrast|black|larger|smaller"] (a click does it) and input[data-keys-off].
 * Writes on <html>: data-theme (light, dark, projector), class zoom-1 ... zoom-6; on <body>: data-black.
 */
const THEMES = ["light", "dark", "projector"];
const ZOOMS = 6; // classes zoom-1 ... zoom-6 of the stylesheet; none = 100 %
const place = document.body.dataset.screen ?? "desk";

/** What this screen remembers for itself; lost quietly where storage throws. */
export const remembered = {
  get(name) {
    try {
      return localStorage.getItem(`officina:${place}:${name}`);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`officina:${place}:${name}`, value);
    } catch {}
  },
};

const root = document.documentElement;
let zoom = Number(remembered.get("zoom")) || 0;
const showZoom = () => {
  for (let step = 1; step <= ZOOMS; step++) root.classList.toggle(`zoom-${step}`, step === zoom);
};
const setZoom = (step) => {
  zoom = Math.min(ZOOMS, Math.max(0, step));
  remembered.set("zoom", zoom);
  showZoom();
};
/** Opens or closes a panel by its id: a <dialog>, or a <template> that becomes one the first time. */
export function panel(id) {
  let dialog = document.getElementById(id);
  if (dialog instanceof HTMLTemplateElement) {
    const built = document.createElement("dialog");
    built.append(dialog.content.cloneNode(true));
    dialog.replaceWith(built);
    built.id = id;
    dialog = built;
  }
  if (dialog?.open) dialog.close();
  else if (dialog && place === "desk") dialog.showModal();
  else dialog?.show();
}

export const local = {
  join: () => panel("join-panel"),
  help: () => panel("help"),
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.())?.catch(() => {}),
  contrast() {
    root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    remembered.set("theme", root.dataset.theme);
  },
  black: () => document.body.toggleAttribute("data-black"),
  larger: () => setZoom(zoom + 1),
  smaller: () => setZoom(zoom - 1),
};

if (remembered.get("theme")) root.dataset.theme = remembered.get("theme");
showZoom();

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-local]");
  if (button) local[button.dataset.local]?.();
});

// ---- keys
const TYPING =
  "input:not([type=checkbox], [type=radio], [type=range], [type=button], [type=submit]), textarea, select, [contenteditable]:not([contenteditable=false])";
const USES = {
  " ": "button, a[href], summary, input, [role=button], [role=checkbox], [role=switch], [role=tab], [role=option]",
  Arrow:
    "input[type=radio], input[type=range], [role=slider], [role=listbox], [role=option], [role=tab], [role=menuitem], [data-order] *",
  Page: "[role=slider], input[type=range], [role=listbox]",
};
const keysOn = () => remembered.get("keys") !== "off";

function showKeysSwitch() {
  for (const box of document.querySelectorAll("input[data-keys-off]")) box.checked = !keysOn();
}

/** Calls `how(key)` for a key that nobody else needs; key is "ArrowRight", " ", or a capital letter. how returns true when it was used. */
export function onKey(how) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat)
      return;
    if (target.closest(TYPING) || document.querySelector("dialog:modal:not(#join-panel, #help)")) return;
    if (target.closest(USES[key.replace(/^(Arrow|Page).*/, "$1")] ?? "never")) return;
    // WCAG 2.1.4 is about characters: arrows and page keys stay, a presentation remote needs them
    if (key.length === 1 && !keysOn()) return;
    if (how(key.length === 1 ? key.toUpperCase() : key)) event.preventDefault();
  });
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-keys-off]")) remembered.set("keys", event.target.checked ? "off" : "on");
});
showKeysSwitch();

/** The local keys every big screen has; which of them are wanted is the screen's choice. */
export const localKeys = {
  J: "join",
  F: "full",
  D: "contrast",
  B: "black",
  "+": "larger",
  "=": "larger",
  "-": "smaller",
  "?": "help",
};
