/* A game of ten images at 90-98 % corruption: a visitor against the network and the nearest class mean.
 *
 * Nothing is sent or kept: the score lives in this page's memory.
 */
"use strict";

(function (an) {
  const STRENGTHS = [0.9, 0.9, 0.92, 0.92, 0.94, 0.94, 0.96, 0.96, 0.98, 0.98];
  const PLAYERS = [["visitor", "you"], ["network", "network"], ["ncm", "nearest class mean"]];
  const host = document.getElementById("an-game");
  const { element } = an;
  let model = null;
  let rounds = [];
  let asked = false; // whether an image waits for an answer

  const status = element("p", { class: "an-told", "aria-live": "polite", tabindex: "-1" });
  const stage = element("div");
  host.replaceChildren(status, stage);

  /** An order of 0 ... count-1, every one as likely. */
  function shuffled(count) {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  function welcome() {
    asked = false;
    status.textContent = "Ten test images, of which 90 to 98 % is noise. Say what each shows.";
    const start = (name, words) => {
      const button = element("button", { type: "button", class: "an-button", text: words });
      button.addEventListener("click", () => an.load(name).then(begin));
      return button;
    };
    stage.replaceChildren(element("div", { class: "an-buttons" }, start("mnist", "Play with digits"),
      start("fashion_mnist", "Play with garments")));
  }

  function begin(loaded) {
    model = loaded;
    rounds = [];
    const order = shuffled(model.labels.length);
    deal(order);
  }

  /** Show the next image and the ten answers. */
  function deal(order) {
    const number = rounds.length;
    const p = STRENGTHS[number];
    const index = order[number];
    const image = an.corrupt("uniform", model.image(index), p, an.newKey());
    const canvas = an.picture(28, `Image ${number + 1} of ${STRENGTHS.length}: ${an.percent(p)} of its pixels are noise`);
    an.paint(canvas, image);
    status.textContent = `Image ${number + 1} of ${STRENGTHS.length}, p = ${p}. What is it? Keys 0 to 9 answer, too.`;
    const buttons = model.names.map((name, c) => {
      const words = /^\d$/.test(name) ? name : `${c} ${name}`;
      const button = element("button", { type: "button", class: "an-button", text: words });
      button.addEventListener("click", () => answer(c));
      return button;
    });
    stage.replaceChildren(element("figure", { class: "an-big" }, canvas),
      element("div", { class: "an-answers", role: "group", "aria-label": "Your answer" }, ...buttons));
    status.focus({ preventScroll: true });
    asked = true;
    const answer = (c) => {
      if (!asked) return;
      asked = false;
      const found = an.answers(model, image);
      const truth = model.labels[index];
      rounds.push({ p, index, truth, visitor: c, network: found.network.answer, ncm: found.ncm.answer });
      reveal(canvas, order);
    };
    host.answer = answer;
  }

  /** What it was, and what the others said. */
  function reveal(canvas, order) {
    const last = rounds[rounds.length - 1];
    const clean = an.picture(28, `The clean image: ${model.names[last.truth]}`);
    an.paint(clean, model.image(last.index));
    const said = PLAYERS.map(([who, words]) =>
      `${words}: ${model.names[last[who]]} ${last[who] === last.truth ? "✓" : "✗"}`).join("; ");
    status.textContent = `It was: ${model.names[last.truth]}. ${said}.`;
    const over = rounds.length === STRENGTHS.length;
    const next = element("button", { type: "button", class: "an-button", text: over ? "See the score" : "Next image" });
    next.addEventListener("click", () => (over ? finish() : deal(order)));
    stage.replaceChildren(element("div", { class: "an-two" },
      element("figure", {}, canvas, element("figcaption", { text: "what you saw" })),
      element("figure", {}, clean, element("figcaption", { text: "what it was" }))),
    element("div", { class: "an-buttons" }, next));
    next.focus({ preventScroll: true });
  }

  /** Scores as bars with 95 % intervals, and every round in a table. */
  function finish() {
    const of = rounds.length;
    const scores = PLAYERS.map(([who, words]) => [who, words, rounds.filter((r) => r[who] === r.truth).length]);
    const told = scores.map(([, words, right]) => `${words} ${right}`).join(", ");
    status.textContent = `Of ${of} images right: ${told}. Chance is ${of / model.names.length}.`;
    const head = ["image", "p", "it was", ...PLAYERS.map(([, words]) => words)];
    const rows = rounds.map((r, i) => element("tr", {},
      ...[i + 1, r.p, model.names[r.truth]].map((text) => element("td", { text })),
      ...PLAYERS.map(([who]) => element("td", { text: `${model.names[r[who]]} ${r[who] === r.truth ? "✓" : "✗"}` }))));
    const table = element("table", { class: "an-rounds" }, element("caption", { text: "Every answer" }),
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col", text })))),
      element("tbody", {}, ...rows));
    const again = element("button", { type: "button", class: "an-button", text: "Play again" });
    again.addEventListener("click", welcome);
    stage.replaceChildren(
      bars(scores, of, 1 / model.names.length),
      element("p", { class: "an-small", text: "Whiskers are 95 % intervals (Wilson) of what each would get right in the long run: " +
        "ten images say little. " +
        "Your answers stay in this page; nothing is sent or stored." }),
      element("div", { class: "an-buttons" }, again),
      // a region that scrolls sideways must be reachable by keyboard
      element("div", { class: "an-scroll", tabindex: "0", role: "region", "aria-label": "Every answer" }, table));
    status.focus({ preventScroll: true });
  }

  function bars(scores, of, chance) {
    const [width, left, row] = [360, 120, 34];
    const height = row * scores.length + 30;
    const across = (share) => left + (width - left - 24) * share;
    const words = scores.map(([, name, right]) => `${name} ${right} of ${of}`).join(", ");
    const svg = an.shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Scores: ${words}`,
      class: "an-chart" });
    const axes = an.shape("g", { class: "an-axes" });
    for (const count of [0, of / 2, of]) {
      axes.append(an.shape("text", { x: across(count / of), y: height - 6, "text-anchor": "middle" }, String(count)));
    }
    axes.append(an.shape("line", { x1: across(chance), x2: across(chance), y1: 0, y2: height - 22, class: "an-chance" }));
    scores.forEach(([who, name, right], i) => {
      const middle = row * i + row / 2;
      const [low, high] = an.wilson(right, of);
      axes.append(an.shape("text", { x: left - 8, y: middle + 4, "text-anchor": "end" }, name));
      svg.append(
        an.shape("rect", { x: left, y: middle - 9, width: Math.max(1, across(right / of) - left), height: 18,
          class: `an-fill an-${who}` }),
        an.shape("line", { x1: across(low), x2: across(high), y1: middle, y2: middle, class: "an-score-whisker" }),
        an.shape("text", { x: width - 4, y: middle + 4, "text-anchor": "end", class: "an-count" }, String(right)));
    });
    svg.prepend(axes);
    return svg;
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (!asked || typing || event.ctrlKey || event.altKey || event.metaKey || !/^\d$/.test(event.key)) return;
    event.preventDefault();
    host.answer(Number(event.key));
  });
  welcome();
})(globalThis.AlmostNothing);
