// PNG files of 8 bits, read and written here: a canvas multiplies colours by alpha and rounds them, and ends at a size of its own.

import { crc32 } from "./zip.js";

async function chunk(kind, ...parts) {
  const body = new Blob([kind, ...parts]);
  const size = new DataView(new ArrayBuffer(8));
  size.setUint32(0, body.size - 4);
  size.setUint32(4, await crc32(body));
  return [size.buffer.slice(0, 4), body, size.buffer.slice(4)];
}

// Return a blob of RGBA pixels; without `transparent` alpha is left out.
export async function png(rgba, width, height, transparent) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, transparent ? 6 : 2);
  const rows = new ReadableStream({
    y: 0,
    pull(controller) {
      if (this.y === height) return controller.close();
      controller.enqueue(row(rgba, width, this.y++, transparent ? 4 : 3));
    },
  });
  const data = await new Response(rows.pipeThrough(new CompressionStream("deflate"))).blob();
  const signature = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
  const srgb = await chunk("sRGB", new Uint8Array([0]));
  const parts = [...(await chunk("IHDR", header.buffer)), ...srgb, ...(await chunk("IDAT", data)), ...(await chunk("IEND"))];
  return new Blob([signature, ...parts], { type: "image/png" });
}

// One row, by the filter Paeth: each value less the neighbour that is most like it.
function row(rgba, width, y, channels) {
  const out = new Uint8Array(1 + width * channels);
  out[0] = 4;
  const [here, above] = [4 * y * width, 4 * (y - 1) * width];
  for (let x = 0; x < width; x++)
    for (let channel = 0; channel < channels; channel++) {
      const at = 4 * x + channel;
      const a = x ? rgba[here + at - 4] : 0;
      const b = y ? rgba[above + at] : 0;
      const c = x && y ? rgba[above + at - 4] : 0;
      out[1 + x * channels + channel] = rgba[here + at] - paeth(a, b, c);
    }
  return out;
}

function paeth(a, b, c) {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

// Return the pixels of a PNG file of RGBA with 8 bits, whole rows and sRGB; null of any other, which a canvas reads.
export async function pixelsOf(file, width, height) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) return null;
  const plain = bytes[24] === 8 && bytes[25] === 6 && bytes[28] === 0;
  if (!plain || view.getUint32(16) !== width || view.getUint32(20) !== height) return null;
  const parts = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (["iCCP", "gAMA", "cICP", "eXIf"].includes(kind)) return null; // the browser brings it to sRGB, and upright
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  try {
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
    return unfiltered(new Uint8Array(await new Response(stream).arrayBuffer()), width, height);
  } catch {
    return null; // damaged: the canvas has what can be read of it
  }
}

function unfiltered(rows, width, height) {
  const length = 4 * width;
  if (rows.length < height * (length + 1)) return null;
  const out = new Uint8ClampedArray(height * length);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (length + 1)];
    for (let x = 0; x < length; x++) {
      const at = y * length + x;
      const a = x >= 4 ? out[at - 4] : 0;
      const b = y ? out[at - length] : 0;
      const c = x >= 4 && y ? out[at - length - 4] : 0;
      const guess = [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter];
      out[at] = (rows[y * (length + 1) + 1 + x] + guess) & 255;
    }
  }
  return out;
}
