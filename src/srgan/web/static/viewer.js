// Before and after, one over the other, with a divider, zoom and the keys for both.

import { mostDetailed } from "./detail.js";

const $ = (id) => document.getElementById(id);
const screenPixel = () => 1 / devicePixelRatio;

let result = null; // {width, height} of what is shown
// `zoom` is CSS pixels a pixel of the result; (left, top) is where the result's corner lies in the viewer.
const view = { wanted: "1", zoom: 1, left: 0, top: 0 };

// Show two pictures, the URL of one and {image, url} of its result, which has width x height pixels. It opens at 100 % on the most detailed part, as the
// whole of a photograph looks alike before and after; `again` keeps the place that somebody has gone to.
export function show(before, after, { width, height, again = false }) {
  result = { width, height };
  $("before").src = before;
  $("after").src = after.url;
  if (!again) $("slider").value = 50;
  divide();
  if (again) {
    setZoom(view.wanted, [0, 0]);
    return;
  }
  view.wanted = "fit";
  setZoom("1");
  const { clientWidth, clientHeight } = $("viewer");
  const [x, y] = mostDetailed(after.image, clientWidth / (width * view.zoom), clientHeight / (height * view.zoom));
  view.left = clientWidth / 2 - x * width * view.zoom;
  view.top = clientHeight / 2 - y * height * view.zoom;
  place();
}

export function clear() {
  result = null;
}

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
  // Fitted, the viewer has the picture's shape, as large as the page and the window have room for: not above 100 %, but
  // 320 pixels wide at least, as a viewer much smaller could not be handled.
  const room = $("comparison").clientWidth;
  const tallest = innerHeight * 0.66;
  const scale = Math.min(room / result.width, tallest / result.height, Math.max(screenPixel(), 320 / result.width));
  const [width, height] = [result.width * scale, result.height * scale];
  const fitted = view.wanted === "fit";
  // Zoomed, it takes the page's room, but never goes beyond the picture: what is beside it would look transparent.
  const zoom = Number(view.wanted) * screenPixel();
  $("viewer").style.width = $("slider").style.width = `${fitted ? width : Math.max(width, Math.min(room, result.width * zoom))}px`;
  $("viewer").style.height = `${fitted ? height : Math.max(height, Math.min(tallest, 0.8 * room, result.height * zoom))}px`;
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

