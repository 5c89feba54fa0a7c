/* Two rows side by side, with the paired test of their artifacts. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  let place;

  function picked() {
    const ids = (board.state.compare || "").split(",").filter(Boolean);
    return ids.map((id) => board.data.rows.find((row) => row.row_id === id)).filter(Boolean).slice(0, 2);
  }

  function toggle(row) {
    const ids = picked().map((one) => one.row_id);
    const left = ids.includes(row.row_id) ? ids.filter((id) => id !== row.row_id) : [...ids, row.row_id].slice(-2);
    board.set({ compare: left.join(",") });
  }

  function sideBySide(a, b) {
    const { quality, share, ratio, ms, count, size, dollars } = board.format;
    const measures = [
      ["Quality", "quality", quality, 1],
      ["Kept", "retention", share, 1],
      ["Speed-up", "speedup", ratio, 1],
      ["Latency, ms", "latency_ms_p50", ms, -1],
      ["MACs", "macs", count, -1],
      ["Parameters", "params", count, -1],
      ["Size", "size_bytes", size, -1],
      ["Price of a million", "usd_per_million", dollars, -1],
    ];
    const name = (row) => board.visible(row.method) + ", " + row.settingText;
    const heads = ["", name(a), name(b), "second over first"].map((words) => element("th", { scope: "col" }, words));
    const lines = measures.map(([words, key, shown]) => {
      const both = board.isNumber(a[key]) && board.isNumber(b[key]) && a[key] !== 0;
      const cells = [shown(a[key]), shown(b[key]), both ? ratio(b[key] / a[key]) : "–"];
      return element(
        "tr", {}, element("th", { scope: "row" }, words), ...cells.map((cell) => element("td", {}, cell))
      );
    });
    return element(
      "div", { class: "sb-scroll", tabindex: "0", role: "region", "aria-label": "Two rows" },
      element("table", { class: "sb-table" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines))
    );
  }

  async function verdict(a, b) {
    if (!a.scored || !b.scored) return "No paired test: one of the rows has no example scores.";
    try {
      const test = await board.pairedTest(a.scored, b.scored);
      const points = (value) => (100 * value).toFixed(2);
      const how = test.exact
        ? "McNemar's exact test: only the first is right on " + test.onlyA + " examples, only the second on " + test.onlyB
        : "paired test of the mean score";
      const who = test.p < 0.05 ? "These two artifacts differ" : "These two artifacts are not separable";
      return (
        who + ": " + points(test.mean) + " points (" + points(test.low) + " to " + points(test.high) + "), " +
        board.format.p(test.p) + ", " + how + ", of " + test.n.toLocaleString("en-US") +
        " (first seed of each; one pair was tested, so nothing is corrected for many)."
      );
    } catch (error) {
      return "No paired test: " + error.message + ".";
    }
  }

  async function show() {
    const rows = picked();
    for (const row of board.data.rows) if (row.box) row.box.checked = rows.includes(row);
    if (!rows.length) return place.replaceChildren();
    if (rows.length === 1)
      return place.replaceChildren(
        element("div", { class: "sb-panel" }, "Pick a second row to compare with " + board.visible(rows[0].method) + ".")
      );
    const answer = element("p", { class: "sb-answer" }, "Testing…");
    const close = element("button", { type: "button", class: "sb-button", onclick: () => board.set({ compare: null }) }, "Close");
    place.replaceChildren(
      element("div", { class: "sb-panel", role: "group", "aria-label": "Comparison" }, sideBySide(...rows), answer, close)
    );
    answer.textContent = await verdict(...rows);
    answer.dataset.ready = "yes";
  }

  board.startCompare = function () {
    place = element("div", { id: "sb-compare", "aria-live": "polite" });
    document.getElementById("sb-controls").append(place);
    for (const row of board.data.rows) {
      if (!row.seeds.length) continue;
      row.box = element("input", {
        type: "checkbox",
        class: "sb-pick",
        "aria-label": "Compare " + board.visible(row.method) + " " + row.settingText,
        onchange: () => toggle(row),
      });
      row.line.cells[1].prepend(row.box);
    }
    board.whenChanged((keys) => {
      if (!keys || keys.includes("compare") || keys.includes("profile")) show();
    });
    show();
  };
})();
