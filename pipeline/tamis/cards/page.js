"use strict";
// Sorting, filtering, folding, the theme and the charts of the page. Without it, the page shows the same words,
// tables and figures.
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const THIN = "\u202f";
  root.classList.add("js");

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const count = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, THIN);
  const short = (number) => {
    for (const [scale, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (number >= scale * 0.9995) return Number((number / scale).toPrecision(3)) + THIN + letter;
    }
    return String(number);
  };
  const share = (part, whole) => {
    if (!whole) return "–";
    const percent = (100 * part) / whole;
    if (percent > 0 && percent < 0.05) return `<${THIN}0.1${THIN}%`;
    if (percent > 99.95 && percent < 100) return `>${THIN}99.9${THIN}%`;
    return percent.toFixed(1).replace(/\.0$/, "") + THIN + "%";
  };

  function theme() {
    const button = document.getElementById("theme");
    const order = ["auto", "light", "dark"];
    let now = "auto";
    try { now = localStorage.getItem("tamis-theme") || "auto"; } catch { /* a page from a file may have no store */ }
    const show = () => {
      if (now === "auto") delete root.dataset.theme; else root.dataset.theme = now;
      button.textContent = `Theme: ${now}`;
    };
    button.addEventListener("click", () => {
      now = order[(order.indexOf(now) + 1) % order.length];
      try { localStorage.setItem("tamis-theme", now); } catch { /* then it lasts as long as the page */ }
      show();
    });
    button.hidden = false;
    show();
  }

  function contents() {
    const nav = document.getElementById("contents");
    const menu = document.getElementById("menu");
    const links = [...nav.querySelectorAll("a")];
    const targets = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
    const open = (yes) => { nav.classList.toggle("open", yes); menu.setAttribute("aria-expanded", String(yes)); };
    menu.hidden = false;
    menu.addEventListener("click", () => open(!nav.classList.contains("open")));
    nav.addEventListener("click", (event) => { if (event.target.closest("a")) open(false); });
    nav.addEventListener("keydown", (event) => { if (event.key === "Escape") { open(false); menu.focus(); } });
    let current = null, waiting = false;
    const mark = () => {
      waiting = false;
      let found = 0;
      const end = window.innerHeight + window.scrollY >= document.body.scrollHeight - 4;
      targets.forEach((target, place) => { if (target.getBoundingClientRect().top < window.innerHeight * 0.3) found = place; });
      if (end) found = targets.length - 1;
      if (links[found] === current || !links.length) return;
      if (current) current.removeAttribute("aria-current");
      current = links[found];
      current.setAttribute("aria-current", "true");
      menu.textContent = `Contents · ${current.textContent}`;
      if (nav.scrollHeight > nav.clientHeight) nav.scrollTop = current.offsetTop - nav.clientHeight / 2;
    };
    const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(mark); } };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    mark();
  }

  const SCALES = { k: 1e3, M: 1e6, B: 1e9, T: 1e12, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15 };
  // A number as the card writes it: `12 345`, `1.2 M`, `−3 (1 %)`, `< 0.1 %`; null for what is none.
  function value(text, bytes) {
    const found = /^[~≥≤<>]*([−-]?\d+(?:\.\d+)?)(kB|MB|GB|TB|PB|k|M|B|T)?/.exec(text.replace(/\s/g, ""));
    if (!found) return null;
    const scale = found[2] === "B" && bytes ? 1 : SCALES[found[2]] || 1;
    const number = Number(found[1].replace("−", "-")) * scale;
    return text.trim().startsWith("<") ? number * 0.99 : number;
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const first = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const cells = new Map(first.map((row) => [row, row.cells[column].textContent]));
        const bytes = [...cells.values()].some((text) => /[kMGTP]B\s*$/.test(text));
        const numeric = head.classList.contains("n");
        const keys = new Map(first.map((row) => [row, numeric ? value(cells.get(row), bytes) : cells.get(row)]));
        const steps = numeric ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
        const next = steps[(steps.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", next);
        const way = next === "descending" ? -1 : 1;
        const sorted = next === "none" ? first : [...first].sort((a, b) => {
          const [x, y] = [keys.get(a), keys.get(b)];
          if (x === null || y === null) return (x === null) - (y === null);
          return way * (numeric ? x - y : words.compare(x, y));
        });
        body.append(...sorted);
        table.dispatchEvent(new Event("arranged"));
      });
    });
  }

  const LONG = 25, TOP = 15, FILTERED = 12;
  // A filter above a long run of rows, and a button below it that shows them all.
  function long(box, rows, noun, place) {
    if (rows().length <= FILTERED) return;
    const folded = rows().length > LONG;
    let all = !folded;
    const input = make("input", { type: "search", placeholder: `Filter ${noun}`, "aria-label": `Filter ${noun}` });
    const told = make("span", { role: "status" });
    const more = make("button", { type: "button", class: "more" });
    const show = () => {
      const wanted = input.value.trim().toLowerCase();
      let fit = 0, seen = 0;
      for (const row of rows()) {
        const fits = !wanted || row.textContent.toLowerCase().includes(wanted);
        fit += fits;
        row.hidden = !fits || (!all && !wanted && fit > TOP);
        seen += !row.hidden;
      }
      told.textContent = wanted ? `${count(fit)} of ${count(rows().length)}` : "";
      more.hidden = !folded || Boolean(wanted);
      more.textContent = all ? `Show the first ${TOP}` : `Show all ${count(rows().length)} ${noun}`;
    };
    input.addEventListener("input", show);
    more.addEventListener("click", () => { all = !all; show(); });
    place.before(make("div", { class: "tools" }, input, told));
    place.after(more);
    box.addEventListener("arranged", show);
    show();
  }

  function tables() {
    for (const table of document.querySelectorAll("table.data")) {
      if (table.tBodies[0].rows.length > 1) sortable(table);
      long(table, () => [...table.tBodies[0].rows], "rows", table.parentElement);
    }
    for (const box of document.querySelectorAll(".folds")) long(box, () => [...box.children], "entries", box);
  }

  function hints() {
    const boxes = [...document.querySelectorAll(".scroll, pre")].map((box) => {
      const hint = make("p", { class: "hint", "aria-hidden": "true" }, "Wider than the page: scroll it sideways →");
      hint.hidden = true;
      if (box.matches(".scroll")) box.after(hint);
      return [box, hint];
    });
    const look = () => boxes.forEach(([box, hint]) => {
      const wide = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      hint.hidden = !wide;
      // What fits needs no stop on the way of the tab key.
      if (wide) box.tabIndex = 0; else box.removeAttribute("tabindex");
    });
    addEventListener("resize", look);
    document.addEventListener("toggle", look, true);
    look();
  }

  const tip = document.getElementById("tip");
  function tipped(element, words) {
    const at = (x, y) => {
      tip.textContent = words();
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      tip.style.left = `${Math.max(8, Math.min(x - box.width / 2, innerWidth - box.width - 8))}px`;
      tip.style.top = `${y - box.height - 12 < 4 ? y + 18 : y - box.height - 12}px`;
    };
    const hide = () => { tip.hidden = true; };
    element.addEventListener("pointermove", (event) => at(event.clientX, event.clientY));
    element.addEventListener("pointerleave", hide);
    element.addEventListener("focus", () => {
      const box = element.getBoundingClientRect();
      at(box.left + box.width / 2, box.top);
    });
    element.addEventListener("blur", hide);
  }
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  // Buttons of which one is pressed.
  function pick(label, names, now, chosen) {
    const group = make("span", { class: "pick", role: "group", "aria-label": label });
    const buttons = names.map(([key, words]) => make("button", { type: "button", "aria-pressed": String(key === now), onclick: () => {
      buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(names[place][0] === key)));
      chosen(key);
    } }, words));
    group.append(...buttons);
    return group;
  }

  const UNITS = { tokens: "Tokens", chars: "Characters", documents: "Documents" };
  const ROWS = 12;
  function composition(box, { units, categories, languages, cells }) {
    let unit = 0, scale = "amount", only = null, all = false;
    const bars = make("div", { class: "bars", role: "group", "aria-label": "Bars by language; arrow keys move between their parts" });
    const legend = make("ul", { class: "legend", "aria-label": "Categories" });
    const chips = categories.map((name, place) => make("button", { type: "button", "aria-pressed": "false", onclick: () => {
      only = only === place ? null : place;
      draw();
    } }, make("span", { class: `swatch s${place % 8}` }), name));
    legend.append(...chips.map((chip) => make("li", {}, chip)));
    const more = make("button", { type: "button", class: "more", onclick: () => { all = !all; draw(); } });

    function draw() {
      const word = UNITS[units[unit]].toLowerCase();
      const sum = (row) => row.reduce((whole, cell) => whole + cell[unit], 0);
      const order = cells.map((row, place) => [sum(row), place]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
      const total = order.reduce((whole, [amount]) => whole + amount, 0);
      const most = Math.max(...order.map(([amount]) => amount), 1);
      chips.forEach((chip, place) => chip.setAttribute("aria-pressed", String(place === only)));
      bars.replaceChildren(...order.slice(0, all ? order.length : ROWS).map(([amount, place]) => {
        const [tag, name] = languages[place];
        const track = make("div", { class: "track" });
        const width = scale === "share" ? amount || 1 : most;
        cells[place].forEach((cell, category) => {
          if (!cell[unit]) return;
          const words = `${name}, ${categories[category]}: ${count(cell[unit])} ${word}, ${share(cell[unit], amount)} of the language, ${share(cell[unit], total)} of the release`;
          const part = make("span", { class: `s${category % 8}${only !== null && only !== category ? " dim" : ""}`, role: "img", tabindex: "-1", "aria-label": words });
          const percent = (100 * cell[unit]) / width;
          part.style.width = `${percent}%`;
          if (percent > 0.7) part.classList.add("wide");
          tipped(part, () => words.replace(": ", "\n").replaceAll(", ", "\n").replace("\n", ", "));
          track.append(part);
        });
        const shown = only === null ? amount : cells[place][only][unit];
        return make("div", { class: "row" },
          make("span", { class: "name" }, name, " ", make("small", {}, name.toLowerCase() === tag ? "" : tag)),
          track,
          make("span", { class: "amount" }, short(shown), " ", make("small", {}, `· ${share(shown, only === null ? total : amount)}`)));
      }));
      const stop = bars.querySelector(".track span");
      if (stop) stop.tabIndex = 0;
      more.hidden = order.length <= ROWS;
      more.textContent = all ? `Show the ${ROWS} largest` : `Show all ${order.length} languages`;
    }
    bars.addEventListener("keydown", (event) => {
      const track = event.target.closest(".track");
      if (!track) return;
      const tracks = [...bars.querySelectorAll(".track")].filter((one) => one.children.length);
      const beside = (step) => tracks[tracks.indexOf(track) + step]?.children[0];
      const next = { ArrowRight: event.target.nextElementSibling, ArrowLeft: event.target.previousElementSibling, ArrowDown: beside(1), ArrowUp: beside(-1) }[event.key];
      if (!next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
    box.append(
      make("div", { class: "tools" },
        pick("Unit", units.map((name, place) => [place, UNITS[name]]), 0, (key) => { unit = key; draw(); }),
        pick("Scale", [["amount", "Amount"], ["share", "Share"]], "amount", (key) => { scale = key; draw(); })),
      legend, bars, more);
    draw();
  }

  const SVG = "http://www.w3.org/2000/svg";
  const TRUNK = 84, ASIDE = 14;
  function funnel(box, { stages, sources, reasons, flows, series }) {
    const select = make("select", { id: "flow-source" }, make("option", { value: "0" }, `All ${sources.length} sources`),
      ...sources.map((name, place) => make("option", { value: String(place + 1) }, name)));
    const list = make("ol", { class: "flow" });
    const legend = make("ul", { class: "legend", "aria-label": "Sources" });
    // Who has a band of its own: the largest sources; the others share one.
    const own = sources.length <= series ? sources.length : series - 1;
    const bands = sources.slice(0, own).map((name, place) => [name, [place + 1]]);
    if (own < sources.length) bands.push([`${sources.length - own} others`, sources.slice(own).map((_, place) => own + place + 1)]);
    legend.append(...bands.map(([name, members], place) => make("li", {}, make("button", members.length > 1 ? { type: "button", disabled: "" } : { type: "button", onclick: () => { select.value = String(members[0]); draw(); } },
      make("span", { class: `swatch s${place}` }), name))));

    // A band from (a, b) above to (c, d) below.
    const path = (a, b, c, d, fill, words) => {
      const made = document.createElementNS(SVG, "path");
      // A hair of ground between neighbours.
      [b, d] = [b - Math.min(0.3, (b - a) / 4), d - Math.min(0.3, (d - c) / 4)];
      made.setAttribute("d", `M${a} 0C${a} 50 ${c} 50 ${c} 100L${d} 100C${d} 50 ${b} 50 ${b} 0Z`);
      made.style.fill = fill;
      if (words) tipped(made, () => words);
      return made;
    };
    const picture = (paths) => {
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", "0 0 100 100");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("aria-hidden", "true");
      svg.append(...paths);
      return make("div", { class: "picture" }, svg);
    };

    function draw() {
      const chosen = Number(select.value);
      const whole = flows[chosen];
      const parts = chosen ? [[sources[chosen - 1], [chosen]]] : bands;
      const scale = TRUNK / Math.max(whole[0][0], 1);
      const at = (step, end) => {
        let x = 0;
        return parts.map(([, members]) => {
          const wide = members.reduce((sum, member) => sum + flows[member][step][end], 0) * scale;
          x += wide;
          return [x - wide, x, wide / scale];
        });
      };
      const color = (place) => `var(--c${(chosen ? Math.min(chosen - 1, 7) : place) % 8})`;
      const rows = whole.map(([entered, left, why], step) => {
        const lost = entered - left;
        const [above, below] = [at(step, 0), at(step, 1)];
        const paths = parts.map(([name], place) => path(above[place][0], above[place][1], below[place][0], below[place][1], color(place),
          `${name}\n${stages[step]}: ${count(Math.round(above[place][2]))} in, ${count(Math.round(below[place][2]))} out`));
        if (lost) paths.unshift(path(left * scale, entered * scale, left * scale + ASIDE, entered * scale + ASIDE, "var(--lost)", `${stages[step]}: ${count(lost)} dropped`));
        const told = why.slice(0, 4).map(([reason, number]) => `${reasons[reason]} ${count(number)}`).join(" · ") + (why.length > 4 ? ` · ${why.length - 4} more` : "");
        const words = make("div", { class: "words" }, make("b", {}, stages[step]), " ",
          make("span", { class: "gone" }, lost ? `−${count(lost)} (${share(lost, entered)})` : ""));
        if (!step) words.prepend(make("small", {}, `${count(entered)} rows read`));
        words.append(make("small", {}, lost ? told : "drops nothing"));
        return make("li", lost ? { class: "lossy" } : {}, picture(paths), words);
      });
      const last = whole[whole.length - 1][1];
      const ends = at(whole.length - 1, 1);
      rows.push(make("li", { class: "end" }, picture(parts.map(([name], place) => path(ends[place][0], ends[place][1], ends[place][0], ends[place][1], color(place), `${name}\nreleased: ${count(Math.round(ends[place][2]))}`))),
        make("div", { class: "words" }, `${count(last)} released`, make("small", {}, `${share(last, whole[0][0])} of the rows read`))));
      list.replaceChildren(...rows);
      legend.hidden = Boolean(chosen);
    }
    select.addEventListener("change", draw);
    box.append(make("div", { class: "tools" }, make("label", { for: "flow-source" }, "Documents of"), select));
    if (sources.length > 1) box.append(legend);
    box.append(list);
    draw();
  }

  const CAPTIONS = {
    composition: "By language and category. Choose a category to single it out; the parts of a bar tell their numbers.",
    funnel: "From rows read to documents released: widths are documents, and what a stage drops leaves to the right. Choose a source to follow it alone.",
  };
  function charts() {
    const kinds = { composition, funnel };
    for (const box of document.querySelectorAll(".chart")) {
      kinds[box.dataset.chart](box, data[box.dataset.chart]);
      box.hidden = false;
      box.closest("figure").querySelector(".caption").textContent = CAPTIONS[box.dataset.chart];
    }
  }

  theme();
  charts();
  tables();
  contents();
  hints();
  addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((one) => { one.open = true; }));
})();
