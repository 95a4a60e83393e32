// Where to look: the part of a picture with the most detail, as differences show there and not in the sky.

const SIDE = 384; // the picture is looked at this small

// Return the middle of the `width` x `height` window, both shares of the picture, with the largest mean gradient: [x, y], shares.
export function mostDetailed(image, width, height) {
  if (width >= 1 && height >= 1) return [0.5, 0.5];
  const factor = Math.min(1, SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const [across, down] = [image.naturalWidth, image.naturalHeight].map((side) => Math.max(2, Math.round(side * factor)));
  const canvas = Object.assign(document.createElement("canvas"), { width: across, height: down });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, across, down);
  const { data } = context.getImageData(0, 0, across, down);
  const gray = new Float32Array(across * down);
  for (let at = 0; at < gray.length; at++) gray[at] = data[4 * at] + 2 * data[4 * at + 1] + data[4 * at + 2];
  // Sums over all that is above and to the left, so that each window is four of them.
  const wide = across + 1;
  const table = new Float64Array(wide * (down + 1));
  for (let y = 0; y < down; y++) {
    let row = 0;
    for (let x = 0; x < across; x++) {
      const at = y * across + x;
      const right = x + 1 < across ? gray[at + 1] : gray[at];
      const below = y + 1 < down ? gray[at + across] : gray[at];
      row += Math.abs(right - gray[at]) + Math.abs(below - gray[at]);
      table[(y + 1) * wide + x + 1] = table[y * wide + x + 1] + row;
    }
  }
  const [w, h] = [Math.max(1, Math.min(across, Math.round(width * across))), Math.max(1, Math.min(down, Math.round(height * down)))];
  let best = [-1, 0, 0];
  for (let y = 0; y + h <= down; y++)
    for (let x = 0; x + w <= across; x++) {
      const sum = table[(y + h) * wide + x + w] - table[y * wide + x + w] - table[(y + h) * wide + x] + table[y * wide + x];
      if (sum > best[0]) best = [sum, x, y];
    }
  return [(best[1] + w / 2) / across, (best[2] + h / 2) / down];
}
