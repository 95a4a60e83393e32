// The choices beside the picture: network, size, format and what else a network takes.

import { pixels } from "./words.js";

const $ = (id) => document.getElementById(id);
let server = null;

export const fields = $("options"); // its "change" events are a new wish

const model = () => server.models.find((entry) => entry.name === new FormData($("form")).get("model")) ?? server.models[0];

// Show what is offered: {models, limits}, and {formats, scales} where those are the only ones.
export function setUp(offered) {
  server = offered;
  $("networks").open = matchMedia("(min-width: 721px)").matches; // a phone shows the one that is chosen
  for (const [number, entry] of server.models.entries()) {
    const label = Object.assign(document.createElement("label"), { className: "model" });
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: entry.name });
    radio.checked = number === 0;
    label.append(radio, ...described(entry), Object.assign(document.createElement("small"), { textContent: entry.when }));
    $("models").append(label);
  }
  $("networks").hidden = server.models.length < 2;
  if (server.formats)
    for (const option of [...$("format").options]) if (option.value && !server.formats.includes(option.value)) option.remove();
  showSizes(null);
}

// A crop of its work, its name for people, and small the one that the code has.
function described(entry) {
  const crop = Object.assign(document.createElement("img"), { alt: "", width: 56, height: 56 });
  if (entry.sample) crop.src = entry.sample;
  else crop.hidden = true;
  const name = Object.assign(document.createElement("span"), { className: "title", textContent: entry.title });
  if (entry.title !== entry.name) name.append(" ", Object.assign(document.createElement("code"), { textContent: entry.name }));
  return [crop, name];
}

// Show the sizes that a picture can have here, and the fields that the network has.
export function showSizes(picture) {
  if (!server) return;
  const entry = model();
  $("network-now").replaceChildren(...described(entry));
  $("fidelity-label").hidden = !entry.fidelity;
  $("fidelity-value").textContent = $("fidelity").value;
  $("denoise-label").hidden = !entry.denoise;
  $("denoise").options[0].textContent = entry.name === "auto" ? "as the picture needs" : "as the network does";
  showMore();
  const before = $("size").value;
  const limit = server.limits.max_result_pixels;
  const all = server.scales ?? [...new Set([1, 2, 3, 4, 8, entry.scale])].sort((a, b) => a - b);
  const known = picture?.width > 0;
  const scales = known ? all.filter((scale) => picture.width * picture.height * scale ** 2 <= limit) : all;
  const native = scales.includes(entry.scale) ? entry.scale : (scales.at(-1) ?? 1);
  const options = scales.map((scale) => {
    const size = known ? `: ${pixels(picture.width * scale, picture.height * scale)}` : "";
    return new Option(scale === 1 ? `The same, cleaned${size}` : `${scale} times${size}`, `scale=${scale}`, scale === native);
  });
  if (!server.scales) options.push(new Option("By width …", "width"), new Option("Fit into a box …", "fit"));
  if (options.map((option) => option.text).join() === [...$("size").options].map((option) => option.text).join()) options.length = 0;
  if (options.length) $("size").replaceChildren(...options); // not while somebody looks at the same ones
  $("size").value = [...$("size").options].some((option) => option.value === before) ? before : `scale=${native}`;
  $("size-note").hidden = scales.length === all.length;
  $("size-note").textContent = `More than ${Math.floor(limit / 1e6)} million pixels are not made here.`;
  $("width-label").hidden = $("size").value !== "width";
  $("fit-label").hidden = $("size").value !== "fit";
  if (known) $("width").min = picture.width + 1;
}

function showMore() {
  const said = [
    $("format").value && $("format").selectedOptions[0].textContent,
    $("quality").value && `quality ${$("quality").value}`,
    !$("denoise-label").hidden && $("denoise").value && `cleaning ${$("denoise").value * 100} %`,
    !$("fidelity-label").hidden && Number($("fidelity").value) > 0 && `fidelity ${$("fidelity").value}`,
  ];
  $("more-now").textContent = said.filter(Boolean).join(", ");
}

$("fidelity").addEventListener("input", () => {
  $("fidelity-value").textContent = $("fidelity").value;
  showMore();
});
$("size").addEventListener("change", () => {
  const first = { width: "width", fit: "fit-width" }[$("size").value];
  if (!first) return;
  $(`${$("size").value}-label`).hidden = false;
  $(first).focus();
});
$("models").addEventListener("change", () => {
  if (!matchMedia("(min-width: 721px)").matches) $("networks").open = false;
});

// What is asked for now: {model, scale, width or fit, and what else was chosen}.
export function wish() {
  const entry = model();
  const asked = { model: entry.name };
  const [kind, value] = $("size").value.split("=");
  if (kind === "scale") asked.scale = Number(value);
  if (kind === "width") asked.width = whole($("width").value) || 1;
  if (kind === "fit") asked.fit = [whole($("fit-width").value) || 1, whole($("fit-height").value) || 1];
  if (entry.fidelity && Number($("fidelity").value)) asked.fidelity = $("fidelity").value;
  if (entry.denoise && $("denoise").value) asked.denoise = $("denoise").value;
  if ($("format").value) asked.format = $("format").value;
  if ($("quality").value) asked.quality = $("quality").value;
  return asked;
}

const whole = (text) => Math.min(Math.round(Number(text)), 999_999);
