// What enlarges: here this browser itself, by onnxruntime-web in a worker. A picture never leaves the machine: the page's
// policy lets it load the site's own files, and nothing sends one. It stands in for the server's backend.js.

import { about } from "./words.js";

export const note = "Pictures stay on this machine: they are enlarged by this browser, and nothing is sent anywhere. EXIF data and colour profiles are not kept.";
export const api = false;
export const previews = false;
export const kinds = "What this browser opens";

export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    Object.assign(this, { status, seconds: 0 });
  }
}

const FORMATS = { jpeg: "image/jpeg", png: "image/png", webp: "image/webp" };
const LARGEST = 100_000_000; // pixels of a result; its bytes lie in memory, four a pixel

let worker = null;
let network = null; // network.json
let heard = () => {};

function start() {
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => heard(data);
  worker.onerror = (event) => {
    event.preventDefault();
    heard({ error: `the network does not run in this browser (${event.message ?? "unknown"}): try another one, or a smaller picture` });
    worker = null;
  };
}

export async function connect() {
  network = await (await fetch("network.json")).json();
  start();
  worker.postMessage({ open: network }); // it loads while somebody chooses a picture
  return {
    models: [{ ...network, fidelity: false, denoise: false, sample: "" }],
    limits: { max_bytes: 200_000_000, max_pixels: Math.floor(LARGEST / network.scale ** 2), max_result_pixels: LARGEST },
    formats: Object.keys(FORMATS),
    scales: [network.scale],
  };
}

export async function enlarge(file, wish, { tell, signal }) {
  if (!worker) start();
  const type = FORMATS[wish.format] ?? (Object.values(FORMATS).includes(file.type) ? file.type : "image/png");
  tell("Opening the network", null);
  const made = await new Promise((resolve, reject) => {
    const began = performance.now();
    heard = (said) => {
      if (said.done !== undefined) tell("Enlarging", said.done, left((performance.now() - began) / 1000, said.done));
      if (said.writing) tell("Writing the file", null);
      if (said.error) reject(new Refused(said.error, said.broken ? 422 : 0));
      if (said.blob) resolve(said);
    };
    signal.addEventListener("abort", () => {
      worker?.terminate(); // at once, and its memory is free
      worker = null;
      reject(new DOMException("cancelled", "AbortError"));
    });
    worker.postMessage({ enlarge: file, network, type, quality: wish.quality ? Number(wish.quality) / 100 : 0.92 });
  });
  const suffix = { "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp" }[made.blob.type];
  const name = `${file.name.replace(/\.[^.]*$/, "")}_x${network.scale}${suffix}`;
  return { blob: made.blob, name, width: made.width, height: made.height, network: network.name, seen: made.by, preview: null };
}

function left(seconds, done) {
  if (seconds < 3 || done < (seconds < 10 ? 0.02 : 0.002)) return "";
  const rest = (seconds * (1 - done)) / done;
  return rest < 2 ? "" : `, ${about(rest)} left`;
}
