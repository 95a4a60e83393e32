// The pictures and what is done with them, one after the other; nothing here knows how it looks.

import * as backend from "./backend.js";
import { duration, megabytes, millions, pixels } from "./words.js";

const load = (url) =>
  new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = url;
  });

// Let go of what the browser keeps for a picture.
function forget({ view, results }) {
  for (const url of [view, ...results.flatMap((result) => [result.url, result.view?.url])]) if (url) URL.revokeObjectURL(url);
}

// States of a picture: looking -> ready -> waiting -> working -> done, failed or cancelled; and removed. `width` is 0 where
// nobody knows the size; `broken` is one that no wish makes possible, `failed` the key of the wish that was not; `view` is the
// URL of what can be shown; results are {key, wish, blob, view, …}, where `view` is {image, url}; `shown` is one of them.
export class Jobs extends EventTarget {
  pictures = [];
  limits = {};
  #waiting = [];
  running = null; // {picture, wish, abort}
  #ids = 0;

  #changed(picture, what = "state") {
    this.dispatchEvent(new CustomEvent("change", { detail: { picture, what } }));
  }

  get waiting() {
    return this.#waiting.length;
  }

  // Take files; resolves when it is known what they are.
  async add(found) {
    const pictures = found.map(({ file, folder }) => ({
      ...{ id: ++this.#ids, file, folder, width: 0, height: 0, view: "", unwanted: new AbortController() },
      ...{ state: "looking", text: "", share: null, error: "", broken: false, failed: "", results: [], shown: null },
    }));
    this.pictures.push(...pictures);
    if (pictures.length) this.#changed(pictures[0], "added"); // once for all: each change is drawn
    for (const picture of pictures) if (picture.state !== "removed") await this.#look(picture);
    return pictures;
  }

  async #look(picture) {
    const url = URL.createObjectURL(picture.file);
    const image = await load(url);
    if (image) {
      Object.assign(picture, { width: image.naturalWidth, height: image.naturalHeight, view: url });
    } else {
      URL.revokeObjectURL(url);
      if (backend.previews && !this.#tooLarge(picture)) await this.#ask(picture);
    }
    if (picture.state === "removed") return forget(picture); // meanwhile
    picture.error ||= this.#tooLarge(picture);
    picture.broken = Boolean(picture.error);
    picture.state = picture.broken ? "failed" : "ready";
    this.#changed(picture, "looked");
  }

  async #ask(picture) {
    try {
      const { blob, width, height } = await backend.preview(picture.file, picture.unwanted.signal);
      Object.assign(picture, { width, height, view: URL.createObjectURL(blob) });
    } catch (error) {
      if ([400, 413, 422].includes(error.status)) picture.error = error.message; // others may pass: the picture can be tried
    }
  }

  #tooLarge({ file, width, height }) {
    const { max_bytes, max_pixels } = this.limits;
    if (file.size > max_bytes - 2000) return `the file has ${megabytes(file.size)}, and the limit here is ${megabytes(max_bytes)}: send a smaller one`;
    if (width * height > max_pixels)
      return `the picture has ${pixels(width, height)} pixels, ${millions(width * height)}, and the limit here is ${millions(max_pixels)}: make it smaller, or cut it into parts`;
    return "";
  }

  // The size of a result, [width, height]; null where the picture's is not known.
  size({ width, height }, { scale, width: across, fit }) {
    if (!width) return null;
    const factor = scale ?? (across ? across / width : Math.min(fit[0] / width, fit[1] / height));
    return [width, height].map((side) => Math.max(Math.round(side * factor), 1));
  }

  // One sentence on why this cannot be done; empty if it can.
  problem(picture, wish) {
    const too = this.#tooLarge(picture);
    if (too) return too;
    const size = this.size(picture, wish);
    if (!size) return "";
    if (wish.width && wish.width <= picture.width)
      return `the picture is ${picture.width} pixels across already: ask for more, or for the same size to clean it`;
    if (wish.fit && size[0] <= picture.width && size[1] <= picture.height)
      return `the picture has ${pixels(picture.width, picture.height)} pixels, and fills ${pixels(...wish.fit)} already: ask for more`;
    if (size[0] * size[1] > this.limits.max_result_pixels)
      return `the result would have ${pixels(...size)} pixels, ${millions(size[0] * size[1])}, and the limit here is ${millions(this.limits.max_result_pixels)}: ask for a smaller one`;
    return "";
  }

  enqueue(picture, wish) {
    if (["waiting", "working", "removed"].includes(picture.state)) return;
    picture.error = this.problem(picture, wish);
    picture.state = picture.error ? "failed" : "waiting";
    picture.failed = picture.error ? JSON.stringify(wish) : "";
    if (!picture.error) this.#waiting.push({ picture, wish });
    this.#changed(picture);
    this.#next();
  }

  cancel(picture) {
    this.#waiting = this.#waiting.filter((job) => job.picture !== picture);
    if (this.running?.picture === picture) this.running.abort.abort();
    else if (picture.state === "waiting") {
      picture.state = "cancelled";
      this.#changed(picture);
    }
  }

  cancelAll() {
    for (const { picture } of this.#waiting) this.cancel(picture);
    if (this.running) this.cancel(this.running.picture);
  }

  remove(picture) {
    this.cancel(picture);
    this.pictures = this.pictures.filter((other) => other !== picture);
    if (picture !== this.running?.picture) picture.state = "removed"; // its work ends it
    picture.unwanted.abort();
    forget(picture);
    this.#changed(picture, "removed");
  }

  async #next() {
    if (this.running || !this.#waiting.length) return;
    const job = { ...this.#waiting.shift(), abort: new AbortController() };
    const { picture } = job;
    this.running = job;
    picture.state = "working";
    const tell = (text, share, left = "") => {
      Object.assign(picture, { text: share === null ? `${text} …` : `${text}: ${Math.round(share * 100)} %${left}`, phase: text, share });
      this.#changed(picture, "progress");
    };
    this.#changed(picture);
    try {
      await this.#enlarge(job, tell);
      picture.state = "done";
    } catch (error) {
      picture.state = error.name === "AbortError" ? "cancelled" : "failed";
      picture.error = picture.state === "failed" ? error.message : "";
      picture.failed = picture.error && error.status ? JSON.stringify(job.wish) : "";
      if (error.status === 401) this.dispatchEvent(new Event("token"));
    }
    this.running = null;
    this.#changed(picture, "ended");
    this.#next();
  }

  async #enlarge({ picture, wish, abort }, tell) {
    const started = performance.now();
    const { signal } = abort;
    for (;;) {
      try {
        const made = await backend.enlarge(picture.file, wish, { tell, signal });
        const seconds = (performance.now() - started) / 1000;
        const [shownBlob, url] = [made.preview ?? made.blob, URL.createObjectURL(made.blob)];
        const viewUrl = made.preview ? URL.createObjectURL(shownBlob) : url;
        const image = await load(viewUrl);
        if (signal.aborted) for (const given of new Set([url, viewUrl])) URL.revokeObjectURL(given);
        signal.throwIfAborted();
        const key = JSON.stringify(wish);
        const result = { ...made, key, wish, url, took: duration(seconds), view: image && picture.view ? { image, url: viewUrl } : null };
        picture.results = [...picture.results.filter((other) => other.key !== key), result];
        picture.shown = result;
        return;
      } catch (error) {
        if (!error.seconds) throw error;
        await this.#pause(error.seconds, signal, tell);
      }
    }
  }

  // The server's queue is full: come back when it says.
  async #pause(seconds, signal, tell) {
    for (let left = seconds; left > 0; left--) {
      tell(`The server is busy: trying again in ${left} s`, null);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      signal.throwIfAborted();
    }
  }
}
