"use strict";
// What makes the page smoother. Everything works without it.
(() => {
  const steps = ["/", "/review", "/limits", "/plan", "/export", "/history"];
  const typing = (node) => /^(INPUT|SELECT|TEXTAREA)$/.test(node.tagName);
  const goal = (row) => row.querySelector("a, button, input:not([type=hidden])");
  const rows = () => [...document.querySelectorAll("main tbody tr")].filter(goal);
  const move = (by) => {
    const all = rows(), at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    if (next) goal(next).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const close = document.getElementById("close");
      if (location.hash === "#keys") location.hash = "top";
      else if (close) close.click();
      return;
    }
    if (typing(event.target) || document.body.dataset.keys === "off") return;
    if (event.key >= "1" && event.key <= "6") location.href = steps[Number(event.key) - 1];
    else if (event.key === "e") location.href = "/export";
    else if (event.key === "?") location.hash = "keys";
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "/") {
      const find = document.getElementById("find");
      if (find) { event.preventDefault(); find.focus(); }
    }
  });

  // Drop anywhere on the drop zone: the files go into the field, and the form is sent.
  const drop = document.querySelector(".drop"), field = document.getElementById("f");
  if (drop && field) {
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      field.files = event.dataTransfer.files;
      document.getElementById("files").requestSubmit();
    });
  }

  // Choosing files sends them, as dropping does.
  if (field) field.addEventListener("change", () => document.getElementById("files").requestSubmit());

  // A single order file that was just written is downloaded at once; loading the page again does not do it again.
  const begins = document.querySelector("[data-begins]");
  if (begins) {
    history.replaceState(null, "", "/export#orders");
    begins.click();
  }

  // The slider says its value while it moves.
  document.addEventListener("input", (event) => {
    const output = event.target.id === "wr" && document.getElementById("wo");
    if (output) output.textContent = event.target.value + (output.dataset.unit && "\u202f" + output.dataset.unit);
  });

  // After a swap the focus goes to the new heading, and readers of screens hear it.
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt.matches("a")) opener = event.detail.elt; });
  document.addEventListener("htmx:afterSwap", () => {
    const heading = document.getElementById("why-h");
    if (opener && heading) { heading.focus(); document.getElementById("said").textContent = heading.textContent; }
  });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "close" || !opener) return;
    event.preventDefault();
    document.getElementById("why").replaceChildren();
    opener.focus();
    opener = null;
  });
})();
