/* The page's rows as objects, and the small functions that build elements from untrusted text. */
(function () {
  "use strict";
  const board = (window.slimbench = window.slimbench || {});
  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

  /** Text whose control and direction-changing characters are shown as their code. */
  board.visible = function (text) {
    return String(text).replace(UNSEEN, (c) =>
      c === "\n" || c === "\t"
        ? " "
        : "⟨U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩"
    );
  };

  /** An element with attributes and children; text children are never parsed as HTML. */
  board.element = function (tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined)
        made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  /** Everything the page embeds, or null on pages without a table of rows. */
  board.read = function () {
    const script = document.getElementById("sb-data");
    if (!script) return null;
    const data = JSON.parse(script.textContent);
    const lines = document.querySelectorAll(".sb-table tbody tr[data-r]"); // before any is detached
    data.rows = data.rows.map((values, number) => row(data, values, number, lines[number]));
    board.data = data;
    return data;
  };

  function row(data, values, number, line) {
    const made = { number, line, slices: {}, scored: data.scored[number], artifact: data.artifact[number] };
    data.columns.forEach((name, i) => (made[name] = values[i]));
    data.slices.forEach((name, i) => (made.slices[name] = data.slice_values[number][i]));
    made.words = board.visible(
      [made.method, made.family, settingText(made.setting), made.status, made.cause || ""].join(" ")
    ).toLowerCase();
    made.settingText = settingText(made.setting) || "default";
    made.reproduce = line.querySelector("code").textContent;
    return made;
  }

  function settingText(setting) {
    const short = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    return board.visible(
      Object.keys(setting).sort().map((key) => key + " " + short(setting[key])).join(", ")
    );
  }

  /** Give every row the timing columns of one profile. */
  board.useProfile = function (name) {
    const timings = board.data.profiles[name] || {};
    for (const one of board.data.rows) {
      const values = timings[one.number];
      board.data.timed_columns.forEach((column, i) => (one[column] = values ? values[i] : null));
    }
  };

  board.isNumber = (value) => typeof value === "number" && isFinite(value);
  /** Quality with its sign turned so that more is better. */
  board.goodness = (one) => (board.data.higher_is_better ? one.quality : -one.quality);
})();
