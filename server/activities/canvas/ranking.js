/* The result of a closed vote, as every screen shows it. */
import { h } from "./element.js";

/** A closed round: what it was put on, by rank, with each group's share side by side and the widest distance said. */
export function ranking(board, id, from = 0, most = Infinity) {
  const { tally } = board.view.rounds[id];
  const widest = Math.max(0, ...tally.targets.map((row) => row.divergence ?? 0));
  const top = Math.max(
    1,
    ...tally.targets.flatMap((row) => Object.values(row.by_group ?? {}).map((cell) => cell.share)),
  );
  const full = top <= 500 ? 500 : 1000;
  const rows = tally.targets
    .filter((row) => row.total || most === Infinity)
    .sort((a, b) => a.rank - b.rank)
    .slice(from, from + most);
  return h(
    "ol.cv-rank",
    {},
    rows.map((row) =>
      h(
        `li${row.divergence && row.divergence === widest ? ".is-widest" : ""}`,
        {},
        h("b.cv-place", {}, `${row.rank}${row.tied ? "=" : ""}`),
        h("span.cv-text", { dir: "auto" }, board.targetName(row.target)),
        h("strong.cv-total", {}, board.say("dots_got", { n: row.total })),
        row.by_group &&
          h(
            "span.cv-shares",
            {},
            Object.entries(row.by_group).map(([group, { share }]) =>
              h(
                "span.cv-share",
                {},
                board.badge(group, 24),
                h(
                  "span.bar-place",
                  {},
                  h(
                    `svg.bar.bar-${board.group(group).shape}`,
                    { "aria-hidden": "true" },
                    h("rect.bar-fill", { x: 0, y: 1, width: `${(share * 100) / full}%` }),
                    h("line.bar-base", { x1: 0, x2: 0, y1: 0, y2: "100%" }),
                  ),
                ),
                h("b.bar-number", {}, `${Math.round(share / 10)}%`),
              ),
            ),
            row.divergence === widest &&
              widest > 0 &&
              h("span.cv-distance", {}, board.say("distance", { n: Math.round(row.divergence / 10) })),
          ),
      ),
    ),
  );
}
