// Whether a dossier proves what it says, as `ledger/evidence` checks it: from its bytes and keys
// known before, events first and in their order, so that the first bad position is named.
// Nothing in it is believed; all but the number of the case is worked out anew and compared.

import { Malformed, equal, fromBase64, hex, sha256 } from "./bytes.js";
import { FORMAT, linkOf, madeOf, positionsTold, reliedOn } from "./manifest.js";
import { followed } from "./rotation.js";
import { Order, Unreadable, canonical, objectOf, readRecord } from "./stored.js";
import {
  Unproven, alone, checkInclusion, decimal, leafHash, opened, parseCheckpoint, parseNote, parseProof,
  statementKey, verifyCheckpoint,
} from "./tlog.js";

// What does not prove out: the first bad thing, with its position where it has one.
export class Unfit extends Error {
  constructor(what, why, position = null) {
    super(why);
    this.what = what;
    this.position = position;
  }
}

// A file that a dossier has to have.
export class Absent extends Unfit {
  constructor(name, position) {
    super(name, "is not there", position);
  }
}

// What is beyond a browser: neither good nor bad.
export class Beyond extends Error {}

// In the order in which they are told; the page has words for each.
export const CHECKS = [
  "files", "checkpoint", "events", "complete", "rules", "refusals", "manifest", "documents",
];

const MAX_FILE = 16 * 2 ** 20;
const MAX_READ = 96 * 2 ** 20;
const MAX_ENTRY = 65_535;
const MAX_STAMP = 65_536;
// A browser takes digests of whole files only; the command line has no such limit.
const MAX_DOCUMENT = 512 * 2 ** 20;
const SINGLE = [
  "manifest.json", "manifest.note", "checkpoint", "checkpoint.open", "policy", "vkey", "README.txt",
  "index.html", "keys",
];
const EVENT_NAME = /^(case|rule|refusal|opening)-([0-9]{12})\.(event|tlog-proof)$/;
const DOCUMENT_NAME = /^document-([0-9a-f]{64})$/;
const STAMP_NAME = /^time-stamp-([0-9a-f]{64})\.tsr$/;

const eventName = (kind, position, what = "event") =>
  `${kind}-${String(position).padStart(12, "0")}.${what}`;

const ascending = (positions) => [...new Set(positions)].sort((one, other) => one - other);

const isOfLog = (error) => error instanceof Malformed || error instanceof Unproven;

// Check a dossier; `tell` hears of each check that begins.  Throws `Unfit`, or `Hostile` of the
// archive; `Unable` where this browser has no Ed25519, `Beyond` where it is too small.  Time stamps
// are held against their digests alone: whom they lead to the command asks.
export async function check(archive, policy, origin, tell) {
  return new Checking(archive, policy, tell).all(origin);
}

class Checking {
  constructor(archive, policy, tell) {
    Object.assign(this, { archive, policy, tell, digests: {}, length: 0 });
  }

  async all(origin) {
    this.tell("files");
    const names = this.names();
    this.tell("checkpoint");
    const chain = await this.chain();
    const signed = await this.checkpoint("checkpoint", this.policy, origin, names.case);
    const note = parseNote(await this.read("checkpoint"));
    const checking = chain.check(note, signed.checkpoint);
    const standing = await ofLog(checking, "checkpoint", names.case[0]);
    const [stated, wrong] = await this.stated(signed.checkpoint, standing);
    const [told, spoiled] = await this.told();
    this.tell("events");
    const events = await this.events("case", names.case, signed.checkpoint, positionsTold(told, "events"));
    const order = new Order();
    for (const one of events) inOrder(order, one, events[0].stream);
    this.tell("complete");
    whole(events, stated);
    if (wrong) throw wrong;
    if (spoiled) this.tell("manifest");
    if (spoiled) throw spoiled;
    this.tell("rules");
    const relied = positionsTold(told, "relied_on");
    const rules = await this.events("rule", names.rule, signed.checkpoint, relied);
    ruled(rules, events);
    const opening = await this.events("opening", names.opening, signed.checkpoint, []);
    for (const one of opening) begins(one, events[0].ledger);
    this.tell("refusals");
    const [refusals, proved] = await this.refusals(names.refusal, told, chain);
    this.tell("manifest");
    await this.manifest(told, signed.checkpoint, { events, rules, opening, refusals }, stated);
    this.tell("documents");
    const documents = await this.documents(told);
    const stamps = await this.stamps();
    return { told, ...signed, steps: chain.steps, events, rules, refusals, proved, ...documents, stamps };
  }

