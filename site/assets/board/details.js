/* A row opened: settings, every seed, cost, commands, loss by group, the artifact. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;

  function facts(row) {
    const { quality, range, share, ratio, ms, count, size, dollars } = board.format;
    const hours = (seconds) => (seconds / 3600).toFixed(2) + " CPU hours";
    const list = [
      ["Setting", row.settingText],
      ["Quality", quality(row.quality) + ", " + range(row.quality_low, row.quality_high, quality)],
      ["Each seed", row.seeds.map((seed, i) => seed + ": " + quality(row.quality_seeds[i])).join(", ")],
      ["Kept", share(row.retention) + ", " + range(row.retention_low, row.retention_high, share)],
      ["Speed-up", ratio(row.speedup) + ", " + range(row.speedup_low, row.speedup_high, ratio)],
      ["Latency", ms(row.latency_ms_p50) + " ms median, " + ms(row.latency_ms_p99) + " ms p99" +
        (row.settled === false ? ", not settled" : "")],
      ["Price", dollars(row.usd_per_million) + " a million requests"],
      ["Compute", count(row.macs) + " MACs, " + count(row.macs === null ? null : 2 * row.macs) + " FLOPs" +
        (row.macs_int8 ? ", " + share(row.macs_int8 / row.macs) + " of 8-bit numbers" : "") +
        (row.macs_int8 && row.instructions ? " (timed with " + board.visible(row.instructions) + ")" : "")],
      ["Parameters", count(row.params) + ", " + count(row.params_nonzero) + " not zero"],
      ["Memory", size(row.size_bytes) + " file, " + size(row.peak_memory_bytes) + " peak"],
      ["Cost of a run", count(row.cost_train_macs) + " training MACs, " + hours(row.cost_cpu_seconds)],
      ["Runs tried", row.runs_tried + " of this method on this task"],
      ["Standing", standing(row)],
      ["History", "last run " + board.visible(row.created) + ", method version " + row.method_version],
      ["Source", board.visible(row.source)],
    ];
    if (row.cause) list.push(["Cause", board.visible(row.cause)]);
    return list;
  }

  function standing(row) {
    const tie = row.tie_group === null ? "shown, not ranked" : "tie group " + row.tie_group;
    return [row.verification.replace("_", " "), tie, "status " + row.status.replace("_", " ")].join(", ");
  }

  function slices(row) {
    const reference = board.data.rows.find((one) => one.method === "reference");
    const names = Object.keys(row.slices).filter((name) => board.isNumber(row.slices[name]));
    if (!names.length) return null;
    const shown = names.map((name) => {
      const base = reference ? reference.slices[name] : null;
      const loss = board.isNumber(base) ? " (" + (100 * (row.slices[name] - base)).toFixed(1) + ")" : "";
      return board.visible(name) + " " + board.format.share(row.slices[name]) + loss;
    });
    return ["By group", shown.join(", ")];
  }

  function command(words, text) {
    const copy = element("button", { type: "button", class: "sb-button", onclick: () => board.copy(text) }, "Copy");
    return [words, element("span", {}, element("code", {}, text), " ", copy)];
  }

  function panel(row) {
    const list = facts(row);
    const groups = slices(row);
    if (groups) list.push(groups);
    list.push(command("Reproduce", row.reproduce), command("Verify", "python -m leaderboard --check"));
    if (row.artifact)
      list.push(["Artifact", element("a", { href: "../" + row.artifact, download: true }, row.artifact + " (ONNX)")]);
    else list.push(["Artifact", "not stored here (above 4 MB, or not on a front): the command makes it again"]);
    const close = () => board.set({ open: null });
    return element(
      "div",
      { class: "sb-panel", role: "group", "aria-label": "Row " + board.visible(row.method) },
      element(
        "dl",
        { class: "sb-list" },
        ...list.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])
      ),
      element("button", { type: "button", class: "sb-button", onclick: close }, "Close")
    );
  }

  function show(scroll) {
    document.querySelectorAll(".sb-more").forEach((line) => line.remove());
    const row = board.data.rows.find((one) => one.row_id === board.state.open);
    if (!row || !row.line.isConnected) return;
    const cell = element("td", { colspan: document.querySelectorAll("th[data-key]").length }, panel(row));
    cell.style.textAlign = "left";
    cell.style.whiteSpace = "normal";
    row.line.after(element("tr", { class: "sb-more" }, cell));
    if (scroll) row.line.scrollIntoView({ block: "center" });
  }

  board.startDetails = function () {
    for (const row of board.data.rows) {
      const summary = row.line.querySelector("summary");
      summary.setAttribute("aria-label", "Details of " + board.visible(row.method) + " " + row.settingText);
      summary.addEventListener("click", (event) => {
        event.preventDefault();
        board.set({ open: board.state.open === row.row_id ? null : row.row_id });
      });
    }
    board.whenChanged((keys) => {
      if (!keys || !keys.includes("compare")) show(keys && keys.includes("open"));
    });
    show(false);
  };
})();
