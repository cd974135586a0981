/* Arrow keys in the agenda: from the link or button in hand to the nearest cell in that direction that has one. */
"use strict";

document.addEventListener("keydown", (event) => {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const step = steps[event.key];
  const from = document.activeElement?.closest("[data-agenda] .np-week td");
  if (!step || !from || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const table = from.closest("table");
  const cells = [...table.querySelectorAll("td")].filter((cell) => cell.querySelector("a, button"));
  const here = from.getBoundingClientRect();
  const middle = (box) => [(box.top + box.bottom) / 2, (box.left + box.right) / 2];
  let best = null;
  let shortest = Infinity;
  for (const cell of cells) {
    const box = cell.getBoundingClientRect();
    const sameColumn = Math.abs(box.left - here.left) < 2;
    const ahead = step[0]
      ? sameColumn && (middle(box)[0] - middle(here)[0]) * step[0] > 1
      : (box.left - here.left) * step[1] > 1;
    const distance = step[0]
      ? Math.abs(middle(box)[0] - middle(here)[0])
      : Math.abs(box.left - here.left) * 10 + Math.abs(box.top - here.top);
    if (ahead && distance < shortest) {
      shortest = distance;
      best = cell;
    }
  }
  if (best) {
    event.preventDefault();
    best.querySelector("a, button").focus();
  }
});
