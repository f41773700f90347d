/*
 * The link that opens the desk at start, /desk#once=<code>: the code behind the #, where no server log and no referrer sees it,
 * is swapped for a cookie. Shows #once-bad when it is no longer good.
 */
async function enter() {
  const once = new URLSearchParams(location.hash.slice(1)).get("once");
  if (!once) return;
  // wiped before anything else: neither the history nor a look over the shoulder may keep it
  history.replaceState(null, "", location.pathname + location.search);
  const bad = document.getElementById("once-bad");
  if (!bad) return; // this browser is signed in already: the code stays good for another
  const answer = await fetch("/desk/enter", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ once }),
  });
  if (answer.ok) location.reload();
  else bad.hidden = false;
}

enter().catch(console.warn);
addEventListener("hashchange", () => enter().catch(console.warn));
