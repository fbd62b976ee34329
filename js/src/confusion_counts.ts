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
  const error = Math.sqrt((accuracy * (1 - accuracy)) / rows);
  return `accuracy ${percent(accuracy)} ± ${percent(error)} · balanced accuracy ${percent(sum(recalls) / recalls.length)}`;
}

export function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
