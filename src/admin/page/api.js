// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="esnext" />
/** Requests to the API that this page is of, with the token where it wants one. */
import { $ } from "./dom.js";

const KEPT = "hookline-token";

/** A request that was answered by something else than success. */
export class ApiError extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * The answer, once it is a success; asks for the token where one is missing or wrong.
 *
 * @param {string} path from the page on, without a slash before it
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {ApiError} with what the answer says is wrong
 */
export const ask = async (path, init = {}) => {
  for (;;) {
    const token = sessionStorage.getItem(KEPT);
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(path, { ...init, headers });
    if (response.ok) return response;
    if (response.status !== 401) throw new ApiError(response.status, await detailOf(response));
    await askForToken(token);
  }
};

/** @param {string} path @param {unknown} body @returns {Promise<Response>} */
export const post = (path, body) =>
  ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** What is wrong, in the words of the API. @param {unknown} error @returns {string} */
export const wordsOf = (error) => error instanceof Error ? error.message : String(error);

/** RFC 9457. @param {Response} response @returns {Promise<string>} */
const detailOf = async (response) => {
  try {
    const { detail } = await response.json();
    return String(detail);
  } catch {
    return `answered ${response.status}`;
  }
};

/** One dialog for all requests that wait for it. @type {Promise<void> | undefined} */
let asking;

/** @param {string | null} tried the token that was refused @returns {Promise<void>} */
const askForToken = (tried) => {
  if (sessionStorage.getItem(KEPT) !== tried) return Promise.resolve(); // another request has asked meanwhile
  asking ??= new Promise((resolve) => {
    const dialog = /** @type {HTMLDialogElement} */ ($("ask-token"));
    const input = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
    const fault = /** @type {HTMLElement} */ (dialog.querySelector(".fault"));
    fault.hidden = tried === null;
    fault.textContent = tried === null ? "" : "That is not it."; // told anew each time
    input.value = "";
    dialog.oncancel = (event) => event.preventDefault(); // there is nothing to be seen without it
    dialog.onclose = () => {
      sessionStorage.setItem(KEPT, input.value);
      input.value = "";
      asking = undefined;
      resolve();
    };
    dialog.showModal();
    input.focus();
  });
  return asking;
};
