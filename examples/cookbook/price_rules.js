// The rules of the web shop, which its pages use as well: reads {"baskets": [...]}, prints the priced baskets.

const total = (lines) => lines.reduce((sum, { qty, price }) => sum + qty * price, 0);

const priced = ({ id, lines }) => {
  if (!Array.isArray(lines) || lines.length === 0) throw new RangeError(`basket ${id} has no lines`);
  const goods = total(lines);
  const discount = goods >= 100 ? goods * 0.1 : 0;
  const shipping = goods - discount >= 50 ? 0 : 4.9;
  return { id, goods, discount, total: Math.round((goods - discount + shipping) * 100) / 100 };
};

let input = "";
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => {
  try {
    console.log(JSON.stringify(JSON.parse(input).baskets.map(priced)));
  } catch (error) {
    console.error(JSON.stringify({ error: error.message, type: "ValueError" }));
    process.exit(1);
  }
});
