// The words of a page: the server writes them into it, in the reader's language.

const words = new Map(
  [...(document.querySelector("#words")?.content.querySelectorAll("[data-word]") ?? [])].map(
    (one) => [one.dataset.word, one.textContent]),
);

// A text with its places filled; numbers and names are never anything but text.
export const word = (name, values = {}) =>
  (words.get(name) ?? name).replace(/\{([a-z]+)\}/g, (_, place) => String(values[place] ?? ""));

// Somebody's text without what would steer or fill a page.
export const plain = (text) =>
  Array.from(String(text).slice(0, 400), (one) =>
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(one)
      ? `\\u${one.codePointAt(0).toString(16).padStart(4, "0")}` : one).join("");

export const instant = (seconds) => {
  const at = new Date(Number(seconds) * 1000);
  return Number.isNaN(at.getTime()) ? String(seconds) : `${at.toISOString().slice(0, 19)}Z`;
};
