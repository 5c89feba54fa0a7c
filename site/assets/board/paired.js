/* Two artifacts on the same hidden examples: McNemar's exact test, or a paired test of means. */
(function () {
  "use strict";
  const board = window.slimbench;
  const loaded = {};
  const waiting = {};

  /** Called by each file in scores/; scripts, not fetch, so that it also works from disk. */
  window.slimbenchScores = function (key, examples, kind, encoded) {
    const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const read = {
      bits: (i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1,
      graded: (i) => view.getUint16(2 * i, true) / 65535,
      real: (i) => view.getFloat32(4 * i, true),
    }[kind];
    const scores = Float64Array.from({ length: examples }, (_, i) => read(i));
    loaded[key] = { scores, binary: kind === "bits" };
  };

  function load(key) {
    if (!/^[0-9a-f]{1,16}$/.test(key)) return Promise.reject(new Error("no scores"));
    waiting[key] ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "../scores/" + key + ".js";
      script.onload = () => resolve(loaded[key]);
      script.onerror = () => reject(new Error("scores/" + key + ".js could not be loaded"));
      document.head.append(script);
    });
    return waiting[key];
  }

  function logGamma(x) {
    // Stirling's series; x >= 1, shifted up so that it is accurate to 1e-12.
    let shift = 0;
    for (; x < 12; x++) shift -= Math.log(x);
    const z = 1 / (x * x);
    const series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z / 1680))) / x;
    return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
  }

  /** Two-sided exact p-value from the counts of examples that only one of the two gets right. */
  board.mcnemar = function (onlyFirst, onlySecond) {
    const n = onlyFirst + onlySecond;
    if (!n) return 1;
    const all = logGamma(n + 1) - n * Math.LN2;
    let tail = 0;
    for (let i = 0; i <= Math.min(onlyFirst, onlySecond); i++)
      tail += Math.exp(all - logGamma(i + 1) - logGamma(n - i + 1));
    return Math.min(1, 2 * tail);
  };

  /** Two-sided normal p-value of a mean difference over its standard error. */
  function normal(z) {
    // Abramowitz and Stegun 7.1.26, absolute error below 2e-7.
    const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2);
    const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return poly * Math.exp((-z * z) / 2);
  }

  /** Mean difference with its 95% interval and p-value: first minus second. */
  board.pairedTest = async function (first, second) {
    const [a, b] = await Promise.all([load(first), load(second)]);
    const n = a.scores.length;
    if (b.scores.length !== n) throw new Error("the two rows were scored on different examples");
    let [sum, squares, onlyA, onlyB] = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const difference = a.scores[i] - b.scores[i];
      sum += difference;
      squares += difference * difference;
      onlyA += difference > 0;
      onlyB += difference < 0;
    }
    const mean = sum / n;
    const error = Math.sqrt((squares / n - mean * mean) / (n - 1));
    const exact = a.binary && b.binary;
    const p = exact ? board.mcnemar(onlyA, onlyB) : error ? normal(mean / error) : 1;
    return { mean, low: mean - 1.96 * error, high: mean + 1.96 * error, p, exact, onlyA, onlyB, n };
  };
})();