  names() {
    const found = { case: [], rule: [], refusal: [], opening: [] };
    for (const name of this.archive.members.keys()) {
      const event = EVENT_NAME.exec(name);
      if (event) found[event[1]].push(Number(event[2]));
      else if (!SINGLE.includes(name) && !DOCUMENT_NAME.test(name) && !STAMP_NAME.test(name)) {
        throw new Unfit(name, "no file that a dossier has");
      }
    }
    if (!found.case.length) throw new Unfit("events", "there is none of the case");
    for (const kind of Object.keys(found)) found[kind] = ascending(found[kind]);
    return found;
  }

  async read(name, position = null, limit = MAX_FILE) {
    if (!this.archive.members.has(name)) throw new Absent(name, position);
    const content = await this.archive.read(name, limit);
    this.length += content.length;
    if (this.length > MAX_READ) {
      throw new Unfit(name, "more than a dossier without its documents may have", position);
    }
    this.digests[name] = hex(await sha256(content));
    return content;
  }

  // Follow the keys of the log from those that are known; from here on they count too.
  async chain() {
    const raw = this.archive.members.has("keys") ? await this.read("keys") : new Uint8Array();
    const chain = await ofLog(followed(this.policy, raw), "keys", null);
    this.policy = chain.policy;
    return chain;
  }

  // Who signed: without that nothing from the first position on is proven.
  async checkpoint(name, policy, origin, positions) {
    const raw = await this.read(name);
    const verified = await ofLog(verifyCheckpoint(raw, policy), name, positions[0]);
    const of = verified.checkpoint.origin;
    if (origin && of !== origin) throw new Unfit(name, `of the log ${of}, not ${origin}`, positions[0]);
    return verified;
  }

  // The statement; what is wrong with it is told behind what is wrong with events.
  // It counts by the keys that stand under the checkpoint: one that was retired states nothing.
  async stated(checkpoint, standing) {
    const raw = await this.read("manifest.note");
    let read;
    try {
      const signed = parseNote(raw);
      await opened(signed, await Promise.all(standing.map(statementKey)));
      read = statement(signed.text);
    } catch (error) {
      if (!isOfLog(error)) throw error;
      return [null, new Unfit("manifest.note", error.message)];
    }
    const same = read.origin === checkpoint.origin && read.size === checkpoint.size;
    if (!same || read.root !== hex(checkpoint.root)) {
      return [null, new Unfit("manifest.note", "about another checkpoint")];
    }
    return [read, null];
  }

  // The manifest; until it is compared it is no more than a hint.
  async told() {
    const raw = await this.read("manifest.json");
    const spoiled = (why) => [{}, new Unfit("manifest.json", why)];
    let told;
    try {
      told = objectOf(raw);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return spoiled(error.message);
    }
    if (told.format !== FORMAT) return spoiled(`not of the format ${FORMAT}`);
    if (typeof told.case !== "string") return spoiled("without the number of the case");
    return [told, null];
  }

  // The events of a kind, each one proven; the manifest may know of more than there are.
  async events(kind, there, checkpoint, told) {
    const name = kind === "refusal" ? "checkpoint.open" : "checkpoint";
    const signed = await this.read(name);
    const found = [];
    for (const position of ascending([...there, ...told])) {
      const record = await this.read(eventName(kind, position), position, MAX_ENTRY);
      const raw = await this.read(eventName(kind, position, "tlog-proof"), position);
      const one = await proven(record, raw, { position, checkpoint, signed, name });
      if (one.position !== position) {
        throw new Unfit("event", `of position ${one.position}`, position);
      }
      found.push(one);
    }
    return found;
  }

