// Axes, curves and images on a canvas. Lengths are CSS pixels; the canvas itself has as many as the screen.

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function power(n) {
  return "10" + String(n).replace(/./g, (c) => SUPERSCRIPTS[c]);
}

// A number as people write it: 0.0123, −3, 1.2·10⁻⁵.
export function number(value, digits = 5) {
  if (!Number.isFinite(value)) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(digits))).replace("-", "−");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}·${power(Number(exponent))}`.replace("-", "−");
}

export function seconds(value) {
  return value < 0.0995 ? `${number(1000 * value, 2)} ms` : `${number(value, 3)} s`;
}

export function withUnits(text, units) {
  return units ? `${text} ${units}` : text;
}

export function label(name, units) {
  return units ? `${name} (${units})` : name;
}

// Round numbers between low and high, their labels, and a common power of ten where that is shorter.
export function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return { at: [low], labels: [number(low)], power: 0 };
  const rough = span / Math.max(1, count);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((s) => s * unit).find((s) => s >= rough * 0.999);
  const at = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) at.push(k * step);
  const reach = Math.max(Math.abs(low), Math.abs(high));
  const exponent = reach >= 1e5 || reach < 1e-3 ? Math.floor(Math.log10(reach) + 1e-9) : 0;
  const digits = Math.max(0, Math.min(12, Math.ceil(-Math.log10(step) + exponent - 1e-9)));
  const decimals = /[25]$/.test(String(Math.round(step / unit * 10))) && Math.round(step / unit * 10) === 25 ? digits + 1 : digits;
  const labels = at.map((v) => (Math.abs(v) < step * 1e-9 ? 0 : v / 10 ** exponent).toFixed(decimals).replace("-", "−"));
  return { at, labels, power: exponent };
}

export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: colour("paper"), ink: colour("ink"), faint: colour("faint"), line: colour("line"), grid: colour("grid"), accent: colour("accent"),
    missing: colour("missing"), series: colour("series").split(/\s+/), font: style.fontFamily,
  };
}

// A rectangle with two linear scales. `x`, `y`: [low, high]; the upper end of y is at the top.
export class Plot {
  constructor(context, colours, box, x, y) {
    Object.assign(this, { context, colours, box, x: widened(x), y: widened(y) });
  }

  across(value) { return this.box.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * this.box.width; }
  up(value) { return this.box.top + this.box.height - ((value - this.y[0]) / (this.y[1] - this.y[0])) * this.box.height; }
  valueAcross(pixel) { return this.x[0] + ((pixel - this.box.left) / this.box.width) * (this.x[1] - this.x[0]); }
  valueUp(pixel) { return this.y[0] + ((this.box.top + this.box.height - pixel) / this.box.height) * (this.y[1] - this.y[0]); }
  holds(px, py) {
    const { left, top, width, height } = this.box;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }

  // Tick marks with numbers, and the names of the axes. `lines`: faint lines across the plot.
  axes(nameX, nameY, { lines = false, labelsX = true } = {}) {
    const { context: c, colours, box } = this;
    const bottom = box.top + box.height;
    const forX = ticks(this.x[0], this.x[1], Math.max(2, Math.min(8, box.width / 75)));
    const forY = ticks(this.y[0], this.y[1], Math.max(2, Math.min(6, box.height / 42)));
    c.save();
    c.font = `12px ${colours.font}`;
    c.lineWidth = 1;
    const stroke = (x0, y0, x1, y1) => { c.beginPath(); c.moveTo(x0, y0); c.lineTo(x1, y1); c.stroke(); };
    if (lines) {
      c.strokeStyle = colours.grid;
      for (const v of forX.at) stroke(half(this.across(v)), box.top, half(this.across(v)), bottom);
      for (const v of forY.at) stroke(box.left, half(this.up(v)), box.left + box.width, half(this.up(v)));
    }
    c.strokeStyle = colours.line;
    stroke(half(box.left), box.top, half(box.left), bottom);
    stroke(box.left, half(bottom), box.left + box.width, half(bottom));
    c.fillStyle = colours.ink;
    c.textAlign = "center";
    c.textBaseline = "top";
    forX.at.forEach((v, k) => {
      stroke(half(this.across(v)), bottom, half(this.across(v)), bottom + 4);
      if (labelsX) c.fillText(forX.labels[k], this.across(v), bottom + 7);
    });
    c.textAlign = "right";
    c.textBaseline = "middle";
    forY.at.forEach((v, k) => {
      stroke(box.left - 4, half(this.up(v)), box.left, half(this.up(v)));
      c.fillText(forY.labels[k], box.left - 7, this.up(v));
    });
    c.font = `13px ${colours.font}`;
    if (labelsX) {
      c.textAlign = "center";
      c.textBaseline = "top";
      c.fillText(nameX + times(forX.power), box.left + box.width / 2, bottom + 23);
    }
    c.textAlign = "left";
    c.textBaseline = "bottom";
    c.fillText(nameY + times(forY.power), Math.max(4, box.left - 40), box.top - 7);
    c.restore();
  }

  curve(xs, ys, colour, { width = 1.8, count = xs.length, dash = [] } = {}) {
    const { context: c, box } = this;
    c.save();
    c.beginPath();
    c.rect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
    c.clip();
    c.beginPath();
    let drawing = false;
    for (let k = 0; k < count; k++) {
      if (!Number.isFinite(ys[k]) || !Number.isFinite(xs[k])) { drawing = false; continue; }
      const px = this.across(xs[k]), py = this.up(ys[k]);
      if (drawing) c.lineTo(px, py); else c.moveTo(px, py);
      drawing = true;
    }
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.lineJoin = "round";
    c.stroke();
    c.restore();
  }

  dot(x, y, colour, radius = 4) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const c = this.context;
    c.beginPath();
    c.arc(this.across(x), this.up(y), radius, 0, 7);
    c.fillStyle = colour;
    c.fill();
    c.lineWidth = 1.5;
    c.strokeStyle = this.colours.paper;
    c.stroke();
  }

  line(where, along, colour, width = 1) {
    const { context: c, box } = this;
    c.beginPath();
    if (along === "x") { c.moveTo(half(this.across(where)), box.top); c.lineTo(half(this.across(where)), box.top + box.height); }
    else { c.moveTo(box.left, half(this.up(where))); c.lineTo(box.left + box.width, half(this.up(where))); }
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.stroke();
  }

  // values[i * ys.length + j] at (xs[i], ys[j]) as colours. `period`: lengths after which the points begin again, or null.
  image(xs, ys, values, scale, lut, smooth, period = [null, null]) {
    const ratio = this.context.getTransform().a;
    const width = Math.max(1, Math.round(this.box.width * ratio)), height = Math.max(1, Math.round(this.box.height * ratio));
    const columns = places(xs, (k) => this.x[0] + ((k + 0.5) / width) * (this.x[1] - this.x[0]), width, period[0]);
    const rows = places(ys, (k) => this.y[1] - ((k + 0.5) / height) * (this.y[1] - this.y[0]), height, period[1]);
    const made = new ImageData(width, height);
    paint(new Uint32Array(made.data.buffer), columns, rows, ys.length, values, scale, packed(lut, this.colours.missing), smooth);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(made, 0, 0);
    this.context.save();
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(canvas, this.box.left, this.box.top, this.box.width, this.box.height);
    this.context.restore();
  }
}

// For each of `count` pixels the two points around it, the weight of the second, and the nearer one.
function places(points, position, count, period) {
  const n = points.length, first = new Uint32Array(count), second = new Uint32Array(count), weight = new Float32Array(count), near = new Uint32Array(count);
  const ahead = period ? points[0] + period : NaN;
  const rising = n < 2 || points[n - 1] > points[0];
  for (let k = 0; k < count; k++) {
    let p = position(k);
    if (period) p -= Math.floor((p - points[0]) / period) * period;
    let low = 0, high = n - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((points[middle] <= p) === rising) low = middle; else high = middle;
    }
    let from = points[low], to = points[high];
    if (period && p > points[n - 1]) { low = n - 1; high = 0; from = points[n - 1]; to = ahead; }
    const w = to === from ? 0 : Math.max(0, Math.min(1, (p - from) / (to - from)));
    first[k] = low; second[k] = high; weight[k] = w; near[k] = w < 0.5 ? low : high;
  }
  return { first, second, weight, near };
}

function paint(pixels, columns, rows, stride, values, [low, high], table, smooth) {
  const width = columns.near.length, height = rows.near.length, factor = 256 / (high - low), missing = table[256];
  let place = 0;
  for (let r = 0; r < height; r++) {
    const a = rows.first[r], b = rows.second[r], v = rows.weight[r], nearRow = rows.near[r];
    for (let c = 0; c < width; c++) {
      let value = NaN;
      if (smooth) {
        const i = columns.first[c] * stride, j = columns.second[c] * stride, u = columns.weight[c];
        value = (values[i + a] * (1 - u) + values[j + a] * u) * (1 - v) + (values[i + b] * (1 - u) + values[j + b] * u) * v;
      }
      if (!(value - value === 0)) value = values[columns.near[c] * stride + nearRow]; // beside a missing point the nearest counts
      const k = (value - low) * factor;
      pixels[place++] = value - value === 0 ? table[k < 0 ? 0 : k > 255 ? 255 : k | 0] : missing;
    }
  }
}

// Colours as the words that ImageData holds (little-endian: alpha, blue, green, red), and one more for missing values.
function packed(lut, missing) {
  const table = new Uint32Array(257);
  for (let k = 0; k < 256; k++) table[k] = (0xff000000 | (lut[3 * k + 2] << 16) | (lut[3 * k + 1] << 8) | lut[3 * k]) >>> 0;
  const grey = parseInt(missing.slice(1), 16);
  table[256] = (0xff000000 | ((grey & 0xff) << 16) | (grey & 0xff00) | (grey >> 16)) >>> 0;
  return table;
}

// An upright bar with its numbers to the right.
export function colourBar(context, colours, box, [low, high], lut) {
  const height = Math.max(1, Math.round(box.height));
  for (let k = 0; k < height; k++) {
    const place = 3 * Math.min(255, Math.floor(((k + 0.5) / height) * 256));
    context.fillStyle = `rgb(${lut[place]} ${lut[place + 1]} ${lut[place + 2]})`;
    context.fillRect(box.left, box.top + box.height - k - 1, box.width, 1.5);
  }
  const marks = ticks(low, high, Math.max(2, Math.min(6, box.height / 45)));
  context.save();
  context.font = `12px ${colours.font}`;
  context.fillStyle = colours.ink;
  context.strokeStyle = colours.line;
  context.textBaseline = "middle";
  marks.at.forEach((v, k) => {
    const y = box.top + box.height * (1 - (v - low) / (high - low));
    context.beginPath();
    context.moveTo(box.left + box.width, half(y));
    context.lineTo(box.left + box.width + 4, half(y));
    context.stroke();
    context.fillText(marks.labels[k], box.left + box.width + 7, y);
  });
  if (marks.power) {
    context.textBaseline = "bottom";
    context.fillText(times(marks.power).trim(), box.left, box.top - 6);
  }
  context.restore();
}

export function half(pixel) { return Math.round(pixel - 0.5) + 0.5; } // a line of one pixel is sharp there

function times(exponent) { return exponent ? `  × ${power(exponent)}` : ""; }

function widened([low, high]) {
  if (high > low) return [low, high];
  const margin = Math.abs(low) * 0.05 || 1;
  return [low - margin, low + margin];
}
