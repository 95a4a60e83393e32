// A ZIP archive of blobs, stored as they are: pictures do not get smaller.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export async function crc32(blob) {
  let value = 0xffffffff;
  for (const reader = blob.stream().getReader(); ; ) {
    const { done, value: bytes } = await reader.read();
    if (done) return (value ^ 0xffffffff) >>> 0;
    for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  }
}

function record(signature, fields) {
  const size = fields.reduce((sum, [bytes]) => sum + bytes, 4);
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return view.buffer;
}

// Two results may have one name, and no name leads out of the folder that somebody unpacks into.
function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    const safe = name.split(/[\\/]+/).filter((part) => part && part !== "." && part !== "..").map((part) => part.replace(/[\u0000-\u001f:]/g, "_")).join("/");
    const [, stem, suffix] = /^(.*?)(\.[^./]*)?$/s.exec(safe || "picture");
    let unique = `${stem}${suffix ?? ""}`;
    for (let number = 2; taken.has(unique.toLowerCase()); number++) unique = `${stem} (${number})${suffix ?? ""}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

// Return a blob of [{name, blob}]; an Error with a sentence where the format ends.
export async function zip(files) {
  if (files.length > 65_000 || files.reduce((sum, { blob }) => sum + blob.size + 400, 0) > 0xfffffff0)
    throw new Error("a ZIP ends at 4 GB: download the pictures one by one");
  const names = distinct(files.map(({ name }) => name)).map((name) => new TextEncoder().encode(name));
  const now = new Date();
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [number, { blob }] of files.entries()) {
    const name = names[number];
    // Version 2.0, names in UTF-8, stored, time, CRC, sizes.
    const common = [[2, 20], [2, 0x0800], [2, 0], [2, time], [2, date], [4, await crc32(blob)], [4, blob.size], [4, blob.size], [2, name.length], [2, 0]];
    parts.push(record(0x04034b50, common), name, blob);
    directory.push(record(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), name);
    offset += 30 + name.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = record(0x06054b50, [[2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
