// A stored record as a stranger reads it (`ledger/stored`, `ledger/order`): header and body, JSON
// in the one spelling, and whether events follow each other as a ledger gives them.

import { Malformed, encoded, utf8 } from "./bytes.js";

// Bytes that are no record in the one spelling.
export class Unreadable extends Error {}

// An array or object lies in 253 others at most; what the server writes its records with is so.
const DEEPEST = 253;
const ASCII = /^[\x00-\x7f]*$/;
const INSTANT = /^([1-9]\d{3})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{6}Z$/;

// Names in the order of their bytes, which is that of code points.
export function before(one, other) {
  if (ASCII.test(one + other)) return one < other ? -1 : Number(one > other);
  const [left, right] = [encoded(one), encoded(other)];
  const at = left.findIndex((octet, n) => octet !== right[n]);
  return at < 0 ? left.length - right.length : left[at] - (right[at] ?? -1);
}

// JSON in the one spelling: members sorted, no spaces (RFC 8785 for what a ledger holds).
export function canonical(value, depth = 0) {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string" && !value.isWellFormed()) throw new Unreadable("half a character");
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (depth > DEEPEST) throw new Unreadable("nested too deeply");
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one, depth + 1)).join(",")}]`;
  const members = Object.keys(value).sort(before).map(
    (name) => `${canonical(name, depth)}:${canonical(value[name], depth + 1)}`);
  return `{${members.join(",")}}`;
}

export const isObject = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);

// An object out of its bytes; refused in any other spelling than the one it is written in.
export function objectOf(bytes) {
  let [text, found, again] = [];
  try {
    text = utf8(bytes);
    found = JSON.parse(text);
    again = canonical(found);
  } catch (error) {
    const ofText = error instanceof Malformed || error instanceof SyntaxError;
    throw ofText ? new Unreadable("not JSON") : error;
  }
  if (!isObject(found) || again !== text) throw new Unreadable("JSON in another spelling");
  return found;
}

export function readRecord(record) {
  const parted = record.indexOf(10);
  if (parted < 0) throw new Unreadable("a record without a header");
  const header = objectOf(record.subarray(0, parted));
  const body = objectOf(record.subarray(parted + 1));
  return {
    ledger: aText(header.ledger),
    position: aNumber(header.position, 0),
    recordedAt: anInstant(header.recorded_at),
    registers: numbers(header.registers),
    stream: aText(body.stream),
    version: aNumber(body.version, 1),
    type: aText(body.type),
    occurredAt: anInstant(body.occurred_at),
    data: anObject(body.data),
    reliedOn: numbers(Object.hasOwn(body, "relied_on") ? body.relied_on : {}),
  };
}

function aText(value) {
  if (typeof value !== "string" || !value) throw new Unreadable("not a text");
  return value;
}

function aNumber(value, least) {
  if (!Number.isSafeInteger(value) || value < least) throw new Unreadable("not a number of ours");
  return value;
}

// Instants are kept as they are written: in one spelling their order is that of their letters.
function anInstant(value) {
  const parts = INSTANT.exec(aText(value))?.slice(1).map(Number);
  if (!parts) throw new Unreadable("an instant in another spelling");
  const [year, month, day, hour, minute, second] = parts;
  const there = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (there.toISOString().slice(0, 19) !== value.slice(0, 19)) throw new Unreadable("not an instant");
  return value;
}

function anObject(value) {
  if (!isObject(value)) throw new Unreadable("not an object");
  return value;
}

const numbers = (value) =>
  new Map(Object.entries(anObject(value)).map(([name, one]) => [name, aNumber(one, 1)]));

// One ledger, positions rise, time never goes back, every version once, numbers rise.
export class Order {
  #before = null;
  #versions = new Map();
  #registers = new Map();

  // Take the next event in; say what is wrong with it, null where nothing is.
  take(one) {
    const wrong = this.#wrong(one);
    this.#before = one;
    this.#versions.set(one.stream, one.version);
    for (const [name, number] of one.registers) this.#registers.set(name, number);
    return wrong;
  }

  #wrong(one) {
    const last = this.#before;
    if (last && one.ledger !== last.ledger) return "of another ledger";
    if (last && one.position <= last.position) return "not at the next position";
    if (last && one.recordedAt < last.recordedAt) return "recorded before the event before it";
    const due = (this.#versions.get(one.stream) ?? 0) + 1;
    if (one.version !== due) return `version ${one.version} where version ${due} is missing`;
    for (const [name, number] of one.registers) {
      const given = this.#registers.get(name) ?? 0;
      if (number <= given) return `number ${number} of a register whose last one was ${given}`;
    }
    return null;
  }
}

