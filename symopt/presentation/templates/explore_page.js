// The page: settings, controls, captions, the table, the address, and the export.

const PAGE = JSON.parse(document.getElementById("data").textContent);
const RULES = new Map(PAGE.rules.map((rule) => [rule.name, rule]));
const MOST_STEPS = 10000;
const MOST_RUNS = 3;
const find = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, given] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(given)) made.addEventListener(event, listener);
    } else if (name in made && name !== "list") {
      made[name] = given;
    } else {
      made.setAttribute(name, given);
    }
  }
  made.append(...children);
  return made;
}

// ---- settings: texts, as they stand in the fields and in the address ----------------------------

function defaultRun(name) {
  const { hyper, opens } = RULES.get(name);
  return { rule: name, hyper: hyper.map((entry) => opens[entry.name] ?? entry.value) };
}

function defaults() {
  return {
    start: [...PAGE.objective.start],
    steps: String(PAGE.steps),
    runs: PAGE.first.map(defaultRun),
  };
}

function toHash(settings) {
  const runs = settings.runs.map(({ rule, hyper }) => {
    const own = RULES.get(rule).hyper.map((entry, i) => `;${entry.name}=${hyper[i]}`);
    return `run=${rule}${own.join("")}`;
  });
  return `#${[`start=${settings.start}`, `steps=${settings.steps}`, ...runs].join("&")}`.replace(
    / /g, "",
  );
}

// The settings of an address, and what of it this page does not understand.
function fromHash(hash) {
  const settings = defaults();
  const problems = [];
  const runs = [];
  let text = "";
  try {
    text = decodeURIComponent(hash.replace(/^#/, ""));
  } catch (error) {
    problems.push(`cannot be decoded (${error.message})`);
  }
  for (const part of text.split("&").filter(Boolean)) {
    const [key, given] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)];
    if (key === "start") {
      const numbers = given.split(",");
      const good = numbers.length === 2 && numbers.every((number) => isFinite(read(number)));
      if (good) settings.start = numbers;
      else problems.push(`start=${given} is not two numbers`);
    } else if (key === "steps") {
      if (stepsProblem(given)) problems.push(stepsProblem(given));
      else settings.steps = given;
    } else if (key === "run") {
      const [name, ...assignments] = given.split(";");
      if (!RULES.has(name)) {
        problems.push(`no rule ${name} on this page`);
        continue;
      }
      if (runs.length === MOST_RUNS) {
        problems.push(`more than ${MOST_RUNS} rules`);
        continue;
      }
      const run = defaultRun(name);
      for (const assignment of assignments) {
        const [symbol, number = ""] = assignment.split("=");
        const index = RULES.get(name).hyper.findIndex((entry) => entry.name === symbol);
        if (index < 0) problems.push(`${name} has no ${symbol}`);
        else if (domainProblem(RULES.get(name).hyper[index], number)) {
          problems.push(`${name}: ${domainProblem(RULES.get(name).hyper[index], number)}`);
        } else run.hyper[index] = number;
      }
      runs.push(run);
    } else {
      problems.push(`${part} means nothing`);
    }
  }
  if (runs.length) settings.runs = runs;
  return { settings, problems };
}

function domainProblem(entry, text) {
  const number = read(text);
  const { low, high, low_open, high_open } = entry.domain;
  if (!Number.isFinite(number)) return `${entry.symbol} must be a number`;
  const below = low !== null && (low_open ? number <= low : number < low);
  const above = high !== null && (high_open ? number >= high : number > high);
  return below || above ? `${entry.symbol} must lie in ${entry.domain.text}` : "";
}

function stepsProblem(text) {
  const number = read(text);
  const good = Number.isInteger(number) && number >= 1 && number <= MOST_STEPS;
  return good ? "" : `steps must be a whole number from 1 to ${MOST_STEPS}`;
}

// ---- sliders ------------------------------------------------------------------------------------

const NOTCHES = 400;

function short(number, digits) {
  return String(Number(number.toPrecision(digits)));
}

function fromNotch(scale, notch) {
  const part = notch / NOTCHES;
  if (scale.kind === "log") {
    if (scale.zero && notch === 0) return "0";
    return short(10 ** (scale.low + (scale.high - scale.low) * part), 3);
  }
  if (scale.kind === "decay") {
    const side = scale.signed ? 2 * part - 1 : part;
    const distance = Number((10 ** (-scale.high * Math.abs(side))).toPrecision(2));
    return short(Math.sign(side) * (1 - distance), 8);
  }
  return short(scale.low + (scale.high - scale.low) * part, 3);
}

