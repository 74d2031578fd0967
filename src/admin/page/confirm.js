// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/** Asks before something is done that others feel. */
import { $ } from "./dom.js";

/** Answers the question that was asked last. @type {(goesOn: boolean) => void} */
let answer = () => {};

/**
 * @param {object} what
 * @param {string} what.title
 * @param {string} what.text
 * @param {string} what.action on the button that does it
 * @param {string} [what.typed] a word that has to be typed before
 * @returns {Promise<boolean>}
 */
export const confirmed = ({ title, text, action, typed }) => {
  const dialog = /** @type {HTMLDialogElement} */ ($("confirm"));
  const label = $("confirm-typed");
  const input = /** @type {HTMLInputElement} */ (label.querySelector("input"));
  const button = /** @type {HTMLButtonElement} */ (dialog.querySelector("button.main"));
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  button.textContent = action;
  label.hidden = typed === undefined;
  /** @type {HTMLElement} */ (label.querySelector("span")).textContent = `Type ${typed} to go on`;
  input.value = "";
  input.required = typed !== undefined;
  if (typed === undefined) input.removeAttribute("pattern");
  else input.pattern = typed;
  const cancel = /** @type {HTMLButtonElement} */ (dialog.querySelector("button:not(.main)"));
  // No button of the form's: with Enter a browser presses the first of these.
  cancel.onclick = () => dialog.close("no");
  dialog.returnValue = "no";
  dialog.showModal();
  if (typed !== undefined) input.focus();
  answer(false);
  return new Promise((resolve) => {
    answer = resolve;
    dialog.onclose = () => {
      // It is told later: open again by then, it was the question before that was closed.
      if (!dialog.open) resolve(dialog.returnValue === "yes");
    };
  });
};
