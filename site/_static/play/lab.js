/* Pick an image, a law and its strength: what a network and the nearest class mean answer, and how surely, live. */
"use strict";

(function (an) {
  const DATASETS = [["mnist", "MNIST digits"], ["fashion_mnist", "Fashion-MNIST garments"]];
  const FIRST = 2; // the class that is shown first
  const host = document.getElementById("an-lab");
  let model = null;
  let chosen = 0;
  let law = "uniform";
  let key = an.newKey();

  const clean = an.picture(28, "");
  const seen = an.picture(28, "");
  const figure = (canvas, words) => an.element("figure", {}, canvas, an.element("figcaption", { text: words }));
  const says = an.element("p", { class: "an-small" });
  const told = an.element("p", { class: "an-told", "aria-live": "polite" });
  const network = an.confidenceTable("Network: softmax of its logits");
  const ncm = an.confidenceTable("Nearest class mean: softmax of −|x − m|²/2v");
  const thumbs = an.element("div", { class: "an-thumbs", role: "group", "aria-label": "Pick an image" });

  const strength = an.slider({
    id: "an-lab-strength", label: "Strength p", values: an.LAWS[law].stops, start: an.LAWS[law].start,
    say: (value) => `${an.LAWS[law].symbol} = ${Number(value.toFixed(3))}`, change: show,
  });
  const laws = an.choice({
    id: "an-lab-law", label: "Law of corruption", options: Object.entries(an.LAWS).map(([id, { name }]) => [id, name]),
    change(value) {
      law = value;
      const { stops, start, symbol } = an.LAWS[law];
      strength.offer(stops, start, `Strength ${symbol}`);
      show();
    },
  });
  const sets = an.choice({ id: "an-lab-set", label: "Images", options: DATASETS, change: open });
  const again = an.element("button", { type: "button", class: "an-button", text: "New noise" });
  again.addEventListener("click", () => { key = an.newKey(); show(); });
  const other = an.element("button", { type: "button", class: "an-button", text: "Another image" });
  other.addEventListener("click", () => pick(Math.floor(Math.random() * model.labels.length)));

  /** The first image of each class, to pick from. */
  function offer() {
    const firsts = model.names.map((_, c) => model.labels.indexOf(c));
    thumbs.replaceChildren(...firsts.map((index, c) => {
      const canvas = an.picture(28, model.names[c]);
      an.paint(canvas, model.image(index));
      const button = an.element("button", { type: "button", "data-index": index, "aria-pressed": "false",
        title: model.names[c] }, canvas);
      button.addEventListener("click", () => pick(index));
      return button;
    }));
  }

  function pick(index) {
    chosen = index;
    for (const button of thumbs.children) button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index));
    show();
  }

  function show() {
    if (!model) return;
    const image = model.image(chosen);
    const value = strength.value();
    const corrupted = an.corrupt(law, image, value, key);
    const truth = model.names[model.labels[chosen]];
    const found = an.answers(model, corrupted);
    an.paint(clean, image, `The clean test image: ${truth}`);
    an.paint(seen, corrupted, `The same image, corrupted: ${an.LAWS[law].says(value)}`);
    says.textContent = `Now ${an.LAWS[law].says(value)}.`;
    const words = ({ answer, confidence }) =>
      `${model.names[answer]} (${Math.round(100 * confidence[answer])} %, ${answer === model.labels[chosen] ? "right" : "wrong"})`;
    told.textContent = `It is: ${truth}. Network: ${words(found.network)}. Nearest class mean: ${words(found.ncm)}.`;
    network.show(model.names, found.network, model.labels[chosen]);
    ncm.show(model.names, found.ncm, model.labels[chosen]);
  }

  function open(name) {
    host.setAttribute("aria-busy", "true");
    an.load(name).then((loaded) => {
      const label = model ? model.labels[chosen] : FIRST; // a change of data set keeps its place
      model = loaded;
      offer();
      pick(model.labels.indexOf(label));
      host.removeAttribute("aria-busy");
    });
  }

  host.replaceChildren(
    an.element("div", { class: "an-controls" }, sets.box, laws.box, strength.box),
    thumbs,
    an.element("div", { class: "an-buttons" }, other, again),
    says,
    an.element("div", { class: "an-two" }, figure(clean, "clean"), figure(seen, "corrupted")),
    told,
    an.element("div", { class: "an-two an-tables" }, network.table, ncm.table),
  );
  open("mnist");
})(globalThis.AlmostNothing);