function toNotch(scale, number) {
  let part = (number - scale.low) / (scale.high - scale.low);
  if (scale.kind === "log") {
    part = number > 0 ? (Math.log10(number) - scale.low) / (scale.high - scale.low) : 0;
  } else if (scale.kind === "decay") {
    const side = Math.sign(number) * (-Math.log10(1 - Math.abs(number)) / scale.high);
    part = scale.signed ? (side + 1) / 2 : side;
  }
  return Math.round(NOTCHES * Math.min(Math.max(part, 0), 1));
}

// A slider with a field to type in; `change` is told of texts that are good.
function slider(id, name, meaning, scale, text, problemOf, change) {
  const error = element("p", { className: "error", id: `${id}-error` });
  const field = element("input", {
    id, type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false, value: text,
    "aria-describedby": error.id,
  });
  const range = element("input", {
    type: "range", min: 0, max: NOTCHES, value: toNotch(scale, read(text)),
    "aria-label": `${name}${meaning ? `, ${meaning}` : ""}`, "aria-valuetext": text,
  });
  range.addEventListener("input", () => {
    field.value = fromNotch(scale, Number(range.value));
    accept();
  });
  field.addEventListener("input", () => {
    if (accept()) range.value = toNotch(scale, read(field.value));
  });
  function accept() {
    const problem = problemOf(field.value);
    error.textContent = problem;
    field.setAttribute("aria-invalid", String(Boolean(problem)));
    range.setAttribute("aria-valuetext", field.value);
    if (!problem) change(field.value.trim());
    return !problem;
  }
  const told = meaning ? [element("span", { className: "soft" }, meaning)] : [];
  return element(
    "div", { className: "row" }, element("label", { htmlFor: id }, name, " ", ...told), range,
    field, error,
  );
}

// ---- controls -----------------------------------------------------------------------------------

const opened = fromHash(location.hash);
let settings = opened.settings;

function buildControls() {
  const { variables } = PAGE.objective;
  const shared = find("shared");
  shared.replaceChildren(shared.firstElementChild);
  variables.forEach((name, i) => {
    const error = element("p", { className: "error", id: `start${i}-error` });
    const field = element("input", {
      id: `start${i}`, type: "text", inputMode: "decimal", autocomplete: "off",
      value: settings.start[i], "aria-describedby": error.id,
    });
    field.addEventListener("input", () => {
      const good = Number.isFinite(read(field.value));
      error.textContent = good ? "" : `${name} must be a number, such as 0.5 or 3/2`;
      field.setAttribute("aria-invalid", String(!good));
      if (good) {
        settings.start[i] = field.value.trim();
        update();
      }
    });
    shared.append(
      element(
        "div", { className: "row plain" }, element("label", { htmlFor: field.id }, `start ${name}`),
        field, error,
      ),
    );
  });
  const scale = { kind: "log", low: 0, high: Math.log10(MOST_STEPS), zero: false };
  const steps = slider("steps", "steps", "", scale, settings.steps, stepsProblem, (text) => {
    settings.steps = text;
    update();
  });
  const range = steps.querySelector('[type="range"]');
  range.addEventListener("input", () => {
    const field = find("steps");
    field.value = String(Math.round(read(field.value)));
    field.dispatchEvent(new Event("input"));
  });
  shared.append(steps);
  find("runs").replaceChildren(...settings.runs.map(runControls));
  find("add").disabled = settings.runs.length >= MOST_RUNS;
}

function runControls(run, index) {
  const rule = RULES.get(run.rule);
  const chooser = element("select", { id: `rule${index}`, "aria-label": `Rule ${index + 1}` });
  for (const { name, title } of PAGE.rules) {
    chooser.append(element("option", { value: name, selected: name === run.rule }, title));
  }
  chooser.addEventListener("change", () => {
    settings.runs[index] = defaultRun(chooser.value);
    rebuild(`rule${index}`);
  });
  const remove = element("button", { type: "button", disabled: settings.runs.length < 2 }, "Remove");
  remove.addEventListener("click", () => {
    settings.runs.splice(index, 1);
    rebuild(`rule${Math.max(0, index - 1)}`);
  });
  const sliders = rule.hyper.map((entry, i) =>
    slider(
      `run${index}-${entry.name}`, entry.symbol, entry.meaning, entry.scale, run.hyper[i],
      (text) => domainProblem(entry, text),
      (text) => {
        run.hyper[i] = text;
        update();
      },
    ),
  );
  const box = document.querySelector(`template[data-rule="${CSS.escape(rule.name)}"]`);
  const about = [rule.source, ...rule.schedules, ...(rule.defect ? [`Defective: ${rule.defect}`] : [])];
  return element(
    "fieldset", { className: `run run${index}` },
    element("legend", {}, element("span", { className: `mark run${index}` }), `Rule ${index + 1}`),
    element("div", { className: "chooser" }, chooser, remove),
    element("p", { className: "about" }, about.join(". ")),
    ...sliders,
    element("details", {}, element("summary", {}, "Statement"), box.content.cloneNode(true)),
  );
}

