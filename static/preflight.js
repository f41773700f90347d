/*
 * The preflight page, looked at again every second: which addresses were really reached, by which way.
 * Reads [data-candidate="address"] rows; takes over their .candidate-what and class, so that a chosen row stays chosen.
 */
const EVERY = 1000; // ms
const rules = { createHTML: (text) => text };
// reading our own page again is a Trusted Types sink; the one policy the page's header allows is called htmx
const policy = window.trustedTypes?.createPolicy("htmx", rules) ?? rules;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
  for (const fresh of page.querySelectorAll("[data-candidate]")) {
    const row = document.querySelector(`[data-candidate="${CSS.escape(fresh.dataset.candidate)}"]`);
    const [before, after] = [row, fresh].map((one) => one?.querySelector(".candidate-what"));
    if (!before || !after || before.isEqualNode(after)) continue;
    row.className = fresh.className;
    before.replaceWith(document.adoptNode(after));
  }
}

async function keepLooking() {
  await look().catch(() => {});
  setTimeout(keepLooking, EVERY);
}
setTimeout(keepLooking, EVERY);
