/* The knee calculator: the nearest class mean's expected accuracy and half-way point for a number of training images.
 *
 * Read off tables of `prototypes.accuracy` at Chebyshev's points (`almostnothing.site.play.knees`); measured points
 * are those of the published table, which the page embeds when it is built.
 */
"use strict";

(function (an) {
  const host = document.getElementById("an-knee");
  const measured = an.embedded("an-knee-data");
  const { laws, datasets } = globalThis.AlmostNothingData.curves;
  const POINTS = 120; // of a drawn curve
  const KINDS = { clean: "ncm", corrupted: "theory" }; // the look of each test
  const SIZES = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, 6000, 10000];
  const { element } = an;

  const datasetChoice = an.choice({ id: "an-knee-set", label: "Data set",
    options: Object.entries(datasets).map(([id, { title }]) => [id, title]), change: show });
  const lawChoice = an.choice({ id: "an-knee-law", label: "Law of corruption",
    options: Object.entries(laws).map(([id, { title }]) => [id, title]), change: show });
  const size = element("input", { type: "number", id: "an-knee-size", min: 10, max: 100000, step: 10, value: 10000 });
  const range = an.slider({ id: "an-knee-range", label: "N on a slider", values: SIZES.map((n) => 10 * n), start: 10000,
    say: (n) => `${n.toLocaleString("en")} training images`, change: (n) => { size.value = n; show(); } });
  size.addEventListener("input", () => { if (size.validity.valid && size.value) { range.set(Number(size.value)); show(); } });

  const told = element("p", { class: "an-told", "aria-live": "polite" });
  const results = element("tbody");
  const plotHost = element("div", { class: "an-plot" });

  /** The horizontal axis of a law's chart, in its strength. */
  function axis(table, symbol) {
    if (table.scale === "survival") return an.survivalAxis(10 ** -table.most);
    const ticks = [0, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((s) => an.SCALES.log.to(s) <= table.most * 1.001);
    return { to: (s) => 0.02 + (0.96 * an.SCALES.log.to(s)) / table.most, ticks: ticks.map((s) => [s, String(s)]),
      label: `deviation of the noise, ${symbol}` };
  }

  function show() {
    const dataset = datasets[datasetChoice.select.value];
    const law = lawChoice.select.value;
    const table = dataset.laws[law];
    const { symbol } = laws[law];
    const images = Number(size.value);
    const n = images / dataset.classes;
    const scale = an.SCALES[table.scale];
    const strengths = Array.from({ length: POINTS + 1 }, (_, i) => scale.from((table.most * i) / POINTS));
    const rows = [];
    const series = [];
    const verticals = [];
    for (const [kind, look] of Object.entries(KINDS)) {
      const expected = an.curve(table, kind, n);
      const half = an.halfWay(table, kind, n);
      series.push({ look, points: strengths.map((s) => [s, expected(s)]), marks: false });
      if (Number.isFinite(half)) verticals.push({ look, x: half });
      const survives = table.scale === "survival" ? ` (${an.percent(threeDigits(1 - half))} survive)` : "";
      const where = Number.isFinite(half) ? `${symbol} = ${rounded(half, table)}${survives}` : missing(expected, table);
      rows.push(element("tr", { "data-kind": kind, "data-half": half },
        element("th", { scope: "row", text: `${kind} test images` }),
        element("td", { text: an.percent(Math.round(1000 * expected(0)) / 1000) }), element("td", { text: where })));
    }
    const own = (measured[datasetChoice.select.value]?.[law] ?? []).filter((row) => row.train_size === images);
    series.push({ look: "network", line: false, points: own.map((row) => [row.strength, row.ncm]) });
    results.replaceChildren(...rows);
    told.textContent = `With ${images.toLocaleString("en")} training images (${threeDigits(n)} of each class) of ${dataset.title}: ` +
      rows.map((row) => `${row.children[0].textContent}: ${row.children[2].textContent}`).join("; ") + "." +
      (own.length ? " Dots: what the rule was measured to get right on clean test images at this N." : "");
    const plot = an.chart({ x: axis(table, symbol), yLabel: "expected accuracy", chance: table.chance, label: "" });
    plot.draw({ series, verticals, words: `Expected accuracy of the nearest class mean against corruption. ${told.textContent}` });
    plotHost.replaceChildren(plot.svg, an.legend([
      ["ncm", "clean test images"], ["theory", "test images corrupted by the same law"],
      ...(own.length ? [["network", "measured on clean test images", false]] : [])]));
  }

  const threeDigits = (value) => Number(value.toPrecision(3));
  /** A strength with three digits: of p, of what survives. */
  const rounded = (half, table) =>
    (table.scale === "survival" ? Number(half.toFixed(2 + Math.ceil(-Math.log10(1 - half)))) : threeDigits(half));

  const missing = (expected, table) => (expected(0) - table.chance < table.least_fall
    ? "none: hardly above chance without corruption" : "none within the strengths here");

  host.replaceChildren(
    element("div", { class: "an-controls" }, datasetChoice.box, lawChoice.box,
      element("div", { class: "an-control" },
        element("label", { for: "an-knee-size", text: "N, training images of all classes" }), size), range.box),
    told, plotHost,
    element("table", { class: "an-results" }, element("caption", { text: "Nearest class mean, expected" }),
      element("thead", {}, element("tr", {}, ...["test", "without corruption", "half-way to chance at"].map((text) =>
        element("th", { scope: "col", text })))), results),
  );
  show();
})(globalThis.AlmostNothing);
