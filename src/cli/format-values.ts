/** Numbers as people read them. */

/** `3.42 s`, `2:05`, `1:02:05`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => String(part).padStart(index === 0 ? 1 : 2, "0")).join(":");
}

/** `712 bytes`, `1.3 kB`, `4.7 MB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** `3.00 kbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1000).toFixed(2)} kbit/s`;
}

/** `mono`, `stereo`, `6 channels`. */
export function formatChannels(numChannels: number): string {
  return { 1: "mono", 2: "stereo" }[numChannels] ?? `${numChannels} channels`;
}

/** How much faster than it plays: `85 x real time`. */
export function formatSpeed(audioSeconds: number, elapsedSeconds: number): string {
  const factor = elapsedSeconds > 0 ? audioSeconds / elapsedSeconds : 0;
  return `${factor.toFixed(factor < 10 ? 1 : 0)} x real time`;
}
