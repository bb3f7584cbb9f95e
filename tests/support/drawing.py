"""A page as a drawing: an SVG of its boxes and words as the browser laid them out, small and readable in a diff.

Icons are drawn as dots, since they are somebody else's; the bars of a run are ours and are taken as they are.
"""

from __future__ import annotations

from playwright.sync_api import Page

DRAW = r"""
(height) => {
  const width = innerWidth;
  const out = [];
  const round = (number) => Math.round(number * 10) / 10;
  const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  const isSeen = (box) =>
    box.width > 0.5 && box.height > 0.5 && box.bottom > 0 && box.top < height && box.right > 0 && box.left < width;
  const hasColour = (colour) => colour && !/^rgba\(.*, 0\)$|^transparent$/.test(colour);
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = new Map();
  // Whatever a style names it by, as #rrggbb (and an opacity where it is not whole).
  function paint(colour) {
    if (!painted.has(colour)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
      const hex = [r, g, b, ...(a < 255 ? [a] : [])].map((part) => part.toString(16).padStart(2, "0")).join("");
      painted.set(colour, `#${hex}`);
    }
    return painted.get(colour);
  }

  function boxOf(element, style) {
    const box = element.getBoundingClientRect();
    if (!isSeen(box)) return;
    const side = ["Top", "Right", "Bottom", "Left"].find((one) => parseFloat(style[`border${one}Width`]) > 0);
    const all = ["Top", "Right", "Bottom", "Left"].every((one) => parseFloat(style[`border${one}Width`]) > 0);
    const fill = hasColour(style.backgroundColor) ? paint(style.backgroundColor) : "none";
    const stroke = all && hasColour(style.borderTopColor) ? ` stroke="${paint(style.borderTopColor)}"` : "";
    const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2);
    if (fill !== "none" || stroke) {
      out.push(`<rect x="${round(box.left)}" y="${round(box.top)}" width="${round(box.width)}" height="${round(box.height)}"`
        + `${radius ? ` rx="${round(radius)}"` : ""} fill="${fill}"${stroke}/>`);
    }
    if (all || !side) return;
    for (const [one, x1, y1, x2, y2] of [
      ["Top", box.left, box.top, box.right, box.top], ["Bottom", box.left, box.bottom, box.right, box.bottom],
      ["Left", box.left, box.top, box.left, box.bottom], ["Right", box.right, box.top, box.right, box.bottom],
    ]) {
      const colour = style[`border${one}Color`];
      if (parseFloat(style[`border${one}Width`]) > 0 && hasColour(colour)) {
        out.push(`<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" stroke="${paint(colour)}"/>`);
      }
    }
  }

  function clipOf(element) {
    let right = width;
    for (let one = element; one; one = one.parentElement) {
      if (getComputedStyle(one).overflowX !== "visible") right = Math.min(right, one.getBoundingClientRect().right);
    }
    return right;
  }

  function wordsOf(node, style) {
    const lines = [];
    const range = document.createRange();
    for (const match of node.data.matchAll(/\S+/g)) {
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const box = range.getClientRects()[0];
      if (!box || !isSeen(box)) continue;
      const last = lines.at(-1);
      if (last && Math.abs(last.top - box.top) < 2) Object.assign(last, { text: `${last.text} ${match[0]}`, right: box.right });
      else lines.push({ text: match[0], left: box.left, right: box.right, top: box.top, bottom: box.bottom });
    }
    const clip = clipOf(node.parentElement);
    const mono = /mono/i.test(style.fontFamily);
    const upper = style.textTransform === "uppercase";
    for (const line of lines) {
      let { text, left, right } = line;
      if (left >= clip) continue;
      if (right > clip + 1) {
        text = `${text.slice(0, Math.max(1, Math.floor((text.length * (clip - left)) / (right - left)) - 1))}…`;
        right = clip;
      }
      const size = parseFloat(style.fontSize);
      const baseline = line.top + (line.bottom - line.top) / 2 + size * 0.35;
      out.push(`<text x="${round(left)}" y="${round(baseline)}" font-size="${round(size)}" textLength="${round(right - left)}"`
        + ` lengthAdjust="spacingAndGlyphs"${mono ? ' class="m"' : ""}${style.fontWeight > 500 ? ' font-weight="600"' : ""}`
        + ` fill="${paint(style.color)}">${escape(upper ? text.toUpperCase() : text)}</text>`);
    }
  }

  function drawingOf(svg, style) {
    const box = svg.getBoundingClientRect();
    if (!isSeen(box)) return;
    if (svg.matches(".icon")) {
      out.push(`<circle cx="${round(box.left + box.width / 2)}" cy="${round(box.top + box.height / 2)}" r="${round(box.width / 4)}"`
        + ` fill="${paint(style.color)}" opacity="0.7"/>`);
      return;
    }
    for (const part of svg.querySelectorAll("rect, line")) {
      const place = part.getBoundingClientRect();
      const look = getComputedStyle(part);
      if (!isSeen(place)) continue;
      out.push(`<rect x="${round(place.left)}" y="${round(place.top)}" width="${round(place.width)}" height="${round(place.height)}"`
        + ` fill="${paint(look.fill)}" opacity="${look.opacity}"/>`);
    }
  }

  function draw(element) {
    const style = getComputedStyle(element);
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
    if (element.matches(".visually-hidden, option, dialog:not([open])")) return;
    if (element.tagName === "svg") return drawingOf(element, style);
    boxOf(element, style);
    if (element.matches("input:not([type=hidden], [type=checkbox]), textarea, select")) return;
    for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) wordsOf(child, style);
      else if (child.nodeType === Node.ELEMENT_NODE) draw(child);
    }
  }

  draw(document.body);
  const ground = paint(getComputedStyle(document.body).backgroundColor);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">\n`
    + `<style>.m{font-family:ui-monospace,monospace}</style>\n<rect width="100%" height="100%" fill="${ground}"/>\n${out.join("\n")}\n</svg>\n`;
}
"""


def drawing(page: Page, height: int) -> str:
    """The upper ``height`` pixels of the page, as SVG."""
    drawn: str = page.evaluate(DRAW, height)
    return drawn
