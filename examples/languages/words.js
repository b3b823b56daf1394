// A node in Node.js: how often each word stands in the texts.

const say = (what) => console.error(JSON.stringify(what));

const { texts } = JSON.parse(require("fs").readFileSync(0, "utf8"));

if (texts.length === 0) {
  say({ error: "there is no text", type: "ValueError" });
  process.exit(1);
}

const counts = {};
texts.forEach((text, done) => {
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts[word] = (counts[word] ?? 0) + 1;
  say({ progress: [done + 1, texts.length] });
});
say({ log: `${Object.keys(counts).length} words, in Node.js ${process.version}`, level: "info" });
console.log(JSON.stringify(counts));
