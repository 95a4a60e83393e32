// What enlarges: here the server's HTTP API. `srgan export-web` puts another file of this name in its place, one that
// does it in the browser; both have the same few functions.

import { about, count } from "./words.js";

export const note = "Pictures go to this server and back. It keeps none of them, and this page loads nothing from elsewhere.";
export const api = true;
export const previews = true;

const SHOWN = ["jpeg", "png", "webp", "avif", "gif", "bmp"]; // by browsers
let models = [];
let token = sessionStorage.getItem("srgan-token") ?? "";

const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});

// An answer that is no picture. `status` is HTTP's, 0 if the server is gone; `seconds` is when to try again.
export class Refused extends Error {
  constructor(message, status = 0, seconds = 0) {
    super(message);
    Object.assign(this, { status, seconds });
  }
}

async function refusal(answer) {
  const seconds = answer.status === 503 ? Number(answer.headers.get("Retry-After")) || 10 : 0;
  try {
    return new Refused(JSON.parse(await answer.text()).detail, answer.status, seconds);
  } catch {
    return new Refused(`the server answered with status ${answer.status}: try again`, answer.status, seconds);
  }
}

// Return {models, limits}; Refused with the status 401 where a token is asked for.
export async function connect(given) {
  if (given !== undefined) token = given;
  let answer;
  try {
    answer = await fetch("v1/models", { headers: headers() });
  } catch {
    throw new Refused("the server does not respond: start it again, then reload this page");
  }
  if (answer.status === 401) throw new Refused(token ? "that token is not right: look for the one that the server was started with" : "", 401);
  if (!answer.ok) throw await refusal(answer);
  sessionStorage.setItem("srgan-token", token);
  const offered = await answer.json();
  models = offered.models;
  return offered;
}

const form = (file) => {
  const body = new FormData();
  body.append("image", file);
  return body;
};

// Return {blob, width, height}: the picture as browsers can show it.
export async function preview(file, signal) {
  const answer = await fetch("v1/preview", { method: "POST", headers: headers(), body: form(file), signal });
  if (!answer.ok) throw await refusal(answer);
  const [width, height] = answer.headers.get("X-Srgan-Size").split("x").map(Number);
  return { blob: await answer.blob(), width, height };
}

function query(wish, ticket) {
  const said = new URLSearchParams({ model: wish.model, ticket });
  if (wish.scale) said.set("scale", wish.scale);
  if (wish.width) said.set("width", wish.width);
  if (wish.fit) said.set("fit", wish.fit.join("x"));
  for (const key of ["fidelity", "denoise", "format", "quality"]) if (wish[key] !== undefined) said.set(key, wish[key]);
  return said;
}

// Enlarge a file. `tell(text, share)` hears how far it is, `share` being null where nobody knows. Returns {blob, name,
// width, height, network, seen, preview}; `preview` is a blob that browsers show, null where the result is one.
export function enlarge(file, wish, { tell, signal }) {
  const ticket = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const said = query(wish, ticket);
  const bands = models.find((model) => model.name === wish.model)?.bands ?? 3;
  const format = wish.format ?? (bands === 3 ? file.type.replace("image/", "") : "tiff");
  if (!SHOWN.includes(format)) said.set("preview", "true");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // it tells how much is sent, which fetch does not
    request.open("POST", `v1/upscale?${said}`);
    for (const [key, text] of Object.entries(headers())) request.setRequestHeader(key, text);
    request.responseType = "blob";
    request.upload.onprogress = ({ loaded, total }) => loaded < total && tell("Sending the picture", loaded / total);
    request.upload.onload = () => watch(request, ticket, tell);
    request.onprogress = ({ loaded, total }) => request.status === 200 && tell("Receiving the result", total ? loaded / total : null);
    request.onload = async () => {
      if (request.status === 200) return resolve(answered(request));
      const retry = request.getResponseHeader("Retry-After");
      reject(await refusal(new Response(request.response, { status: request.status, headers: retry ? { "Retry-After": retry } : {} })));
    };
    request.onerror = () => reject(new Refused("the connection to the server was lost: check that it is running, then try again"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    tell("Sending the picture", null);
    request.send(form(file));
  });
}

function answered(request) {
  const header = (name) => request.getResponseHeader(name);
  const [width, height] = header("X-Srgan-Size").split("x").map(Number);
  const name = decodeURIComponent(/filename\*=utf-8''([^;]+)/.exec(header("Content-Disposition"))[1]);
  const whole = request.response;
  const end = whole.size - (Number(header("X-Srgan-Preview")) || 0);
  return {
    blob: whole.slice(0, end, whole.type),
    preview: end < whole.size ? whole.slice(end, whole.size, "image/jpeg") : null,
    ...{ name, width, height },
    network: decodeURIComponent(header("X-Srgan-Model")),
    seen: decodeURIComponent(header("X-Srgan-Seen") ?? ""),
  };
}

async function watch(request, ticket, tell) {
  const over = () => request.readyState >= XMLHttpRequest.HEADERS_RECEIVED || request.readyState === XMLHttpRequest.UNSENT;
  while (!over()) {
    try {
      const answer = await fetch(`v1/progress/${ticket}`, { headers: headers() });
      const at = answer.ok ? await answer.json() : null;
      if (over()) return;
      const left = at?.left > 2 ? `, ${about(at.left)} left` : "";
      if (at?.state === "waiting") tell(`Waiting for ${count(at.ahead, "other picture")}${left}`, null);
      if (at?.state === "computing" && at.done >= 1) tell("Writing the file", null);
      else if (at?.state === "computing") tell("Enlarging", at.done, left);
    } catch {
      // The request for the picture itself tells if the server is gone.
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
