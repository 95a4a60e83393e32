// The page: a client of the HTTP API. It loads nothing from elsewhere and keeps nothing but the token, for this tab.
"use strict";

const $ = (id) => document.getElementById(id);

// --- What the server offers ------------------------------------------------------------------------------------------

let server = null; // the answer of v1/models
let token = sessionStorage.getItem("srgan-token") ?? "";

const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});
const millions = (pixels) => `${(pixels / 1e6).toLocaleString("en", { maximumFractionDigits: pixels < 1e7 ? 2 : 0 })} million`;
const megabytes = (bytes) =>
  bytes < 1e5 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`;
const pixels = (width, height) => `${width} × ${height}`;
// A file's name, with what would turn the line around or hide in it written as an escape.
const shown = (name) => name.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (char) => `\\u${char.codePointAt(0).toString(16).padStart(4, "0")}`);

async function connect() {
  let answer;
  try {
    answer = await fetch("v1/models", { headers: headers() });
  } catch {
    return complain("the server does not answer: start it again, then reload this page");
  }
  if (answer.status === 401) {
    if (token) complain("that token is not right: look for the one that the server was started with");
    $("token-form").hidden = false;
    $("form").hidden = true;
    $("token").focus();
    return;
  }
  if (!answer.ok) return complain(await sentence(answer));
  complain("");
  server = await answer.json();
  sessionStorage.setItem("srgan-token", token);
  $("token-form").hidden = true;
  $("form").hidden = false;
  showModels();
  const { max_bytes, max_pixels } = server.limits;
  $("limits").textContent += ` · up to ${megabytes(max_bytes)} and ${millions(max_pixels)} pixels`;
}

function showModels() {
  for (const [number, model] of server.models.entries()) {
    const label = document.createElement("label");
    label.className = "model";
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: model.name });
    radio.checked = number === 0;
    const name = Object.assign(document.createElement("span"), { textContent: model.name });
    const when = Object.assign(document.createElement("small"), { textContent: model.when });
    label.append(radio, name, when);
    $("models").append(label);
  }
  showSizes();
  showFidelity(); // a browser may have kept its place
}

const model = () => server.models.find((entry) => entry.name === new FormData($("form")).get("model"));

function showSizes() {
  const before = $("size").value;
  const native = model().scale;
  $("fidelity-label").hidden = !model().fidelity;
  $("denoise-label").hidden = !model().denoise;
  const scales = [...new Set([1, 2, 3, 4, 8, native])].sort((a, b) => a - b);
  const options = scales.map((scale) => {
    const size = picture?.width ? `: ${pixels(picture.width * scale, picture.height * scale)}` : "";
    return new Option(scale === 1 ? `The same${size}` : `${scale} times${size}`, `scale=${scale}`, scale === native);
  });
  $("size").replaceChildren(...options, new Option("By width …", "width"));
  $("size").value = [...$("size").options].some((option) => option.value === before) ? before : `scale=${native}`;
  $("width-label").hidden = $("size").value !== "width";
  $("width").required = $("size").value === "width";
}

$("models").addEventListener("change", showSizes);
const showFidelity = () => ($("fidelity-value").textContent = $("fidelity").value);
$("fidelity").addEventListener("input", showFidelity);
$("size").addEventListener("change", () => {
  showSizes();
  if ($("size").value === "width") $("width").focus();
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  connect();
});

// --- Errors: one sentence --------------------------------------------------------------------------------------------

function complain(text) {
  $("error").textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`;
  $("error").hidden = !text;
  if (text) $("error").scrollIntoView({ block: "nearest" });
}

async function sentence(answer) {
  try {
    return JSON.parse(await answer.text()).detail;
  } catch {
    return `the server answered with status ${answer.status}: try again`;
  }
}

// --- The picture that comes in ---------------------------------------------------------------------------------------

let picture = null; // {file, url, width, height}; width is 0 where the browser cannot show it

