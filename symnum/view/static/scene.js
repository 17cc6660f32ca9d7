// What is drawn for each kind of run: curves over time with a phase plane, a line with its space-time image, an image, a slice.

import * as data from "./data.js";
import { Plot, colourBar, label, number, palette, withUnits } from "./draw.js";

const MOST_POINTS = 1024; // along an axis of an image
const MOST_LINE = 4096;   // along a curve
const BEHIND = { width: 1.3, dash: [5, 4] }; // how the first run is drawn behind another

// The range of colours or of the upright axis: of the whole run or of what is seen, about zero for diverging maps.
function scaleOf(range, values, fixed, diverging) {
  let low = Infinity, high = -Infinity;
  if (fixed) { low = range.low; high = range.high; }
  if (!fixed || !(high >= low)) {
    for (const v of values) if (v - v === 0) { if (v < low) low = v; if (v > high) high = v; }
  }
  if (!(high >= low)) return [0, 1];
  if (diverging) { const reach = Math.max(Math.abs(low), Math.abs(high)) || 1; return [-reach, reach]; }
  const reach = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-7 * reach || high === low) { const margin = 0.05 * reach || 1; return [low - margin, high + margin]; }
  return [low, high];
}

function sameField(run, field) { return run.fields.findIndex((f) => f.name === field.name && f.space.length === field.space.length); }

function padded([low, high]) { const margin = 0.05 * (high - low); return [low - margin, high + margin]; }

function every(points, step) { return step === 1 ? points : points.filter((_, k) => k % step === 0); }

function nearest(points, value) {
  let best = 0;
  points.forEach((p, k) => { if (Math.abs(p - value) < Math.abs(points[best] - value)) best = k; });
  return best;
}

// Common to all: the run, the quantity, times, and the canvas of the right size.
class Scene {
  constructor(run, field, redraw) {
    Object.assign(this, { run, field, redraw, dims: run.dimensions, plots: [] });
    this.shown = run.fields[field];
    this.range = { low: 0, high: 1 };
  }

  async load() {
    this.times = this.dims.t ? await data.coordinate(this.run.id, "t") : new Float64Array(1);
    this.frames = this.shown.moving ? this.times.length : 1;
  }

  axisLabel(name) { return label(name, this.dims[name].units); }
  get quantity() { return label(this.shown.name, this.shown.units); }
  timeAt(position) { return this.times[this.frameAt(position)]; }
  frameAt(position) { return Math.round(position * (this.frames - 1)); }
  positionOf(time) { return this.frames > 1 ? nearest(this.times, time) / (this.frames - 1) : 0; }
  get stops() { return this.frames; }
  ready() { return true; }
  ahead() {}

  begin(canvas, height, note) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 600;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colours = palette();
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, height);
    if (note) {
      context.font = `13px ${colours.font}`;
      context.fillStyle = colours.faint;
      context.textAlign = "right";
      context.textBaseline = "bottom";
      context.fillText(note, width - 12, 20);
    }
    this.plots = [];
    return { context, colours, width };
  }
}

// Quantities without space.
export class Curves extends Scene {
  constructor(run, fields, phase, behind, redraw) {
    super(run, fields[0] ?? 0, redraw);
    this.fields = fields;
    this.phase = phase; // two numbers of fields, or null
    this.first = behind; // another run, or null
  }

  get stops() { return this.times.length > 1 ? 1001 : 1; } // even in time, whatever the steps were

  async load() {
    await super.load();
    const wanted = [...new Set([...this.fields, ...(this.phase ?? [])])];
    const got = wanted.length ? await data.curves(this.run.id, wanted) : { times: this.times, rows: [] };
    this.times = got.times;
    this.rows = new Map(wanted.map((field, k) => [field, got.rows[k]]));
    this.behind = null;
    const same = this.first ? this.fields.map((k) => sameField(this.first, this.run.fields[k])) : [];
    if (same.length && !same.includes(-1)) this.behind = await data.curves(this.first.id, same);
  }

  timeAt(position) { return this.times[0] + position * (this.times[this.times.length - 1] - this.times[0]); }
  positionOf(time) { const n = this.times.length; return n > 1 ? (time - this.times[0]) / (this.times[n - 1] - this.times[0]) : 0; }