// After a change of what controls there are; the focus goes on where it was.
function rebuild(focus) {
  buildControls();
  update();
  if (focus) find(focus).focus();
}

// ---- results ------------------------------------------------------------------------------------

const map = new ContourMap(find("map"), PAGE.objective);
const losses = new Losses(find("losses"), PAGE.objective);
let results = [];

function runOf({ rule, hyper }) {
  const made = trajectory(rule, settings.start.map(read), hyper.map(read), Number(settings.steps));
  return { ...made, values: made.rows.map(([x, y]) => value(x, y)[0]) };
}

function caption() {
  const runs = settings.runs.map(({ rule, hyper }, i) => {
    const { title, hyper: entries, schedules } = RULES.get(rule);
    const own = [...entries.map((entry, j) => `${entry.symbol} = ${hyper[j]}`), ...schedules];
    const { diverged } = results[i];
    const ended = diverged === null ? "" : `, diverges at step ${diverged}`;
    return `${title}${own.length ? ` (${own.join(", ")})` : ""}${ended}`;
  });
  const steps = settings.steps === "1" ? "1 step" : `${settings.steps} steps`;
  return (
    `${runs.join("; ")}; on ${PAGE.objective.title} from (${settings.start.join(", ")}), ` +
    `${steps}, float64.`
  );
}

function shown(number) {
  if (!Number.isFinite(number)) return String(number).replace("Infinity", "∞").replace("-", "−");
  const size = Math.abs(number);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? number.toExponential(5) : number.toPrecision(7);
  return text.replace("-", "−").replace("e-", "e−");
}

function nearest_minimum(x, y) {
  let best = null;
  for (const point of PAGE.objective.points) {
    if (point.kind !== "minimum") continue;
    const distance = Math.hypot(x - point.x[0], y - point.x[1]);
    if (best === null || distance < best.distance) best = { distance, point };
  }
  return best;
}

function table() {
  const { variables, points } = PAGE.objective;
  const minima = points.some(({ kind }) => kind === "minimum");
  const heads = ["rule", "step", ...variables, "f", ...(minima ? ["distance to nearest minimum"] : [])];
  const head = element("tr", {}, ...heads.map((text, i) =>
    element("th", { scope: "col", className: i ? "n" : "" }, text)));
  const rows = settings.runs.map(({ rule }, i) => {
    const { rows: states, values, diverged } = results[i];
    const last = diverged === null ? states.length - 1 : Math.max(diverged - 1, 0);
    const [x, y] = states[last];
    const cells = [String(last), shown(x), shown(y), shown(values[last])];
    if (minima) cells.push(shown(nearest_minimum(x, y).distance));
    const ended = diverged === null ? "" : ` (diverges at step ${diverged})`;
    return element(
      "tr", {},
      element("th", { scope: "row" }, element("span", { className: `mark run${i}` }),
        `${RULES.get(rule).title}${ended}`),
      ...cells.map((text) => element("td", { className: "n" }, text)),
    );
  });
  find("results").tHead.replaceChildren(head);
  find("results").tBodies[0].replaceChildren(...rows);
  const some = results.some(({ diverged }) => diverged !== null);
  find("results").caption.textContent =
    `The last point of each run${some ? ", of a diverging one the last whose numbers are all finite" : ""}.`;
}

function pointTable() {
  const { variables, points, origin } = PAGE.objective;
  const heads = ["kind", `(${variables.join(", ")}), value`];
  find("points").tHead.replaceChildren(
    element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text))));
  find("points").tBodies[0].replaceChildren(
    ...points.map(({ kind, text }) =>
      element("tr", {}, element("td", {}, kind), element("td", {}, text))));
  find("points").caption.textContent = `${points.length} critical points: ${origin}.`;
}

