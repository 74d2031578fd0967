/** Never expires. MQTT 5.0 section 3.1.2.11.2 */
const FOREVER = 0xffffffff;

/** Seconds of a 5.0 session expiry as milliseconds, within the listener's maximum (0: none). */
export const sessionExpiryOf = (seconds: number, maximum: number): number => {
  const wanted = seconds === FOREVER ? Infinity : seconds * 1000;
  return maximum === 0 ? wanted : Math.min(wanted, maximum);
};
