// The page: choices, time, and the pointer. [about] -> a scene -> the canvas.

import * as data from "./data.js";
import { sentence } from "./data.js";
import { number, seconds, withUnits } from "./draw.js";
import { Panel } from "./panel.js";
import { Curves, Line, Plane } from "./scene.js";

const find = (id) => document.getElementById(id);
const canvas = find("picture");
const WHOLE_RUN = 6; // seconds that a film of the whole run lasts at speed 1
const FIRST_CURVES = 6;
const FILTERED = 12; // names beyond which a list gets a search field

const view = { position: 1, fixed: true, smooth: true, map: "viridis", lut: null, speed: 1 };
let about, run, scene, panel;
let asked = 0, waiting = false, playing = null;

// --- what is shown ----------------------------------------------------------------------------------------------

const quantities = () => run.fields[Number(find("field").value) || 0];
const scalars = () => run.fields.flatMap((f, k) => (f.space.length ? [] : [k]));
const ticked = () => [...document.querySelectorAll("#curve-list input:checked")].map((box) => Number(box.value));

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value, false, String(value) === String(chosen))));
}

function showRun(which, keep = null) {
  run = about.runs.find((r) => r.id === which) ?? about.runs[about.runs.length - 1];
  find("title").textContent = run.title.replaceAll("_", " ") || about.label;
  document.title = `${find("title").textContent} · symnum view`;
  const sizes = Object.entries(run.dimensions).filter(([d]) => d !== "t").map(([, d]) => d.size).join(" × ");
  const t = run.dimensions.t;
  const span = t ? `t = ${number(t.bounds[0])} to ${withUnits(number(t.bounds[1]), t.units)}, ${t.size} saved times` : "";
  const spent = run.seconds ? `solved in ${seconds(run.seconds)}` : "";
  find("facts").textContent = [run.method, sizes && `${sizes} points`, span, spent].filter(Boolean).join(" · ");
  find("why").textContent = sentence(run.why || run.method);
  const names = run.fields.map((f, k) => [k, f.name]).filter(([k]) => run.fields[k].space.length);
  if (scalars().length) names.push(["curves", names.length ? "curves over time" : "curves"]);
  options(find("field"), names, keep?.field ?? names[0][0]);
  find("field-choice").hidden = names.length < 2;
  options(find("run"), about.runs.map((r) => [r.id, r.label]), run.id);
  find("run-choice").hidden = about.runs.length < 2;
  listCurves(keep?.curves);
  listPhase(keep?.phase);
  fitCut(keep?.cut);
  say(run.success ? null : new Error(run.message), run.remarks);
}

function listCurves(keep) {
  const all = scalars(), chosen = keep ?? all.slice(0, FIRST_CURVES);
  find("filter").hidden = all.length <= FILTERED;
  find("curve-list").replaceChildren(...all.map((k) => {
    const row = document.createElement("label"), box = document.createElement("input"), swatch = document.createElement("span");
    Object.assign(box, { type: "checkbox", value: k, checked: chosen.includes(k) });
    swatch.className = "swatch";
    row.append(box, swatch, withUnits(run.fields[k].name, run.fields[k].units && `(${run.fields[k].units})`));
    return row;
  }));
}

function listPhase(keep) {
  const all = scalars(), entries = all.map((k) => [k, run.fields[k].name]);
  options(find("phase-x"), [["", "none"], ...entries], keep?.[0] ?? (all.length > 1 ? all[0] : ""));
  options(find("phase-y"), entries, keep?.[1] ?? all[Math.min(1, all.length - 1)]);
}

function fitCut(keep) {
  const field = quantities(), deep = field.space.length > 2;
  if (deep) {
    options(find("cut"), field.space.map((d) => [d, d]), keep?.axis ?? field.space[2]);
    const last = run.dimensions[find("cut").value].size - 1;
    find("index").max = last;
    find("index").value = keep?.index ?? Math.round(last / 2);
  }
  for (const id of ["cut-choice", "index-choice"]) find(id).hidden = !deep;
}

function cut() {
  return quantities().space.length > 2 ? { axis: find("cut").value, index: Number(find("index").value) } : null;
}

function chosen() {
  return { field: find("field").value, curves: ticked(), phase: phase() ?? ["", find("phase-y").value], cut: cut() };
}

function phase() {
  const x = find("phase-x").value;
  return x === "" ? null : [Number(x), Number(find("phase-y").value)];
}

