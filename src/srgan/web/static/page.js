// The page: what is chosen, and what is shown of it. The pictures' work is in jobs.js, the server behind backend.js.

import * as backend from "./backend.js";
import * as intake from "./intake.js";
import { Jobs } from "./jobs.js";
import * as list from "./list.js";
import { fields, setUp, showSizes, wish } from "./options.js";
import * as viewer from "./viewer.js";
import { count, megabytes, millions, pixels, sentence, shown } from "./words.js";
import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);
const jobs = new Jobs();
let server = null; // {models, limits}
let selected = null; // the picture that is shown
let looked = null; // its result that is in the viewer

// --- The server ------------------------------------------------------------------------------------------------------

async function connect(token) {
  try {
    const answer = await backend.connect(token);
    trouble("");
    $("token-form").hidden = true;
    $("form").hidden = false;
    if (server) return;
    server = answer;
  } catch (error) {
    trouble(error.message);
    if (error.status !== 401) return;
    $("token-form").hidden = false;
    $("form").hidden = true;
    $("token").focus();
    return;
  }
  jobs.limits = server.limits;
  const { max_bytes, max_pixels } = server.limits;
  $("limits").textContent = `${backend.kinds ?? "JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP"} · up to ${megabytes(max_bytes)} and ${millions(max_pixels)} pixels`;
  setUp(server);
  draw();
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  connect($("token").value.trim());
});
jobs.addEventListener("token", () => connect());

function trouble(text) {
  $("trouble").textContent = sentence(text);
  $("trouble").hidden = !text;
}

// --- Pictures that come in -------------------------------------------------------------------------------------------

async function take({ found, leftOut }) {
  if (!server || !found.length) return leftOut && say(`No picture among ${count(leftOut, "file")}`);
  trouble("");
  const busy = Boolean(jobs.running);
  const first = jobs.pictures.length;
  const coming = jobs.add(found); // they are in the list at once, and looked at one by one
  if (!busy || !selected) select(jobs.pictures[first]);
  if (leftOut) say(`${count(leftOut, "file")} that ${leftOut === 1 ? "is no picture was" : "are no pictures were"} left out`);
  const pictures = await coming;
  if (!busy) return;
  // What comes while it works is done in its turn.
  const ready = pictures.filter((picture) => picture.state === "ready");
  for (const picture of ready) jobs.enqueue(picture, wish());
  if (ready.length) say(`${count(ready.length, "picture")} queued`);
}

for (const id of ["file", "folder"])
  $(id).addEventListener("change", () => {
    const files = [...$(id).files];
    $(id).value = ""; // the same file can be chosen again
    take(intake.chosen(files));
  });
$("choose-folder").addEventListener("click", () => $("folder").click());
$("add").addEventListener("click", () => $("file").click());
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, async (event) => {
    event.preventDefault();
    $("stage").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") take(await intake.dropped(event.dataTransfer));
  });
}
document.addEventListener("paste", (event) => take(intake.chosen(event.clipboardData.files)));

function select(picture) {
  selected = picture ?? null;
  draw();
  showSizes(selected);
}

function remove(picture) {
  const at = jobs.pictures.indexOf(picture);
  jobs.remove(picture);
  if (picture === selected) select(jobs.pictures[Math.min(at, jobs.pictures.length - 1)]);
  (jobs.pictures.length ? $("add") : $("file")).focus();
}
$("remove").addEventListener("click", () => selected && remove(selected));
$("clear").addEventListener("click", () => {
  for (const picture of [...jobs.pictures]) jobs.remove(picture);
  select(null);
  $("file").focus();
});

// --- The work --------------------------------------------------------------------------------------------------------

// What the button would do: all that has no such result yet; or the one that is looked at, once more.
function due() {
  const key = JSON.stringify(wish());
  const able = (picture) => ["ready", "done", "cancelled", "failed"].includes(picture.state) && !picture.broken;
  const open = jobs.pictures.filter(
    (picture) => able(picture) && picture.failed !== key && !picture.results.some((result) => result.key === key),
  );
  return open.length || !selected || !able(selected) ? open : [selected];
}