function load(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

async function choose(file) {
  if (!file || !server || running) return;
  complain("");
  if (picture) URL.revokeObjectURL(picture.url);
  const chosen = { file, url: URL.createObjectURL(file), width: 0, height: 0 };
  picture = chosen;
  const image = await load(chosen.url);
  if (picture !== chosen) return;
  if (image) Object.assign(picture, { width: image.naturalWidth, height: image.naturalHeight });
  $("result").hidden = true;
  $("preview").hidden = !image;
  if (image) $("preview").src = picture.url;
  $("invitation").hidden = true;
  $("chosen").hidden = false;
  const size = image ? `${pixels(picture.width, picture.height)}, ` : "";
  const name = Object.assign(document.createElement("strong"), { textContent: shown(file.name) });
  $("chosen").replaceChildren(name, document.createElement("br"), `${size}${megabytes(file.size)}`);
  $("limits").textContent = "Drop, choose or paste another one";
  $("drop").classList.add("filled");
  showSizes();
  const problem = tooLarge(picture);
  complain(problem);
  $("go").disabled = Boolean(problem);
}

function tooLarge({ file, width, height }) {
  const { max_bytes, max_pixels } = server.limits;
  if (file.size > max_bytes - 2000) return `the file has ${megabytes(file.size)}, and the limit here is ${megabytes(max_bytes)}: send a smaller one`;
  if (width * height > max_pixels)
    return `the picture has ${pixels(width, height)} pixels, ${millions(width * height)}, and the limit here is ${millions(max_pixels)}: make it smaller, or cut it into parts`;
  return "";
}

$("file").addEventListener("change", () => choose($("file").files[0]));
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") choose(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => choose(event.clipboardData.files[0]));

// --- The work --------------------------------------------------------------------------------------------------------

let running = null; // the XMLHttpRequest: it tells how much is sent, which fetch does not

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (picture && !running) enlarge();
});
$("cancel").addEventListener("click", () => running?.abort());

function enlarge() {
  complain("");
  const query = new URLSearchParams({ model: model().name, ticket: ticket() });
  const [name, value] = $("size").value.split("=");
  query.set(name, value ?? $("width").value);
  if (model().fidelity && Number($("fidelity").value)) query.set("fidelity", $("fidelity").value);
  if (model().denoise && $("denoise").value) query.set("denoise", $("denoise").value);
  if ($("format").value) query.set("format", $("format").value);
  const body = new FormData();
  body.append("image", picture.file);

  const request = new XMLHttpRequest();
  running = request;
  const source = picture;
  const started = performance.now();
  request.open("POST", `v1/upscale?${query}`);
  for (const [key, text] of Object.entries(headers())) request.setRequestHeader(key, text);
  request.responseType = "blob";
  request.upload.onprogress = ({ loaded, total }) => loaded < total && tell("Sending the picture", loaded / total);
  request.upload.onload = () => watch(request, query.get("ticket"));
  request.onprogress = ({ loaded, total }) => request.status === 200 && tell("Receiving the result", total ? loaded / total : null);
  request.onload = async () => {
    const answer = new Response(request.response, { status: request.status });
    if (request.status === 401) connect();
    if (request.status === 200) await show(source, request, (performance.now() - started) / 1000);
    else complain(await sentence(answer));
  };
  request.onerror = () => complain("the connection to the server broke: check that it runs, then try again");
  request.onloadend = () => {
    running = null;
    $("working").hidden = true;
    $("go").disabled = false;
  };
  $("go").disabled = true;
  $("result").hidden = true;
  $("working").hidden = false;
  tell("Sending the picture", null);
  $("working").scrollIntoView({ block: "nearest" });
  request.send(body);
}

function ticket() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is only there over HTTPS and on this machine
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function tell(text, share) {
  $("status").textContent = share === null ? `${text} …` : `${text}: ${Math.round(share * 100)} %`;
  if (share === null) $("progress").removeAttribute("value");
  else $("progress").value = share;
}

