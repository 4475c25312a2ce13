// The table of all claims: one row a case, from the constant CLAIMS (data.js), sorted and searched by DataTables.
(function () {
  "use strict";

  const MARKS = CLAIMS.marks;
  const ORDER = Object.keys(MARKS);

  const escaped = (text) =>
    String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  function badge(verdict) {
    const kind = verdict.replaceAll(" ", "-");
    return `<span class="verdict v-${kind}">${escaped(MARKS[verdict])} ${escaped(verdict)}</span>`;
  }

  // Rows hold values by position, as CLAIMS.fields names them: here each becomes an object with its claim and page.
  const rows = CLAIMS.cases.map((values) => {
    const row = Object.fromEntries(CLAIMS.fields.map((name, i) => [name, values[i]]));
    row.claim = CLAIMS.claims[row.claim];
    row.page = CLAIMS.pages[row.claim.page];
    row.id = `${row.page.set}/${row.id}`;
    if (row.formerly) row.formerly = `${row.page.set}/${row.formerly}`;
    return row;
  });

  const hidden = (words) => `<span class="visually-hidden"> ${escaped(words)}</span>`;
  const link = (address, words, about) =>
    `<a href="${escaped(address)}" aria-label="${escaped(words)} of ${escaped(about)}">${escaped(words)}</a>`;

  // The last change of a verdict: old and new, since when, and the commit.
  function change(past) {
    const [[old], [now, date, commit]] = past.slice(-2);
    return `${old ?? "not published"} → ${now} on ${date} (${commit.slice(0, 8)})`;
  }

  function statement(row) {
    const flipped = row.past.length > 1 ? ` <span class="claims-flipped">${escaped(change(row.past))}</span>` : "";
    const primary = row.claim.primary ? ' <span class="claims-tag">primary</span>' : "";
    const quote = row.claim.quote ? `<q class="claims-quote">${escaped(row.claim.quote)}</q>` : "";
    const from = row.claim.text ? `text ${row.claim.text}` : "our own";
    const origin = `<span class="claims-origin">${row.page.set}, ${from} ${primary}${flipped}</span>`;
    return `<span class="claims-statement">${escaped(row.claim.statement)}</span>${quote}${origin}`;
  }

  function links(row) {
    const about = row.claim.id;
    const files = row.page.files;
    const commit = row.page.commit
      ? `<code title="git show ${escaped(row.page.commit)}">${escaped(row.page.commit.slice(0, 8))}</code>`
      : "";
    const place = `${about}, ${row.where}`;
    const buttons =
      `<button type="button" class="claims-more" aria-expanded="false">more${hidden(`on ${place}`)}</button> ` +
      `<button type="button" class="claims-ask">what if?${hidden(`The threshold of ${place}`)}</button>`;
    return [
      link(row.claim.address, "figure", about),
      link(`${files}.ipynb`, "notebook", about),
      link(`${files}.yaml`, "parameters", about),
      link(`${files}.csv`, "CSV", about),
      commit,
      buttons,
    ].join(" ");
  }

  const term = (name, value) => (value ? `<dt>${escaped(name)}</dt><dd>${value}</dd>` : "");

  function details(row) {
    const { claim, page } = row;
    const past = row.past.map(([verdict, date, commit]) => `${badge(verdict || "not published")} since ${date} (<code>${escaped(commit)}</code>)`);
    const lock = claim.lock ? `fixed on ${escaped(claim.lock.date)}, commit <code>${escaped(claim.lock.commit.slice(0, 12))}</code>` : "";
    const networks = row.networks === null
      ? "no networks are involved"
      : `${row.networks}, all of which learned; ${row.left_out} more left out at points where some did not`;
    return `<dl class="claims-details">${[
      term("Statistic", escaped(claim.statistic)),
      term("Interval", `95 %, ${escaped(claim.interval)}${claim.simultaneous ? "; holds for all primary cases of the page together" : ""}`),
      term("Threshold", `${escaped(claim.asked)}: ${escaped(claim.reason)}${lock ? `; ${lock}` : ""}`),
      term("At half and at twice the threshold", `${badge(row.at_half)} ${badge(row.at_twice)}`),
      term("Source", escaped(claim.source)),
      term("Networks", networks),
      term("Not measured, since", row.why && escaped(row.why)),
      term("Verdicts so far", past.join(", then ")),
      term("Make it again", `<code>${escaped(page.rerun)}</code>`),
      term("What that takes", escaped(page.cost)),
      term("Id", `<code>${escaped(row.id)}</code>`),
    ].join("")}</dl>`;
  }

  // DataTables tells from the data of `type` how to compare, and compares those of `sort`: numbers, as they are.
  const toSort = (type) => type === "sort" || type === "type";

  const columns = [
    {
      data: (row, type) => (toSort(type) ? ORDER.indexOf(row.verdict) : badge(row.verdict)),
    },
    { data: (row, type) => (toSort(type) ? row.claim.id : statement(row)), cellType: "th" },
    { data: (row) => escaped(row.where) },
    { data: (row, type) => (toSort(type) ? (row.estimate ?? -Infinity) : escaped(row.found)), className: "claims-number" },
    { data: (row, type) => (toSort(type) ? row.claim.threshold : escaped(row.claim.asked)), className: "claims-number claims-asked" },
    {
      data: (row, type) => {
        if (toSort(type)) return row.n;
        const networks = row.networks ? `<br>${row.networks} networks` : "";
        return `${escaped(`${row.n} ${row.n_of}`)}${networks}`;
      },
      className: "claims-number",
    },
    { data: links, orderable: false, className: "claims-open" },
  ];

  const filters = {
    set: (row) => row.page.set,
    role: (row) => (row.claim.primary ? "primary" : "exploratory"),
    text: (row) => row.claim.text || "ours",
    dataset: (row) => row.dataset || "none",
    verdict: (row) => row.verdict,
    moved: (row) => (row.past.length > 1 ? "yes" : "no"),
  };

  const form = document.getElementById("claims-filters");
  const chosen = (name) => form.elements[name].value;

  const table = new DataTable("#claims-table", {
    data: rows,
    columns,
    deferRender: true,
    autoWidth: false,
    order: [], // as in data.js: primary claims first
    pageLength: 25,
    lengthMenu: [10, 25, 100, 500],
    layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
    language: { search: "Search all words", lengthMenu: "Rows a page _MENU_", info: "_START_ to _END_ of _TOTAL_ cases", infoFiltered: "(of _MAX_)" },
    createdRow: (tr) => {
      tr.setAttribute("role", "row");
      for (const cell of tr.cells) cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
      tr.cells[1].setAttribute("scope", "row");
    },
  });

  const count = document.getElementById("claims-count");
  const tell = () => {
    const { recordsDisplay, recordsTotal } = table.page.info();
    count.textContent = `${recordsDisplay.toLocaleString("en")} of ${recordsTotal.toLocaleString("en")} cases match`;
  };
  table.on("draw", tell);

  table.search.fixed("filters", (_, row) =>
    Object.entries(filters).every(([name, of]) => !chosen(name) || of(row) === chosen(name)),
  );
  form.addEventListener("change", () => table.draw());
  form.addEventListener("reset", () => setTimeout(() => table.draw()));
  form.addEventListener("submit", (event) => event.preventDefault());
  table.draw();

  document.querySelector("#claims-table tbody").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const row = table.row(button.closest("tr"));
    if (button.classList.contains("claims-ask")) {
      window.Explorer.show(row.data(), true);
    } else if (row.child.isShown()) {
      row.child.hide();
      button.setAttribute("aria-expanded", "false");
    } else {
      row.child(details(row.data())).show();
      button.setAttribute("aria-expanded", "true");
    }
  });

  window.Claims = { rows, badge, escaped };
})();