function newScene() {
  const field = find("field").value;
  const first = about.runs[0], behind = find("behind").checked && run.id !== first.id ? first : null;
  if (field === "curves") return new Curves(run, ticked(), phase(), behind, arrived);
  const dims = quantities().space.length;
  return dims === 1 ? new Line(run, Number(field), behind, arrived) : new Plane(run, Number(field), cut(), arrived);
}

// Load what the choices ask for, and draw it at the same place in time.
async function show() {
  const mine = ++asked, made = newScene();
  canvas.dataset.drawn = "";
  try {
    await made.load();
    if (mine !== asked) return;
    scene = made;
    fitControls();
    view.lut ??= await data.colours(view.map);
    await cutLabel();
    draw();
  } catch (error) {
    say(error);
  }
}

function fitControls() {
  const curves = scene instanceof Curves;
  const hidden = { "x-choice": !curves || scalars().length < 2, "y-choice": !curves || !phase(), "map-choice": curves, "smooth-choice": curves, "behind-choice": run.id === about.runs[0].id || scene instanceof Plane, curves: !curves || scalars().length < 2 };
  for (const [id, off] of Object.entries(hidden)) find(id).hidden = off;
  find("fixed").parentElement.hidden = curves;
  find("player").hidden = scene.stops < 2;
  find("time").max = scene.stops - 1;
  find("time").value = Math.round(view.position * (scene.stops - 1));
}

async function cutLabel() {
  const slice = cut();
  if (!slice) return;
  const points = await data.coordinate(run.id, slice.axis);
  find("index-at").textContent = withUnits(`${slice.axis} = ${number(points[slice.index], 4)}`, run.dimensions[slice.axis].units);
}

// --- drawing ----------------------------------------------------------------------------------------------------

function draw() {
  if (!scene || !view.lut) return;
  waiting = !scene.ready(view.position);
  scene.draw(canvas, view);
  const t = run.dimensions.t;
  find("now").textContent = t ? withUnits(`t = ${number(scene.timeAt(view.position), 4)}`, t.units) : "";
  find("time").setAttribute("aria-valuetext", find("now").textContent);
  colourSwatches();
  if (!playing) canvas.setAttribute("aria-label", scene.describe(view.position));
  canvas.dataset.drawn = waiting ? "" : `run ${run.id} field ${find("field").value} time ${find("time").value} map ${view.map} smooth ${view.smooth}`;
}

function colourSwatches() {
  if (!(scene instanceof Curves)) return;
  const series = getComputedStyle(document.documentElement).getPropertyValue("--series").trim().split(/\s+/);
  document.querySelectorAll("#curve-list label").forEach((row) => {
    const place = scene.fields.indexOf(Number(row.firstChild.value));
    row.children[1].style.background = place < 0 ? "" : series[place % series.length];
  });
}

function arrived(error) {
  if (error) { stop(); say(error); return; }
  if (waiting) draw();
}

function go(position) {
  view.position = Math.max(0, Math.min(1, position));
  find("time").value = Math.round(view.position * (scene.stops - 1));
  draw();
}

function step(frames) {
  if (scene && scene.stops > 1) go((Number(find("time").value) + frames) / (scene.stops - 1));
}

// --- time -------------------------------------------------------------------------------------------------------

function play() {
  if (!scene || scene.stops < 2) return;
  if (view.position >= 1) go(0);
  playing = { since: performance.now(), from: view.position };
  mark();
  requestAnimationFrame(tick);
}

function stop() {
  playing = null;
  mark();
  if (scene) draw();
}

function mark() {
  find("play").setAttribute("aria-pressed", String(playing !== null));
  find("play").setAttribute("aria-label", playing ? "Pause" : "Play");
}

function tick(now) {
  if (!playing) return;
  if (waiting) { playing = { since: now, from: view.position }; } // frames are on their way
  else {
    const position = playing.from + ((now - playing.since) / (1000 * WHOLE_RUN)) * view.speed;
    go(position);
    scene.ahead(view.position);
    if (position >= 1) { stop(); return; }
  }
  requestAnimationFrame(tick);
}

// --- events -----------------------------------------------------------------------------------------------------

function say(error, remarks = []) {
  const told = [...(error ? [error.message] : []), ...remarks.map((text) => `Warning: ${sentence(text)}`)];
  find("alarm").hidden = told.length === 0;
  find("alarm").classList.toggle("remark", !error);
  find("alarm-text").textContent = told.join("\n");
}

function pointed(event) {
  const place = canvas.getBoundingClientRect(), px = event.clientX - place.left, py = event.clientY - place.top;
  const entry = scene?.plots.find(({ plot }) => plot.holds(px, py));
  return entry ? scene.read(entry, px, py) : null;
}