async function watch(request, name) {
  let began = null;
  while (running === request && request.readyState < XMLHttpRequest.HEADERS_RECEIVED) {
    try {
      const answer = await fetch(`v1/progress/${name}`, { headers: headers() });
      const at = answer.ok ? await answer.json() : null;
      if (running !== request || request.readyState >= XMLHttpRequest.HEADERS_RECEIVED) return;
      if (at?.state === "waiting") tell(at.ahead === 1 ? "Waiting for one other picture" : `Waiting for ${at.ahead} other pictures`, null);
      if (at?.state === "computing" && at.done >= 1) tell("Writing the file", null);
      else if (at?.state === "computing") {
        began ??= performance.now();
        tell(`Enlarging${timeLeft(performance.now() - began, at.done)}`, at.done);
      }
    } catch {
      // The request for the picture itself tells if the server is gone.
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function timeLeft(milliseconds, done) {
  const left = (milliseconds / 1000) * ((1 - done) / done);
  if (milliseconds < 3000 || done < 0.02 || left < 2) return "";
  return left < 90 ? `, about ${Math.round(left)} s left` : `, about ${Math.round(left / 60)} min left`;
}

// --- The result ------------------------------------------------------------------------------------------------------

let result = null; // {url, width, height}

async function show(source, request, seconds) {
  const blob = request.response;
  if (result) URL.revokeObjectURL(result.url);
  const [width, height] = request.getResponseHeader("X-Srgan-Size").split("x").map(Number);
  result = { url: URL.createObjectURL(blob), width, height };
  const name = decodeURIComponent(/filename\*=utf-8''([^;]+)/.exec(request.getResponseHeader("Content-Disposition"))[1]);
  const image = await load(result.url);
  const visible = Boolean(image && source.width);
  $("comparison").hidden = !visible;
  $("unseen").hidden = visible;
  $("unseen").textContent = "The picture is done. Browsers do not show files of this kind: download it to see it.";
  $("download").href = result.url;
  $("download").download = name;
  const network = decodeURIComponent(request.getResponseHeader("X-Srgan-Model"));
  const seen = decodeURIComponent(request.getResponseHeader("X-Srgan-Seen") ?? "");
  $("facts").textContent =
    `${shown(name)}: ${pixels(width, height)} pixels, ${megabytes(blob.size)}, in ${seconds.toFixed(1)} s, ${seen ? `${seen}: ` : ""}by ${network}`;
  $("result").hidden = false;
  if (visible) {
    $("before").src = source.url;
    $("after").src = result.url;
    $("slider").value = 50;
    divide();
    setZoom("fit");
  }
  $("result").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

// --- Before and after ------------------------------------------------------------------------------------------------

// `zoom` is CSS pixels a pixel of the result; (left, top) is where the result's corner lies in the viewer.
const view = { wanted: "fit", zoom: 1, left: 0, top: 0 };
const screenPixel = () => 1 / devicePixelRatio;

function divide() {
  const share = Number($("slider").value);
  $("before-layer").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  $("after-layer").style.clipPath = `inset(0 0 0 ${share}%)`;
  $("divider").style.left = `${share}%`;
  document.querySelector(".tag.before").style.opacity = share < 15 ? 0 : 1;
  document.querySelector(".tag.after").style.opacity = share > 85 ? 0 : 1;
  $("slider").setAttribute("aria-valuetext", `${share} % before, ${100 - share} % after`);
}

function frame() {
  // The viewer has the picture's shape, as large as the page and the window have room for: not above 100 %, but
  // 320 pixels wide at least, as a viewer much smaller could not be handled.
  const room = $("comparison").clientWidth;
  const scale = Math.min(room / result.width, (innerHeight * 0.75) / result.height, Math.max(screenPixel(), 320 / result.width));
  const [width, height] = [result.width * scale, result.height * scale];
  const fitted = view.wanted === "fit";
  // Zoomed, it grows to the page's width, but never beyond the picture: what is beside it would look transparent.
  const zoomed = Math.max(width, Math.min(room, result.width * Number(view.wanted) * screenPixel()));
  $("viewer").style.width = $("slider").style.width = `${fitted ? width : zoomed}px`;
  $("viewer").style.height = `${fitted ? height : Math.max(height, Math.min(240, room))}px`;
  return scale;
}

function setZoom(wanted, anchor) {
  if (!result || $("comparison").hidden) return;
  const old = { ...view };
  view.wanted = wanted;
  const fit = frame();
  const { clientWidth, clientHeight } = $("viewer");
  view.zoom = wanted === "fit" ? fit : Number(wanted) * screenPixel();
  const [x, y] = anchor ?? [clientWidth / 2, clientHeight / 2];
  if (old.wanted === "fit" && !anchor) {
    view.left = (clientWidth - result.width * view.zoom) / 2;
    view.top = (clientHeight - result.height * view.zoom) / 2;
  } else {
    view.left = x - ((x - old.left) / old.zoom) * view.zoom;
    view.top = y - ((y - old.top) / old.zoom) * view.zoom;
  }
  place();
  for (const button of document.querySelectorAll("#zooms button"))
    button.setAttribute("aria-pressed", String(button.dataset.zoom === String(wanted)));
}

function place() {
  const { clientWidth, clientHeight } = $("viewer");
  const [width, height] = [result.width * view.zoom, result.height * view.zoom];
  const within = (at, size, room) => (size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at)));
  view.left = within(view.left, width, clientWidth);
  view.top = within(view.top, height, clientHeight);
  for (const id of ["before", "after"]) {
    Object.assign($(id).style, { width: `${width}px`, height: `${height}px`, transform: `translate(${view.left}px, ${view.top}px)` });
  }
  $("viewer").classList.toggle("movable", width > clientWidth + 1 || height > clientHeight + 1);
  $("zoom").textContent = `${Math.round((view.zoom / screenPixel()) * 100)} %`;
}

function zoomBy(factor, anchor) {
  const now = (view.zoom / screenPixel()) * factor;
  setZoom(String(Math.min(Math.max(now, 0.05), 8)), anchor);
}

$("slider").addEventListener("input", divide);
for (const button of document.querySelectorAll("#zooms button")) button.addEventListener("click", () => setZoom(button.dataset.zoom));
addEventListener("resize", () => setZoom(view.wanted));

$("viewer").addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const viewer = $("viewer");
  const moving = viewer.classList.contains("movable") && !event.target.closest("#divider");
  let last = [event.clientX, event.clientY];
  viewer.setPointerCapture(event.pointerId);
  const move = ({ clientX, clientY }) => {
    if (moving) {
      view.left += clientX - last[0];
      view.top += clientY - last[1];
      last = [clientX, clientY];
      place();
    } else {
      const box = viewer.getBoundingClientRect();
      $("slider").value = ((clientX - box.left) / box.width) * 100;
      divide();
    }
  };
  const end = () => {
    viewer.removeEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) viewer.removeEventListener(kind, end);
  };
  viewer.addEventListener("pointermove", move);
  for (const kind of ["pointerup", "pointercancel"]) viewer.addEventListener(kind, end);
  if (!moving) move(event);
});

$("viewer").addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const box = $("viewer").getBoundingClientRect();
    zoomBy(Math.exp(-event.deltaY / 200), [event.clientX - box.left, event.clientY - box.top]);
  },
  { passive: false },
);

$("viewer").addEventListener("keydown", (event) => {
  const step = 60;
  const keys = {
    ArrowLeft: () => (view.left += step),
    ArrowRight: () => (view.left -= step),
    ArrowUp: () => (view.top += step),
    ArrowDown: () => (view.top -= step),
    "+": () => zoomBy(1.25),
    "=": () => zoomBy(1.25),
    "-": () => zoomBy(0.8),
    0: () => setZoom("fit"),
  };
  if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.startsWith("Arrow") && !$("viewer").classList.contains("movable")) return;
  event.preventDefault();
  keys[event.key]();
  place();
});

connect();
