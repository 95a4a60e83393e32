// The list of pictures, where there are several: what each is doing, and its result.

import { count, shown } from "./words.js";

const $ = (id) => document.getElementById(id);
const STATES = {
  looking: "opening",
  ready: "",
  waiting: "waiting",
  working: "",
  done: "done",
  failed: "failed",
  cancelled: "cancelled, nothing was kept",
};
const rows = new Map(); // of pictures

// `on` has select, cancel and remove, each called with a picture.
export function draw(pictures, selected, on) {
  $("queue").hidden = pictures.length < 2;
  const done = pictures.filter((picture) => picture.shown).length;
  const failed = pictures.filter((picture) => picture.state === "failed").length;
  $("queue-title").textContent = `${count(pictures.length, "picture")}, ${done} done${failed ? `, ${failed} failed` : ""}`;
  $("zip").hidden = done < 2;
  $("zip").textContent = `Download all ${done}`;
  for (const [picture, row] of rows)
    if (!pictures.includes(picture)) {
      row.item.remove();
      rows.delete(picture);
    }
  for (const picture of pictures) {
    if (!rows.has(picture)) rows.set(picture, made(picture, on));
    update(rows.get(picture), picture, picture === selected);
  }
}

function made(picture, on) {
  const create = (tag, className) => Object.assign(document.createElement(tag), { className });
  const item = create("li", "");
  const select = Object.assign(create("button", "select"), { type: "button" });
  const image = Object.assign(create("img", "thumb"), { alt: "", loading: "lazy" });
  const name = create("span", "name");
  name.textContent = shown(`${picture.folder}${picture.file.name}`);
  const state = create("span", "state");
  select.append(image, name, state);
  select.addEventListener("click", () => on.select(picture));
  const download = Object.assign(create("a", "button"), { textContent: "Download", hidden: true });
  const drop = Object.assign(create("button", "drop"), { type: "button" });
  drop.addEventListener("click", () => (["waiting", "working"].includes(picture.state) ? on.cancel(picture) : on.remove(picture)));
  item.append(select, download, drop);
  $("list").append(item);
  return { item, select, image, name, state, download, drop };
}

function update(row, picture, selected) {
  row.select.setAttribute("aria-current", String(selected));
  if (picture.view && !row.image.src) row.image.src = picture.view;
  row.image.classList.toggle("none", !picture.view);
  row.state.textContent = picture.state === "working" ? picture.text : STATES[picture.state];
  row.item.dataset.state = picture.state;
  const { shown: result } = picture;
  row.download.hidden = !result;
  if (result) Object.assign(row.download, { href: result.url, download: result.name });
  const name = shown(picture.file.name);
  row.download.setAttribute("aria-label", `Download ${name}`);
  const busy = ["waiting", "working"].includes(picture.state);
  row.drop.textContent = busy ? "Cancel" : "Remove";
  row.drop.setAttribute("aria-label", `${row.drop.textContent} ${name}`);
}
