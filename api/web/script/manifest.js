// What the manifest of a dossier has to say, worked out from the events and files beside it
// (`ledger/dossier`): who verifies makes it anew and compares.

import { hex } from "./bytes.js";
import { before, isObject } from "./stored.js";

export const FORMAT = "caseledger-dossier/v1";
const RULES = ["appointment:", "calendar:", "item:", "ledger:", "policy:", "seal:"];
const MAX_POSITION = 10 ** 12 - 1;
const DIGEST = /^[0-9a-f]{64}$/;
const SAYS = "versions 1 to n of this case, without a gap, are all there are below the " +
  "size of the checkpoint; what was recorded later is not in here";
const COMMITTED = ["origin", "checkpoint", "held", "statement"];

// What the first event of a ledger commits of the one before, null where it follows none.
export function linkOf(first) {
  const link = first.type === "ledger-opened" ? first.data.follows : null;
  const whole = isObject(link) && Object.keys(link).length === COMMITTED.length &&
    COMMITTED.every((name) => Object.hasOwn(link, name));
  return whole ? link : null;
}

export function madeOf(number, checkpoint, { events, rules, opening, refusals }, files, more) {
  const last = events.at(-1);
  const { office, elsewhere } = reliedOn(events);
  // By the order of recording, whatever `occurred_at` claims.
  const decided = events.findLast((one) => one.type === "decided")?.position ?? MAX_POSITION;
  const positions = events.map((one) => one.position);
  const link = opening.length ? linkOf(opening[0]) : null;
  return {
    ...(link === null ? {} : { follows: link }),
    format: FORMAT,
    ledger: events[0].ledger,
    origin: checkpoint.origin,
    simulated: checkpoint.origin.includes("/simulated"),
    case: number,
    stream: events[0].stream,
    checkpoint: { size: checkpoint.size, root: hex(checkpoint.root) },
    completeness: { versions: events.length, last_position: last.position, says: SAYS },
    events: events.map(({ position, version, type }) => ({ position, version, type })),
    at_decision: positions.filter((position) => position <= decided),
    after_decision: positions.filter((position) => position > decided),
    relied_on: [...office].sort(([one], [other]) => before(one, other)).map(([stream, version]) => ({
      stream,
      version,
      positions: rules.filter((one) => one.stream === stream).map((one) => one.position),
    })),
    relied_on_elsewhere: Object.fromEntries(elsewhere),
    refusals: refusals.map((one) => one.position),
    more_refusals: more,
    documents: documents(events),
    files,
  };
}

// The newest version relied on of each thing of the office, and of other streams.
export function reliedOn(events) {
  const [office, elsewhere] = [new Map(), new Map()];
  const own = new Set(events.map((one) => one.stream));
  for (const one of events) {
    for (const [stream, version] of one.reliedOn) {
      const of = RULES.some((kind) => stream.startsWith(kind)) ? office : elsewhere;
      of.set(stream, Math.max(version, of.get(stream) ?? 0));
    }
  }
  for (const stream of own) elsewhere.delete(stream);
  return { office, elsewhere };
}

// Every document that the events name by its SHA-256: where, and as what.
function documents(events) {
  const found = new Map();
  for (const one of events) {
    for (const [label, sha256, ref] of digests(one.data, "")) {
      if (!found.has(sha256)) found.set(sha256, { sha256, positions: [], as: [] });
      const told = found.get(sha256);
      if (!told.positions.includes(one.position)) told.positions.push(one.position);
      if (!told.as.includes(label)) told.as.push(label);
      if (ref !== null && !Object.hasOwn(told, "ref")) told.ref = ref;
    }
  }
  return [...found.keys()].sort().map((digest) => found.get(digest));
}

// Ciphertext has a commitment that looks like a digest, and the terms name what the office has.
function* digests(value, label) {
  if (Array.isArray(value)) {
    for (const one of value) yield* digests(one, label);
  } else if (isObject(value)) {
    const names = Object.keys(value).sort(before);
    if (names.length === 1 && names[0] === "enc") return;
    const named = value.name || value.kind;
    const inner = typeof named === "string" ? `${label}: ${named}` : label;
    for (const name of names) {
      const one = value[name];
      if (name === "sha256" && typeof one === "string" && DIGEST.test(one)) {
        yield [inner, one, value.ref ?? null];
      } else if (name !== "terms" && name !== "ref") {
        yield* digests(one, `${label}.${name}`.replace(/^\.+/, ""));
      }
    }
  } else if (typeof value === "string" && DIGEST.test(value)) {
    yield [label, value, null];
  }
}

// The positions that a manifest tells of, as a hint: anything may stand there.
export function positionsTold(told, member) {
  const listed = Array.isArray(told[member]) ? told[member] : [];
  const values = listed.flatMap((one) => {
    if (!isObject(one)) return [one];
    return Array.isArray(one.positions) ? one.positions : [one.position];
  });
  return values.filter((one) => Number.isInteger(one) && one >= 0 && one <= MAX_POSITION);
}
