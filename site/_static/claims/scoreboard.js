// The scoreboard's filters: a row is shown if it has what each box asks for.
(function () {
  "use strict";

  const form = document.getElementById("scoreboard-filters");
  const rows = [...document.querySelectorAll(".scoreboard tbody tr")];

  function filter() {
    const text = form.elements.text.value;
    const dataset = form.elements.dataset.value;
    const verdict = form.elements.verdict.value;
    let shown = 0;
    for (const row of rows) {
      // marks of a row: data set and verdict; both must hold of one and the same mark
      const marks = [...row.querySelectorAll("[data-verdict]")];
      const fits =
        (!text || row.dataset.texts.split(" ").includes(text)) &&
        marks.some((m) => (!dataset || m.dataset.dataset === dataset) && (!verdict || m.dataset.verdict === verdict));
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("scoreboard-count").textContent = `${shown} of ${rows.length} predictions`;
  }

  form.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
