/** What is asked of every state of a page, as expressions for it to evaluate. */

/**
 * Texts whose colour stands out too little from what is behind them, with their contrast: less than 4.5 to 1
 * (WCAG 2.2, 1.4.3). Disabled controls are left out, as there.
 */
export const FAINT_TEXTS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], under) =>
    [r, g, b].map((c, i) => c * a / 255 + under[i] * (1 - a / 255));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e !== null; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || !element.checkVisibility() || element.closest(":disabled, noscript, #said")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [luminance(over(rgba(ink), ground)), luminance(ground)].sort((a, b) => b - a);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(contrast.toFixed(2) + " " + node.data.trim().slice(0, 60));
  }
  return faint;
})()`;

/** What can be used and is shown: a number for each, in its attribute `data-place`. */
export const MARK_CONTROLS = `(() => {
  const all = [...document.querySelectorAll("button, input, select, a[href], [tabindex='0']")]
    .filter((e) => e.checkVisibility() && !e.disabled);
  all.forEach((e, i) => e.dataset.place = i);
  return all.length;
})()`;
