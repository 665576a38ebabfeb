/** Questions to begin with. */

/** The kind that the embedded model was trained on; it knows no other. */
const ofTheEmbeddedModel = [
  'Ava has 5 coins. Ben has 3 more than Ava. Cara has twice as many as Ben. How many coins does Cara have?',
  'Cara has 27 coins. Gus has 2 fewer than Cara. Eva has as many as Gus and Cara together. Hana has 10 fewer than Eva. Mia has 15 more than Cara. Quin has 9 fewer than Cara. Ivy has 15 fewer than Eva. Uma has 3 fewer than Cara. Liam has as many as Uma and Mia together. Xena has 19 coins. Olga has 2 fewer than Liam. How many coins does Olga have?',
  'Xena has 17 coins. Will has 12 more than Xena. Quin has 4 more than Xena. Sam has 7 fewer than Quin. Eva has twice as many as Xena. Yara has twice as many as Will. Ben has 12 coins. Ava has 12 fewer than Xena. Paul has 15 fewer than Will. Liam has 15 coins. Jack has 2 coins. Uma has 17 coins. Olga has as many as Xena and Liam together. How many coins do Uma and Liam have together?',
]

const ofAnyModel = [
  'What is the sum of all whole numbers from 1 to 100 that are divisible by 3 but not by 5?',
  'A snail climbs 3 m up a wall each day and slides back 2 m each night. The wall is 10 m high. On which day does it reach the top?',
  'How many ways are there to pay 50 cents with coins of 1, 5, 10 and 25 cents?',
]

export function examplesFor(modelPath: string | undefined): { isEmbedded: boolean; questions: readonly string[] } {
  const isEmbedded = modelPath?.startsWith('tiny-') === true
  return { isEmbedded, questions: isEmbedded ? ofTheEmbeddedModel : ofAnyModel }
}
