// What the server gives: questions with an answer or a sentence, and frames that are fetched ahead and remembered.

const REMEMBERED = 96e6; // bytes of frames
const CHUNK = 600e3;     // values of frames fetched at once

export class Refusal extends Error {}

async function answer(path, options) {
  let reply;
  try {
    reply = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Refusal("The server does not answer any more. If it was ended, start it again: symnum view");
  }
  if (!reply.ok) {
    const told = await reply.json().catch(() => ({}));
    throw new Refusal(told.error ? sentence(told.error) : `The server answered ${reply.status}.`);
  }
  return reply;
}

export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?\n]$/.test(text) || text === "" ? "" : ".");
}

function question(name, asked) {
  const text = new URLSearchParams(asked).toString();
  return `api/${name}${text ? "?" + text : ""}`;
}

export async function ask(name, asked = {}) {
  return (await answer(question(name, asked))).json();
}

export async function tell(name, data) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) };
  return (await answer(`api/${name}`, options)).json();
}

export async function text(name, asked) {
  return (await answer(question(name, asked))).text();
}

// The numbers are little-endian, as every machine is on which browsers run today.
async function numbers(name, asked) {
  const reply = await answer(question(name, asked));
  const list = (key) => (reply.headers.get(key) || "").split(",").filter(Boolean).map(Number);
  return { buffer: await reply.arrayBuffer(), shape: list("Symnum-Shape"), steps: list("Symnum-Steps") };
}

export async function coordinate(run, name) {
  return new Float64Array((await numbers("coordinate", { run, name })).buffer);
}

export async function image(run, field, most) {
  const { buffer, shape, steps } = await numbers("image", { run, field, most });
  return { values: new Float32Array(buffer), shape, steps };
}

export async function curves(run, fields) {
  const { buffer, shape } = await numbers("curves", { run, fields: fields.join(",") });
  const [count, n] = shape;
  const times = new Float64Array(buffer, 0, n);
  const rows = Array.from({ length: count }, (_, k) => new Float32Array(buffer, 8 * n + 4 * n * k, n));
  return { times, rows };
}

export async function colours(map) {
  return new Uint8Array(await (await answer(question("colours", { map }))).arrayBuffer());
}

// Frames of one quantity (and one slice of it), by number. `at(k)` gives {values, shape, steps} or null where it is not here yet.
export class Frames {
  constructor(asked, frames, size, arrived) {
    this.asked = asked;
    this.frames = frames;
    this.arrived = arrived;
    this.chunk = Math.max(1, Math.min(64, Math.floor(CHUNK / Math.max(1, size)), frames));
    this.most = Math.max(3, Math.floor(REMEMBERED / (4 * this.chunk * Math.max(1, size))));
    this.chunks = new Map(); // number of the chunk -> its answer, or "asked"; the oldest used is first
  }

  at(k) {
    const number = Math.floor(k / this.chunk);
    const found = this.chunks.get(number);
    if (!found) this.fetch(number);
    if (!found || found === "asked") return null;
    this.chunks.delete(number); // now the last used
    this.chunks.set(number, found);
    const [count, ...shape] = found.shape;
    const size = shape.reduce((a, b) => a * b, 1);
    const place = Math.min(k - number * this.chunk, count - 1);
    return { values: found.values.subarray(place * size, (place + 1) * size), shape, steps: found.steps };
  }

  ahead(k) {
    const number = Math.floor(k / this.chunk) + 1;
    if (number * this.chunk < this.frames && !this.chunks.has(number)) this.fetch(number);
  }

  async fetch(number) {
    this.chunks.set(number, "asked");
    try {
      const start = number * this.chunk;
      const { buffer, shape, steps } = await numbers("frames", { ...this.asked, start, count: Math.min(this.chunk, this.frames - start) });
      this.chunks.set(number, { values: new Float32Array(buffer), shape, steps });
      for (const key of this.chunks.keys()) {
        if (this.chunks.size <= this.most) break;
        if (this.chunks.get(key) !== "asked") this.chunks.delete(key);
      }
      this.arrived(null);
    } catch (error) {
      this.chunks.delete(number);
      this.arrived(error);
    }
  }
}
