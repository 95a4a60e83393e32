// Transparency as srgan.engine.alpha does it: colours under it are filled from the visible ones around, so that no dark fringe
// gets into the picture, and alpha itself is enlarged by bicubic interpolation.

// Return RGBA whose invisible pixels have the mean colour of the smallest block of 2, 4, 8 … pixels that has visible ones.
export function bled(rgba, width, height) {
  const sums = new Float32Array(3 * width * height);
  const weights = new Float32Array(width * height);
  let [some, all] = [false, true];
  for (let at = 0; at < weights.length; at++) {
    if (!rgba[4 * at + 3]) {
      all = false;
      continue;
    }
    some = true;
    weights[at] = 1;
    for (let channel = 0; channel < 3; channel++) sums[3 * at + channel] = rgba[4 * at + channel];
  }
  if (all || !some) return rgba;
  const full = filled({ sums, weights, width, height });
  const out = new Uint8ClampedArray(rgba);
  for (let at = 0; at < weights.length; at++)
    if (!weights[at]) for (let channel = 0; channel < 3; channel++) out[4 * at + channel] = Math.floor(full[3 * at + channel]);
  return out;
}

function filled({ sums, weights, width, height }) {
  const coarse = width * height > 1 ? halved({ sums, weights, width, height }) : null;
  const below = coarse && filled(coarse);
  const out = new Float32Array(sums.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const from = coarse && (y >> 1) * coarse.width + (x >> 1);
      for (let channel = 0; channel < 3; channel++)
        out[3 * at + channel] = weights[at] || !coarse ? sums[3 * at + channel] / Math.max(weights[at], 1e-12) : below[3 * from + channel];
    }
  return out;
}

function halved({ sums, weights, width, height }) {
  const [wide, high] = [(width + 1) >> 1, (height + 1) >> 1];
  const half = { sums: new Float32Array(3 * wide * high), weights: new Float32Array(wide * high), width: wide, height: high };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [at, to] = [y * width + x, (y >> 1) * wide + (x >> 1)];
      half.weights[to] += weights[at];
      for (let channel = 0; channel < 3; channel++) half.sums[3 * to + channel] += sums[3 * at + channel];
    }
  return half;
}

// Write the enlarged alpha into `out`, RGBA: Keys' bicubic, a = -1/2, the picture's border repeated.
export function enlargedAlpha(rgba, width, height, scale, out) {
  const across = taps(width, scale);
  const down = taps(height, scale);
  const row = new Float32Array(width);
  const outWidth = width * scale;
  for (let y = 0; y < height * scale; y++) {
    row.fill(0);
    for (let tap = 0; tap < 4; tap++) {
      const from = down.index[4 * y + tap] * width;
      for (let x = 0; x < width; x++) row[x] += down.weight[4 * y + tap] * rgba[4 * (from + x) + 3];
    }
    for (let x = 0; x < outWidth; x++) {
      let value = 0;
      for (let tap = 0; tap < 4; tap++) value += across.weight[4 * x + tap] * row[across.index[4 * x + tap]];
      out[4 * (y * outWidth + x) + 3] = value;
    }
  }
}

function taps(length, scale) {
  const index = new Int32Array(4 * length * scale);
  const weight = new Float32Array(4 * length * scale);
  for (let at = 0; at < length * scale; at++) {
    const centre = (at + 0.5) / scale - 0.5;
    for (let tap = 0; tap < 4; tap++) {
      const from = Math.floor(centre) - 1 + tap;
      const x = Math.abs(centre - from);
      index[4 * at + tap] = Math.min(Math.max(from, 0), length - 1);
      weight[4 * at + tap] = x <= 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2;
    }
  }
  return { index, weight };
}