  place(time) { // how many saved times lie before, and the part of the way to the next
    const t = this.times, n = t.length, rising = t[n - 1] >= t[0];
    let low = 0, high = n - 1;
    while (high - low > 1) { const m = (low + high) >> 1; if ((t[m] <= time) === rising) low = m; else high = m; }
    const w = high > low && t[high] !== t[low] ? (time - t[low]) / (t[high] - t[low]) : 0;
    return { low, high, w: Math.max(0, Math.min(1, w)) };
  }

  value(field, time) {
    const { low, high, w } = this.place(time), row = this.rows.get(field);
    return row[low] * (1 - w) + row[high] * w;
  }

  draw(canvas, view) {
    const wide = canvas.clientWidth > 900, phase = this.phase !== null;
    const size = Math.max(240, Math.min(430, window.innerHeight * 0.52));
    const { context, colours, width } = this.begin(canvas, wide || !phase ? size : 2 * size - 20);
    const time = this.timeAt(view.position), units = [...new Set(this.fields.map((k) => this.run.fields[k].units))];
    const first = { left: 62, top: 34, width: (wide && phase ? width * 0.62 : width) - 62 - 18, height: size - 34 - 46 };
    const values = [...this.fields.map((k) => this.rows.get(k)), ...(this.behind?.rows ?? [])];
    const seen = values.map((row) => scaleOf({ low: Infinity, high: -Infinity }, row, false, false));
    const range = seen.length ? [Math.min(...seen.map((r) => r[0])), Math.max(...seen.map((r) => r[1]))] : [0, 1];
    const n = this.times.length;
    const plot = new Plot(context, colours, first, [Math.min(this.times[0], this.times[n - 1]), Math.max(this.times[0], this.times[n - 1])], padded(range));
    const name = this.fields.length === 1 ? this.run.fields[this.fields[0]].name : "";
    plot.axes(this.axisLabel("t"), label(name, units.length === 1 ? units[0] : ""), { lines: true });
    this.behind?.rows.forEach((row, j) => plot.curve(this.behind.times, row, colours.series[j % colours.series.length], BEHIND));
    this.fields.forEach((k, j) => plot.curve(this.times, this.rows.get(k), colours.series[j % colours.series.length]));
    plot.line(time, "x", colours.faint);
    this.fields.forEach((k, j) => plot.dot(time, this.value(k, time), colours.series[j % colours.series.length]));
    this.plots.push({ plot, kind: "time" });
    if (!phase) return;
    const second = wide ? { left: width * 0.62 + 62, top: 34, width: width * 0.38 - 62 - 18, height: first.height } : { ...first, top: size + 16 };
    this.drawPhase(context, colours, second, time);
  }

  drawPhase(context, colours, box, time) {
    const [a, b] = this.phase, xs = this.rows.get(a), ys = this.rows.get(b), named = (k) => label(this.run.fields[k].name, this.run.fields[k].units);
    const whole = (row) => padded(scaleOf({ low: Infinity, high: -Infinity }, row, false, false));
    const plot = new Plot(context, colours, box, whole(xs), whole(ys));
    plot.axes(named(a), named(b), { lines: true });
    plot.curve(xs, ys, colours.line, { width: 1.2 });
    plot.curve(xs, ys, colours.accent, { width: 1.6, count: this.place(time).low + 1 });
    plot.dot(this.value(a, time), this.value(b, time), colours.accent);
    this.plots.push({ plot, kind: "phase" });
  }

  read({ plot, kind }, px) {
    if (kind !== "time") return null;
    const time = plot.valueAcross(px);
    const told = this.fields.slice(0, 4).map((k) => withUnits(`${this.run.fields[k].name} = ${number(this.value(k, time))}`, this.run.fields[k].units));
    return { text: [withUnits(`t = ${number(time)}`, this.dims.t.units), ...told].join(",  "), time };
  }

  describe(position) {
    const time = this.timeAt(position);
    return `Curves over time; at t = ${number(time)}: ${this.fields.map((k) => `${this.run.fields[k].name} = ${number(this.value(k, time))}`).join(", ")}`;
  }
}

// One space axis: the line at a time, and below it all times as an image.
export class Line extends Scene {
  constructor(run, field, behind, redraw) {
    super(run, field, redraw);
    const same = behind ? sameField(behind, this.shown) : -1;
    this.behind = same < 0 ? null : new Line(behind, same, null, redraw); // another run, drawn behind this one
  }

