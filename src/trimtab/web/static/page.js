"use strict";
// What makes the page smoother. Everything works without it.
(() => {
  const steps = ["/", "/review", "/limits", "/plan", "/export", "/history"];
  const typing = (node) => /^(INPUT|SELECT|TEXTAREA)$/.test(node.tagName);
  const rows = () => [...document.querySelectorAll("main tbody tr")];
  const move = (by) => {
    const all = rows(), at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    const goal = next && next.querySelector("a, button, input:not([type=hidden])");
    if (goal) goal.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const close = document.getElementById("close");
      if (location.hash === "#keys") location.hash = "top";
      else if (close) close.click();
      return;
    }
    if (typing(event.target)) return;
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

  // Findings while one types.
  const limits = document.getElementById("limits");
  if (limits) {
    let waiting = 0, asked = 0;
    limits.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const mine = ++asked;
        const answer = await fetch("/limits/findings", { method: "POST", body: new FormData(limits) });
        if (!answer.ok || mine !== asked) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        document.getElementById("findings").replaceWith(page.getElementById("findings"));
      }, 120);
    });
  }
})();
