/* The front page's slider: one corrupted image, the mean of many such, and who classifies it, move with p together.
 *
 * Pictures are those of pictures.js; accuracies those of the published table, which the page embeds when it is built.
 */
"use strict";

(function (an) {
  const host = document.getElementById("an-hero");
  const published = an.embedded("an-hero-data");
  const { shape, images, class: name, ...pictures } = globalThis.AlmostNothingData.pictures;
  const [ones, means] = [pictures.ones, pictures.means].map(an.bytes);
  const side = shape[1];
  const pixels = side * side;
  const frame = (bytes, k) => Array.from(bytes.subarray(k * pixels, (k + 1) * pixels), (v) => v / 255);

  const one = an.picture(side, "");
  const mean = an.picture(side, "");
  const figure = (canvas, words) => an.element("figure", {}, canvas, an.element("figcaption", { text: words }));
  const told = an.element("p", { class: "an-told", "aria-live": "polite" });
  const plot = an.chart({
    x: an.survivalAxis(1 - Math.max(...published.p)),
    yLabel: "clean test images right",
    chance: published.chance,
    label: "",
  });

  const round = (share) => `${Math.round(100 * share)} %`;
  const say = (p) => `p = ${p}: ${an.percent(p)} of the pixels are noise`;

  function show(p) {
    const k = published.p.indexOf(p);
    const [network, ncm] = [published.network[k], published.ncm[k]];
    const frameAt = pictures.strengths.indexOf(p);
    an.paint(one, frame(ones, frameAt), `The digit ${name} with ${an.percent(p)} of its pixels replaced by noise`);
    an.paint(mean, frame(means, frameAt), `The mean of ${images} such images of the class ${name}, at its full contrast`);
    told.textContent = `Trained on such images, a network gets ${round(network[0])} of clean images right, ` +
      `the nearest class mean ${round(ncm[0])}; chance is ${round(published.chance)}.`;
    plot.draw({
      series: [
        { look: "theory", points: published.p.map((x, i) => [x, published.theory[i]]), marks: false },
        { look: "ncm", points: published.p.map((x, i) => [x, ...published.ncm[i]]) },
        { look: "network", points: published.p.map((x, i) => [x, ...published.network[i]]) },
      ],
      at: { x: p, dots: [{ look: "ncm", y: ncm[0] }, { look: "network", y: network[0] }] },
      words: `Accuracy against the share of pixels that survive. At p = ${p}: network ${round(network[0])}, ` +
        `nearest class mean ${round(ncm[0])}, chance ${round(published.chance)}.`,
    });
  }

  const range = an.slider({
    id: "an-hero-p", label: "Corruption p", values: published.p, start: published.headline, say, change: show,
  });
  host.replaceChildren(
    range.box,
    an.element("div", { class: "an-hero-pictures" },
      figure(one, "one image"),
      figure(mean, `mean of ${images.toLocaleString("en")} such images`),
      an.element("div", { class: "an-plot" }, plot.svg, an.legend([
        ["network", "network"], ["ncm", "nearest class mean"], ["theory", "its theory, nothing fitted"]]))),
    told,
  );
  show(range.value());
})(globalThis.AlmostNothing);
