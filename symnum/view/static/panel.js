// Parameters: a slider and a number for each; solving again, its progress, and what came of it.

import { ask, sentence, tell } from "./data.js";
import { number, seconds as spoken } from "./draw.js";

const find = (id) => document.getElementById(id);
const PAUSE = 60;         // milliseconds between looks at a solve
const SLOW = 3;           // seconds of a solve beyond which not every touch of a slider starts one
const DECADES = 1;        // a slider goes from a tenth of the value to ten times it

export class Panel {
  // `solved(run)`: a new run is there. `alarmed(error)`: something to be said.
  constructor(about, solved, alarmed) {
    Object.assign(this, { solved, alarmed, rows: [], watching: 0, values: new Map() });
    const model = about.parameters, none = model === null || model.length === 0;
    find("why-not").hidden = !none;
    find("why-not").textContent = model === null ? sentence(about.why_not) : "This model has no parameters.";
    for (const id of ["live-choice", "deeds"]) find(id).hidden = none;
    if (model === null) this.list(Object.entries(about.runs[0].parameters));
    else for (const parameter of model) this.add(parameter);
    find("parameters").addEventListener("submit", (event) => { event.preventDefault(); this.solve(); });
    find("cancel").addEventListener("click", () => tell("cancel", {}).catch(alarmed));
    find("reset").addEventListener("click", () => this.reset());
    if (about.job && ["waiting", "running"].includes(about.job.state)) this.watch(about.job.number);
  }

  list(parameters) {
    for (const [name, value] of parameters) {
      const row = element("div", "parameter");
      row.append(name, element("span", "", number(value)));
      find("parameter-rows").append(row);
    }
  }

  add({ name, value, units }) {
    const row = element("div", "parameter"), title = element("label", "", name), box = element("input"), slider = element("input");
    if (units) title.append(" ", element("small", "", units));
    Object.assign(box, { type: "number", step: "any", required: true, id: `value-${this.rows.length}`, name });
    Object.assign(slider, { type: "range", min: -1, max: 1, step: 0.005 });
    slider.setAttribute("aria-label", `${name}, slider`);
    title.htmlFor = box.id;
    const entry = { name, start: value, row, box, slider };
    slider.addEventListener("input", () => { this.put(entry, fromSlider(value, Number(slider.value)), false); this.touched(true); });
    slider.addEventListener("change", () => this.touched(false));
    box.addEventListener("input", () => { if (box.value !== "" && box.validity.valid) this.put(entry, Number(box.value), true); });
    box.addEventListener("change", () => { if (box.validity.valid) this.touched(false); });
    row.append(title, box, slider);
    find("parameter-rows").append(row);
    this.rows.push(entry);
    this.put(entry, value);
  }

  put(entry, value, typed) {
    this.values.set(entry.name, value);
    if (!typed) entry.box.value = String(Number(value.toPrecision(6)));
    if (typed !== false) entry.slider.value = toSlider(entry.start, value);
    entry.row.classList.toggle("changed", value !== entry.start);
  }

  // Show the parameters of a run that was chosen.
  show(parameters) {
    for (const entry of this.rows) if (Number.isFinite(parameters[entry.name])) this.put(entry, parameters[entry.name]);
  }

  reset() {
    for (const entry of this.rows) this.put(entry, entry.start);
    this.solve();
  }

  // While a slider moves, solve only if the last solve was quick, and one after the other: each is seen, the last one at rest.
  touched(moving) {
    if (!find("live").checked || (moving && (this.seconds ?? 0.2) > 0.4) || (!moving && (this.seconds ?? 0) > SLOW)) return;
    const now = JSON.stringify([...this.values]);
    this.again = moving && this.busy;
    if (now !== this.asked && !this.again) this.solve(now);
  }

  async solve(now = JSON.stringify([...this.values])) {
    if (!find("parameters").reportValidity()) return;
    this.asked = now;
    this.busy = true;
    try {
      const { number: job } = await tell("solve", { parameters: Object.fromEntries(this.values) });
      this.watch(job);
    } catch (error) {
      this.asked = undefined;
      this.busy = false;
      this.alarmed(error);
    }
  }

  async watch(job) {
    this.watching = job;
    find("cancel").disabled = false;
    try {
      while (this.watching === job) {
        const { job: seen } = await ask("job");
        if (!seen || seen.number !== job) return; // a newer one, which is watched by itself
        this.tell(seen);
        if (!["waiting", "running"].includes(seen.state)) return await this.ended(seen);
        await new Promise((done) => setTimeout(done, PAUSE));
      }
    } catch (error) {
      this.idle("");
      this.alarmed(error);
    }
  }

  tell({ t, done, end }) {
    const bar = find("progress");
    bar.hidden = false;
    if (t === null) bar.removeAttribute("value"); else bar.value = done;
    find("job").textContent = t === null ? "Solving …" : `Solving: t = ${number(t, 4)} of ${number(end, 4)}`;
  }

  async ended({ state, message, run, seconds }) {
    if (seconds !== null) this.seconds = seconds;
    this.idle({ done: `Solved in ${spoken(seconds ?? 0)}.`, cancelled: "Cancelled.", failed: "This solve failed." }[state]);
    if (state === "failed") { this.asked = undefined; this.alarmed(new Error(message)); }
    if (state === "cancelled") this.asked = undefined;
    if (state === "done") await this.solved(run);
    if (this.again && !this.busy) this.touched(false);
  }

  idle(text) {
    this.busy = false;
    find("progress").hidden = true;
    find("cancel").disabled = true;
    find("job").textContent = text;
  }
}

function fromSlider(start, place) {
  const made = start === 0 ? place : start * 10 ** (DECADES * place);
  return Number(made.toPrecision(4));
}

function toSlider(start, value) {
  const place = start === 0 ? value : value / start > 0 ? Math.log10(value / start) / DECADES : -1;
  return Math.max(-1, Math.min(1, place));
}

function element(kind, style = "", text = "") {
  const made = document.createElement(kind);
  if (style) made.className = style;
  if (text) made.textContent = text;
  return made;
}