function legend() {
  const names = { minimum: "★ minimum", saddle: "✖ saddle", maximum: "▲ maximum", degenerate: "■ degenerate" };
  const kinds = new Set(PAGE.objective.points.map(({ kind }) => kind));
  return ["+ start", "large dot: last point", ...Object.keys(names).filter((kind) => kinds.has(kind)).map((kind) => names[kind])].join(", ");
}

function draw() {
  map.draw(results, settings.start.map(read));
  losses.draw(results, Number(settings.steps));
}

let waiting = 0;

function update() {
  results = settings.runs.map(runOf);
  const told = caption();
  document.title = `${told.replace(/\.$/, "")} – symopt`;
  find("map-caption").textContent = `${told} ${legend()}.`;
  find("map").setAttribute("aria-label", `Contour map: ${told}`);
  const { lowest } = PAGE.objective;
  find("losses-caption").textContent = lowest === null
    ? "The objective after each step, in the range of the map."
    : `The objective${lowest === 0 ? "" : " above its lowest minimum"} after each step, in powers of ten.`;
  table();
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(draw);
  const hash = toHash(settings);
  // In a notebook's frame the page has no address of its own.
  const addressed = /^(file|https?):$/.test(location.protocol);
  if (addressed && location.hash !== hash) history.replaceState(null, "", hash);
}

function moveTo(x, y) {
  // As many decimals as a thousandth of the window needs.
  settings.start = PAGE.objective.window.map(([low, high], i) => {
    const places = Math.max(0, Math.ceil(3 - Math.log10(high - low)));
    return String(Number([x, y][i].toFixed(places)));
  });
  settings.start.forEach((text, i) => {
    find(`start${i}`).value = text;
    find(`start${i}`).setAttribute("aria-invalid", "false");
    find(`start${i}-error`).textContent = "";
  });
  update();
}

function exported() {
  return {
    made_by: "symopt explore (JavaScript, float64)",
    objective: PAGE.objective.name,
    start: settings.start,
    steps: Number(settings.steps),
    caption: caption(),
    runs: settings.runs.map(({ rule, hyper }, i) => ({
      rule,
      hyperparameters: Object.fromEntries(RULES.get(rule).hyper.map((entry, j) => [entry.name, hyper[j]])),
      columns: [...RULES.get(rule).slots, "f"],
      rows: results[i].rows.map((row, t) => [...row, results[i].values[t]].map(jsonNumber)),
      diverged_at: results[i].diverged,
    })),
  };
}

function saveJson() {
  const text = JSON.stringify(exported());
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = element("a", { href: address, download: `${PAGE.objective.name}_runs.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

find("map").addEventListener("click", (event) => {
  const { left, top } = find("map").getBoundingClientRect();
  const [x, y] = map.back(event.clientX - left, event.clientY - top);
  const [[x0, x1], [y0, y1]] = PAGE.objective.window;
  if (x >= x0 && x <= x1 && y >= y0 && y <= y1) moveTo(x, y);
});
find("map").addEventListener("keydown", (event) => {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (!move) return;
  event.preventDefault();
  const [x, y] = settings.start.map(read);
  const [[x0, x1], [y0, y1]] = PAGE.objective.window;
  const size = event.shiftKey ? 20 : 200;
  moveTo(x + (move[0] * (x1 - x0)) / size, y + (move[1] * (y1 - y0)) / size);
});
find("controls").addEventListener("submit", (event) => event.preventDefault());
find("add").addEventListener("click", () => {
  const used = new Set(settings.runs.map(({ rule }) => rule));
  const next = PAGE.rules.find(({ name }) => !used.has(name)) ?? PAGE.rules[0];
  settings.runs.push(defaultRun(next.name));
  rebuild(`rule${settings.runs.length - 1}`);
});
find("reset").addEventListener("click", () => {
  settings = defaults();
  find("problem").textContent = "";
  rebuild("");
});
find("export").addEventListener("click", saveJson);
window.addEventListener("hashchange", () => {
  if (location.hash === toHash(settings)) return;
  const given = fromHash(location.hash);
  settings = given.settings;
  tell(given.problems);
  rebuild("");
});
window.addEventListener("resize", draw);
window.addEventListener("beforeprint", draw);
window.addEventListener("afterprint", draw);
for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", draw);
}

function tell(problems) {
  find("problem").textContent = problems.length
    ? `This address was not understood in full: ${problems.join("; ")}. The defaults stand there.`
    : "";
}

tell(opened.problems);
pointTable();
rebuild("");
