/*
 * A board as data: what an entry of the server changes, what an ask will probably do, how a view is summed up (CANVAS 4.2, 6).
 * Nothing here touches a page, a clock or chance, so that the shared vectors can be run against it.
 *
 * A view is never changed in place: whoever holds the old one still holds it whole.
 */
export const LONGEST = { note: 500, comment: 280, title: 120, label: 60 };
const BY_DEFAULT = {
  write: "everyone",
  edit: "author",
  move: "author",
  delete: "author",
  group: "desk",
  link: "nobody",
  comment: "nobody",
  react: "everyone",
};
const FAR = 10000; // a note's place is in ten-thousandths of its zone
const UNSEEN = /[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|(?!\n)\p{Cc}/gu;

/** The text as a fact keeps it: NFC, without control signs other than the line feed. */
export const tidy = (text) =>
  text
    .replace(/\p{Cs}/gu, "?")
    .replace(UNSEEN, "")
    .normalize("NFC");
/** Its length in code points, as the rules count it. */
export const count = (text) => [...tidy(text)].length;

// ---- what the server says
function merged(old = {}, fields) {
  const made = { ...old, ...fields };
  for (const key in fields) if (fields[key] === null) delete made[key];
  return made;
}

/** The view after one entry (set, gone, hidden). `all` and `to` change nothing: whoever asks for them sees to it. */
export function apply(view, entry) {
  const next = { ...view };
  for (const [name, things] of Object.entries(entry.set ?? {})) {
    if (name === "board") next.board = merged(view.board, things);
    else {
      const held = (next[name] = { ...view[name] });
      for (const id in things) held[id] = merged(held[id], things[id]);
    }
  }
  for (const [name, ids] of Object.entries(entry.gone ?? {})) {
    next[name] = { ...next[name] };
    for (const id of ids) delete next[name][id];
  }
  const zone = entry.hidden && next.zones?.[entry.hidden];
  if (zone && (entry.added || entry.removed)) {
    const hidden = Math.max(0, (zone.hidden ?? 0) + (entry.added ? 1 : -1));
    next.zones = { ...next.zones, [entry.hidden]: { ...zone, hidden } };
  }
  return next;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc(text) {
  let sum = ~0;
  for (const byte of new TextEncoder().encode(text)) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** JSON with sorted keys and no blanks: the same text in every language it is written from. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`;
}

const COLLECTIONS = ["zones", "notes", "groups", "links", "comments", "rounds"];
const sums = new WeakMap();

/** A view whose notes came as columns, which travel in three quarters of the bytes. */
export function outOfColumns(view) {
  const { ids, columns } = view.notes ?? {};
  if (!Array.isArray(ids)) return view;
  const notes = {};
  ids.forEach((id, at) => {
    const note = (notes[id] = {});
    for (const name in columns) {
      const value = columns[name][at];
      if (value === null) continue;
      const [field, inner] = name.split(".");
      if (inner) (note[field] ??= {})[inner] = value;
      else note[field] = value;
    }
  });
  return { ...view, notes };
}

/**
 * Eight hex digits for what a screen shows: the sum modulo 2^32 of CRC-32 over `<collection> <id> <canonical JSON>` of each shared object.
 * `board`, the one object without an id, is `board  <canonical JSON>`.
 */
export function digest(view) {
  let total = 0;
  const add = (name, id, thing) => {
    if (!sums.has(thing)) sums.set(thing, crc(`${name} ${id} ${canonical(thing)}`));
    total = (total + sums.get(thing)) >>> 0;
  };
  if (view.board) add("board", "", view.board);
  for (const name of COLLECTIONS) for (const id in view[name] ?? {}) add(name, id, view[name][id]);
  return total.toString(16).padStart(8, "0");
}

// ---- who may do what
/** Whether this person may do this in a zone. me: {group, table (key of its board), desk}; own: they wrote the note. */
export function may(zone, verb, me, own = false) {
  if (me.desk) return true;
  const who = zone.may?.[verb] ?? BY_DEFAULT[verb];
  if (zone.table && zone.table !== me.table) return false;
  if (Array.isArray(who)) return who.includes(me.group);
  if (who === "author") return own || verb === "write";
  return who === "everyone" || (who === "table" && Boolean(me.table) && (zone.table ?? me.table) === me.table);
}

export const isOwn = (mine, id) => Boolean(mine?.notes?.[id] || mine?.own?.includes(id));
/** Where a note stands in the reading order of its zone. */
export const rank = (note) => note.y * (FAR + 1) + note.x;
export const placeAt = (place) => ({ x: place % (FAR + 1), y: Math.min(FAR, Math.floor(place / (FAR + 1))) });
/** A place between two notes of a list; either may be missing. */
export function between(before, after) {
  const low = before ? rank(before) : 0;
  const high = after ? rank(after) : Math.min(FAR * (FAR + 2), low + 200 * (FAR + 1));
  return placeAt(Math.floor((low + high) / 2));
}

/** What stands in each zone, in reading order: {zone: [{id} of a note, or {group, notes} of a card group]}. */
export function laidOut(view) {
  const byZone = {};
  for (const id in view.notes ?? {}) (byZone[view.notes[id].zone] ??= []).push(id);
  for (const zone in byZone) {
    const ids = byZone[zone].sort((a, b) => rank(view.notes[a]) - rank(view.notes[b]));
    const here = new Set(ids);
    const done = new Set();
    byZone[zone] = ids.flatMap((id) => {
      const { group, variant_of: first } = view.notes[id];
      // a second text of the same note is a page of its card
      if (here.has(first) && !view.notes[first].variant_of) return [];
      if (!view.groups?.[group]) return [{ id }];
      if (done.has(group)) return [];
      done.add(group);
      const together = [...view.groups[group].notes, ...ids.filter((one) => view.notes[one].group === group)];
      return [
        { group, notes: [...new Set(together)].filter((one) => here.has(one) && view.notes[one].group === group) },
      ];
    });
  }
  return byZone;
}

/** The round people vote in now, as [id, round]. */
export const openRound = (view, zone) =>
  Object.entries(view.rounds ?? {}).find(
    ([, round]) => round.open && (!zone?.table || round.zones.some((key) => sameBoard(view, key, zone.table))),
  );
const sameBoard = (view, key, table) => !view.zones[key]?.table || view.zones[key].table === table;

/** What the dots of a round may be put on, in reading order: ids of notes or of card groups. */
export function targets(view, round) {
  const laid = laidOut(view);
  const stand = (one) => (one.group ? (round.target === "groups" ? [one.group] : one.notes) : [one.id]);
  return [...new Set(round.zones.flatMap((zone) => laid[zone] ?? []).flatMap(stand))];
}

export const votes = (round, me) => round.voters === "all" || round.voters.includes(me.group);

// ---- what an ask will probably do
const refused = (code) => ({ refused: code });
const denied = (zone, verb) =>
  refused((zone.may?.[verb] ?? BY_DEFAULT[verb]) === "author" ? "not_yours" : "not_allowed");

function wrongText(text, longest) {
  if (!tidy(text).trim()) return refused("empty");
  return count(text) > longest ? refused("too_long") : null;
}

/** Zone and author's part of the checks, in the order of the rules: closed, then not allowed. */
function stopped(zone, verb, me, own) {
  if (!zone.open && !me.desk) return refused("zone_closed");
  return may(zone, verb, me, own) ? null : denied(zone, verb);
}

const votingIn = (view, zones) =>
  Object.values(view.rounds ?? {}).some((round) => round.open && round.zones.some((zone) => zones.includes(zone)));
const paired = (view, id) => Boolean(view.notes[view.notes[id].variant_of]);

const GUESSES = {
  add_note({ view, mine, me }, { note, zone: key, text, x, y, colour = "group" }) {
    if (view.notes?.[note]) return null;
    const zone = view.zones[key];
    if (!zone) return refused("zone_unknown");
    const no = stopped(zone, "write", me) ?? wrongText(text, LONGEST.note);
    if (no) return no;
    const inZone = Object.values(view.notes ?? {}).filter((one) => one.zone === key);
    if (zone.notes_max && inZone.length + (zone.hidden ?? 0) >= zone.notes_max) return refused("zone_full");
    const last = inZone.reduce((most, one) => (!most || rank(one) > rank(most) ? one : most), null);
    const place =
      x === undefined && y === undefined ? (last ? between(last) : { x: 0, y: 0 }) : { x: x ?? 0, y: y ?? 0 };
    const made = {
      zone: key,
      ...place,
      text: tidy(text),
      colour,
      kind: "note",
      revs: { text: 1, place: 1, colour: 1, alive: 1 },
    };
    if (me.group && view.board?.names !== "none" && !zone.anonymous) made.own_group = me.group;
    return {
      view: { ...view, notes: { ...view.notes, [note]: made } },
      mine: { ...mine, own: [...(mine.own ?? []), note] },
    };
  },
  edit_text({ view, mine, me }, { note: id, text }) {
    const note = view.notes?.[id];
    if (!note) return refused("gone");
    const no = stopped(view.zones[note.zone], "edit", me, isOwn(mine, id)) ?? wrongText(text, LONGEST.note);
    return no ?? { view: changed(view, id, { text: tidy(text) }), mine };
  },
  colour_note({ view, mine, me }, { note: id, colour }) {
    const note = view.notes?.[id];
    if (!note) return refused("gone");
    const no = stopped(view.zones[note.zone], "edit", me, isOwn(mine, id));
    return no ?? { view: changed(view, id, { colour }), mine };
  },
  move_note({ view, mine, me }, { note: id, zone: key, x, y }) {
    const note = view.notes?.[id];
    if (!note) return refused("gone");
    const zone = view.zones[key];
    if (!zone) return refused("zone_unknown");
    const own = isOwn(mine, id);
    const no =
      stopped(view.zones[note.zone], "move", me, own) ?? (key === note.zone ? null : stopped(zone, "write", me));
    if (no) return no;
    if (!own && !me.desk && zone.visible !== "all") return refused("not_yours");
    return { view: changed(view, id, { zone: key, x: x ?? note.x, y: y ?? note.y }), mine };
  },
  delete_note({ view, mine, me }, { note: id, base }) {
    const note = view.notes?.[id];
    if (!note) return refused("gone");
    const own = isOwn(mine, id);
    const no = stopped(view.zones[note.zone], "delete", me, own);
    if (no) return no;
    if (!me.desk && votingIn(view, [note.zone])) return refused("vote_open");
    if (!own && base !== note.revs?.text) return refused("changed_since");
    const notes = { ...view.notes };
    delete notes[id];
    return { view: { ...view, notes }, mine };
  },
  make_group({ view, mine, me }, { group, notes: ids, title = "" }) {
    if (view.groups?.[group]) return null;
    if (ids.some((id) => !view.notes?.[id])) return refused("gone");
    for (const id of ids) {
      const no = stopped(view.zones[view.notes[id].zone], "group", me, isOwn(mine, id));
      if (no) return no;
    }
    if (count(title) > LONGEST.title) return refused("too_long");
    if (ids.some((id) => view.zones[view.notes[id].zone].visible !== "all" || paired(view, id)))
      return refused("bad_target");
    if (
      votingIn(
        view,
        ids.map((id) => view.notes[id].zone),
      )
    )
      return refused("vote_open");
    let next = view;
    for (const id of ids) next = changed(next, id, { group });
    const groups = { ...view.groups, [group]: { title: tidy(title), notes: ids, zone: view.notes[ids[0]].zone } };
    return { view: { ...next, groups }, mine };
  },
  react({ view, mine, me }, { note: id, sign }) {
    const note = view.notes?.[id];
    if (!note) return refused("gone");
    const no = stopped(view.zones[note.zone], "react", me, isOwn(mine, id));
    if (no) return no;
    const reactions = { ...note.reactions };
    const before = mine.reactions?.[id];
    if (before === (sign ?? undefined)) return { view, mine };
    if (before) reactions[before] = Math.max(0, (reactions[before] ?? 0) - 1);
    if (sign) reactions[sign] = (reactions[sign] ?? 0) + 1;
    for (const one in reactions) if (!reactions[one]) delete reactions[one];
    return {
      view: changed(view, id, { reactions }),
      mine: { ...mine, reactions: merged(mine.reactions, { [id]: sign ?? null }) },
    };
  },
  place_dots({ view, mine, me }, { round: id, target, dots }) {
    if (!view.notes?.[target] && !view.groups?.[target]) return refused("gone");
    const round = view.rounds?.[id];
    if (round && !votes(round, me)) return refused("not_allowed");
    if (!round?.open) return refused("no_vote");
    if (!targets(view, round).includes(target)) return refused("bad_target");
    if (dots > round.max_on_one) return refused("too_many_on_one");
    const before = mine.dots?.[id]?.[target] ?? 0;
    const left = (mine.left?.[id] ?? round.dots) - (dots - before);
    if (left < 0) return refused("no_dots_left");
    return {
      view,
      mine: {
        ...mine,
        dots: { ...mine.dots, [id]: { ...mine.dots?.[id], [target]: dots } },
        left: { ...mine.left, [id]: left },
      },
    };
  },
};

function changed(view, id, fields) {
  return { ...view, notes: { ...view.notes, [id]: { ...view.notes[id], ...fields } } };
}

/**
 * What the screen would show after this ask: {view, mine}, {refused: code} where the rules will say no,
 * or null where there is nothing to foresee. view: with the person's own notes in it, as `shownFrom` begins.
 */
export function guess(view, ask, mine, me) {
  return GUESSES[ask.do]?.({ view, mine: mine ?? {}, me: me ?? {} }, ask.with) ?? null;
}

/**
 * What stands on the screen: the shared view, the person's own notes, then what each ask will probably do, oldest first.
 * {view, mine, waiting: {note or target: true}}; a note that is in both the shared view and `mine` is the shared one.
 */
export function shownFrom(base, mine, asks, me) {
  let now = { view: { ...base, notes: { ...mine?.notes, ...base.notes } }, mine: mine ?? {} };
  const waiting = {};
  for (const ask of asks) {
    const next = guess(now.view, ask, now.mine, me);
    if (!next || next.refused) continue;
    now = next;
    if (ask.number === undefined)
      for (const id of [ask.with.note ?? ask.with.target ?? ask.with.notes ?? []].flat()) waiting[id] = true;
  }
  return { ...now, waiting };
}
