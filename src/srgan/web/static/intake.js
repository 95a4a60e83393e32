// Files from a drop, a dialogue or the clipboard: [{file, folder}], `folder` being where it lay, "" or "trip/day 1/".

const SUFFIXES = /\.(jpe?g|png|webp|avif|heic|heif|tiff?|gif|bmp|p[bgpn]m|jxl|dng|cr2|cr3|nef|arw|raf|orf|rw2)$/i;
const isPicture = (file) => file.type.startsWith("image/") || SUFFIXES.test(file.name);

// What a folder brings besides pictures is left out, and counted; a file that somebody names is taken as it is.
export function chosen(list) {
  const found = [...list].map((file) => ({ file, folder: parent(file.webkitRelativePath ?? "") }));
  const pictures = found.filter(({ file, folder }) => !folder || isPicture(file));
  return { found: sorted(pictures), leftOut: found.length - pictures.length };
}

export async function dropped(transfer) {
  // Both lists are only there until the event is over.
  const entries = [...transfer.items].map((item) => (item.kind === "file" ? (item.webkitGetAsEntry?.() ?? item.getAsFile()) : null));
  const files = [...transfer.files];
  const found = [];
  if (!entries.some((entry) => entry?.isDirectory)) return { found: files.map((file) => ({ file, folder: "" })), leftOut: 0 };
  for (const entry of entries) if (entry?.isFile || entry?.isDirectory) await walk(entry, "", found);
  const pictures = found.filter(({ file, folder }) => !folder || isPicture(file));
  return { found: sorted(pictures), leftOut: found.length - pictures.length };
}

async function walk(entry, folder, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) found.push({ file, folder });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // a hundred at a time
    if (!some.length) return;
    for (const child of some) await walk(child, `${folder}${entry.name}/`, found);
  }
}

const parent = (path) => path.slice(0, path.lastIndexOf("/") + 1);
const sorted = (found) =>
  found.sort((a, b) => `${a.folder}${a.file.name}`.localeCompare(`${b.folder}${b.file.name}`, "en", { numeric: true }));