  async load() {
    await super.load();
    await this.behind?.load();
    const [x] = this.shown.space;
    this.points = await data.coordinate(this.run.id, x);
    this.range = await data.ask("range", { run: this.run.id, field: this.field });
    this.store = new data.Frames({ run: this.run.id, field: this.field, most: MOST_LINE }, this.frames, Math.min(MOST_LINE, this.points.length), this.redraw);
    this.image = this.frames > 1 ? await data.image(this.run.id, this.field, MOST_POINTS) : null;
  }

  ready(position) {
    const there = this.behind?.lineAt(this.timeAt(position)) !== null; // asks for both at once
    return this.lineAt(this.timeAt(position)) !== null && there;
  }

  ahead(position) { this.store.ahead(this.frameAt(position)); }

  // The points of the saved time nearest to a time, round to the end of the period; null where they are not here yet.
  lineAt(time) {
    const frame = this.store.at(nearest(this.times, time));
    if (!frame) return null;
    const xs = every(this.points, frame.steps[0]), ys = frame.values, { period } = this.dims[this.shown.space[0]];
    return period ? { xs: [...xs, xs[0] + period], ys: [...ys, ys[0]] } : { xs, ys };
  }

  draw(canvas, view) {
    const upper = Math.max(190, Math.min(300, window.innerHeight * 0.33)), lower = this.image ? Math.max(190, Math.min(300, window.innerHeight * 0.36)) : 0;
    const { context, colours, width } = this.begin(canvas, upper + lower + (lower ? 30 : 26));
    const [name] = this.shown.space, x = this.dims[name].bounds, time = this.timeAt(view.position);
    const box = { left: 62, top: 30, width: width - 62 - 84, height: upper - 30 - (lower ? 6 : 20) };
    this.line = this.lineAt(time) ?? this.line;
    const other = this.behind?.lineAt(time), others = this.behind?.range ?? this.range;
    const both = { low: Math.min(this.range.low, others.low), high: Math.max(this.range.high, others.high) };
    const seen = scaleOf(both, [...(this.line?.ys ?? []), ...(other?.ys ?? [])], view.fixed, false);
    const plot = new Plot(context, colours, box, x, padded(seen));
    plot.axes(this.axisLabel(name), this.quantity, { lines: true, labelsX: !lower });
    if (other) plot.curve(other.xs, other.ys, colours.faint, BEHIND);
    if (this.line) plot.curve(this.line.xs, this.line.ys, colours.accent, { width: 2 });
    this.plots.push({ plot, kind: "line" });
    if (!lower) return;
    const below = { ...box, top: upper + 22, height: lower - 40 };
    this.drawImage(context, colours, below, x, time, view);
  }

  drawImage(context, colours, box, x, time, view) {
    const [name] = this.shown.space, [stepT, stepX] = this.image.steps;
    const times = every(this.times, stepT), xs = every(this.points, stepX), n = times.length;
    const ends = [Math.min(times[0], times[n - 1]), Math.max(times[0], times[n - 1])];
    const plot = new Plot(context, colours, box, x, ends);
    const scale = scaleOf(this.range, this.image.values, true, view.map === "RdBu_r");
    const turned = this.turned ??= transpose(this.image.values, n, xs.length);
    plot.image(xs, times, turned, scale, view.lut, view.smooth, [this.dims[name].period, null]);
    plot.axes(this.axisLabel(name), this.axisLabel("t"));
    plot.line(time, "y", "#ffffff", 3);
    plot.line(time, "y", "#000000", 1);
    colourBar(context, colours, { left: box.left + box.width + 14, top: box.top, width: 12, height: box.height }, scale, view.lut);
    this.plots.push({ plot, kind: "spacetime" });
    this.shownImage = { xs, times };
  }

