/* The view on screen as CSV, Markdown, LaTeX or BibTeX, and the figure as SVG or PNG. */
(function () {
  "use strict";
  const board = window.slimbench;
  const { element } = board;
  const COLUMNS = ["method", "setting", "seeds", "quality", "quality_low", "quality_high", "retention",
    "speedup", "speedup_low", "speedup_high", "latency_ms_p50", "macs", "params", "size_bytes", "tie_group", "limits_met"];
  const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family", "paint-order", "display"];

  function cell(row, name) {
    if (name === "setting") return row.settingText;
    if (name === "seeds") return row.seeds.length;
    return row[name] === null ? "" : board.visible(row[name]);
  }

  function csv(rows) {
    const quoted = (value) => {
      const text = String(value);
      const safe = /^[=+\-@]/.test(text) && isNaN(text) ? "'" + text : text;
      return /[",\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
    };
    return [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => cell(row, name)))]
      .map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  }

  function shown(row) {
    const { quality, share, ratio, ms, count, size } = board.format;
    return [board.visible(row.method), row.settingText, quality(row.quality), share(row.retention), ratio(row.speedup),
      ms(row.latency_ms_p50), count(row.macs), count(row.params), size(row.size_bytes), String(row.seeds.length)];
  }

  const HEADS = ["Method", "Setting", "Quality", "Kept", "Speed-up", "ms", "MACs", "Params", "Size", "n"];

  function markdown(rows) {
    const escape = (text) => text.replace(/([\\|`*_<>[\]])/g, "\\$1");
    const line = (cells) => "| " + cells.join(" | ") + " |";
    return [line(HEADS), line(HEADS.map(() => "---")), ...rows.map((row) => line(shown(row).map(escape)))].join("\n") + "\n";
  }

  function tex(text) {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "×": "$\\times$", "–": "--" };
    return text.replace(/[\\~^×–&%$#_{}]/g, (c) => special[c] || "\\" + c);
  }

  function latex(rows) {
    const line = (cells) => cells.map(tex).join(" & ") + " \\\\";
    return ["\\begin{tabular}{ll" + "r".repeat(HEADS.length - 2) + "}", "\\toprule", line(HEADS), "\\midrule",
      ...rows.map((row) => line(shown(row))), "\\bottomrule", "\\end{tabular}", ""].join("\n");
  }

  function bibtex(rows) {
    const sources = new Map(rows.map((row) => [row.method, row.source]));
    const entries = [...sources].map(([method, source]) => {
      const arxiv = /arXiv:(\d{4}\.\d{4,5})/.exec(source);
      const eprint = arxiv ? ",\n  eprint = {" + arxiv[1] + "},\n  archivePrefix = {arXiv}" : "";
      const key = method.replace(/[^A-Za-z0-9]+/g, "_");
      return "@misc{" + key + ",\n  title = {" + tex(board.visible(method)) + "},\n  note = {" + tex(board.visible(source)) + "}" + eprint + "\n}";
    });
    const board_ = "@misc{slimbench,\n  title = {slimbench, " + tex(board.visible(board.data.title)) +
      "},\n  note = {" + tex(board.data.scale) + " scale},\n  howpublished = {\\url{" + location.href.split("#")[0] + "}}\n}";
    return [board_, ...entries].join("\n\n") + "\n";
  }

  board.texts = { csv, markdown, latex, bibtex };

  /** Copy text; without the clipboard's permission (for example from disk) through a text area. */
  board.copy = async function (text) {
    board.copied = text;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", { "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    board.say("Copied " + text.length + " characters");
  };

  /** The visible figure as a file of its own: computed styles are written into each element. */
  board.svgText = function () {
    const source = board.figure().element.querySelector("svg");
    const clone = source.cloneNode(true);
    const originals = source.querySelectorAll("*");
    clone.querySelectorAll("*").forEach((one, i) => {
      const style = getComputedStyle(originals[i]);
      if (style.display === "none") return one.setAttribute("display", "none");
      for (const name of DRAWN) if (name !== "display") one.setAttribute(name, style.getPropertyValue(name));
      for (const name of ["class", "tabindex", "data-r", "data-x", "data-y", "style"]) one.removeAttribute(name);
    });
    const [, , width, height] = source.getAttribute("viewBox").split(" ");
    const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ width, height, fill: getComputedStyle(document.body).backgroundColor }))
      back.setAttribute(name, value);
    clone.prepend(back);
    clone.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    clone.setAttribute("width", width);
    clone.setAttribute("height", height);
    return new XMLSerializer().serializeToString(clone);
  };

  function save(blob, name) {
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function saveSvg() {
    save(new Blob([board.svgText()], { type: "image/svg+xml" }), "slimbench.svg");
  }

  function savePng() {
    const image = new Image();
    image.onload = () => {
      const canvas = element("canvas", { width: 2 * image.width, height: 2 * image.height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, "slimbench.png"));
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(board.svgText());
  }

  board.exportBar = function () {
    const button = (words, act) => element("button", { type: "button", class: "sb-button", onclick: act }, words);
    const copies = { CSV: csv, Markdown: markdown, LaTeX: latex, BibTeX: bibtex };
    return element(
      "div", { class: "sb-bar", role: "group", "aria-label": "Copy and save" }, "Copy view as",
      ...Object.entries(copies).map(([words, make]) => button(words, () => board.copy(make(board.view())))),
      "Figure as", button("SVG", saveSvg), button("PNG", savePng)
    );
  };
})();
