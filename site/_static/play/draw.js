/* What the play pages draw: small pictures, bars of confidence, charts. Needs almost.js; adds to `AlmostNothing`. */
"use strict";

(function (an) {
  const SCALE = 8; // canvas pixels a side of an image's pixel: crisp on every screen

  /** An element with attributes and children; `text` is its text. */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") made.textContent = value;
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** A canvas for an image of a side, that says in words what it shows. */
  function picture(side, label) {
    const made = element("canvas", { width: side * SCALE, height: side * SCALE, role: "img", "aria-label": label });
    made.classList.add("an-picture");
    return made;
  }

  /** Paint grey values, in [0, 1] or clipped to it, on a picture. */
  function paint(canvas, values, label) {
    const context = canvas.getContext("2d");
    const side = Math.round(Math.sqrt(values.length));
    for (let i = 0; i < values.length; i++) {
      const grey = Math.round(255 * Math.min(1, Math.max(0, values[i])));
      context.fillStyle = `rgb(${grey},${grey},${grey})`;
      context.fillRect((i % side) * SCALE, Math.floor(i / side) * SCALE, SCALE, SCALE);
    }
    if (label) canvas.setAttribute("aria-label", label);
  }

  /** A table of confidences, a bar for each class, for those who see it and those who listen. */
  function confidenceTable(caption) {
    const body = element("tbody");
    const table = element("table", { class: "an-bars" }, element("caption", { text: caption }),
      element("thead", {}, element("tr", {}, element("th", { scope: "col", text: "class" }),
        element("th", { scope: "col", text: "confidence" }))), body);
    const show = (names, { answer, confidence }, truth) => {
      body.replaceChildren(...names.map((name, c) => {
        const share = an.percent(Math.round(1000 * confidence[c]) / 1000);
        const bar = element("span", { class: "an-bar", "aria-hidden": "true", style: `width:${100 * confidence[c]}%` });
        const marks = [c === answer && "answer", c === truth && "truth"].filter(Boolean).join(", ");
        return element("tr", { class: c === answer ? "an-answer" : "" },
          element("th", { scope: "row", text: name + (marks ? ` (${marks})` : "") }),
          element("td", {}, bar, element("span", { text: share })));
      }));
    };
    return { table, show };
  }

  const SVG = "http://www.w3.org/2000/svg";
  const [WIDTH, HEIGHT] = [360, 230];
  const [LEFT, RIGHT, TOP, BOTTOM] = [58, 14, 10, 40];
  const APART = 0.08; // least distance of two ticks' words, as a share of the frame's width

  function shape(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** A chart of accuracies on a fixed frame.
   *
   * `x`: {to: value -> share of the width, ticks: [[value, label]], label}. `chance` is drawn dotted. `draw` shows
   * series [{look, points: [[x, y, low?, high?]], line, marks}] and `at`, a moving line with dots [{look, y}] on it;
   * `verticals` are dashed lines [{look, x}].
   */
  function chart({ x, yLabel, chance, label }) {
    const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "an-chart" });
    const across = (value) => LEFT + (WIDTH - LEFT - RIGHT) * x.to(value);
    const up = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value;
    const axes = shape("g", { class: "an-axes" });
    for (const y of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      axes.append(shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: up(y), y2: up(y) }),
        shape("text", { x: LEFT - 5, y: up(y) + 4, "text-anchor": "end" }, `${Math.round(100 * y)} %`));
    }
    let last = -Infinity;
    for (const [value, words] of x.ticks) {
      axes.append(shape("line", { x1: across(value), x2: across(value), y1: up(0), y2: up(0) + 4 }));
      if (x.to(value) - last < APART) continue;
      last = x.to(value);
      axes.append(shape("text", { x: across(value), y: up(0) + 16, "text-anchor": "middle" }, words));
    }
    axes.append(shape("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, x.label),
      shape("text", { x: -(TOP + HEIGHT - BOTTOM) / 2, y: 12, transform: "rotate(-90)", "text-anchor": "middle" }, yLabel),
      shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: up(chance), y2: up(chance), class: "an-chance" }),
      shape("text", { x: LEFT + 4, y: up(chance) - 3 }, "chance"));
    const drawn = shape("g", {});
    svg.append(axes, drawn);

    const mark = (look, px, py, size) => look === "ncm"
      ? shape("rect", { x: px - size, y: py - size, width: 2 * size, height: 2 * size, class: `an-mark an-${look}` })
      : shape("circle", { cx: px, cy: py, r: size + 0.4, class: `an-mark an-${look}` });

    function draw({ series = [], at = null, verticals = [], words }) {
      drawn.replaceChildren();
      for (const { look, points, line = true, marks = true } of series) {
        if (line) {
          const path = points.map(([px, py]) => `${across(px).toFixed(2)},${up(py).toFixed(2)}`).join(" ");
          drawn.append(shape("polyline", { points: path, class: `an-line an-${look}` }));
        }
        for (const [px, py, low, high] of points) {
          if (low !== undefined) {
            drawn.append(shape("line", { x1: across(px), x2: across(px), y1: up(Math.max(0, low)), y2: up(Math.min(1, high)),
              class: `an-whisker an-${look}` }));
          }
          if (marks) drawn.append(mark(look, across(px), up(py), 2.2));
        }
      }
      for (const { look, x: value } of verticals) {
        drawn.append(shape("line", { x1: across(value), x2: across(value), y1: up(0), y2: TOP,
          class: `an-vertical an-${look}` }));
      }
      if (at) {
        drawn.append(shape("line", { x1: across(at.x), x2: across(at.x), y1: up(0), y2: TOP, class: "an-at" }));
        for (const { look, y } of at.dots) drawn.append(mark(look, across(at.x), up(y), 4.5));
      }
      if (words) svg.setAttribute("aria-label", words);
    }
    return { svg, draw };
  }

  /** The share of pixels that survive, 1 - p, on a logarithmic axis that falls from 100 %: as in the printed figures. */
  function survivalAxis(least, label = "share of pixels that survive, 1 − p, in %") {
    const shares = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].filter((s) => s >= least * 0.999);
    return {
      to: (p) => 0.02 + (0.96 * Math.log(1 - p)) / Math.log(least),
      ticks: shares.map((share) => [1 - share, an.percent(share).replace(" %", "")]),
      label,
    };
  }

  /** A legend of looks: [[look, words, is a line]]. */
  const legend = (entries) => element("ul", { class: "an-legend" }, ...entries.map(([look, words, line = true]) =>
    element("li", {}, element("span", { class: `an-key an-${look}${line ? "" : " an-dot"}`, "aria-hidden": "true" }), words)));

  /** A slider over a list of values, with its label and what it stands at. `say` makes words of a value. */
  function slider({ id, label, values, start, say, change }) {
    const input = element("input", { type: "range", id, min: 0, max: values.length - 1, step: 1, class: "an-range" });
    const output = element("output", { for: id });
    const show = () => {
      const words = say(values[input.value]);
      output.textContent = words;
      input.setAttribute("aria-valuetext", words);
    };
    input.addEventListener("input", () => { show(); change(values[input.value]); });
    const nearest = (value) => values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);
    const set = (value) => { input.value = nearest(value); show(); };
    set(start);
    const name = element("label", { for: id, text: label });
    return {
      box: element("div", { class: "an-control" }, name, input, output),
      input,
      value: () => values[input.value],
      set,
      offer(fresh, at, words) { values = fresh; input.max = fresh.length - 1; name.textContent = words; set(at); },
    };
  }

  /** A choice of one from a list [[value, words]]. */
  function choice({ id, label, options, change }) {
    const select = element("select", { id }, ...options.map(([value, words]) => element("option", { value, text: words })));
    select.addEventListener("change", () => change(select.value));
    return { box: element("div", { class: "an-control" }, element("label", { for: id, text: label }), select), select };
  }

  /** Load a bundle's script, once, and hand over what it holds. A page from file:// may load scripts, but fetch nothing. */
  const asked = {};
  function load(name) {
    asked[name] ??= new Promise((resolve, reject) => {
      const script = element("script", { src: `_static/play/${name}.js` });
      script.addEventListener("load", () => resolve(an.unpack(globalThis.AlmostNothingData[name])));
      script.addEventListener("error", () => reject(new Error(`_static/play/${name}.js cannot be loaded`)));
      document.head.append(script);
    });
    return asked[name];
  }

  /** What a page's generated script element of JSON holds. */
  const embedded = (id) => JSON.parse(document.getElementById(id).textContent);

  Object.assign(an, { chart, choice, confidenceTable, element, embedded, legend, load, paint, picture, shape, slider,
    survivalAxis });
})(globalThis.AlmostNothing);