  read({ plot, kind }, px, py) {
    const [name] = this.shown.space, x = plot.valueAcross(px), units = this.dims[name].units;
    if (kind === "line" && this.line) {
      const k = nearest(this.line.xs, x);
      return { text: `${withUnits(`${name} = ${number(this.line.xs[k])}`, units)},  ${withUnits(`${this.shown.name} = ${number(this.line.ys[k])}`, this.shown.units)}` };
    }
    if (kind !== "spacetime") return null;
    const { xs, times } = this.shownImage, i = nearest(xs, x), k = nearest(times, plot.valueUp(py));
    const value = this.image.values[k * xs.length + i];
    const where = `${withUnits(`${name} = ${number(xs[i])}`, units)},  ${withUnits(`t = ${number(times[k])}`, this.dims.t.units)}`;
    return { text: `${where},  ${withUnits(`${this.shown.name} = ${number(value)}`, this.shown.units)}`, time: times[k] };
  }

  describe(position) { return describeValues(this, this.line?.ys, position); }
}

// Two space axes, or a slice of three.
export class Plane extends Scene {
  constructor(run, field, cut, redraw) {
    super(run, field, redraw);
    this.cut = cut; // {axis, index} or null
    this.axes = this.shown.space.filter((d) => d !== cut?.axis);
  }

  async load() {
    await super.load();
    this.points = await Promise.all(this.axes.map((d) => data.coordinate(this.run.id, d)));
    this.range = await data.ask("range", { run: this.run.id, field: this.field });
    const asked = { run: this.run.id, field: this.field, most: MOST_POINTS, ...(this.cut ? { cut: this.cut.axis, index: this.cut.index } : {}) };
    const size = this.points.map((p) => Math.min(MOST_POINTS, p.length)).reduce((a, b) => a * b, 1);
    this.store = new data.Frames(asked, this.frames, size, this.redraw);
  }

  ready(position) { return this.store.at(this.frameAt(position)) !== null; }
  ahead(position) { this.store.ahead(this.frameAt(position)); }

  draw(canvas, view) {
    const [a, b] = this.axes, x = this.dims[a].bounds, y = this.dims[b].bounds;
    const width = canvas.clientWidth || 600, room = width - 62 - 92, tallest = Math.max(260, window.innerHeight - 330); // the player stays in sight
    const aspect = (y[1] - y[0]) / (x[1] - x[0]), even = aspect > 0.2 && aspect < 5;
    const height = Math.max(120, Math.min(tallest, even ? room * aspect : room * 0.6)), across = even ? Math.min(room, height / aspect) : room;
    const { context, colours } = this.begin(canvas, height + 34 + 46);
    const box = { left: 62 + (room - across) / 2, top: 34, width: across, height };
    const frame = this.store.at(this.frameAt(view.position));
    this.frame = frame ? { xs: every(this.points[0], frame.steps[0]), ys: every(this.points[1], frame.steps[1]), values: frame.values } : this.frame;
    const plot = new Plot(context, colours, box, x, y);
    const scale = scaleOf(this.range, this.frame?.values ?? [], view.fixed, view.map === "RdBu_r");
    if (this.frame) plot.image(this.frame.xs, this.frame.ys, this.frame.values, scale, view.lut, view.smooth, [this.dims[a].period, this.dims[b].period]);
    plot.axes(this.axisLabel(a), this.axisLabel(b));
    const bar = { left: box.left + box.width + 16, top: box.top, width: 14, height };
    colourBar(context, colours, bar, scale, view.lut);
    context.font = `13px ${colours.font}`;
    context.fillStyle = colours.ink;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(this.quantity, box.left + box.width, box.top - 7);
    this.plots.push({ plot, kind: "plane" });
  }

  read({ plot }, px, py) {
    if (!this.frame) return null;
    const { xs, ys, values } = this.frame, i = nearest(xs, plot.valueAcross(px)), j = nearest(ys, plot.valueUp(py)), [a, b] = this.axes;
    const where = [[a, xs[i]], [b, ys[j]]].map(([d, v]) => withUnits(`${d} = ${number(v)}`, this.dims[d].units));
    return { text: [...where, withUnits(`${this.shown.name} = ${number(values[i * ys.length + j])}`, this.shown.units)].join(",  ") };
  }

  describe(position) { return describeValues(this, this.frame?.values, position); }
}

function describeValues(scene, values, position) {
  const [low, high] = scaleOf({ low: Infinity, high: -Infinity }, values ?? [], false, false);
  return `${scene.quantity} at t = ${number(scene.timeAt(position))}, from ${number(low)} to ${number(high)}`;
}

function transpose(values, rows, columns) {
  const made = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) made[c * rows + r] = values[r * columns + c];
  return made;
}