  // Refusals, under the checkpoint of their own log, by a key of it if one is known.
  async refusals(there, manifest, chain) {
    const told = positionsTold(manifest, "refusals");
    if (!there.length && !told.length) {
      if (this.archive.members.has("checkpoint.open")) {
        throw new Unfit("checkpoint.open", "over no refusal");
      }
      return [[], true];
    }
    const first = ascending([...there, ...told])[0];
    const raw = await this.read("checkpoint.open", first);
    const reading = async () => parseCheckpoint(parseNote(raw).text);
    const checkpoint = await ofLog(reading(), "checkpoint.open", first);
    if (checkpoint.origin !== `${manifest.origin}/open`) {
      throw new Unfit("checkpoint.open", `of the log ${checkpoint.origin}`, first);
    }
    const known = this.policy.logs.some((key) => key.name === checkpoint.origin);
    if (known) {
      await this.checkpoint("checkpoint.open", alone(this.policy), null, [first]);
      await ofLog(chain.check(parseNote(raw), checkpoint), "checkpoint.open", first);
    }
    const refusals = await this.events("refusal", there, checkpoint, told);
    for (const one of refusals) {
      const mine = one.type === "refused" && one.ledger === `${manifest.ledger}.open`;
      if (!mine || one.data.case !== manifest.case) {
        throw new Unfit("refusal", "not one on this case", one.position);
      }
    }
    return [refusals, known];
  }

  // The manifest worked out anew, and compared; only then the digest that was signed.
  async manifest(told, checkpoint, found, stated) {
    for (const name of this.archive.members.keys()) {
      if (!Object.hasOwn(this.digests, name) && !DOCUMENT_NAME.test(name)) await this.read(name);
    }
    const files = { ...this.digests };
    delete files["manifest.json"];
    delete files["manifest.note"];
    for (const [name, digest] of Object.entries(files)) {
      const stamp = STAMP_NAME.exec(name);
      if (stamp && stamp[1] !== digest) throw new Unfit(name, "not what its name is the digest of");
    }
    const made = madeOf(told.case, checkpoint, found, files, told.more_refusals === true);
    numbered(told.case, found.events[0]);
    for (const one of made.relied_on) {
      const count = one.positions.length;
      if (count !== one.version) {
        throw new Unfit("rules", `${one.stream}: ${count} of ${one.version} versions`);
      }
    }
    for (const member of [...new Set([...Object.keys(made), ...Object.keys(told)])].sort()) {
      const both = Object.hasOwn(made, member) && Object.hasOwn(told, member);
      if (!both || canonical(made[member]) !== canonical(told[member])) {
        throw new Unfit("manifest.json", `${member}: ${difference(made[member], told[member])}`);
      }
    }
    if (stated?.manifest !== this.digests["manifest.json"]) {
      throw new Unfit("manifest.json", "not the one that was signed");
    }
  }

  // Each packed document by its digest; which are there, and which are not.
  async documents(told) {
    const named = told.documents.map((one) => one.sha256);
    const [packed, large] = [[], []];
    for (const name of this.archive.members.keys()) {
      const digest = DOCUMENT_NAME.exec(name)?.[1];
      if (digest === undefined) continue;
      if (!named.includes(digest)) throw new Unfit(name, "a document that no event names");
      if (this.archive.members.get(name).size > MAX_DOCUMENT) {
        large.push(name);
        continue;
      }
      const content = await this.archive.read(name, MAX_DOCUMENT);
      if (hex(await sha256(content)) !== digest) {
        throw new Unfit(name, "not the document that was recorded");
      }
      packed.push(digest);
    }
    // Only now: what is bad beside it is bad, whoever can read the large one.
    if (large.length) throw new Beyond(`${large[0]}: larger than 512 MiB`);
    return { packed, missing: named.filter((digest) => !packed.includes(digest)) };
  }

  // The time stamps there are; none is larger than an authority's answer may be.
  async stamps() {
    const names = [...this.archive.members.keys()].filter((name) => STAMP_NAME.test(name));
    for (const name of names) await this.archive.read(name, MAX_STAMP);
    return names;
  }
}

