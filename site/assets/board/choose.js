/* "What should I use?": four limits, one answer; the same rule as `leaderboard.recommend`. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  const STEPS = 100;
  const MONTH = 730 * 3600; // seconds; one request each
  const PLANS = [
    { key: "ms", column: "latency_ms_p50", words: "latency at most", most: true, show: (v) => board.format.ms(v) + " ms" },
    { key: "size", column: "size_bytes", words: "size at most", most: true, show: (v) => board.format.size(v) },
    { key: "quality", column: "quality", words: "quality at least", most: false, show: (v) => board.format.quality(v) },
    { key: "cost", column: "month", words: "cost a month at 1 request a second, at 100% use, at most", most: true, show: (v) => board.format.dollars(v) },
  ];
  let sliders = [];
  let answer;

  const cost = (row) => (board.isNumber(row.usd_per_million) ? (row.usd_per_million * MONTH) / 1e6 : null);
  const value = (row, column) => (column === "month" ? cost(row) : row[column]);

  function range(plan) {
    const values = board.data.rows.filter((row) => row.usable).map((row) => value(row, plan.column));
    const known = values.filter(board.isNumber);
    return known.length && Math.min(...known) < Math.max(...known) ? [Math.min(...known), Math.max(...known)] : null;
  }

  /** Position 0 to STEPS to a bound; the loosest end means no limit. */
  function bound(slider) {
    const step = Number(slider.input.value);
    const [low, high] = slider.range;
    if (step === (slider.plan.most ? STEPS : 0)) return null;
    const share = step / STEPS;
    if (!slider.plan.most || low <= 0) return low + share * (high - low);
    return low * Math.pow(high / low, share);
  }

  /** A row that just meets a bound must not fail by the rounding of the slider. */
  function keeps(row, slider) {
    const limit = bound(slider);
    if (limit === null) return true;
    const found = value(row, slider.plan.column);
    if (!board.isNumber(found)) return false;
    return slider.plan.most ? found <= limit * (1 + 1e-9) : found >= limit - 1e-9 * Math.abs(limit);
  }

  function best(rows) {
    const order = rows.slice().sort((a, b) => board.goodness(b) - board.goodness(a) || a.number - b.number);
    const leader = order[0];
    const end = board.data.higher_is_better ? leader.quality_low : leader.quality_high;
    const floor = end === null ? board.goodness(leader) : board.data.higher_is_better ? end : -end;
    const cost_ = (row) => ["latency_ms_p50", "macs", "size_bytes"].map((name) => row[name] ?? Infinity);
    return order
      .filter((row) => board.goodness(row) >= floor)
      .sort((a, b) => {
        const [x, y] = [cost_(a), cost_(b)];
        const i = x.findIndex((one, place) => one !== y[place]);
        return i < 0 ? board.goodness(b) - board.goodness(a) : x[i] - y[i];
      })[0];
  }

  function show() {
    for (const slider of sliders) {
      const limit = bound(slider);
      slider.output.textContent = limit === null ? "any" : slider.plan.show(limit);
      slider.input.setAttribute("aria-valuetext", slider.output.textContent);
    }
    const usable = board.data.rows.filter((row) => row.usable);
    const able = usable.filter((row) => sliders.every((slider) => keeps(row, slider)));
    for (const mark of document.querySelectorAll(".sb-pt.sb-on")) mark.classList.remove("sb-on");
    answer.replaceChildren(...(able.length ? taken(best(able), able.length) : refused(usable)));
  }

  function taken(row, count) {
    const { quality, ratio, size } = board.format;
    for (const mark of document.querySelectorAll('.sb-pt[data-r="' + row.number + '"]')) mark.classList.add("sb-on");
    const open = element(
      "button", { type: "button", class: "sb-button", onclick: () => board.set({ open: row.row_id }) }, "Details"
    );
    const copy = element("button", { type: "button", class: "sb-button", onclick: () => board.copy(row.reproduce) }, "Copy command");
    const figures = [quality(row.quality), board.isNumber(row.speedup) ? ratio(row.speedup) + " the reference's speed" : "latency pending", size(row.size_bytes)];
    return [
      "Use ", element("b", { "data-answer": row.row_id }, board.visible(row.method)), " (" + row.settingText + "): " + figures.join(", ") +
        ". " + count + (count === 1 ? " row fits; " : " rows fit; of those no worse than the best, this is the cheapest. "),
      element("br"), element("code", {}, row.reproduce), " ", copy, " ", open,
    ];
  }

  function refused(usable) {
    const alone = sliders.find((slider) => !usable.some((row) => keeps(row, slider)));
    const which = alone ? "No row has " + alone.plan.words + " " + alone.plan.show(bound(alone)) : "No row keeps all limits together";
    return [which + "; loosen it."];
  }

  function make(plan) {
    const ends = range(plan);
    if (!ends) return null;
    const start = board.state[plan.key] ?? (plan.most ? STEPS : 0);
    const output = element("output", {});
    const input = element("input", {
      type: "range", min: 0, max: STEPS, value: start, "data-plan": plan.key,
      oninput: () => board.set({ [plan.key]: input.value === String(plan.most ? STEPS : 0) ? null : input.value }),
    });
    const label = element("label", {}, plan.words + " ", element("b", {}, output), input);
    return { plan, range: ends, input, output, label };
  }

  board.startChoose = function () {
    if (!board.data.rows.some((row) => row.usable)) return;
    const place = document.getElementById("sb-controls");
    answer = element("p", { class: "sb-answer", "aria-live": "polite" });
    const fields = element("div", { class: "sb-sliders" });
    const box = element(
      "section", { class: "sb-panel", id: "sb-choose", "aria-label": "What should I use?" },
      element("b", {}, "What should I use?"), fields, answer
    );
    const rebuild = () => {
      sliders = PLANS.map(make).filter(Boolean);
      fields.replaceChildren(...sliders.map((slider) => slider.label));
      show();
    };
    place.append(box);
    rebuild();
    board.whenChanged((keys) => {
      if (!keys || keys.includes("profile")) rebuild();
      else if (PLANS.some((plan) => keys.includes(plan.key))) show();
    });
  };
})();
