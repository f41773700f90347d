/*
 * The phone's page of the preflight: was this address really reached, does a socket open, how long is the way?
 * Reads the token in data-try or data-token, and data-words ({"ok", "bad"}), on <body>.
 * Writes data-socket="ok|bad" on [data-socket] and the words into [data-socket-words].
 */
const { try: given, token = given, words: wordsText } = document.body.dataset;
const words = JSON.parse(wordsText || "{}");
const PINGS = 5;
const PATIENCE = 4000; // ms for the whole socket test

/** Least round trip in ms of a few pings; null when no socket opens. */
function bySocket() {
  return new Promise((resolve) => {
    const trips = [];
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/try/live`);
    let sent = 0;
    const end = () => {
      clearTimeout(timer);
      socket.close();
      resolve(trips.length ? Math.min(...trips) : null);
    };
    const timer = setTimeout(end, PATIENCE);
    const ping = () => {
      sent = performance.now();
      socket.send(JSON.stringify({ t: "ping", at: Math.round(sent) }));
    };
    socket.onopen = ping;
    socket.onmessage = ({ data }) => {
      if (JSON.parse(data).t !== "pong") return;
      trips.push(performance.now() - sent);
      if (trips.length < PINGS) ping();
      else end();
    };
    socket.onerror = end;
    socket.onclose = end;
  });
}

// where the socket does not open, one request tells how long the way is
async function byRequest() {
  const sent = performance.now();
  await fetch("/healthz", { cache: "no-store" });
  return performance.now() - sent;
}

async function tryIt() {
  const trip = await bySocket();
  const rtt = Math.max(1, Math.round(trip ?? (await byRequest())));
  const good = trip !== null;
  await fetch(`/try/${token}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ rtt_ms: rtt, socket: good }),
  });
  return good;
}

function show(good) {
  for (const place of document.querySelectorAll("[data-socket]")) place.dataset.socket = good ? "ok" : "bad";
  for (const place of document.querySelectorAll("[data-socket-words]"))
    place.textContent = (good ? words.ok : words.bad) ?? "";
}
tryIt().then(show, () => show(false));