async function ofLog(reading, what, position) {
  try {
    return await reading;
  } catch (error) {
    throw isOfLog(error) ? new Unfit(what, error.message, position) : error;
  }
}

async function proven(record, raw, { position, checkpoint, signed, name }) {
  try {
    const given = await parseProof(raw);
    if (!equal(given.signed, signed) || given.extra !== null) {
      throw new Unfit("proof", `not under the file ${name}`, position);
    }
    if (given.index !== BigInt(position)) {
      throw new Unfit("proof", `of position ${given.index}`, position);
    }
    const leaf = await leafHash(record);
    await checkInclusion(given.index, checkpoint.size, leaf, given.path, checkpoint.root);
    return readRecord(record);
  } catch (error) {
    if (error instanceof Unreadable) throw new Unfit("event", error.message, position);
    if (!isOfLog(error)) throw error;
    throw new Unfit("event", `not what stands in the log: ${error.message}`, position);
  }
}

// What the keeper of the log states: how far the case goes, and what is in the dossier.
function statement(text) {
  const lines = text.split("\n");
  if (lines.length !== 9 || lines[0] !== FORMAT || lines[8] !== "") {
    throw new Malformed("not the statement of a dossier");
  }
  const value = ["versions", "last", "size", "root", "manifest"].map((label, at) => {
    const [name, ...rest] = lines[at + 3].split(" ");
    if (name !== label) throw new Malformed(`a statement without ${label}`);
    return rest.join(" ");
  });
  const [versions, last, size] = value.slice(0, 3).map(decimal);
  const root = hex(fromBase64(value[3]));
  if (!/^[0-9a-f]{64}$/.test(value[4])) throw new Malformed("another spelling of a statement");
  return { origin: lines[1], stream: lines[2], versions, last, size, root, manifest: value[4] };
}

function inOrder(order, one, stream) {
  if (one.stream !== stream) {
    throw new Unfit("event", `of another stream, ${one.stream}`, one.position);
  }
  if (!stream.startsWith("case:")) throw new Unfit("event", `${stream} is no case`, one.position);
  const wrong = order.take(one);
  if (wrong !== null) throw new Unfit("event", wrong, one.position);
}

// The newest event there is is the newest one below the checkpoint.
function whole(events, stated) {
  if (stated === null) return;
  const newest = events.at(-1);
  if (stated.stream !== newest.stream) {
    throw new Unfit("manifest.note", "about another case", events[0].position);
  }
  if (Number(stated.versions) !== newest.version || Number(stated.last) !== newest.position) {
    const why = `version ${stated.versions} is the last one stated, ${newest.version} the last here`;
    throw new Unfit("event", `missing: ${why}`, Math.max(Number(stated.last), newest.position));
  }
}

// Each thing relied on is there from its first version on, and nothing else.
function ruled(rules, events) {
  const { office } = reliedOn(events);
  const seen = new Map();
  for (const one of rules) {
    if (one.version > (office.get(one.stream) ?? 0)) {
      const why = `the case does not rest on version ${one.version} of ${one.stream}`;
      throw new Unfit("rule", why, one.position);
    }
    if (one.version !== (seen.get(one.stream) ?? 0) + 1) {
      const why = `version ${one.version} of ${one.stream} where another one is due`;
      throw new Unfit("rule", why, one.position);
    }
    seen.set(one.stream, one.version);
  }
}

// What is packed as the ledger's beginning is that, and links to one before.
function begins(one, ledger) {
  if (one.position !== 0 || one.ledger !== ledger || linkOf(one) === null) {
    throw new Unfit("opening", "not the first event of a ledger that follows", one.position);
  }
}

// The number of the case has the register number that its first event was given.
function numbered(number, first) {
  const digits = new Set((number.match(/[0-9]{1,15}/g) ?? []).map(Number));
  const given = [...first.registers].filter(([name]) => name.startsWith("case/"));
  if (number.length > 200 || given.some(([, one]) => !digits.has(one))) {
    throw new Unfit("manifest.json", `the case was given another number than ${number}`);
  }
}

function difference(made, told) {
  if (made === undefined || told === undefined) return "missing, or one too many";
  return "does not follow from the events and files";
}