function begin(pictures) {
  if (!pictures.length) return;
  const asked = wish();
  for (const picture of pictures) jobs.enqueue(picture, asked);
  if (!jobs.running) return $("error").focus();
  if (!pictures.includes(selected)) select(pictures[0]);
  $("cancel").focus({ preventScroll: true });
  $("working").scrollIntoView({ block: "nearest" });
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  begin(due());
});
$("only").addEventListener("click", () => begin([selected]));
$("cancel").addEventListener("click", () => jobs.running && jobs.cancel(jobs.running.picture));
$("cancel-all").addEventListener("click", () => jobs.cancelAll());

let later = 0; // the timer of the next draw
let phase = ""; // what the screen reader was told last

jobs.addEventListener("change", ({ detail: { picture, what } }) => {
  if (what === "progress") {
    const quarter = `${picture.phase}${picture.share === null ? "" : ` ${Math.floor(picture.share * 4) * 25} %`}`;
    if (quarter !== phase) say((phase = quarter));
  }
  if (what === "ended") ended(picture);
  if (picture === selected && what !== "progress") showSizes(selected);
  // Of a folder's many, each is looked at in a moment: the list is not drawn for every one of them.
  if (what === "looked" && picture !== selected) later ||= setTimeout(draw, 50);
  else draw();
});

function ended(picture) {
  const name = shown(picture.file.name);
  if (picture.state === "cancelled") say(`Cancelled: nothing of ${name} was kept`);
  if (picture.state === "done") say(`${name} is done`);
  if (jobs.waiting) return;
  // The keyboard goes from Cancel, which is no more, to what came of it.
  const lost = !document.activeElement || document.activeElement === document.body || $("working").contains(document.activeElement);
  const there = selected ?? picture;
  draw();
  if (there.state === "done" && there === picture) reveal();
  if (!lost) return;
  if (there.state === "cancelled") $("go").focus();
  else if (there.state === "failed") $("error").focus();
  else $("result").focus({ preventScroll: true });
}

function reveal() {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  $("stage").scrollIntoView({ block: "nearest", behavior });
}

const say = (text) => ($("said").textContent = text);

