/**
 * Whether the process has so little memory left that nothing new is to be taken. Asked ten times a second
 * at most, and not per packet; the host answers, so that tests can say what they like.
 */
export type IsMemoryShort = () => boolean;
