/* Numbers as people read them; the same words as the static page. */
(function () {
  "use strict";
  const board = window.slimbench;
  const UNKNOWN = "–";
  const known = board.isNumber;

  function significant(value, digits) {
    if (value === 0) return "0";
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits))))));
    return value.toLocaleString("en-US", {
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    });
  }

  function prefixed(value) {
    if (!known(value)) return UNKNOWN;
    for (const [power, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (Math.abs(value) >= power * 0.9995) return significant(value / power, 3) + " " + letter;
    return significant(value, 3);
  }

  const format = {
    significant,
    count: prefixed,
    size: (value) => (known(value) ? prefixed(value).replace(/(\d)$/, "$1 ") + "B" : UNKNOWN),
    ms: (value) => (known(value) ? significant(value, 3) : UNKNOWN),
    ratio: (value) => (known(value) ? significant(value, 3) + "×" : UNKNOWN),
    share: (value) => (known(value) ? (100 * value).toFixed(1) + "%" : UNKNOWN),
    quality(value) {
      if (!known(value)) return UNKNOWN;
      if (board.data.unit === "fraction") return (100 * value).toFixed(2) + "%";
      return significant(value, 4) + " " + board.data.unit;
    },
    dollars: (value) => (known(value) ? "$" + significant(value, 3) : UNKNOWN),
    range(low, high, shown) {
      return known(low) && known(high) ? shown(low) + " to " + shown(high) : "interval unknown";
    },
    p: (value) => (value < 0.001 ? "p < 0.001" : "p = " + value.toFixed(3)),
  };
  board.format = format;
})();
