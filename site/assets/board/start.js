/* Filters, the hardware switch, and the order in which the parts start. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  let status;

  /** Say something to everybody, screen readers included. */
  board.say = (words) => (status.textContent = words);

  /** The hardware on view; null before anything was timed. */
  board.profile = function () {
    const names = Object.keys(board.data.profiles);
    return names.includes(board.state.profile) ? board.state.profile : board.data.default_profile;
  };

  function select(key, words, options) {
    const field = element(
      "select", { onchange: () => board.set({ [key]: field.value }), "data-field": key },
      ...options.map(([value, name]) => element("option", { value }, name))
    );
    field.value = board.state[key] || "";
    board.whenChanged((keys) => {
      if (!keys) field.value = board.state[key] || "";
    });
    return element("label", {}, words, field);
  }

  function search() {
    const field = element("input", {
      type: "search", placeholder: "method, setting, cause", value: board.state.q || "", "data-field": "q",
      oninput: () => board.set({ q: field.value }),
    });
    board.whenChanged((keys) => {
      if (!keys) field.value = board.state.q || "";
    });
    return element("label", {}, "Find", field);
  }

  function filters() {
    const { rows, profiles, default_profile: usual } = board.data;
    const families = [...new Set(rows.map((row) => row.family))].sort();
    const parts = [
      search(),
      select("family", "Family", [["", "all"], ...families.map((name) => [name, board.visible(name)])]),
      select("limits", "Limits", [["", "any"], ["met", "met"], ["may", "met or may meet"]]),
      select("verified", "Checked", [["", "any"], ["yes", "verified or reproduced"]]),
      select("gone", "Failed or superseded", [["", "show"], ["hide", "hide"]]),
    ];
    const names = Object.keys(profiles);
    if (names.length > 1) {
      const options = names.map((name) => [name === usual ? "" : name, board.visible(name)]);
      parts.push(select("profile", "Hardware", options));
    }
    const clear = element("button", { type: "button", class: "sb-button", onclick: reset }, "Reset");
    return element("div", { class: "sb-bar", role: "group", "aria-label": "Filters" }, ...parts, clear, status);
  }

  function reset() {
    board.set(Object.fromEntries(Object.keys(board.state).map((key) => [key, null])));
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }

  function start() {
    if (!board.read() || !board.data.rows.length) return;
    status = element("span", { role: "status" });
    board.useProfile(board.profile());
    board.whenChanged((keys) => {
      if (!keys || keys.includes("profile")) board.useProfile(board.profile());
    });
    const place = document.getElementById("sb-controls");
    board.startChoose();
    place.append(filters(), board.exportBar());
    board.startTable();
    board.startDetails();
    board.startCompare();
    board.startPlot();
    document.documentElement.dataset.slimbench = "ready";
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
