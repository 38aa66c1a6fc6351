// Hears whether something was recorded since the page was shown, says so once, and leaves the
// page as it is.  A tab that nobody looks at holds no connection.

const shown = document.getElementById("live");

if (shown) {
  let stream = null;
  const close = () => {
    stream?.close();
    stream = null;
  };
  const open = () => {
    if (stream || document.hidden || !shown.hidden) return;
    stream = new EventSource(shown.dataset.stream);
    stream.addEventListener("message", (event) => {
      const { position } = JSON.parse(event.data);
      const said = shown.querySelector("[data-said]");
      said.textContent = said.dataset.said.replace("{position}", String(position));
      shown.hidden = false;
      close();
    });
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
