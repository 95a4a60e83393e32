// One picture at a time: decoded, cut into tiles, run through the network, joined, encoded.

import { bled, enlargedAlpha } from "./alpha.js";
import { pixelsOf, png } from "./png.js";
import { tiles } from "./tiles.js";

let opened = null; // a promise of {ort, session, by}

// WebGPU where there is an adapter, else WASM, with threads where the page is isolated from others (isolate.js).
async function open(network) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (adapter) {
    try {
      return await session(await import("./ort/ort.webgpu.min.mjs"), network, "webgpu", "WebGPU");
    } catch {
      // An adapter that does not run this network: the processor does.
    }
  }
  return session(await import("./ort/ort.wasm.min.mjs"), network, "wasm", "WASM");
}

async function session(ort, network, provider, by) {
  const threads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
  ort.env.wasm.wasmPaths = new URL("ort/", import.meta.url).href;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const file = new URL(`../${network.file}`, import.meta.url).href;
  const made = await ort.InferenceSession.create(file, { executionProviders: [provider] });
  return { ort, session: made, by: provider === "wasm" && threads > 1 ? `${by}, ${threads} threads` : by };
}

class Broken extends Error {}

async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Broken(`this browser cannot open ${JSON.stringify(file.name)}: it is damaged, or of a kind that it does not know`);
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const image = context.getImageData(0, 0, width, height); // sRGB, upright
  const transparent = image.data.some((value, at) => at % 4 === 3 && value < 255);
  // A canvas keeps colours multiplied with alpha, rounded; of PNG files they are read as they are.
  const data = (transparent && (await pixelsOf(file, width, height))) || image.data;
  return { data, width, height, transparent };
}

// float32 [1, 3, h, w] in [0, 1] of a window of RGBA.
function input(rgba, width, { top, left, bottom, right }) {
  const [high, wide] = [bottom - top, right - left];
  const values = new Float32Array(3 * high * wide);
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++)
      for (let channel = 0; channel < 3; channel++)
        values[(channel * high + y) * wide + x] = rgba[4 * ((top + y) * width + left + x) + channel] / 255;
  return { values, shape: [1, 3, high, wide] };
}

// Write the core of a tile's output into the result.
function store(output, { core, window }, scale, out, outWidth) {
  const wide = (window.right - window.left) * scale;
  const plane = wide * (window.bottom - window.top) * scale;
  const [down, across] = [(core.top - window.top) * scale, (core.left - window.left) * scale];
  for (let y = 0; y < (core.bottom - core.top) * scale; y++) {
    let to = 4 * ((core.top * scale + y) * outWidth + core.left * scale);
    let from = (down + y) * wide + across;
    for (let x = 0; x < (core.right - core.left) * scale; x++, to += 4, from++) {
      out[to] = output[from] * 255; // a clamped array rounds
      out[to + 1] = output[from + plane] * 255;
      out[to + 2] = output[from + 2 * plane] * 255;
      out[to + 3] = 255;
    }
  }
}

async function enlarge({ enlarge: file, network, type, quality }) {
  const { data, width, height, transparent } = await decode(file);
  const { ort, session, by } = await (opened ??= open(network));
  const { scale, radius } = network;
  const [outWidth, outHeight] = [width * scale, height * scale];
  const out = new Uint8ClampedArray(4 * outWidth * outHeight);
  const colours = transparent ? bled(data, width, height) : data;
  const all = tiles(width, height, radius);
  postMessage({ done: 0 });
  for (const [number, tile] of all.entries()) {
    const { values, shape } = input(colours, width, tile.window);
    const tensor = new ort.Tensor("float32", values, shape);
    const result = await session.run({ [session.inputNames[0]]: tensor });
    const output = result[session.outputNames[0]];
    store(await output.getData(), tile, scale, out, outWidth);
    output.dispose();
    tensor.dispose();
    postMessage({ done: (number + 1) / all.length });
  }
  if (transparent) enlargedAlpha(data, width, height, scale, out);
  postMessage({ writing: true });
  const blob = type === "image/png" ? await png(out, outWidth, outHeight, transparent) : await encoded(out, outWidth, outHeight, type, quality);
  postMessage({ blob, width: outWidth, height: outHeight, by });
}

async function encoded(rgba, width, height, type, quality) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  const blob = await canvas.convertToBlob({ type, quality });
  if (blob.type === type) return blob;
  throw new Broken(`this browser does not write ${type}: ask for PNG`);
}

self.onmessage = async ({ data }) => {
  try {
    if (data.open) await (opened ??= open(data.open));
    else await enlarge(data);
  } catch (error) {
    if (!(error instanceof Broken)) opened = null;
    if (!data.open) postMessage({ error: error instanceof Broken ? error.message : `the network does not run here (${error.message})`, broken: error instanceof Broken });
  }
};