$("zip").addEventListener("click", async () => {
  const files = jobs.pictures.filter((picture) => picture.shown).map(({ folder, shown: { name, blob } }) => ({ name: `${folder}${name}`, blob }));
  $("zip").disabled = true;
  try {
    const url = URL.createObjectURL(await zip(files));
    Object.assign(document.createElement("a"), { href: url, download: "srgan.zip" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    trouble(error.message);
  }
  $("zip").disabled = false;
});

// --- What is shown ---------------------------------------------------------------------------------------------------

function draw() {
  clearTimeout(later);
  later = 0;
  if (!server) return;
  list.draw(jobs.pictures, selected, { select, remove, cancel: (picture) => jobs.cancel(picture) });
  drawButtons();
  drawWorking();
  $("empty").hidden = Boolean(selected);
  $("filled").hidden = !selected;
  if (!selected) {
    looked = null;
    viewer.clear();
    return;
  }
  drawPicture(selected);
  drawResult(selected);
}

function drawButtons() {
  const pictures = due();
  const others = pictures.filter((picture) => picture !== selected);
  $("go").disabled = !pictures.length || jobs.pictures.some((picture) => picture.state === "looking");
  $("go").textContent = pictures.length > 1 ? `Enlarge ${pictures.length} pictures` : "Enlarge";
  $("only").hidden = !(others.length && pictures.includes(selected));
}

function drawWorking() {
  const { running } = jobs;
  $("working").hidden = !running;
  if (!running) {
    phase = "";
    return;
  }
  const { picture } = running;
  const many = jobs.waiting > 0;
  $("status").textContent = `${many || picture !== selected ? `${shown(picture.file.name)}: ` : ""}${picture.text}${many ? ` (${jobs.waiting} more)` : ""}`;
  $("cancel-all").hidden = !many;
  if (picture.share === null) $("progress").removeAttribute("value");
  else $("progress").value = picture.share;
}

function drawPicture(picture) {
  const name = Object.assign(document.createElement("strong"), { textContent: shown(picture.file.name) });
  const size = picture.width ? `${pixels(picture.width, picture.height)}, ` : "";
  const about = Object.assign(document.createElement("span"), { textContent: ` ${size}${megabytes(picture.file.size)}` });
  $("chosen").replaceChildren(name, about);
  $("error").textContent = sentence(picture.error);
  $("error").hidden = !picture.error;
  $("notice").textContent = "Cancelled: nothing was kept.";
  $("notice").hidden = picture.state !== "cancelled";
  const bare = !picture.shown;
  $("preview").hidden = !bare || !picture.view;
  if (bare && picture.view && $("preview").src !== picture.view) $("preview").src = picture.view;
  $("blank").hidden = !bare || Boolean(picture.view) || Boolean(picture.error);
  $("blank").textContent = picture.state === "looking" ? "Opening …" : "This kind of file cannot be shown here, but it can be enlarged.";
}

function drawResult(picture) {
  const result = picture.shown;
  $("result").hidden = !result;
  drawTabs(picture);
  if (!result) {
    looked = null;
    viewer.clear();
    return;
  }
  if (looked === result) return;
  const before = looked;
  looked = result;
  $("comparison").hidden = !result.view;
  $("unseen").hidden = Boolean(result.view);
  $("unseen").textContent = "The picture is done, but cannot be shown here: download it to see it.";
  Object.assign($("download"), { href: result.url, download: result.name });
  const by = titled(result.network);
  $("facts").textContent =
    `${shown(result.name)}: ${pixels(result.width, result.height)} pixels, ${megabytes(result.blob.size)}, in ${result.took}, ${result.seen ? `${result.seen}: ` : ""}by ${by}`;
  if (!result.view) return viewer.clear();
  const again = before !== null && picture.results.includes(before) && before.width === result.width && before.view !== null;
  viewer.show(picture.view, result.view, { width: result.width, height: result.height, again });
}

const model = (name) => server.models.find((entry) => entry.name === name);
const titled = (name) => (model(name) && model(name).title !== name ? `${model(name).title} (${name})` : name);

function drawTabs(picture) {
  const tabs = $("tabs");
  tabs.hidden = picture.results.length < 2;
  if (tabs.hidden) {
    tabs.replaceChildren();
    $("result").setAttribute("aria-label", "Result");
    $("result").removeAttribute("aria-labelledby");
    return;
  }
  if (tabs.results === picture.results && tabs.shown === picture.shown) return;
  const focused = tabs.contains(document.activeElement);
  Object.assign(tabs, { results: picture.results, shown: picture.shown });
  tabs.replaceChildren(
    ...picture.results.map((result, number) => {
      const here = result === picture.shown;
      const tab = Object.assign(document.createElement("button"), { type: "button", id: `tab-${number}`, role: "tab", tabIndex: here ? 0 : -1 });
      tab.setAttribute("aria-selected", String(here));
      tab.setAttribute("aria-controls", "result");
      const small = Object.assign(document.createElement("small"), { textContent: described(result, picture.results) });
      tab.append(model(result.wish.model).title, small);
      tab.addEventListener("click", () => look(picture, number));
      return tab;
    }),
  );
  $("result").removeAttribute("aria-label");
  $("result").setAttribute("aria-labelledby", `tab-${picture.results.indexOf(picture.shown)}`);
  if (focused) tabs.querySelector("[aria-selected=true]").focus();
}

// What tells this result from those beside it, besides its network.
function described(result, all) {
  const differ = (of) => new Set(all.map(of)).size > 1;
  const { wish: asked } = result;
  return [
    differ((other) => other.width) && pixels(result.width, result.height),
    differ((other) => other.wish.format) && (asked.format ?? "").toUpperCase(),
    differ((other) => other.wish.quality) && asked.quality && `quality ${asked.quality}`,
    differ((other) => other.wish.denoise) && asked.denoise && `cleaned ${asked.denoise * 100} %`,
    differ((other) => other.wish.fidelity) && asked.fidelity && `fidelity ${asked.fidelity}`,
  ].filter(Boolean).join(", ");
}

function look(picture, number) {
  const all = picture.results;
  picture.shown = all[(number + all.length) % all.length];
  draw();
}

$("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !selected) return;
  event.preventDefault();
  look(selected, selected.results.indexOf(selected.shown) + step);
});

fields.addEventListener("change", () => {
  showSizes(selected);
  draw();
});

$("note").textContent = backend.note;
$("api").hidden = !backend.api;
connect();
