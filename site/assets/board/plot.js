/* The figures: one at a time, points of hidden rows gone, the front of what is left, hover. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  let figures = [];
  let tip;

  /** Latency follows the hardware switch; other costs have one figure for all hardware. */
  function chosen() {
    const axis = board.state.axis || figures[0].key.split(":")[0];
    const key = axis === "latency" ? "latency:" + board.profile() : axis;
    return figures.find((one) => one.key === key) || figures[0];
  }

  board.figure = () => chosen();

  function show() {
    const one = chosen();
    for (const other of figures) other.element.hidden = other !== one;
    for (const button of document.querySelectorAll("[data-axis-button]"))
      button.setAttribute("aria-pressed", String(button.dataset.axisButton === one.key.split(":")[0]));
    update(one);
  }

  function update(figure) {
    const left = [];
    for (const point of figure.points) {
      const row = board.data.rows[point.number];
      point.element.classList.toggle("sb-off", !row.shown);
      if (row.shown) left.push(point);
    }
    figure.element.querySelectorAll(".sb-name").forEach((name) => {
      name.style.display = left.length === figure.points.length ? "" : "none";
    });
    const front = figure.element.querySelector(".sb-front");
    if (front) front.setAttribute("d", frontPath(left));
  }

  /** Steps through the points that no cheaper one beats; y grows downwards in SVG. */
  function frontPath(points) {
    const up = board.data.higher_is_better ? 1 : -1;
    const order = points.slice().sort((a, b) => a.x - b.x || up * (a.y - b.y));
    let path = "";
    let best = Infinity;
    for (const { x, y } of order) {
      if (up * y >= best) continue;
      path += path ? "H" + x + "V" + y : "M" + x + " " + y;
      best = up * y;
    }
    return path;
  }

  function describe(row) {
    const { quality, range, ratio, ms, count, size } = board.format;
    const lines = [
      quality(row.quality) + " (" + range(row.quality_low, row.quality_high, quality) + ")",
      "speed-up " + ratio(row.speedup) + ", " + ms(row.latency_ms_p50) + " ms",
      count(row.macs) + " MACs, " + count(row.params) + " parameters, " + size(row.size_bytes),
      row.seeds.length + " seeds, " + row.runs_tried + " runs tried",
    ];
    const name = element("b", {}, board.visible(row.method) + ", " + row.settingText);
    return [name, ...lines.flatMap((line) => [element("br"), line])];
  }

  function showTip(point) {
    const box = point.element.getBoundingClientRect();
    tip.replaceChildren(...describe(board.data.rows[point.number]));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - width / 2), innerWidth - width - 8);
    const above = box.top - height - 8;
    tip.style.left = left + "px";
    tip.style.top = (above > 8 ? above : box.bottom + 8) + "px";
  }

  function prepare(element_) {
    const points = [...element_.querySelectorAll(".sb-pt")].map((mark) => ({
      element: mark,
      number: Number(mark.dataset.r),
      x: Number(mark.dataset.x),
      y: Number(mark.dataset.y),
    }));
    for (const point of points) {
      const title = point.element.querySelector("title");
      point.element.setAttribute("aria-label", title.textContent);
      title.remove();
      point.element.setAttribute("tabindex", "0");
      point.element.setAttribute("role", "button");
      const open = () => board.set({ open: board.data.rows[point.number].row_id });
      const on = { mouseenter: () => showTip(point), focus: () => showTip(point), click: open };
      for (const [name, act] of Object.entries(on)) point.element.addEventListener(name, act);
      for (const name of ["mouseleave", "blur"])
        point.element.addEventListener(name, () => (tip.hidden = true));
      point.element.addEventListener("keydown", (event) => {
        if (event.key === "Escape") tip.hidden = true;
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open();
      });
    }
    const picture = element_.querySelector("svg");
    if (picture) picture.setAttribute("role", "group");
    return { key: element_.dataset.figure, words: element_.dataset.words, element: element_, points };
  }

  function tabs() {
    const axes = [...new Set(figures.map((one) => one.key.split(":")[0]))];
    const names = { latency: "Latency", macs: "MACs", size_bytes: "File size", params: "Parameters" };
    const buttons = axes.map((axis) =>
      element(
        "button",
        {
          type: "button",
          class: "sb-button",
          "data-axis-button": axis,
          "aria-pressed": "false",
          onclick: () => board.set({ axis }),
        },
        names[axis]
      )
    );
    return element("div", { class: "sb-bar", role: "group", "aria-label": "Cost axis" }, "Quality against", ...buttons);
  }

  board.startPlot = function () {
    const place = document.getElementById("sb-board");
    const folded = place.querySelector(".sb-others");
    figures = [...place.querySelectorAll(".sb-figure")].map(prepare);
    tip = element("div", { class: "sb-tip", role: "status", hidden: true });
    document.body.append(tip);
    const legend = place.querySelector(".sb-legend");
    place.prepend(tabs());
    for (const figure of figures) place.insertBefore(figure.element, legend);
    if (folded) folded.remove();
    board.whenChanged(show);
    show();
  };
})();
