/*
 * The page behind a person's own rejoin QR, /j/{code}#<badge>: hands the badge over, wipes it from the address, goes to the session.
 * Where the page has form#rejoin it waits for that tap, because another phone is cut off by it; elsewhere it goes at once.
 * Shows #rejoin-bad when the badge is no longer good.
 */
const badge = decodeURIComponent(location.hash.slice(1));
const code = document.body.dataset.code ?? location.pathname.split("/")[2];
const form = document.getElementById("rejoin");

async function handOver() {
  const answer = await fetch(`/j/${code}/badge`, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "Content-Type": "application/json",
      "X-Officina-CSRF": document.querySelector("meta[name=csrf]")?.content ?? "",
    },
    body: JSON.stringify({ badge }),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  location.replace(`/s/${code}`);
}

function failed() {
  const place = document.getElementById("rejoin-bad");
  if (place) place.hidden = false;
}

// wiped before anything else: neither the history nor a look over the shoulder may keep it
if (badge) history.replaceState(null, "", location.pathname + location.search);
if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (badge) handOver().catch(failed);
    else failed();
  });
} else if (badge) handOver().catch(failed);
