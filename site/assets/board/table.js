/* Sorting and filtering of the rows that the static table already holds. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  const MARKS = { met: "✓ met", "may meet": "≈ may meet", missed: "✗ missed", pending: "… pending" };
  const LIMITS = { met: 0, "may meet": 1, missed: 2, pending: 3 };
  const FILLING = ["q", "family", "limits", "verified", "gone", "all", "sort", "profile"];
  const FIRST = 100;
  let body, heads, more;

  function value(row, key) {
    if (key === "seeds") return row.seeds.length;
    if (key === "limits_met") return LIMITS[row.limits_met];
    return row[key];
  }

  /** Rows without a value come last in both directions. */
  function sorted(rows, key, descending) {
    const sign = descending ? -1 : 1;
    return rows.slice().sort((a, b) => {
      const [x, y] = [value(a, key), value(b, key)];
      const [noX, noY] = [x === null || x === undefined, y === null || y === undefined];
      if (noX || noY) return noX - noY || a.number - b.number;
      return (x < y ? -sign : x > y ? sign : 0) || a.number - b.number;
    });
  }

  function markHeads() {
    const state = board.state.sort || "";
    const [key, order] = [state.replace(/^-/, ""), state[0] === "-" ? "descending" : "ascending"];
    for (const head of heads)
      head.setAttribute("aria-sort", state && head.dataset.key === key ? order : "none");
  }

  function passes(row) {
    const { q, family, limits, verified, gone } = board.state;
    if (q && !q.toLowerCase().split(/\s+/).every((word) => row.words.includes(word))) return false;
    if (family && row.family !== family) return false;
    if (limits === "met" && row.limits_met !== "met") return false;
    if (limits === "may" && !["met", "may meet"].includes(row.limits_met)) return false;
    if (verified && !["verified", "reproduced"].includes(row.verification)) return false;
    return gone !== "hide" || row.usable;
  }

  /** Long tables hold their first rows only; the rest are one button away, and in every export. */
  function fill() {
    for (const row of board.data.rows) row.shown = passes(row);
    const matching = board.view();
    const first = board.state.all ? matching : matching.slice(0, FIRST);
    body.replaceChildren(...first.map((row) => row.line));
    markHeads();
    more.hidden = first.length === matching.length;
    more.textContent = "Show all " + matching.length + " rows";
    board.say(matching.length + " of " + board.data.rows.length + " rows");
  }

  /** The rows on view, in the order on view. */
  board.view = function () {
    const state = board.state.sort;
    const rows = state
      ? sorted(board.data.rows, state.replace(/^-/, ""), state[0] === "-")
      : board.data.rows;
    return rows.filter((row) => row.shown);
  };

  function next(key) {
    const now = board.state.sort;
    const first = ["method", "tie_group", "latency_ms_p50", "macs", "params", "size_bytes"];
    const starts = first.includes(key) || key === "limits_met" ? key : "-" + key;
    const other = starts[0] === "-" ? key : "-" + key;
    return now === starts ? other : now === other ? null : starts;
  }

  function makeSortable(head) {
    const words = head.textContent;
    const button = element(
      "button",
      { type: "button", class: "sb-sort", onclick: () => board.set({ sort: next(head.dataset.key) }) },
      words
    );
    head.replaceChildren(button);
  }

  function timing() {
    const place = (key) => [...heads].findIndex((head) => head.dataset.key === key);
    const [speed, ms, kept] = [place("speedup"), place("latency_ms_p50"), place("limits_met")];
    for (const row of board.data.rows) {
      if (!row.seeds.length) continue;
      row.line.cells[speed].replaceChildren(...speedParts(row));
      row.line.cells[ms].textContent = board.format.ms(row.latency_ms_p50);
      row.line.cells[kept].replaceChildren(...limitParts(row));
      row.line.classList.toggle("sb-front-row", Boolean(row.pareto));
    }
    const caption = heads[0].closest("table").caption;
    const profile = board.profile();
    if (profile) caption.textContent = caption.textContent.replace(/[^ ]+$/, profile);
  }

  function limitParts(row) {
    const named = row.limits_worst.map((one) => board.data.limit_names[one]);
    const mark = MARKS[row.limits_met] || "–";
    return named.length ? [mark, " ", element("small", {}, named.join(", "))] : [mark];
  }

  function speedParts(row) {
    const { ratio, significant } = board.format;
    const small = (words) => element("small", {}, words);
    const hint = (title, words) => element("abbr", { title }, words);
    if (row.speedup === null)
      return [row.latency_cause ? hint(board.visible(row.latency_cause), "not timed") : small("latency pending")];
    if (row.speedup_low === null || row.speedup_high === null)
      return [ratio(row.speedup), " ", small("unsettled")];
    const ends = significant(row.speedup_low, 3) + "–" + significant(row.speedup_high, 3);
    const mark = row.settled ? [] : [" ", hint("a time cap ended it before the interval was within 1%", "*")];
    return [ratio(row.speedup), " ", small(ends), ...mark];
  }

  board.startTable = function () {
    const table = board.data.rows[0].line.closest("table");
    body = table.tBodies[0];
    heads = table.tHead.querySelectorAll("th[data-key]");
    heads.forEach(makeSortable);
    more = element("button", { type: "button", class: "sb-button", onclick: () => board.set({ all: "yes" }) });
    table.closest(".sb-scroll").after(more);
    board.whenChanged((keys) => {
      if (!keys || keys.includes("profile")) timing();
      if (!keys || keys.some((key) => FILLING.includes(key))) fill();
    });
    if (board.state.profile) timing();
    fill();
  };
})();
