// The log as a stranger checks it: signed notes, checkpoints, cosignatures, policies, proofs
// (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy, tlog-proof; RFC 6962).
// The same rules as `ledger/tlog`, in the same order, with the same reasons.

import { Malformed, encoded, equal, find, fromBase64, sha256, utf8 }
  from "./bytes.js";

// What does not follow, though it is well formed.
export class Unproven extends Error {}
// What this browser cannot check: neither good nor bad.
export class Unable extends Error {}

const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const MAX_SIGNATURES = 64;
const MAX_NOTE = 1_000_000;
const MAX_PATH = 63;
const MAX_OF_A_KIND = 256;
const MAX_SIZE = 2n ** 63n - 1n;
const NO_NAME = /[\x00-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const VERSION = "c2sp.org/tlog-proof@v1";
const BLANK_LINE = Uint8Array.of(10, 10);

// -- keys --------------------------------------------------------------------------------------

function named(name) {
  if (!name || NO_NAME.test(name)) throw new Malformed("not a name of a key");
  return name;
}

async function keyId(name, kind, key) {
  const digest = await sha256(encoded(`${name}\n`), Uint8Array.of(kind), key);
  return new DataView(digest.buffer).getUint32(0);
}

// A verifier key `name+id+key`, of a log or of a witness.
export async function parseKey(text, kind = ED25519) {
  const [name, id = "", ...rest] = text.split("+");
  named(name);
  if (!/^[0-9a-f]{8}$/.test(id)) throw new Malformed("a key id is 8 small hexadecimal digits");
  const raw = fromBase64(rest.join("+"));
  if (raw[0] !== kind) throw new Malformed("not a key of that signature type");
  const key = raw.subarray(1);
  if (parseInt(id, 16) !== (await keyId(name, kind, key))) {
    throw new Malformed("a key id that is not the key's");
  }
  if (key.length !== 32) throw new Malformed("an Ed25519 key has 32 bytes");
  return { name, kind, key, id: parseInt(id, 16), text };
}

// The same key under the name that it signs statements of dossiers with.
export async function statementKey(log) {
  const name = `${log.name}/dossier`;
  return { ...log, name, id: await keyId(name, ED25519, log.key) };
}

async function ed25519(key, signature, message) {
  if (!globalThis.crypto?.subtle) throw new Unable("no cryptography on this page");
  try {
    const known = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", known, signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Unable("no Ed25519 in this browser");
    return false;
  }
}

async function verifies(key, text, signature) {
  if (key.kind === ED25519) {
    return signature.length === 64 && ed25519(key.key, signature, encoded(text));
  }
  if (signature.length !== 72 || cosignedAt(signature) > MAX_SIZE) return false;
  const message = encoded(`cosignature/v1\ntime ${cosignedAt(signature)}\n${text}`);
  return ed25519(key.key, signature.subarray(8), message);
}

// The second since 1970 at which a witness says it saw the log so.
const cosignedAt = (signature) =>
  new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);

// -- notes and checkpoints ---------------------------------------------------------------------

export function parseNote(raw) {
  if (raw.length > MAX_NOTE) throw new Malformed("a note is longer than 1,000,000 bytes");
  const whole = utf8(raw);
  const at = whole.lastIndexOf("\n\n");
  const lines = whole.slice(at + 2);
  if (at < 0 || !lines.endsWith("\n")) throw new Malformed("a note without signatures");
  const signed = lines.slice(0, -1).split("\n");
  const text = whole.slice(0, at + 1);
  if (signed.length > MAX_SIGNATURES) throw new Malformed("a note has from 1 to 64 signatures");
  if (/[\x00-\x09\x0b-\x1f]/.test(text)) throw new Malformed("a text with a control character");
  return { text, signatures: signed.map(signatureLine) };
}

function signatureLine(line) {
  const [dash, name, encodedBytes, ...more] = line.split(" ");
  if (dash !== "—" || encodedBytes === undefined || more.length) {
    throw new Malformed("not a signature line");
  }
  named(name);
  const raw = fromBase64(encodedBytes);
  if (raw.length < 5) throw new Malformed("a signature line without a signature");
  const id = new DataView(raw.buffer).getUint32(0);
  return { name, id, signature: raw.slice(4) };
}

