// "What would change this verdict?": one case, a slider for its threshold, and the verdict by the rule of verdict.js.
(function () {
  "use strict";

  const { rows, badge } = window.Claims;
  const get = (id) => document.getElementById(`change-${id}`);
  const [setBox, claimBox, axes, slider, exact] = ["set", "claim", "axes", "slider", "exact"].map(get);
  const asText = (value) => Number(value.toPrecision(4)).toString();

  const state = { row: null, threshold: 0 };

  const casesOf = (row) => rows.filter((other) => other.claim === row.claim);
  const finite = (...values) => values.filter(Number.isFinite);

  function option(value, words, chosen) {
    const made = document.createElement("option");
    made.value = value;
    made.textContent = words;
    made.selected = chosen;
    return made;
  }

  function fillClaims() {
    const groups = new Map();
    for (const row of rows) {
      if (row.page.set === state.row.page.set && !groups.has(row.claim)) groups.set(row.claim, row);
    }
    const kinds = { primary: document.createElement("optgroup"), exploratory: document.createElement("optgroup") };
    kinds.primary.label = "Primary";
    kinds.exploratory.label = "Exploratory";
    for (const [claim, row] of groups) {
      const words = `${claim.id}: ${claim.statement}`;
      kinds[claim.primary ? "primary" : "exploratory"].append(option(rows.indexOf(row), words, claim === state.row.claim));
    }
    claimBox.replaceChildren(...Object.values(kinds).filter((group) => group.children.length));
  }

  // A choice for each axis along which the claim's cases differ.
  function fillAxes() {
    const cases = casesOf(state.row);
    const names = [...new Set(cases.flatMap((row) => Object.keys(row.axes)))];
    const parts = names.flatMap((name) => {
      const values = [...new Set(cases.map((row) => row.axes[name] ?? "–"))];
      if (values.length < 2) return [];
      const label = document.createElement("label");
      const box = document.createElement("select");
      box.dataset.axis = name;
      const own = state.row.axes[name] ?? "–";
      box.append(...values.map((value) => option(value, value, value === own)));
      label.append(`${name === "dataset" ? "data set" : name} `, box);
      return [label];
    });
    axes.replaceChildren(...parts);
  }

  // The case that has the value chosen last, and of the others as many as can be.
  function closest(name, value) {
    const asked = Object.fromEntries([...axes.querySelectorAll("select")].map((box) => [box.dataset.axis, box.value]));
    const agree = (row) => Object.keys(asked).filter((axis) => (row.axes[axis] ?? "–") === asked[axis]).length;
    const fit = casesOf(state.row).filter((row) => (row.axes[name] ?? "–") === value);
    return fit.reduce((best, row) => (agree(row) > agree(best) ? row : best));
  }

  // The slider's ends: all intervals of the claim, its threshold and zero, and some room.
  function bounds() {
    const cases = casesOf(state.row);
    const own = state.row.claim.threshold;
    const values = finite(0, own, 2 * own, ...cases.flatMap((row) => [row.low, row.high].filter((end) => end !== null)));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = 0.05 * (high - low);
    return [low - room, high + room];
  }

  function picture(zones, low, high) {
    const share = (value) => `${(100 * (value - low)) / (high - low)}%`;
    const clipped = (value) => Math.min(high, Math.max(low, value));
    const bands = zones.map(({ from, to, verdict }) => {
      const [start, end] = [clipped(from), clipped(to)];
      const kind = verdict.replaceAll(" ", "-");
      return `<rect class="v-${kind}" x="${share(start)}" width="${(100 * (end - start)) / (high - low)}%" y="0" height="36"/>`;
    });
    const { row, threshold } = state;
    const bar = row.estimate === null ? "" :
      `<line class="change-interval" x1="${share(row.low)}" x2="${share(row.high)}" y1="18" y2="18"/>` +
      `<circle class="change-estimate" cx="${share(row.estimate)}" cy="18" r="5"/>`;
    const at = clipped(threshold);
    return `${bands.join("")}${bar}<line class="change-published" x1="${share(row.claim.threshold)}" x2="${share(row.claim.threshold)}" y1="0" y2="36"/>` +
      `<line class="change-threshold" x1="${share(at)}" x2="${share(at)}" y1="0" y2="36"/>`;
  }

  function inWords(zones) {
    if (zones.length === 1) return "This case was not measured: no threshold gives it a verdict.";
    const [small, middle, large] = zones;
    return `${small.verdict} at thresholds below ${asText(middle.from)}, ${middle.verdict} from there to ` +
      `${asText(middle.to)}, ${large.verdict} above: the verdict changes at the ends of the interval.`;
  }

  // Everything that depends on the threshold.
  function tell() {
    const { row, threshold } = state;
    const below = row.claim.side === "below";
    const zones = Verdict.zones(row, below);
    const verdict = Verdict.decided(row, threshold, below);
    const moved = verdict === row.verdict ? "as published" : `published: ${row.verdict}`;
    get("verdict").innerHTML = `${badge(verdict)} at a threshold of <b>${asText(threshold)}</b> (${moved})`;
    get("picture").innerHTML = picture(zones, Number(slider.min), Number(slider.max));
    const sentence = inWords(zones);
    get("words").textContent = sentence[0].toUpperCase() + sentence.slice(1);
    const cases = casesOf(row);
    const now = cases.map((other) => Verdict.decided(other, threshold, below));
    const changed = now.filter((found, i) => found !== cases[i].verdict).length;
    get("count").textContent = `Of the ${cases.length} cases of this claim ${changed} would have another verdict than published.`;
    get("cases").replaceChildren(
      ...cases.map((other, i) => {
        const tr = document.createElement("tr");
        if (other === row) tr.className = "change-chosen";
        const mark = now[i] === other.verdict ? "" : ' <span class="claims-tag claims-flipped">changed</span>';
        tr.innerHTML = `<th scope="row">${Claims.escaped(other.where)}</th><td class="claims-number">${Claims.escaped(other.found)}</td>` +
          `<td>${badge(other.verdict)}</td><td>${badge(now[i])}${mark}</td>`;
        return tr;
      }),
    );
  }

  function set(threshold) {
    state.threshold = threshold;
    slider.value = threshold;
    slider.setAttribute("aria-valuetext", asText(threshold));
    if (document.activeElement !== exact) exact.value = asText(threshold);
    tell();
  }

  // Show a case at its published threshold; `go`: move there, as from the table.
  function show(row, go) {
    state.row = row;
    setBox.value = row.page.set;
    fillClaims();
    fillAxes();
    const [low, high] = bounds();
    slider.min = low;
    slider.max = high;
    slider.step = (high - low) / 400;
    const { claim } = row;
    get("claim-words").textContent = claim.quote ? `“${claim.quote}” (${claim.source})` : claim.source;
    get("statistic").textContent = `${claim.statistic}: ${row.found}, ${row.n} ${row.n_of}; asked: ${claim.asked}, since ${claim.reason}.`;
    get("link").href = claim.address;
    set(claim.threshold);
    if (go) {
      history.replaceState(null, "", `#${encodeURI(row.id)}`);
      document.getElementById("change").scrollIntoView();
      slider.focus({ preventScroll: true });
    }
  }

  setBox.addEventListener("change", () => {
    const same = rows.filter((row) => row.page.set === setBox.value);
    show(same.find((row) => row.claim.id === state.row.claim.id) ?? same[0]);
  });
  claimBox.addEventListener("change", () => show(rows[Number(claimBox.value)]));
  axes.addEventListener("change", (event) => show(closest(event.target.dataset.axis, event.target.value)));
  slider.addEventListener("input", () => set(Number(slider.value)));
  exact.addEventListener("input", () => {
    if (Number.isFinite(exact.valueAsNumber)) set(exact.valueAsNumber);
  });
  get("reset").addEventListener("click", () => set(state.row.claim.threshold));

  // An address may name a case: claims.html#paper/05_survival.above/… , or a claim, which is its first case.
  function asked() {
    let wanted = "";
    try {
      wanted = decodeURIComponent(location.hash.slice(1));
    } catch {
      return undefined; // an address that someone mistyped
    }
    const fits = (row) => [row.id, row.formerly].includes(wanted) || row.id.startsWith(`${wanted}/`);
    return wanted && rows.find(fits);
  }
  window.addEventListener("hashchange", () => {
    const row = asked();
    if (row) show(row, true);
  });

  window.Explorer = { show };
  const first = asked();
  show(first || rows[0], Boolean(first));
})();
