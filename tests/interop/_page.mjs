// What the suites in Chromium read of a page: its QR code, by a reader of its own that draws the path of the drawing as
// points; and whether anything stands out of the window.
import jsQR from "jsqr";

const POINTS = 4; // for one module of the drawing

export async function readCode(page) {
  const [box, path] = await page.$eval(".code svg", (svg) => [svg.getAttribute("viewBox"), svg.querySelector("path").getAttribute("d")]);
  const side = Number(box.split(" ")[2]) * POINTS;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = y * POINTS; row < (Number(y) + 1) * POINTS; row += 1) {
      for (let column = x * POINTS; column < (Number(x) + Number(width)) * POINTS; column += 1) {
        pixels.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
      }
    }
  }
  const found = jsQR(pixels, side, side);
  if (!found) throw new Error("the code cannot be read");
  return found.data;
}

/// The elements that make the page wider than the window, if any do.
export async function fits(page, what) {
  const { scrollWidth, clientWidth, out } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const far = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > clientWidth);
    return { scrollWidth, clientWidth, out: far.slice(-3).map((element) => element.outerHTML.slice(0, 80)) };
  });
  if (!(scrollWidth <= clientWidth)) throw new Error(`${what}: ${scrollWidth} wide in ${clientWidth}: ${out.join(", ")}`);
}