function listen() {
  const on = (id, kind, act) => find(id).addEventListener(kind, act);
  on("field", "change", () => { fitCut(); show(); });
  on("run", "change", () => { showRun(Number(find("run").value), chosen()); panel.show(run.parameters); show(); });
  for (const id of ["phase-x", "phase-y", "curve-list", "behind"]) on(id, "change", show);
  on("cut", "change", () => { fitCut({ axis: find("cut").value }); show(); });
  on("index", "input", show);
  on("map", "change", async () => { view.map = find("map").value; view.lut = null; await show(); });
  on("fixed", "change", () => { view.fixed = find("fixed").checked; draw(); });
  on("smooth", "change", () => { view.smooth = find("smooth").checked; draw(); });
  on("speed", "change", () => { view.speed = Number(find("speed").value); if (playing) play(); });
  on("time", "input", () => { if (playing) stop(); view.position = Number(find("time").value) / Math.max(1, scene.stops - 1); draw(); scene.ahead(view.position); });
  on("play", "click", () => (playing ? stop() : play()));
  on("alarm-close", "click", () => say(null));
  on("png", "click", savePicture);
  on("csv", "click", saveTable);
  on("filter", "input", () => {
    const word = find("filter").value.toLowerCase();
    document.querySelectorAll("#curve-list label").forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(word); });
  });
  canvas.addEventListener("pointermove", (event) => { const told = pointed(event); if (told) find("probe").textContent = told.text; });
  canvas.addEventListener("pointerdown", (event) => {
    const told = pointed(event);
    if (told?.time !== undefined) { if (playing) stop(); go(scene.positionOf(told.time)); }
  });
  document.addEventListener("keydown", keyed);
  new ResizeObserver(() => draw()).observe(find("frame"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function keyed(event) {
  const typing = event.target.matches("select, input:not([type=checkbox])"), pressing = event.key === " " && event.target.matches("button, input");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || pressing) return;
  const many = event.shiftKey ? 10 : 1;
  const acts = { " ": () => (playing ? stop() : play()), ArrowLeft: () => step(-many), ArrowRight: () => step(many), Home: () => go(0), End: () => go(1) };
  if (!acts[event.key] || !scene) return;
  event.preventDefault();
  acts[event.key]();
}

// --- files ------------------------------------------------------------------------------------------------------

function hand(blob, ending) {
  const link = document.createElement("a"), safe = (find("title").textContent + " " + (quantities()?.name ?? "")).trim().replace(/[^\w.-]+/g, "_");
  link.href = URL.createObjectURL(blob);
  link.download = `${safe}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function savePicture() { canvas.toBlob((blob) => hand(blob, "png")); }

async function saveTable() {
  try {
    if (scene instanceof Curves) return hand(new Blob([await curveTable()], { type: "text/csv" }), "csv");
    const slice = cut();
    const asked = { run: run.id, field: scene.field, frame: scene.frameAt(view.position), ...(slice ? { cut: slice.axis, index: slice.index } : {}) };
    hand(new Blob([await data.text("table", asked)], { type: "text/csv" }), "csv");
  } catch (error) {
    say(error);
  }
}

// The saved times and values with all digits, as the server has them: what is drawn has fewer digits and other times.
async function curveTable() {
  if (!scene.fields.length) throw new Error("no curve is chosen; tick one beside the picture");
  const asked = scene.fields.map((field) => data.text("table", { run: run.id, field, frame: 0 }));
  const tables = (await Promise.all(asked)).map((text) => text.trimEnd().split("\n"));
  const cells = tables.map((lines, k) => (run.fields[scene.fields[k]].moving ? lines.map((line) => line.slice(line.indexOf(",") + 1)) : lines));
  const moving = tables.find((_, k) => run.fields[scene.fields[k]].moving);
  if (!moving) return [...cells[0].keys()].map((n) => cells.map((column) => column[n]).join(",")).join("\n") + "\n";
  const times = moving.map((line) => line.slice(0, line.indexOf(",")));
  return times.map((t, n) => [t, ...cells.map((column) => column[Math.min(n, column.length - 1)])].join(",")).join("\n") + "\n";
}

// --- the way in -------------------------------------------------------------------------------------------------

async function solved(which) {
  const keep = chosen();
  about = await data.ask("about");
  showRun(which, keep);
  await show();
}

async function start() {
  try {
    about = await data.ask("about");
    panel = new Panel(about, solved, say);
    showRun(about.runs[about.runs.length - 1].id);
    listen();
    await show();
  } catch (error) {
    find("facts").textContent = "";
    say(error);
  }
}

start();
