import type { Steps } from "./threshold";

/** Of two classes, label by predicted class, where the class of the threshold is predicted from a step on. */
export function countsAt(steps: Steps, place: number): number[] {
  const { truePositives, falsePositives } = steps.counts(place);
  const { positives, negatives, channel } = steps.about;
  const ofClass = [positives - truePositives, truePositives];
  const ofOther = [negatives - falsePositives, falsePositives];
  return channel === 1 ? [...ofOther, ...ofClass] : [...ofClass.reverse(), ...ofOther.reverse()];
}

/** What a confusion matrix of two classes amounts to, in words. */
export function figuresOf(counts: number[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = counts;
  const rows = sum(counts);
  const accuracy = (a + d) / rows;
  const recalls = [a / (a + b), d / (c + d)].filter((recall) => !Number.isNaN(recall));
  return `accuracy ${percent(accuracy)} ± ${percent(errorOfShare(accuracy, rows))} (standard error, Wilson) · balanced accuracy ${percent(sum(recalls) / recalls.length)}`;
}

const NORMAL = 1.96;

/** As `error_of_share` in nbexplain/core/methods/sampling_error.py: share ± 1.96 errors hold Wilson's interval. */
function errorOfShare(share: number, of: number): number {
  const more = NORMAL ** 2 / of;
  const half = NORMAL * Math.sqrt((share * (1 - share)) / of + more / of / 4);
  return (half + Math.abs(0.5 - share) * more) / (1 + more) / NORMAL;
}

export function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
