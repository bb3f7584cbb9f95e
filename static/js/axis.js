// [data-axis] holds blocks [data-span="milliseconds"] that came at different times, each drawn on the time axis as long
// as it was then. The longest is everybody's: the others are drawn in less of their lane.
const UNITS = 1000;

document.addEventListener("htmx:afterSettle", () => { for (const axis of document.querySelectorAll("[data-axis]")) align(axis); });

function align(axis) {
  const blocks = [...axis.querySelectorAll("[data-span]")];
  const longest = blocks.reduce((one, other) => (spanOf(other) > spanOf(one) ? other : one), blocks[0]);
  if (!longest) return;
  const end = axis.parentElement.querySelector("[data-axis-end]");
  if (end) end.textContent = longest.dataset.spanWords;
  if (blocks.length < 2) return;
  for (const block of blocks) {
    const width = String(Math.round((UNITS * spanOf(longest)) / spanOf(block)));
    if (block.dataset.drawn === width) continue;
    block.dataset.drawn = width;
    for (const picture of block.querySelectorAll("svg.lane")) picture.setAttribute("viewBox", `0 0 ${width} 18`);
  }
}

function spanOf(block) {
  return Number(block.dataset.span);
}