// Which of these keys signed, each with its signature.  A known key's signature that fails, or
// stands there twice, spoils the note; lines of other keys are passed over.
export async function opened(note, keys) {
  const found = new Map();
  for (const line of note.signatures) {
    const key = keys.find((one) => one.name === line.name && one.id === line.id);
    if (key === undefined) continue;
    if (found.has(key)) throw new Unproven(`${line.name} signed twice`);
    if (!(await verifies(key, note.text, line.signature))) {
      throw new Unproven(`the signature of ${line.name} does not verify`);
    }
    found.set(key, line.signature);
  }
  if (found.size === 0) throw new Unproven("no known key has signed");
  return found;
}

export function decimal(text) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text ?? "") || BigInt(text) > MAX_SIZE) {
    throw new Malformed("not a decimal number up to 2^63-1");
  }
  return BigInt(text);
}

export async function parseCheckpoint(text) {
  if (!text.endsWith("\n")) throw new Malformed("a checkpoint without its last line feed");
  const [origin, size, root, ...extensions] = text.slice(0, -1).split("\n");
  if ([origin, ...extensions].some((line) => !line || /[\x00-\x1f]/.test(line))) {
    throw new Malformed("a line of a checkpoint that is empty or has a control character");
  }
  const read = { origin, size: decimal(size), root: fromBase64(root ?? "-") };
  if (read.root.length !== 32) throw new Malformed("a root has 32 bytes");
  if (read.size === 0n && !equal(read.root, await sha256())) {
    throw new Malformed("an empty tree with a root of its own");
  }
  return read;
}

// The checkpoint, and which witnesses of the policy cosigned it when.
export async function verifyNote(note, policy) {
  const found = await opened(note, [...policy.logs, ...policy.witnesses.values()]);
  const checkpoint = await parseCheckpoint(note.text);
  // A log that is trusted for its own origin has no say about another one's.
  if (!policy.logs.some((key) => key.name === checkpoint.origin && found.has(key))) {
    throw new Unproven(`no known log of the origin ${checkpoint.origin} has signed`);
  }
  const cosigned = new Map();
  for (const [name, key] of policy.witnesses) {
    if (found.has(key)) cosigned.set(name, cosignedAt(found.get(key)));
  }
  if (!satisfied(policy, cosigned)) {
    throw new Unproven(`cosigned by ${[...cosigned.keys()].join(", ") || "nobody"}: no quorum`);
  }
  return { checkpoint, cosigned };
}

export const verifyCheckpoint = async (raw, policy) => verifyNote(parseNote(raw), policy);

// -- policies ----------------------------------------------------------------------------------

export const alone = (policy) => ({ ...policy, quorum: "none" });

export const ofKeys = (logs) =>
  ({ logs, witnesses: new Map(), groups: new Map(), quorum: "none" });

function satisfied(policy, cosigned) {
  if (policy.quorum === "none") return true;
  const held = new Set(cosigned.keys());
  for (const [name, group] of policy.groups) {
    if (group.members.filter((one) => held.has(one)).length >= group.threshold) held.add(name);
  }
  return held.has(policy.quorum);
}

export async function parsePolicy(raw) {
  if (raw.length > MAX_NOTE) throw new Malformed("a policy is longer than 1,000,000 bytes");
  const text = utf8(raw);
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) throw new Malformed("a policy with a control character");
  if (!text.endsWith("\n")) throw new Malformed("a policy without its last line feed");
  const reading = { ...ofKeys([]), quorum: undefined, members: new Set() };
  for (const [at, line] of text.slice(0, -1).split("\n").entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word);
    if (!words.length || words[0].startsWith("#")) continue;
    try {
      await take(reading, words);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new Malformed(`line ${at + 1} of the policy: ${error.message}`);
    }
  }
  if (reading.quorum === undefined) throw new Malformed("a policy without a quorum");
  return reading;
}

async function take(reading, [what, ...words]) {
  if (what === "log" && (words.length === 1 || words.length === 2)) {
    another(reading.logs, await parseKey(words[0]), (key) => reading.logs.push(key));
  } else if (what === "witness" && (words.length === 2 || words.length === 3)) {
    const name = unused(reading, words[0]);
    const key = await parseKey(words[1], COSIGNATURE);
    another([...reading.witnesses.values()], key, () => reading.witnesses.set(name, key));
  } else if (what === "group" && words.length > 2) {
    group(reading, words);
  } else if (what === "quorum" && words.length === 1) {
    quorum(reading, words[0]);
  } else {
    throw new Malformed("neither log, witness, group nor quorum, or with other words");
  }
}

