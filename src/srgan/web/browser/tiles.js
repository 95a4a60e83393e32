// Tiles whose joined cores equal the whole: each is computed with a halo of the network's receptive radius around it, cut at
// the picture's border, where the network itself pads with zeros (as srgan.engine.tiling).

const CORE = 192; // pixels of a side

// Return [{core, window}], boxes {top, left, bottom, right} in pixels of the input.
export function tiles(width, height, radius, side = CORE) {
  const cut = (length) => {
    const pieces = Math.ceil(length / side);
    return Array.from({ length: pieces }, (_, at) => [Math.floor((at * length) / pieces), Math.floor(((at + 1) * length) / pieces)]);
  };
  return cut(height).flatMap(([top, bottom]) =>
    cut(width).map(([left, right]) => ({
      core: { top, left, bottom, right },
      window: {
        top: Math.max(top - radius, 0),
        left: Math.max(left - radius, 0),
        bottom: Math.min(bottom + radius, height),
        right: Math.min(right + radius, width),
      },
    })),
  );
}
