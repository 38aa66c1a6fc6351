// The steps of a case on a slider, made of the links that are there without it: each step keeps
// its own address.  By keyboard it waits until the keys rest, and holds the focus afterwards.

import "./proof.js";

const REST_MS = 300;
const slider = document.getElementById("step");
const steps = [...document.querySelectorAll("ol.timeline a")];

if (slider && steps.length > 1) {
  const shown = slider.parentElement.querySelector("output");
  const here = slider.value;
  const say = () => {
    const step = steps[slider.value - 1];
    shown.textContent = step.textContent.trim();
    slider.setAttribute("aria-valuetext", shown.textContent);
  };
  let waiting;
  slider.addEventListener("input", say);
  slider.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (slider.value !== here) location.assign(`${steps[slider.value - 1].href}#step`);
    }, REST_MS);
  });
  // Who comes back by the browser's button sees the step of the page, not the one they left to.
  addEventListener("pageshow", () => {
    slider.value = here;
    say();
  });
  slider.parentElement.hidden = false;
  if (location.hash === "#step") slider.focus();
}
