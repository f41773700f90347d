/* The projector's own keys and its hidden cursor. Nothing here is an ask. */
import { local, localKeys, onKey } from "./screen.js";

const STILL = 3000; // ms without a movement after which the cursor goes

onKey((key) => {
  if (key === "Escape" && document.body.hasAttribute("data-black")) return (local.black(), true);
  const name = localKeys[key];
  if (name) local[name]();
  return Boolean(name);
});

let timer = 0;
function moved() {
  document.body.removeAttribute("data-idle");
  clearTimeout(timer);
  timer = setTimeout(() => document.body.setAttribute("data-idle", ""), STILL);
}
for (const what of ["pointermove", "pointerdown", "focusin"]) addEventListener(what, moved);
moved();