function another(known, key, add) {
  if (known.some((one) => equal(one.key, key.key))) throw new Malformed("the key of another one");
  if (known.length === MAX_OF_A_KIND) throw new Malformed("more than 256 of a kind");
  add(key);
}

const defined = (reading, name) => reading.witnesses.has(name) || reading.groups.has(name);

function unused(reading, name) {
  if (name === "none" || defined(reading, name)) throw new Malformed(`${name} is defined already`);
  return name;
}

function group(reading, [name, written, ...members]) {
  unused(reading, name);
  for (const member of members) {
    if (!defined(reading, member)) throw new Malformed(`${member} is not defined before`);
    if (reading.members.has(member)) throw new Malformed(`${member} is a member twice`);
    reading.members.add(member);
  }
  if (reading.groups.size === MAX_OF_A_KIND) throw new Malformed("more than 256 groups");
  const number = { any: 1, all: members.length }[written] ?? Number(written);
  const spelled = /^(any|all|[1-9][0-9]{0,8})$/.test(written);
  if (!spelled || number > members.length) throw new Malformed("not a threshold of that group");
  reading.groups.set(name, { threshold: number, members });
}

function quorum(reading, name) {
  if (reading.quorum !== undefined) throw new Malformed("a second quorum");
  if (name !== "none" && !defined(reading, name)) throw new Malformed(`${name} is not defined before`);
  reading.quorum = name;
}

// -- proofs ------------------------------------------------------------------------------------

export async function parseProof(raw) {
  const parted = find(raw, BLANK_LINE);
  if (parted < 0 || raw.length > MAX_NOTE) throw new Malformed("a proof without a checkpoint");
  const head = raw.subarray(0, parted);
  if (head.some((octet) => octet > 0x7f)) throw new Malformed("a proof that is not ASCII");
  const [version, ...lines] = utf8(head).split("\n");
  if (version !== VERSION) throw new Malformed(`the first line is not ${VERSION}`);
  let extra = null;
  if (lines[0]?.startsWith("extra ")) extra = fromBase64(lines.shift().slice(6));
  if (extra?.length === 0) throw new Malformed("no extra data is no line at all");
  if (!lines[0]?.startsWith("index ")) throw new Malformed("a proof without an index");
  const index = decimal(lines.shift().slice(6));
  const path = lines.map(fromBase64);
  if (index === MAX_SIZE || path.length > MAX_PATH || path.some((one) => one.length !== 32)) {
    throw new Malformed("a path that no tree has");
  }
  const signed = raw.subarray(parted + 2);
  const note = parseNote(signed);
  await parseCheckpoint(note.text);
  return { index, path, extra, signed, note };
}

export const leafHash = (entry) => sha256(Uint8Array.of(0), entry);

const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

// RFC 9162, 2.1.3.2: from the leaf up, each step with the hash beside it.
export async function checkInclusion(index, size, leaf, path, root) {
  if (index >= size) throw new Unproven(`a tree of size ${size} has no leaf ${index}`);
  let [here, last, one] = [index, size - 1n, leaf];
  for (const other of path) {
    if (last === 0n) throw new Unproven("the path is too long");
    if (here & 1n || here === last) {
      one = await nodeHash(other, one);
      // The last node of a level without a sibling stands unchanged in the levels above.
      while (!(here & 1n) && here) [here, last] = [here >> 1n, last >> 1n];
    } else {
      one = await nodeHash(one, other);
    }
    [here, last] = [here >> 1n, last >> 1n];
  }
  if (last) throw new Unproven("the path is too short");
  if (!equal(one, root)) throw new Unproven("the path leads to another root");
}

// An entry stands in the log: by a `.tlog-proof`, the entry's own bytes and a policy.
export async function verifyProof(raw, entry, policy) {
  const read = await parseProof(raw);
  const verified = await verifyNote(read.note, policy);
  const { size, root } = verified.checkpoint;
  await checkInclusion(read.index, size, await leafHash(entry), read.path, root);
  return { ...verified, index: read.index, note: read.note };
}

