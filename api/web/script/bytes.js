// Bytes and texts in one spelling, and SHA-256.  Whatever has a second spelling is refused:
// what is verified are bytes, and two texts that look alike are two texts.

export class Malformed extends Error {}

const ENCODER = new TextEncoder();

export const encoded = (text) => ENCODER.encode(text);

export function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("not UTF-8");
  }
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const equal = (one, other) =>
  one.length === other.length && one.every((octet, at) => octet === other[at]);

export const hex = (bytes) =>
  Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");

export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

export function fromBase64(text) {
  let raw;
  try {
    raw = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  } catch {
    throw new Malformed("not base64");
  }
  // Spaces, missing padding, loose bits in the last character: other spellings of the same bytes.
  if (base64(raw) !== text) throw new Malformed("another spelling in base64");
  return raw;
}

export const sha256 = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));

// Where `mark` first stands in the bytes; -1 where it does not.
export const find = (bytes, mark) =>
  bytes.findIndex((_, at) => mark.every((octet, n) => bytes[at + n] === octet));
