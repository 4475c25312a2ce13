/* Buttons that copy, the cards of the glossary, a switch between data sets, and figures enlarged.
 *
 * No dependency; everything can be read without it.
 */
"use strict";

function copyText(button) {
  const pre = button.parentElement.querySelector("pre");
  const said = (words) => { button.textContent = words; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(pre);
    const chosen = window.getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
    said("Selected");
  };
  if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent).then(() => said("Copied"), select);
  else select();
}

/* A card beside a term: by pointer, by focus, by touch; Escape closes it. One card serves all terms of a page. */
const TermCard = {
  shown: null,
  make() {
    this.card = document.createElement("div");
    this.card.className = "term-card";
    this.card.id = "term-card";
    this.card.setAttribute("role", "tooltip");
    this.card.hidden = true;
    document.body.append(this.card);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.hide(); });
  },
  show(button, entry) {
    const [title, words] = entry;
    const head = document.createElement("strong");
    head.textContent = title;
    this.card.replaceChildren(head, words);
    this.card.hidden = false;
    const box = button.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - this.card.offsetWidth - 8);
    this.card.style.left = `${Math.max(8, left) + window.scrollX}px`;
    this.card.style.top = `${box.bottom + window.scrollY + 6}px`;
    button.setAttribute("aria-describedby", this.card.id);
    this.shown = button;
  },
  hide() {
    this.card.hidden = true;
    if (this.shown) this.shown.removeAttribute("aria-describedby");
    this.shown = null;
  },
};

/* The first mention of each term in each paragraph becomes a button with its card. */
function markTerms(terms) {
  const names = Object.keys(terms).sort((a, b) => b.length - a.length);
  if (!names.length) return;
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_-])(${escaped.join("|")})(?![\\p{L}\\p{N}_-])`, "u");
  const blocks = document.querySelectorAll("article.bd-article p, article.bd-article li, article.bd-article dd");
  TermCard.make();
  for (const block of blocks) {
    const seen = new Set();
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest("a, code, pre, button, summary, select, textarea, output, svg, .math, mjx-container, nav, .verdict")
        ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (let node of nodes) {
      for (let found = pattern.exec(node.data); found; found = pattern.exec(node.data)) {
        const word = node.splitText(found.index);
        node = word.splitText(found[0].length);
        if (seen.has(found[0])) continue;
        seen.add(found[0]);
        const button = document.createElement("button");
        button.type = "button";
        button.className = "term";
        button.textContent = found[0];
        const entry = terms[found[0]];
        button.addEventListener("mouseenter", () => TermCard.show(button, entry));
        button.addEventListener("mouseleave", () => TermCard.hide());
        button.addEventListener("focus", () => TermCard.show(button, entry));
        button.addEventListener("blur", () => TermCard.hide());
        button.addEventListener("click", () => TermCard.show(button, entry));
        word.replaceWith(button);
      }
    }
  }
}

/* Of the pictures of several data sets those of one are shown, on the whole page; without this all stand below each other. */
const Datasets = {
  prepare() {
    this.links = [...document.querySelectorAll(".datasets a")];
    this.plates = [...document.querySelectorAll(".plate[data-dataset]")];
    if (!this.links.length) return;
    for (const link of this.links) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.show(link.dataset.dataset);
        history.replaceState(null, "", link.hash);
      });
    }
    window.addEventListener("hashchange", () => this.follow());
    this.show(this.links[0].dataset.dataset);
    this.follow();
  },
  show(dataset) {
    for (const plate of this.plates) plate.hidden = plate.dataset.dataset !== dataset;
    for (const link of this.links) {
      if (link.dataset.dataset === dataset) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  },
  /* An address may name a picture that is hidden. */
  follow() {
    const plate = this.plates.find((one) => location.hash === `#${one.id}`);
    if (!plate) return;
    this.show(plate.dataset.dataset);
    plate.scrollIntoView();
  },
};

/* A figure over the whole window, at once so large that its words can be read on a phone: it scrolls by touch and by
 * arrows, grows and shrinks by + and −, and Escape closes it. A click with a key held opens the file, as without this. */
const Viewer = {
  READABLE: 1250, // pixels for the width of a printed page: letters of five points are twelve high
  STEP: 1.4,
  prepare() {
    for (const link of document.querySelectorAll(".plate-link")) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        this.open(link);
      });
    }
  },
  make() {
    const make = (tag, attributes, ...inside) => {
      const made = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      made.append(...inside);
      return made;
    };
    const button = (label, words, act) => {
      const made = make("button", { type: "button", "aria-label": label }, words);
      made.addEventListener("click", act);
      return made;
    };
    this.image = make("img", {});
    this.frame = make("div", { class: "viewer-frame", tabindex: "0", role: "region", "aria-label": "Figure, scrolls" }, this.image);
    this.file = make("a", {}, "file");
    this.dialog = make("dialog", { class: "viewer", "aria-label": "Figure, enlarged" },
      make("div", { class: "viewer-bar" },
        button("Larger", "+", () => this.resize(this.STEP)),
        button("Smaller", "−", () => this.resize(1 / this.STEP)),
        button("As wide as the window", "fit", () => this.resize(0)),
        this.file,
        button("Close", "✕", () => this.dialog.close())),
      this.frame);
    this.dialog.addEventListener("close", () => this.link.focus());
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") this.resize(this.STEP);
      if (event.key === "-") this.resize(1 / this.STEP);
    });
    document.body.append(this.dialog);
  },
  open(link) {
    if (!this.dialog) this.make();
    this.link = link;
    const shown = link.querySelector("img");
    this.image.src = shown.src;
    this.image.alt = shown.alt;
    this.ratio = shown.getAttribute("height") / shown.getAttribute("width");
    this.file.href = link.href;
    this.dialog.showModal();
    this.width = Math.max(this.READABLE, this.frame.clientWidth);
    this.lay();
    this.frame.scrollTo(0, 0);
    this.frame.focus();
  },
  /* Larger or smaller about the middle of what is seen; by 0: all of its width. */
  resize(by) {
    const { frame } = this;
    const least = Math.min(frame.clientWidth, frame.clientHeight / this.ratio);
    const before = this.width;
    this.width = by ? Math.min(5 * this.READABLE, Math.max(least, before * by)) : frame.clientWidth;
    const [x, y] = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2];
    this.lay();
    const scale = this.width / before;
    frame.scrollTo(x * scale - frame.clientWidth / 2, y * scale - frame.clientHeight / 2);
  },
  lay() {
    this.image.style.width = `${this.width}px`;
    this.image.style.height = `${this.width * this.ratio}px`;
  },
};

document.addEventListener("DOMContentLoaded", () => {
  Datasets.prepare();
  Viewer.prepare();
  for (const button of document.querySelectorAll(".copyable .copy")) button.addEventListener("click", () => copyText(button));
  markTerms(window.GLOSSARY || {});
});
