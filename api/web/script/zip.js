// A zip file in the one spelling of a dossier, as `ledger/archive` reads it: names flat and
// sorted, fixed dates, nothing encrypted, commented, appended or between.  Whatever is read is
// bounded before it is read.

import { equal } from "./bytes.js";

export class Hostile extends Error {}

const MAX_MEMBERS = 20_000;
const MAX_RATIO = 100;
const MAX_TOTAL = 2 ** 31;
const MAX_NAME = 100;
const NAME = /^[a-zA-Z0-9]+(?:[.-][a-zA-Z0-9]+)*$/;
const [LOCAL, CENTRAL, END] = [30, 46, 22];
const [STORED, DEFLATED] = [0, 8];

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let one = n;
  for (let bit = 0; bit < 8; bit += 1) one = one & 1 ? (one >>> 1) ^ 0xedb88320 : one >>> 1;
  return one;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const octet of bytes) crc = TABLE[(crc ^ octet) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// Fields of 2 and 4 bytes, little endian, behind each other.
function packed(mark, ...fields) {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 4)));
  out.setUint32(0, mark, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(out.buffer);
}

const H = (value) => [2, value];
const L = (value) => [4, value];

// The header before the bytes of a member, and its entry in the directory, without the name.
const local = (one) => packed(0x04034b50, H(20), H(0), H(one.method), H(0), H(33),
  L(one.crc), L(one.packed), L(one.size), H(one.name.length), H(0));
const central = (one) => packed(0x02014b50, H(0x314), H(20), H(0), H(one.method), H(0), H(33),
  L(one.crc), L(one.packed), L(one.size), H(one.name.length), H(0), H(0), H(0), H(0),
  L(0o100644 * 65536), L(one.offset));

export class Archive {
  constructor(blob, members) {
    this.blob = blob;
    this.members = members;
  }

  // A member whole; refused where it is larger than it may be.
  async read(name, limit) {
    const member = this.members.get(name);
    if (member.size > limit) throw new Hostile(`${name}: larger than ${limit} bytes`);
    const raw = await bytes(this.blob, member.begin, member.packed);
    const content = member.method === STORED ? raw : await inflated(raw, member);
    if (content.length !== member.size || crc32(content) !== member.crc) {
      throw new Hostile(`${name}: not the bytes that the directory tells of`);
    }
    return content;
  }
}

export async function openedArchive(blob) {
  if (blob.size < END) throw new Hostile("not a zip file, or cut off");
  const end = blob.size - END;
  const raw = await bytes(blob, end, END);
  const view = new DataView(raw.buffer);
  const [disk, first, here, count] = [4, 6, 8, 10].map((at) => view.getUint16(at, true));
  const [length, begin] = [12, 16].map((at) => view.getUint32(at, true));
  if (view.getUint32(0, true) !== 0x06054b50) {
    throw new Hostile("not a zip file, or something stands behind its end");
  }
  if (disk || first || here !== count || view.getUint16(20, true)) {
    throw new Hostile("an archive in parts, or with a comment");
  }
  if (count > MAX_MEMBERS) throw new Hostile(`more than ${MAX_MEMBERS} entries`);
  if (begin + length !== end || length > count * (CENTRAL + MAX_NAME)) {
    throw new Hostile("a directory that does not reach from the last file to the end");
  }
  const members = directory(await bytes(blob, begin, length), count);
  await contiguous(blob, members, begin);
  return new Archive(blob, new Map(members.map((member) => [member.name, member])));
}

async function bytes(blob, at, length) {
  return new Uint8Array(await blob.slice(at, at + length).arrayBuffer());
}

function directory(raw, count) {
  const members = [];
  let at = 0;
  for (let n = 0; n < count; n += 1) {
    const member = entry(raw, at);
    if (n > 0 && member.name <= members[n - 1].name) {
      throw new Hostile(`${member.name}: twice, or not in its order`);
    }
    members.push(member);
    at += CENTRAL + member.name.length;
  }
  if (at !== raw.length) throw new Hostile("something between the directory and the end");
  return members;
}

function entry(raw, at) {
  if (at + CENTRAL > raw.length) throw new Hostile("a directory that ends too early");
  const view = new DataView(raw.buffer, raw.byteOffset + at);
  if (view.getUint16(8, true)) throw new Hostile("an entry that is encrypted, or told of later");
  const length = view.getUint16(28, true);
  const name = String.fromCharCode(...raw.subarray(at + CENTRAL, at + CENTRAL + length));
  if (name.length !== length || length > MAX_NAME || !NAME.test(name)) {
    throw new Hostile("a name that no file of a dossier has");
  }
  const method = view.getUint16(10, true);
  if (method !== STORED && method !== DEFLATED) throw new Hostile(`${name}: packed in another way`);
  const [crc, small, size] = [16, 20, 24].map((place) => view.getUint32(place, true));
  const offset = view.getUint32(42, true);
  const member = { name, method, crc, packed: small, size, offset, begin: offset + LOCAL + length };
  if (!equal(raw.subarray(at, at + CENTRAL), central(member))) {
    throw new Hostile(`${name}: more than an ordinary file says of itself`);
  }
  return member;
}

// The members follow each other to the directory, and do not become larger than they may.
async function contiguous(blob, members, begin) {
  let [at, total] = [0, 0];
  for (const one of members) {
    if (one.offset !== at) throw new Hostile(`${one.name}: not behind the file before it`);
    if (one.method === STORED && one.packed !== one.size) {
      throw new Hostile(`${one.name}: stored, and of two sizes`);
    }
    if (one.size > Math.max(one.packed, 1) * MAX_RATIO) {
      throw new Hostile(`${one.name}: packed to less than a ${MAX_RATIO}th of its size`);
    }
    total += one.size;
    if (total > MAX_TOTAL) throw new Hostile("more than 2 GiB of files");
    at = one.begin + one.packed;
    if (at > begin) throw new Hostile(`${one.name}: reaches into the directory`);
    const header = await bytes(blob, one.offset, LOCAL + one.name.length);
    const named = Uint8Array.from(one.name, (letter) => letter.charCodeAt(0));
    if (!equal(header.subarray(0, LOCAL), local(one)) || !equal(header.subarray(LOCAL), named)) {
      throw new Hostile(`${one.name}: its header differs from the directory`);
    }
  }
  if (at !== begin) throw new Hostile("something stands between the files and the directory");
}

// The browser unpacks; more than the directory tells of is never taken.
async function inflated(raw, member) {
  const unpacking = new DecompressionStream("deflate-raw");
  const reader = new Blob([raw]).stream().pipeThrough(unpacking).getReader();
  const content = new Uint8Array(member.size);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > content.length) throw new Hostile(`${member.name}: longer than told`);
      content.set(value, at);
      at += value.length;
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    // A `TypeError` is about the bytes; any other one is the browser's own trouble.
    throw error instanceof TypeError ? new Hostile(`${member.name}: cannot be unpacked`) : error;
  }
  return content.subarray(0, at);
}
