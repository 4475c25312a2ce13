/* Buttons that copy, and the cards of the glossary. No dependency; everything can be read without it. */
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

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".copyable .copy")) button.addEventListener("click", () => copyText(button));
  markTerms(window.GLOSSARY || {});
});
